//! `Flatten`.

use std::sync::Arc;

use super::reshape::reshaped;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[i, j] = x[…]`: the axes before `axis` become one, and those from it on.
#[derive(Clone, Copy, Debug)]
pub struct Flatten {
    /// The first axis of the second group.
    pub axis: i64,
}

pub(super) const ENTRY: Entry = Entry { name: "Flatten", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Flatten { axis: import.attributes.or("axis", 1)? }))
}

impl Flatten {
    fn target(self, shape: &[usize]) -> Result<Vec<usize>, Fault> {
        let rank = shape.len() as i64;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis };
        if !(0..=rank).contains(&axis) {
            return Err(Fault::shape(format!("axis {} does not exist in {rank} axes", self.axis)));
        }
        let (left, right) = shape.split_at(axis as usize);
        Ok(vec![left.iter().product(), right.iter().product()])
    }
}

impl Operator for Flatten {
    fn name(&self) -> &'static str {
        "Flatten"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        reshaped(lower, &operand(inputs, 0)?)
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![Tensor { shape: self.target(&x.shape)?, ..x.clone() }])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let y = graph.add("y", Flatten { axis: 1 }, &[x]);
        graph.output(y);
    })]
}
