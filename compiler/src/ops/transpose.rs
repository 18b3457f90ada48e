//! `Transpose`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[p] = x[q]` with `q[permutation[i]] = p[i]`; the axes are reversed if there is no permutation.
#[derive(Clone, Debug)]
pub struct Transpose {
    /// The operand's axis for each axis of the result.
    pub permutation: Option<Vec<i64>>,
}

pub(super) const ENTRY: Entry = Entry { name: "Transpose", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Transpose { permutation: import.attributes.get::<&[i64]>("perm")?.map(<[i64]>::to_vec) }))
}

impl Transpose {
    fn axes(&self, rank: usize) -> Result<Vec<usize>, Fault> {
        let Some(permutation) = &self.permutation else { return Ok((0..rank).rev().collect()) };
        let axes: Vec<usize> = permutation.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted == (0..rank).collect::<Vec<_>>() && permutation.len() == rank {
            Ok(axes)
        } else {
            Err(Fault::shape(format!("{permutation:?} is no permutation of {rank} axes")))
        }
    }
}

impl Operator for Transpose {
    fn name(&self) -> &'static str {
        "Transpose"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![self.axes(x.shape.len())?.into_iter().map(|axis| x.shape[axis]).collect()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let axes = self.axes(x.shape.len())?;
        if x.framed && axes.first() != Some(&0) {
            return Err(Fault::unsupported(
                "the frame axis is transposed",
                "keep axis 0 (the batch) in its place",
            ));
        }
        let at = coordinates(axes.len(), x.framed);
        let mut index = vec![Index::Const(0); axes.len()];
        for (coordinate, &axis) in at.iter().zip(&axes) {
            index[axis] = coordinate.clone();
        }
        Ok(vec![lower.moved(&x, &lower.output_shape(0), index)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axes = self.axes(x.shape.len())?;
        let shape: Vec<usize> = axes.iter().map(|&axis| x.shape[axis]).collect();
        let data = points(&shape)
            .map(|p| {
                let mut q = vec![0; p.len()];
                axes.iter().zip(&p).for_each(|(&axis, &at)| q[axis] = at);
                x.data[q.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)]
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 3, 4]);
        let y = graph.add("y", Transpose { permutation: Some(vec![0, 3, 1, 2]) }, &[x]);
        graph.output(y);
    })]
}
