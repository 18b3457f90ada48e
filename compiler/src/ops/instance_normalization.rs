//! `InstanceNormalization`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::group::Group;
use super::normalization::{Normalization, affine, expect, parameter};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (x − mean) ÷ √(variance + epsilon) × scale + bias`, mean and variance of each channel (axis 1).
///
/// Defined as `LayerNormalization` is.
#[derive(Clone, Copy, Debug)]
pub struct InstanceNormalization {
    /// What is added to the variance.
    pub epsilon: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "InstanceNormalization", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let operator = InstanceNormalization { epsilon: import.attributes.or("epsilon", 1e-5)? };
    operator.normalization().checked()?;
    Ok(Arc::new(operator))
}

impl InstanceNormalization {
    fn normalization(self) -> Normalization {
        Normalization { centre: true, mean: true, epsilon: self.epsilon }
    }
}

impl Operator for InstanceNormalization {
    fn name(&self) -> &'static str {
        "InstanceNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        if x.shape.len() < 3 {
            return Err(Fault::shape(format!("{:?} has no axes after the channels", x.shape)));
        }
        expect(Some(operand(inputs, 1)?), &x.shape[1..2])?;
        expect(Some(operand(inputs, 2)?), &x.shape[1..2])?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale, bias) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        let group = Group::new(&x, (2..x.shape.len()).collect())?;
        let y = self.normalization().define(lower, &x, &group)?;
        let mut shape = vec![1; x.shape.len() - 1];
        shape[0] = x.shape[1];
        Ok(vec![affine(&y, Some(&scale), Some(&bias), &shape)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let y = self.normalization().reference(x, |p| p[..2].to_vec());
        let at = |n: usize, default: f64, p: &[usize]| {
            parameter(inputs.get(n).copied().flatten(), default, |_| p[1])
        };
        let data = points(&x.shape).zip(&y.data).map(|(p, y)| y * at(1, 1.0, &p) + at(2, 0.0, &p)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Product
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let (scale, bias) = (dice.tensor(&[2], 4, 2), dice.tensor(&[2], 4, 2));
    let made = sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2, 2]);
        let (scale, bias) = (graph.constant("scale", scale), graph.constant("bias", bias));
        let y = graph.add("y", InstanceNormalization { epsilon: 1e-3 }, &[x, scale, bias]);
        graph.output(y);
    });
    vec![Sample { tolerance: 0.003, ..made }]
}
