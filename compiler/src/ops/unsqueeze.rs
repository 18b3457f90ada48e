//! `Unsqueeze`.

use std::sync::Arc;

use super::reshape::reshaped;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x` with axes of extent 1 at the named positions of the result.
#[derive(Clone, Debug)]
pub struct Unsqueeze {
    /// The axes, where they are an attribute; later operator sets have them as the second input.
    pub axes: Option<Vec<i64>>,
}

pub(super) const ENTRY: Entry = Entry { name: "Unsqueeze", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Unsqueeze { axes: import.attributes.get::<&[i64]>("axes")?.map(<[i64]>::to_vec) }))
}

impl Unsqueeze {
    /// The result's axes that are new.
    fn added(&self, rank: usize, given: Option<Vec<i64>>) -> Result<Vec<usize>, Fault> {
        let axes = given.or_else(|| self.axes.clone()).ok_or_else(|| Fault::shape("the axes are missing"))?;
        let rank = rank + axes.len();
        let mut added = axes.into_iter().map(|at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
        added.sort_unstable();
        added.dedup();
        Ok(added)
    }

    fn target(&self, shape: &[usize], given: Option<Vec<i64>>) -> Result<Vec<usize>, Fault> {
        let mut target = shape.to_vec();
        for axis in self.added(shape.len(), given)? {
            if axis > target.len() {
                return Err(Fault::shape("an axis is named twice"));
            }
            target.insert(axis, 1);
        }
        Ok(target)
    }
}

impl Operator for Unsqueeze {
    fn name(&self) -> &'static str {
        "Unsqueeze"
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
        let x = graph.input("x", &[1, 2, 3]);
        let axes = graph.constant("axes", Tensor::ints(&[-2]));
        let y = graph.add("y", Unsqueeze { axes: None }, &[x, axes]);
        graph.output(y);
    })]
}
