//! `Shape`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Reshape, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (extent of axis start, …, extent of axis end − 1)`: a constant, since shapes are static. The frame axis has the extent 1.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// First axis.
    pub start: i64,
    /// The axis after the last.
    pub end: i64,
}

pub(super) const ENTRY: Entry = Entry { name: "Shape", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let (start, end) = (import.attributes.or("start", 0)?, import.attributes.or("end", i64::MAX)?);
    Ok(Arc::new(Shape { start, end }))
}

impl Shape {
    fn of(&self, shape: &[usize]) -> Tensor {
        let rank = shape.len() as i64;
        let at =
            |axis: i64| (if axis < 0 { axis.saturating_add(rank) } else { axis }).clamp(0, rank) as usize;
        let (start, end) = (at(self.start), at(self.end));
        let extents: Vec<i64> = shape.get(start..end).unwrap_or_default().iter().map(|&n| n as i64).collect();
        Tensor::ints(&extents)
    }
}

impl Operator for Shape {
    fn name(&self) -> &'static str {
        "Shape"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.of(operand(inputs, 0)?.shape).shape])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        Ok(vec![Quantity::real(self.of(&operand(inputs, 0)?.shape))])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        Ok(vec![self.of(&operand(inputs, 0)?.shape)])
    }

    fn constant(&self, inputs: &[Option<Known<'_>>]) -> Option<Tensor> {
        inputs.first().copied().flatten().map(|known| self.of(known.shape))
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3]);
        let shape = graph.add("shape", Shape { start: 0, end: i64::MAX }, &[x]);
        let y = graph.add("y", Reshape { allow_zero: false }, &[x, shape]);
        graph.output(y);
    })]
}
