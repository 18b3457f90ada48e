//! `ScatterElements`.

use std::sync::Arc;

use nn2hdl_runtime::Index;

use super::sample::sample;
use super::scatter_nd::{only_add, scattered};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y[n, j] = Σ_{e : index[e, j] = n} update[e, j]`: data are zero, the reduction is `add`, the axis is 0.
#[derive(Clone, Copy, Debug)]
pub struct ScatterElements;

pub(super) const ENTRY: Entry = Entry { name: "ScatterElements", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    only_add(import)?;
    match import.attributes.or("axis", 0i64)? {
        0 => Ok(Arc::new(ScatterElements)),
        axis => Err(Fault::unsupported(format!("a scatter along axis {axis}"), "axis 0 is supported")),
    }
}

fn check(data: &[usize], indices: &[usize], updates: &[usize]) -> Result<(), Fault> {
    if !data.is_empty() && indices == updates && updates.len() == data.len() && updates[1..] == data[1..] {
        Ok(())
    } else {
        Err(Fault::unsupported(
            format!("indices of shape {indices:?} into {data:?} with updates {updates:?}"),
            "indices and updates of shape [edges, …], with the data's other extents, are supported",
        ))
    }
}

impl Operator for ScatterElements {
    fn name(&self) -> &'static str {
        "ScatterElements"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        check(data.shape, indices.shape, updates.shape)?;
        Ok(vec![data.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        scattered(lower, &data, &indices, &updates, |at| {
            let mut place = at.to_vec();
            place[0] = Index::r(0);
            place
        })
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        check(&data.shape, &indices.shape, &updates.shape)?;
        let mut result = data.clone();
        let row: usize = data.shape[1..].iter().product();
        for (n, (&index, update)) in indices.data.iter().zip(&updates.data).enumerate() {
            if index >= 0.0 && (index as usize) < data.shape[0] {
                result.data[index as usize * row + n % row] += update;
            }
        }
        Ok(vec![result])
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        false
    }

    fn role(&self) -> Role {
        Role::Product
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let mut scatter = sample(&["indices", "fixed<6,3>"], |graph| {
        let zeros = graph.constant("zeros", Tensor::new(vec![3, 2], vec![0.0; 6]));
        let indices = graph.index_input("indices", &[4, 2]);
        let updates = graph.input("updates", &[4, 2]);
        let y = graph.add("y", ScatterElements, &[zeros, indices, updates]);
        graph.output(y);
    });
    scatter.graph.framed = false;
    vec![scatter]
}
