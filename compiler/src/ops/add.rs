//! `Add`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = a + b`, with ONNX's broadcasting.
///
/// A constant joins the pending exact function. Two activations are brought onto a common scale, exactly.
#[derive(Clone, Copy, Debug)]
pub struct Add;

pub(super) const ENTRY: Entry = Entry { name: "Add", domains: ONNX, import: |_| Ok(Arc::new(Add)), samples };

impl Operator for Add {
    fn name(&self) -> &'static str {
        "Add"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let moved = |link: &Link, value: &Ratio| link.then(&Ratio::from_integer(1.into()), value);
        Ok(vec![match (a.is_constant(), b.is_constant()) {
            (_, true) => broadcast::with_constant(lower, &a, &b, moved)?,
            (true, false) => broadcast::with_constant(lower, &b, &a, moved)?,
            (false, false) => {
                let (a, b) = broadcast::both(lower, &a, &b)?;
                lower.sum(&a, &b)?
            }
        }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference(inputs, |a, b| a + b)
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
        let y = graph.add("y", Add, &[x, bias]);
        graph.output(y);
    });
    let two = sample(&["fixed<6,3>", "ufixed<5,0>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 3]), graph.input("b", &[1, 1, 3]));
        let y = graph.add("y", Add, &[a, b]);
        graph.output(y);
    });
    vec![constant, two]
}
