//! `Div`.

use std::sync::Arc;

use num_traits::Zero;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = a ÷ b`, with ONNX's broadcasting.
///
/// The divisor is constant; its exact reciprocal joins the pending exact function.
#[derive(Clone, Copy, Debug)]
pub struct Div;

pub(super) const ENTRY: Entry = Entry { name: "Div", domains: ONNX, import: |_| Ok(Arc::new(Div)), samples };

impl Operator for Div {
    fn name(&self) -> &'static str {
        "Div"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        if !b.is_constant() {
            return Err(Fault::unsupported(
                "the divisor is computed at run time",
                "divide by constants only",
            ));
        }
        if b.values()?.entries().iter().any(Zero::is_zero) {
            return Err(Fault::new(
                "division-by-zero",
                "the divisor is zero",
                "train or export the model again",
            ));
        }
        let scaled = |link: &Link, value: &Ratio| link.then(&value.recip(), &Ratio::default());
        Ok(vec![broadcast::with_constant(lower, &a, &b, scaled)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let integer = inputs.iter().flatten().all(|tensor| tensor.integer);
        broadcast::reference(inputs, |a, b| if integer { (a / b).trunc() } else { a / b })
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }

    fn affine(&self, input: usize) -> bool {
        input == 0
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let bias = Tensor::new(vec![3], (0..3).map(|_| 2f64.powi(dice.int(-3, 3) as i32)).collect());
    let constant = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let bias = graph.constant("bias", bias);
        let y = graph.add("y", Div, &[x, bias]);
        graph.output(y);
    });
    vec![constant]
}
