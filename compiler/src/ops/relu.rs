//! `Relu`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Link, Lower, Quantity};
use crate::graph::Tensor;

/// `y = max(x, 0)`.
///
/// Joins the pending exact function; the next quantizer's lower bound carries it out.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

pub(super) const ENTRY: Entry =
    Entry { name: "Relu", domains: ONNX, import: |_| Ok(Arc::new(Relu)), samples };

impl Operator for Relu {
    fn name(&self) -> &'static str {
        "Relu"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![Quantity { chain: x.chain.map(Link::then_relu), ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![Tensor::new(x.shape.clone(), x.data.iter().map(|v| v.max(0.0)).collect())])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let y = graph.add("y", Relu, &[x]);
        graph.output(y);
    })]
}
