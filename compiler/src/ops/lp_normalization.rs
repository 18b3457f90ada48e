//! `LpNormalization`.

use std::sync::Arc;

use super::group::{Group, others};
use super::normalization::Normalization;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x ÷ √(Σ x²)` along an axis; 0 where all elements are 0. The other norm of ONNX, `p = 1`, is refused.
///
/// Defined as `LayerNormalization` is, without mean and epsilon.
#[derive(Clone, Copy, Debug)]
pub struct LpNormalization {
    /// The axis.
    pub axis: i64,
}

pub(super) const ENTRY: Entry = Entry { name: "LpNormalization", domains: ONNX, import, samples };

const NORM: Normalization = Normalization { centre: false, mean: false, epsilon: 0.0 };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let p = attributes.or("p", 2i64)?;
    if p != 2 {
        return Err(Fault::unsupported(format!("a normalization with p = {p}"), "use p = 2"));
    }
    Ok(Arc::new(LpNormalization { axis: attributes.or("axis", -1)? }))
}

impl Operator for LpNormalization {
    fn name(&self) -> &'static str {
        "LpNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        axis(self.axis, x.shape.len())?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let group = Group::new(&x, vec![axis(self.axis, x.shape.len())?])?;
        Ok(vec![NORM.define(lower, &x, &group)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = axis(self.axis, x.shape.len())?;
        Ok(vec![NORM.reference(x, |p| others(p, &[axis]))])
    }

    fn role(&self) -> Role {
        Role::Product
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let made = sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 3, 2]);
        let y = graph.add("y", LpNormalization { axis: 1 }, &[x]);
        graph.output(y);
    });
    vec![Sample { tolerance: 0.001, ..made }]
}
