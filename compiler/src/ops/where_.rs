//! `Where`.

use std::sync::Arc;

use super::sample::sample;
use super::{Compare, Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = a` where the condition holds, else `b`, with ONNX's broadcasting.
///
/// The operands are brought onto a common scale, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Where;

pub(super) const ENTRY: Entry =
    Entry { name: "Where", domains: ONNX, import: |_| Ok(Arc::new(Where)), samples };

impl Operator for Where {
    fn name(&self) -> &'static str {
        "Where"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        operand(inputs, 2)?;
        Ok(vec![broadcast::shape_of_all(inputs)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (condition, a, b) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        let condition = lower.truth(&condition)?;
        let full = broadcast::aligned_all(lower, &[condition, a, b])?;
        Ok(vec![lower.select(&full[0], &full[1], &full[2])?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let integer = inputs[1..].iter().flatten().all(|tensor| tensor.integer);
        let results = broadcast::reference_of_all(inputs, |v| if v[0] == 0.0 { v[2] } else { v[1] })?;
        Ok(results.into_iter().map(|result| result.typed(integer)).collect())
    }

    fn integer(&self, inputs: &[bool]) -> bool {
        inputs.get(1..3).is_some_and(|values| values.iter().all(|&integer| integer))
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let compared = sample(&["fixed<6,3>", "ufixed<5,0>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let limit = graph.constant("limit", Tensor::scalar(0.3));
        let condition = graph.add("condition", Compare::Less, &[b, limit]);
        let y = graph.add("y", Where, &[condition, a, b]);
        graph.output(y);
    });
    let constants = sample(&["indices", "fixed<5,2>"], |graph| {
        let (condition, x) = (graph.index_input("condition", &[1, 1, 2]), graph.input("x", &[1, 2, 2]));
        let other = graph.constant("other", Tensor::new(vec![2], vec![1.5, -8.0]));
        let mask = graph.constant("mask", Tensor::ints(&[1, 0]));
        let first = graph.add("first", Where, &[condition, other, x]);
        let y = graph.add("y", Where, &[mask, first, x]);
        graph.output(y);
    });
    vec![compared, constants]
}
