//! `Expand`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Sample, bounded, broadcast, ints, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[p] = x[p]`, with the axes of extent 1 repeated.
#[derive(Clone, Copy, Debug)]
pub struct Expand;

pub(super) const ENTRY: Entry =
    Entry { name: "Expand", domains: ONNX, import: |_| Ok(Arc::new(Expand)), samples };

fn target(shape: &[usize], target: &[i64]) -> Result<Vec<usize>, Fault> {
    let target: Result<Vec<usize>, _> = target.iter().map(|&extent| usize::try_from(extent)).collect();
    let target = target.map_err(|_| Fault::shape("an extent is negative"))?;
    bounded(broadcast::shape(shape, &target)?)
}

impl Operator for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let extents = ints(inputs, 1, "extents")?.ok_or_else(|| Fault::shape("the extents are missing"))?;
        Ok(vec![target(operand(inputs, 0)?.shape, &extents)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![lower.broadcast(&x, &lower.output_shape(0))?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, extents) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let shape = target(&x.shape, &extents.to_ints())?;
        let data = points(&shape).map(|p| broadcast::element(x, &p)).collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 1, 3]);
        let extents = graph.constant("extents", Tensor::ints(&[1, 2, 3]));
        let y = graph.add("y", Expand, &[x, extents]);
        graph.output(y);
    })]
}
