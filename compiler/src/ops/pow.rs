//! `Pow`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Lower, Quantity, whole};
use crate::graph::Tensor;

/// `y = x^e`. Of constants, any; of an activation, with the exponents 1 and 2.
#[derive(Clone, Copy, Debug)]
pub struct Pow;

pub(super) const ENTRY: Entry = Entry { name: "Pow", domains: ONNX, import: |_| Ok(Arc::new(Pow)), samples };

impl Operator for Pow {
    fn name(&self) -> &'static str {
        "Pow"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, exponent) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let fault = || Fault::unsupported("a power of an activation", "the exponents 1 and 2 are supported");
        if !exponent.is_constant() {
            return Err(fault());
        }
        let exponent = exponent.values()?.single().cloned().ok_or_else(fault)?;
        let x = lower.broadcast(&x, &lower.output_shape(0))?;
        if exponent == whole(1) {
            Ok(vec![x])
        } else if exponent == whole(2) && !x.is_constant() {
            Ok(vec![lower.product(&x, &x)?])
        } else {
            Err(fault())
        }
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        // The square root is correctly rounded, a general power need not be.
        broadcast::reference(inputs, |x, e| if e == 0.5 { x.sqrt() } else { x.powf(e) })
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let two = graph.constant("two", Tensor::scalar(2.0));
        let y = graph.add("y", Pow, &[x, two]);
        graph.output(y);
    })]
}
