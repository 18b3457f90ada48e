//! `Pow`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Lower, Quantity, Ratio, nearest, whole};
use crate::graph::Tensor;

/// `y = x^e`. Of constants, any; of an activation, with one constant exponent: 1 to 4 by exact products, others by a table.
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
        let fault = || {
            Fault::unsupported(
                "the exponent is not one constant",
                "use a constant scalar, or Exp and Log for exponents that are activations",
            )
        };
        if !exponent.is_constant() {
            return Err(fault());
        }
        let exponent = exponent.values()?.single().cloned().ok_or_else(fault)?;
        let x = lower.broadcast(&x, &lower.output_shape(0))?;
        let factors = (1..=4).find(|&n| exponent == whole(n));
        match factors {
            Some(factors) if !x.is_constant() => {
                let mut power = x.clone();
                for _ in 1..factors {
                    power = lower.product(&power, &x)?;
                }
                Ok(vec![power])
            }
            _ if exponent == Ratio::new(1.into(), 2.into()) => {
                Ok(vec![super::unary::applied(lower, &x, &super::functions::SQRT_SPEC, &Vec::new().into())?])
            }
            _ => {
                let parameters = vec![nearest(&exponent)].into();
                Ok(vec![super::unary::applied(lower, &x, &super::functions::POWER_SPEC, &parameters)?])
            }
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
    let form = |format: &str, exponent: f64, tolerance: f64| {
        let made = sample(&[format], |graph| {
            let x = graph.input("x", &[1, 3]);
            let shift = graph.constant("shift", Tensor::scalar(0.125));
            let moved = graph.add("moved", super::Add, &[x, shift]);
            let exponent = graph.constant("exponent", Tensor::scalar(exponent));
            let y = graph.add("y", Pow, &[moved, exponent]);
            graph.output(y);
        });
        Sample { tolerance, ..made }
    };
    let half = 2f64.powi(-17) * (1.0 + 1e-6);
    vec![
        form("fixed<6,3>", 2.0, 0.0),
        form("fixed<5,2>", 3.0, 0.0),
        form("ufixed<5,2>", 0.5, half),
        form("ufixed<5,2>", -1.5, half),
        form("fixed<5,2>", 5.0, half),
    ]
}
