//! `LayerNormalization`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::group::Group;
use super::normalization::{Normalization, affine};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, broadcast, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (x − mean) ÷ √(variance + epsilon) × scale + bias`, mean and variance over all axes from `axis` on.
///
/// Mean and variance are exact; the inverse root is a table of at most 2^`table_bits` entries, and the normalized values
/// have `table_bits` fraction bits. The report states a bound of the difference to the real function. Scale and bias are
/// constants and stay exact up to the next quantizer.
#[derive(Clone, Copy, Debug)]
pub struct LayerNormalization {
    /// The first axis.
    pub axis: i64,
    /// What is added to the variance.
    pub epsilon: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "LayerNormalization", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let (axis, epsilon) = (attributes.or("axis", -1i64)?, attributes.or("epsilon", 1e-5)?);
    // The type of intermediate floats; intermediates are exact here.
    attributes.ignore("stash_type");
    let operator = LayerNormalization { axis, epsilon };
    operator.normalization().checked()?;
    Ok(Arc::new(operator))
}

impl LayerNormalization {
    fn normalization(self) -> Normalization {
        Normalization { centre: true, mean: true, epsilon: self.epsilon }
    }
}

impl Operator for LayerNormalization {
    fn name(&self) -> &'static str {
        "LayerNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        axis(self.axis, x.shape.len())?;
        for parameter in inputs.iter().skip(1).flatten() {
            if broadcast::shape(x.shape, parameter.shape)? != x.shape {
                return Err(Fault::shape(format!("{:?} does not fit {:?}", parameter.shape, x.shape)));
            }
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let rank = x.shape.len();
        let group = Group::new(&x, (axis(self.axis, rank)?..rank).collect())?;
        let mut y = self.normalization().define(lower, &x, &group)?;
        let (scale, bias) = (inputs.get(1).and_then(Option::as_ref), inputs.get(2).and_then(Option::as_ref));
        if let Some(scale) = scale {
            y = affine(&y, Some(scale), None, &scale.shape)?;
        }
        if let Some(bias) = bias {
            y = affine(&y, None, Some(bias), &bias.shape)?;
        }
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let first = axis(self.axis, x.shape.len())?;
        let y = self.normalization().reference(x, |p| p[..first].to_vec());
        let at = |n: usize, default: f64, p: &[usize]| {
            inputs.get(n).copied().flatten().map_or(default, |parameter| broadcast::element(parameter, p))
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
    [(-1, 1e-5, 4, "fixed<6,3>"), (1, 0.3, 3, "fixed<4,4>")]
        .into_iter()
        .map(|(axis, epsilon, extent, format)| {
            let (scale, bias) = (dice.tensor(&[extent], 4, 2), dice.tensor(&[extent], 4, 2));
            let made = sample(&[format], |graph| {
                let x = graph.input("x", &[1, 2, extent]);
                let (scale, bias) = (graph.constant("scale", scale), graph.constant("bias", bias));
                let y = graph.add("y", LayerNormalization { axis, epsilon }, &[x, scale, bias]);
                graph.output(y);
            });
            Sample { tolerance: 0.003, ..made }
        })
        .collect()
}
