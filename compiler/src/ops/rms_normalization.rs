//! `RMSNormalization`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::group::Group;
use super::normalization::{Normalization, affine};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, broadcast, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = x ÷ √(mean(x²) + epsilon) × scale`, the mean over all axes from `axis` on.
///
/// Defined as `LayerNormalization` is, without the mean.
#[derive(Clone, Copy, Debug)]
pub struct RmsNormalization {
    /// The first axis.
    pub axis: i64,
    /// What is added to the mean of squares.
    pub epsilon: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "RMSNormalization", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let (axis, epsilon) = (attributes.or("axis", -1i64)?, attributes.or("epsilon", 1e-5)?);
    attributes.ignore("stash_type");
    let operator = RmsNormalization { axis, epsilon };
    operator.normalization().checked()?;
    Ok(Arc::new(operator))
}

impl RmsNormalization {
    fn normalization(self) -> Normalization {
        Normalization { centre: false, mean: true, epsilon: self.epsilon }
    }
}

impl Operator for RmsNormalization {
    fn name(&self) -> &'static str {
        "RMSNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        axis(self.axis, x.shape.len())?;
        if broadcast::shape(x.shape, scale.shape)? != x.shape {
            return Err(Fault::shape(format!("{:?} does not fit {:?}", scale.shape, x.shape)));
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let rank = x.shape.len();
        let group = Group::new(&x, (axis(self.axis, rank)?..rank).collect())?;
        let y = self.normalization().define(lower, &x, &group)?;
        Ok(vec![affine(&y, Some(&scale), None, &scale.shape)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let first = axis(self.axis, x.shape.len())?;
        let y = self.normalization().reference(x, |p| p[..first].to_vec());
        let data = points(&x.shape).zip(&y.data).map(|(p, y)| y * broadcast::element(scale, &p)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Product
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let scale = Dice::new(seed).tensor(&[4], 4, 2);
    let made = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 4]);
        let scale = graph.constant("scale", scale);
        let y = graph.add("y", RmsNormalization { axis: -1, epsilon: 1e-5 }, &[x, scale]);
        graph.output(y);
    });
    vec![Sample { tolerance: 0.003, ..made }]
}
