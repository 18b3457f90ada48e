//! `GatherElements` and `GatherND` with constant indices.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::picked::wired;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, bounded, ints, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[p] = x[…, indices[p], …]` along `axis`, other coordinates as they are; or `y[i, p] = x[indices[i], p]` for lists of
/// leading coordinates. Indices are constant, so that this is wiring.
#[derive(Clone, Copy, Debug)]
pub struct GatherElements {
    /// The axis; none for lists of coordinates.
    pub axis: Option<i64>,
}

pub(super) const ELEMENTS: Entry =
    Entry { name: "GatherElements", domains: ONNX, import, samples: |_| samples(Some(-1)) };
pub(super) const ND: Entry =
    Entry { name: "GatherND", domains: ONNX, import: import_nd, samples: |_| samples(None) };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(GatherElements { axis: Some(import.attributes.or("axis", 0)?) }))
}

fn import_nd(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.attributes.or("batch_dims", 0i64)? != 0 {
        return Err(Fault::unsupported(
            "batch_dims is not 0",
            "use GatherElements, or one GatherND per batch",
        ));
    }
    Ok(Arc::new(GatherElements { axis: None }))
}

impl GatherElements {
    fn target(self, x: &[usize], indices: &[usize]) -> Result<Vec<usize>, Fault> {
        let misfit = || Fault::shape(format!("indices of {indices:?} do not fit data of {x:?}"));
        if let Some(at) = self.axis {
            let at = axis(at, x.len())?;
            let fits = indices.len() == x.len()
                && (0..x.len()).all(|n| n == at || indices[n] <= x[n])
                && !indices.contains(&0);
            return if fits { bounded(indices.to_vec()) } else { Err(misfit()) };
        }
        let (&depth, lists) = indices.split_last().ok_or_else(misfit)?;
        let rest = x.get(depth..).filter(|_| depth > 0).ok_or_else(misfit)?;
        bounded(lists.iter().chain(rest).copied().collect())
    }

    /// Where in `x` the element at `p` stands.
    fn source(self, x: &[usize], indices: &[usize], list: &[i64], p: &[usize]) -> Option<Vec<usize>> {
        let inside = |index: i64, n: usize| {
            let index = if index < 0 { index + n as i64 } else { index };
            usize::try_from(index).ok().filter(|&index| index < n)
        };
        let flat =
            |at: &[usize], shape: &[usize]| at.iter().zip(shape).fold(0, |flat, (&at, &n)| flat * n + at);
        if let Some(at) = self.axis {
            let at = axis(at, x.len()).ok()?;
            let mut place = p.to_vec();
            place[at] = inside(list[flat(p, indices)], x[at])?;
            return Some(place);
        }
        let lists = indices.len() - 1;
        let first = flat(&p[..lists], indices) * indices[lists];
        let chosen = list[first..first + indices[lists]].iter().zip(x).map(|(&index, &n)| inside(index, n));
        chosen.chain(p[lists..].iter().map(|&at| Some(at))).collect()
    }
}

impl Operator for GatherElements {
    fn name(&self) -> &'static str {
        if self.axis.is_some() { "GatherElements" } else { "GatherND" }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (x, indices) = (operand(inputs, 0)?, operand(inputs, 1)?);
        ints(inputs, 1, "indices")?;
        Ok(vec![self.target(x.shape, indices.shape)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, indices) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let shape = self.target(&x.shape, &indices.shape)?;
        let list = indices.integers()?;
        let from = x.shape.clone();
        Ok(vec![wired(lower, &x, &shape, &|p| self.source(&from, &indices.shape, &list, p))?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, indices) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let shape = self.target(&x.shape, &indices.shape)?;
        let wrapped = |index: f64, n: usize| if index < 0.0 { index + n as f64 } else { index } as usize;
        let strides: Vec<usize> = (0..x.shape.len()).map(|n| x.shape[n + 1..].iter().product()).collect();
        let outside = || Fault::shape("an index is outside its axis");
        let mut data = Vec::with_capacity(shape.iter().product());
        match self.axis {
            Some(at) => {
                let at = axis(at, x.shape.len())?;
                for (p, &index) in points(&shape).zip(&indices.data) {
                    let others: usize = (0..p.len()).filter(|&n| n != at).map(|n| p[n] * strides[n]).sum();
                    let found = x.data.get(others + wrapped(index, x.shape[at]) * strides[at]);
                    data.push(*found.ok_or_else(outside)?);
                }
            }
            None => {
                let depth = indices.shape.last().copied().unwrap_or(1);
                for coordinates in indices.data.chunks(depth) {
                    let axes = coordinates.iter().enumerate();
                    let start: usize = axes.map(|(n, &index)| wrapped(index, x.shape[n]) * strides[n]).sum();
                    data.extend(x.data.get(start..start + strides[depth - 1]).ok_or_else(outside)?);
                }
            }
        }
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(axis: Option<i64>) -> Vec<Sample> {
    let (shape, list) = match axis {
        Some(_) => (vec![1, 2, 4], vec![2, -1, 0, 2, 1, 1, -3, 0]),
        None => (vec![1, 3, 3], vec![0, 1, 2, 0, -2, 0, 0, 0, 1]),
    };
    // With one scale, and with one for each row.
    [vec![1.0, 1.0], vec![0.5, 3.0]]
        .into_iter()
        .map(|factors| {
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 2, 3]);
                let factor = graph.constant("factor", Tensor::new(vec![2, 1], factors));
                let scaled = graph.add("scaled", super::Mul, &[x, factor]);
                let indices = Tensor::ints(&list);
                let indices = graph.constant("indices", Tensor { shape: shape.clone(), ..indices });
                let y = graph.add("y", GatherElements { axis }, &[scaled, indices]);
                graph.output(y);
            })
        })
        .collect()
}
