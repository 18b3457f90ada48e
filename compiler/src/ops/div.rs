//! `Div`.

use std::sync::Arc;

use num_traits::Zero;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = a ÷ b`, with ONNX's broadcasting.
///
/// The exact reciprocal of a constant divisor joins the pending exact function. An activation as divisor becomes a table of
/// reciprocals with 16 fraction bits, unless a quantizer closes the division of a constant.
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
        let scaled = |link: &Link, value: &Ratio| link.then(value, &Ratio::default());
        if !b.is_constant() {
            let parameters = Arc::new([]);
            let inverse = super::unary::applied(
                lower,
                &b,
                &super::functions::RECIPROCAL_SPEC,
                &(parameters as Arc<[f64]>),
            )?;
            if a.is_constant() {
                return Ok(vec![broadcast::with_constant(lower, &inverse, &a, scaled)?]);
            }
            let (a, inverse) = broadcast::both(lower, &a, &inverse)?;
            return Ok(vec![lower.product(&a, &inverse)?]);
        }
        if b.values()?.entries().iter().any(Zero::is_zero) {
            return Err(Fault::new(
                "division-by-zero",
                "the divisor is zero",
                "train or export the model again",
            ));
        }
        let divided = |link: &Link, value: &Ratio| link.then(&value.recip(), &Ratio::default());
        Ok(vec![broadcast::with_constant(lower, &a, &b, divided)?])
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
    let above = |graph: &mut crate::graph::Graph, name: &str, shape: &[usize]| {
        let x = graph.input(name, shape);
        let shift = graph.constant("shift", Tensor::scalar(0.25));
        graph.add("moved", super::Add, &[x, shift])
    };
    let inverse = sample(&["ufixed<5,2>"], |graph| {
        let b = above(graph, "b", &[1, 3]);
        let a = graph.constant("a", Tensor::new(vec![3], vec![1.0, -0.3, 2.0]));
        let quotient = graph.add("y", Div, &[a, b]);
        let y = super::leaky_relu::quantized(graph, quotient, 0.0507, 8.0);
        graph.output(y);
    });
    let two = sample(&["ufixed<5,2>", "fixed<5,3>"], |graph| {
        let b = above(graph, "b", &[1, 1, 3]);
        let a = graph.input("a", &[1, 2, 3]);
        let y = graph.add("y", Div, &[a, b]);
        graph.output(y);
    });
    // The dividend is at most 4, the table's error half a unit of 16 fraction bits.
    let two = Sample { tolerance: 4.001 * 2f64.powi(-17), ..two };
    vec![constant, Sample { tolerance: 1e-12, ..inverse }, two]
}
