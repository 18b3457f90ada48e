//! `GroupNormalization`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::group::Group;
use super::normalization::{Normalization, affine, expect, parameter};
use super::reshape::reshaped_to;
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (x − mean) ÷ √(variance + epsilon) × scale + bias`, mean and variance of each group of neighbouring channels
/// (axis 1). Scale and bias are given for each channel, before operator set 21 for each group.
///
/// Defined as `LayerNormalization` is.
#[derive(Clone, Copy, Debug)]
pub struct GroupNormalization {
    /// Number of groups.
    pub groups: usize,
    /// What is added to the variance.
    pub epsilon: f64,
    /// Whether scale and bias are given for each group.
    pub by_group: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "GroupNormalization", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let by_group = import.opset < 21;
    let attributes = &mut import.attributes;
    let groups: i64 = attributes.required("num_groups")?;
    let groups = usize::try_from(groups)
        .ok()
        .filter(|&groups| groups > 0)
        .ok_or_else(|| Fault::shape(format!("{groups} groups of channels")))?;
    attributes.ignore("stash_type");
    let operator = GroupNormalization { groups, epsilon: attributes.or("epsilon", 1e-5)?, by_group };
    operator.normalization().checked()?;
    Ok(Arc::new(operator))
}

impl GroupNormalization {
    fn normalization(self) -> Normalization {
        Normalization { centre: true, mean: true, epsilon: self.epsilon }
    }
}

impl Operator for GroupNormalization {
    fn name(&self) -> &'static str {
        "GroupNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        if x.shape.len() < 2 || !x.shape[1].is_multiple_of(self.groups) {
            return Err(Fault::shape(format!("{} groups of channels in {:?}", self.groups, x.shape)));
        }
        let parameters = if self.by_group { self.groups } else { x.shape[1] };
        expect(Some(operand(inputs, 1)?), &[parameters])?;
        expect(Some(operand(inputs, 2)?), &[parameters])?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale, bias) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        let rest = x.shape[1..].iter().product::<usize>() / self.groups;
        let grouped = reshaped_to(lower, &x, &[x.shape[0], self.groups, rest])?;
        let group = Group::new(&grouped, vec![2])?;
        let mut y = self.normalization().define(lower, &grouped, &group)?;
        if self.by_group {
            y = affine(&y, Some(&scale), Some(&bias), &[self.groups, 1])?;
        }
        y = reshaped_to(lower, &y, &x.shape)?;
        if !self.by_group {
            let mut shape = vec![1; x.shape.len() - 1];
            shape[0] = x.shape[1];
            y = affine(&y, Some(&scale), Some(&bias), &shape)?;
        }
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let size = x.shape[1] / self.groups;
        let y = self.normalization().reference(x, |p| [p[0], p[1] / size]);
        let at = |n: usize, default: f64, p: &[usize]| {
            let place = if self.by_group { p[1] / size } else { p[1] };
            parameter(inputs.get(n).copied().flatten(), default, |_| place)
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
    [true, false]
        .into_iter()
        .map(|by_group| {
            let count = if by_group { 2 } else { 4 };
            let (scale, bias) = (dice.tensor(&[count], 4, 2), dice.tensor(&[count], 4, 2));
            let made = sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", &[1, 4, 2]);
                let (scale, bias) = (graph.constant("scale", scale), graph.constant("bias", bias));
                let operator = GroupNormalization { groups: 2, epsilon: 1e-3, by_group };
                let y = graph.add("y", operator, &[x, scale, bias]);
                graph.output(y);
            });
            Sample { tolerance: 0.003, ..made }
        })
        .collect()
}
