//! `Reshape`, and what the operators share that keep the row-major order of elements.

use std::sync::Arc;

use nn2hdl_runtime::Index;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, bounded, ints, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[i] = x[i]` for the row-major flat position `i`.
#[derive(Clone, Copy, Debug)]
pub struct Reshape {
    /// Whether an extent 0 means 0 instead of the operand's extent.
    pub allow_zero: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "Reshape", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.opset < 5 {
        return Err(Fault::unsupported(
            "Reshape of operator set 4 or older",
            "convert the model to operator set 13 or later",
        ));
    }
    Ok(Arc::new(Reshape { allow_zero: import.attributes.or("allowzero", 0i64)? != 0 }))
}

impl Reshape {
    fn target(self, from: &[usize], target: &[i64]) -> Result<Vec<usize>, Fault> {
        let total: usize = from.iter().product();
        let fault = || Fault::shape(format!("{from:?} cannot be reshaped to {target:?}"));
        let mut shape = Vec::with_capacity(target.len());
        let mut open = None;
        for (axis, &extent) in target.iter().enumerate() {
            shape.push(match extent {
                -1 if open.is_none() => {
                    open = Some(axis);
                    1
                }
                0 if !self.allow_zero => *from.get(axis).ok_or_else(fault)?,
                extent => usize::try_from(extent).map_err(|_| fault())?,
            });
        }
        let known = shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent)).ok_or_else(fault)?;
        match open {
            Some(axis) if known > 0 && total.is_multiple_of(known) => shape[axis] = total / known,
            None if known == total => {}
            // A static batch, whose axis has the extent 1 here.
            None if from.first() == Some(&1) && shape[0] > 1 && known == total.saturating_mul(shape[0]) => {
                shape[0] = 1
            }
            _ => return Err(fault()),
        }
        bounded(shape)
    }
}

impl Operator for Reshape {
    fn name(&self) -> &'static str {
        "Reshape"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        let target = ints(inputs, 1, "extents")?.ok_or_else(|| Fault::shape("the extents are missing"))?;
        Ok(vec![self.target(x.shape, &target)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        reshaped(lower, &operand(inputs, 0)?)
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, target) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let shape = self.target(&x.shape, &target.to_ints())?;
        Ok(vec![Tensor { shape, ..x.clone() }])
    }
}

/// The operand with the output's shape, elements in the same order.
pub(super) fn reshaped(lower: &mut Lower<'_>, x: &Quantity) -> Result<Vec<Quantity>, Fault> {
    let shape = lower.output_shape(0);
    Ok(vec![reshaped_to(lower, x, &shape)?])
}

/// The operand with another shape of as many elements, in the same order.
pub(super) fn reshaped_to(lower: &mut Lower<'_>, x: &Quantity, shape: &[usize]) -> Result<Quantity, Fault> {
    let frame = usize::from(x.framed);
    if x.framed && shape.first() != Some(&1) {
        return Err(Fault::unsupported(
            format!("the frame axis is moved: {:?} becomes {shape:?}", x.shape),
            "keep axis 0 for the frame (the batch)",
        ));
    }
    let at = coordinates(shape.len(), x.framed);
    let flat = Index::flatten(&at[frame..], &shape[frame..]);
    let mut index = vec![Index::Const(0); frame];
    index.extend(Index::unflatten(&flat, x.value_shape()));
    // Axes that survive are told apart from those that are cut or joined: their index is simply the coordinate.
    for (axis, extent) in x.shape.iter().enumerate().skip(frame) {
        let kept = shape.get(axis) == Some(extent) && x.shape[..axis] == shape[..axis];
        if kept && x.shape[axis..].iter().product::<usize>() == shape[axis..].iter().product::<usize>() {
            index[axis] = at[axis].clone();
        }
    }
    lower.moved(x, shape, index)
}

fn samples(_seed: u64) -> Vec<Sample> {
    [&[1, 6][..], &[0, -1], &[-1, 3, 2], &[1, 2, 1, 3]]
        .into_iter()
        .map(|target| {
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 2, 3]);
                let target = graph.constant("target", Tensor::ints(target));
                let y = graph.add("y", Reshape { allow_zero: false }, &[x, target]);
                graph.output(y);
            })
        })
        .collect()
}
