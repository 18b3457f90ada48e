//! `Sub`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = a − b`, with ONNX's broadcasting.
///
/// A constant joins the pending exact function. Two activations are brought onto a common scale, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Sub;

pub(super) const ENTRY: Entry = Entry { name: "Sub", domains: ONNX, import: |_| Ok(Arc::new(Sub)), samples };

impl Operator for Sub {
    fn name(&self) -> &'static str {
        "Sub"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let (one, minus) = (Ratio::from_integer(1.into()), Ratio::from_integer((-1).into()));
        let less = |link: &Link, value: &Ratio| link.then(&one, &-value);
        let from = |link: &Link, value: &Ratio| link.then(&minus, value);
        Ok(vec![match (a.is_constant(), b.is_constant()) {
            (_, true) => broadcast::with_constant(lower, &a, &b, less)?,
            (true, false) => broadcast::with_constant(lower, &b, &a, from)?,
            (false, false) => {
                let (a, b) = broadcast::both(lower, &a, &b)?;
                let chain = b.chain.map(|link| link.then(&minus, &Ratio::default()));
                lower.sum(&a, &Quantity { chain, ..b })?
            }
        }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference(inputs, |a, b| a - b)
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }

    fn affine(&self, _input: usize) -> bool {
        true
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let bias = dice.tensor(&[3], 6, 4);
    let constant = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let bias = graph.constant("bias", bias);
        let y = graph.add("y", Sub, &[x, bias]);
        graph.output(y);
    });
    let two = sample(&["fixed<6,3>", "ufixed<5,0>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 3]), graph.input("b", &[1, 1, 3]));
        let y = graph.add("y", Sub, &[a, b]);
        graph.output(y);
    });
    vec![constant, two]
}
