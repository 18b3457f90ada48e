//! `ArgMin`.

use std::sync::Arc;

use nn2hdl_runtime::Reduction;
use nn2hdl_runtime::index::points;

use super::argmax::Search;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = min { i : x[…, i, …] = min_j x[…, j, …] }` along an axis; the greatest such `i` if so stated.
///
/// Reduces `x × 2^k + i` with `min`.
#[derive(Clone, Copy, Debug)]
pub struct ArgMin {
    /// The axis.
    pub axis: i64,
    /// Whether the axis stays, with extent 1.
    pub keep: bool,
    /// Whether the last of equal minima counts.
    pub last: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "ArgMin", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    Ok(Arc::new(ArgMin {
        axis: attributes.or("axis", 0)?,
        keep: attributes.or("keepdims", 1i64)? != 0,
        last: attributes.or("select_last_index", 0i64)? != 0,
    }))
}

impl ArgMin {
    fn target(self, shape: &[usize]) -> Result<(usize, Vec<usize>), Fault> {
        let axis = axis(self.axis, shape.len())?;
        let mut target = shape.to_vec();
        target[axis] = 1;
        if !self.keep {
            target.remove(axis);
        }
        Ok((axis, target))
    }
}

impl Operator for ArgMin {
    fn name(&self) -> &'static str {
        "ArgMin"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape)?.1])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (axis, shape) = self.target(&x.shape)?;
        let search = Search { axis, keep: self.keep, last: self.last, reduction: Reduction::Min };
        Ok(vec![search.define(lower, &x, shape)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (axis, shape) = self.target(&x.shape)?;
        let inner: usize = x.shape[axis + 1..].iter().product();
        let mut outer = x.shape.clone();
        outer[axis] = 1;
        let data = points(&outer)
            .map(|p| {
                let first = p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at);
                let mut best = 0;
                for i in 1..x.shape[axis] {
                    let (value, least) = (x.data[first + i * inner], x.data[first + best * inner]);
                    if value < least || (self.last && value == least) {
                        best = i;
                    }
                }
                best as f64
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(true)])
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [(-1, true, false), (1, false, false), (2, false, true)]
        .into_iter()
        .map(|(axis, keep, last)| {
            sample(&["fixed<3,2>"], |graph| {
                let x = graph.input("x", &[1, 2, 5]);
                let y = graph.add("y", ArgMin { axis, keep, last }, &[x]);
                graph.output(y);
            })
        })
        .collect()
}
