//! `Identity`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x`.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

pub(super) const ENTRY: Entry =
    Entry { name: "Identity", domains: ONNX, import: |_| Ok(Arc::new(Identity)), samples };

impl Operator for Identity {
    fn name(&self) -> &'static str {
        "Identity"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        Ok(vec![operand(inputs, 0)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        Ok(vec![operand(inputs, 0)?.clone()])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let y = graph.add("y", Identity, &[x]);
        graph.output(y);
    })]
}
