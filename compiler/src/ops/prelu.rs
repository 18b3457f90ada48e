//! `PRelu`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, LeakyRelu, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = x` from 0 upwards, else `slope × x`, with a constant slope broadcast to `x`.
///
/// As [`LeakyRelu`], with slopes that may differ from element to element.
#[derive(Clone, Copy, Debug)]
pub struct PRelu;

pub(super) const ENTRY: Entry =
    Entry { name: "PRelu", domains: ONNX, import: |_| Ok(Arc::new(PRelu)), samples };

impl Operator for PRelu {
    fn name(&self) -> &'static str {
        "PRelu"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (x, slope) = (operand(inputs, 0)?, operand(inputs, 1)?);
        if broadcast::shape(x.shape, slope.shape)? != x.shape {
            return Err(Fault::shape("the slope has more elements than the tensor"));
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, slope) = (lower.shallow(&operand(inputs, 0)?)?, operand(inputs, 1)?);
        if !slope.is_constant() {
            return Err(Fault::unsupported(
                "the slope is computed at run time",
                "make the slope a constant, or write the function with Mul and Where",
            ));
        }
        let leaky = |link: &Link, slope: &Ratio| link.then_leaky(slope);
        Ok(vec![broadcast::with_constant(lower, &x, &slope, leaky)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference(inputs, |x, slope| x.max(0.0) + slope * x.min(0.0))
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let slope = dice.tensor(&[3, 1], 5, 3);
    let [open, closed] = [false, true].map(|closed| {
        let slope = slope.clone();
        let made = sample(&["fixed<6,3>"], move |graph| {
            let x = graph.input("x", &[1, 3, 2]);
            let slope = graph.constant("slope", slope);
            let mut y = graph.add("y", PRelu, &[x, slope]);
            if closed {
                let after = graph.add("after", LeakyRelu { alpha: 0.3 }, &[y]);
                y = super::leaky_relu::quantized(graph, after, 0.1707, 6.0);
            }
            graph.output(y);
        });
        Sample { tolerance: if closed { 1e-12 } else { 0.0 }, ..made }
    });
    vec![open, closed]
}
