//! `Split`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y_k[…, i, …] = x[…, i + Σ_{j<k} n_j, …]`: an axis cut into parts of `n_k` positions.
#[derive(Clone, Debug)]
pub struct Split {
    /// The axis.
    pub axis: i64,
    /// The parts' extents, where they are an attribute; later operator sets have them as the second input.
    pub parts: Option<Vec<i64>>,
    /// The number of parts.
    pub count: usize,
}

pub(super) const ENTRY: Entry = Entry { name: "Split", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let count = import.node.outputs.len();
    if import.node.outputs.iter().any(String::is_empty) {
        return Err(Fault::unsupported(
            "a part of a split is left out",
            "give every part a name, or use Slice",
        ));
    }
    import.attributes.ignore("num_outputs");
    let parts = import.attributes.get::<&[i64]>("split")?.map(<[i64]>::to_vec);
    Ok(Arc::new(Split { axis: import.attributes.or("axis", 0)?, parts, count }))
}

impl Split {
    /// The axis and the extents of the parts.
    fn parts(&self, shape: &[usize], given: Option<Vec<i64>>) -> Result<(usize, Vec<usize>), Fault> {
        let axis = axis(self.axis, shape.len())?;
        let extent = shape[axis];
        let parts: Vec<usize> = match given.or_else(|| self.parts.clone()) {
            Some(parts) => parts.into_iter().map(|n| usize::try_from(n).unwrap_or(0)).collect(),
            None => {
                // Equal parts, of which the last may be smaller.
                let each = extent.div_ceil(self.count.max(1));
                (0..self.count).map(|n| extent.saturating_sub(n * each).min(each)).collect()
            }
        };
        let total = parts.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        if total != Some(extent) || parts.len() != self.count || parts.contains(&0) {
            return Err(Fault::shape(format!(
                "an axis of {extent} cannot be split into {} parts of {parts:?}",
                self.count
            )));
        }
        Ok((axis, parts))
    }
}

/// The shapes of the parts.
fn targets(shape: &[usize], axis: usize, parts: &[usize]) -> Vec<Vec<usize>> {
    let part = |&n: &usize| {
        let mut shape = shape.to_vec();
        shape[axis] = n;
        shape
    };
    parts.iter().map(part).collect()
}

impl Operator for Split {
    fn name(&self) -> &'static str {
        "Split"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let shape = operand(inputs, 0)?.shape;
        let (axis, parts) = self.parts(shape, ints(inputs, 1, "parts")?)?;
        Ok(targets(shape, axis, &parts))
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let given = inputs.get(1).and_then(Option::as_ref).map(Quantity::integers).transpose()?;
        let (axis, parts) = self.parts(&x.shape, given)?;
        let mut start = 0;
        targets(&x.shape, axis, &parts)
            .into_iter()
            .map(|shape| {
                let mut at = coordinates(shape.len(), x.framed);
                at[axis] = at[axis].clone() + start as i64;
                start += shape[axis];
                lower.moved(&x, &shape, at)
            })
            .collect()
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (axis, parts) = self.parts(&x.shape, inputs.get(1).copied().flatten().map(Tensor::to_ints))?;
        let mut start = 0;
        let part = |shape: Vec<usize>| {
            let data = points(&shape)
                .map(|mut p| {
                    p[axis] += start;
                    x.data[p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)]
                })
                .collect();
            start += shape[axis];
            Tensor::new(shape, data).typed(x.integer)
        };
        Ok(targets(&x.shape, axis, &parts).into_iter().map(part).collect())
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [(Some(vec![1, 3]), ["a", "b"].as_slice()), (None, &["a", "b"]), (None, &["a", "b", "c", "d"])]
        .into_iter()
        .map(|(parts, names)| {
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 2, 4]);
                let split = Split { axis: -1, parts, count: names.len() };
                graph.add_all("split", names, split, &[x]).into_iter().rev().for_each(|y| graph.output(y));
            })
        })
        .collect()
}
