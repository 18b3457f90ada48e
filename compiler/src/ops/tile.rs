//! `Tile`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::picked::picked;
use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Sample, bounded, ints, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[p] = x[p mod extent]`, each axis repeated as often as stated.
#[derive(Clone, Copy, Debug)]
pub struct Tile;

pub(super) const ENTRY: Entry =
    Entry { name: "Tile", domains: ONNX, import: |_| Ok(Arc::new(Tile)), samples };

fn target(shape: &[usize], repeats: Option<Vec<i64>>) -> Result<Vec<usize>, Fault> {
    let repeats = repeats.filter(|repeats| repeats.len() == shape.len());
    let repeats = repeats.ok_or_else(|| Fault::shape("there is not one repeat for each axis"))?;
    let extents = shape.iter().zip(repeats).map(|(&n, times)| {
        usize::try_from(times).ok().filter(|&times| times > 0).and_then(|times| n.checked_mul(times))
    });
    bounded(extents.collect::<Option<_>>().ok_or_else(|| Fault::shape("a repeat is not positive"))?)
}

impl Operator for Tile {
    fn name(&self) -> &'static str {
        "Tile"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![target(operand(inputs, 0)?.shape, ints(inputs, 1, "repeats")?)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let mut y = operand(inputs, 0)?;
        let shape = target(&y.shape, Some(operand(inputs, 1)?.integers()?))?;
        for (axis, &extent) in shape.iter().enumerate() {
            let n = y.shape[axis];
            if extent != n {
                y = picked(lower, &y, axis, &(0..extent).map(|p| p % n).collect::<Vec<_>>())?;
            }
        }
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let shape = target(&x.shape, Some(operand(inputs, 1)?.to_ints()))?;
        let data = points(&shape)
            .map(|p| x.data[p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at % n)])
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let repeats = graph.constant("repeats", Tensor::ints(&[1, 2, 3]));
        let y = graph.add("y", Tile, &[x, repeats]);
        graph.output(y);
    })]
}
