//! `Squeeze`.

use std::sync::Arc;

use super::reshape::reshaped;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x` without the named axes, whose extent is 1; without all such axes if none is named.
#[derive(Clone, Debug)]
pub struct Squeeze {
    /// The axes, where they are an attribute; later operator sets have them as the second input.
    pub axes: Option<Vec<i64>>,
}

pub(super) const ENTRY: Entry = Entry { name: "Squeeze", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Squeeze { axes: import.attributes.get::<&[i64]>("axes")?.map(<[i64]>::to_vec) }))
}

impl Squeeze {
    fn target(&self, shape: &[usize], given: Option<Vec<i64>>) -> Result<Vec<usize>, Fault> {
        let axes: Vec<usize> = match given.or_else(|| self.axes.clone()) {
            Some(axes) => axes.into_iter().map(|at| axis(at, shape.len())).collect::<Result<_, _>>()?,
            None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        };
        if let Some(axis) = axes.iter().find(|&&axis| shape[axis] != 1) {
            return Err(Fault::shape(format!("axis {axis} of {shape:?} cannot be squeezed")));
        }
        Ok((0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect())
    }
}

impl Operator for Squeeze {
    fn name(&self) -> &'static str {
        "Squeeze"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape, ints(inputs, 1, "axes")?)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        reshaped(lower, &operand(inputs, 0)?)
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axes = inputs.get(1).copied().flatten().map(Tensor::to_ints);
        Ok(vec![Tensor { shape: self.target(&x.shape, axes)?, ..x.clone() }])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 1, 3]);
        let y = graph.add("y", Squeeze { axes: Some(vec![2]) }, &[x]);
        graph.output(y);
    })]
}
