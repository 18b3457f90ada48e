//! `ScatterND`, and the sum over edges that `ScatterElements` shares.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Index, Scatter};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[n, …] = Σ_{e : index[e] = n} update[e, …]`: data are zero, the reduction is `add`, indices have one component.
///
/// An index outside the result, such as that of an absent edge, reaches nothing.
#[derive(Clone, Copy, Debug)]
pub struct ScatterNd;

pub(super) const ENTRY: Entry = Entry { name: "ScatterND", domains: ONNX, import, samples };

/// Refuses other reductions than `add`.
pub(super) fn only_add(import: &mut Import<'_>) -> Result<(), Fault> {
    match import.attributes.or("reduction", "none")? {
        "add" => Ok(()),
        other => {
            Err(Fault::unsupported(format!("the reduction `{other}`"), "the reduction `add` is supported"))
        }
    }
}

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    only_add(import)?;
    Ok(Arc::new(ScatterNd))
}

/// The sum of updates over axis 0, for indices read at `place`, a function of the output position and the edge `r`.
pub(super) fn scattered(
    lower: &mut Lower<'_>,
    data: &Quantity,
    indices: &Quantity,
    updates: &Quantity,
    place: impl Fn(&[Index]) -> Vec<Index>,
) -> Result<Vec<Quantity>, Fault> {
    let zero =
        data.is_constant() && data.values()?.entries().iter().all(|value| *value == Default::default());
    if !zero {
        return Err(Fault::unsupported(
            "updates are added to data that are not zero",
            "scatter onto zeros and add the data after",
        ));
    }
    if data.framed || updates.framed || indices.framed {
        return Err(Fault::unsupported(
            "a scatter in a network with a frame axis",
            "leave out the leading extent of 1 of the inputs",
        ));
    }
    let shape = lower.output_shape(0);
    let mut updates = lower.affine(updates)?;
    if lower.zero_code(&updates) != Some(0) {
        updates = lower.plain(&updates)?;
    }
    if updates.chain.varies(0) {
        return Err(Fault::new(
            "scales-differ",
            "the updates that are added differ in scale",
            "use one scale",
        ));
    }
    let indices =
        if indices.is_constant() { lower.coded(indices)? } else { lower.indices(indices, shape[0])? };
    let at = coordinates(shape.len(), false);
    let mut edge = at.clone();
    edge[0] = Index::r(0);
    let update = lower.read(&updates, &edge)?;
    let index = lower.read(&indices, &place(&at))?;
    let extent = vec![updates.shape[0]];
    let draft = Draft::sum("", &shape, extent, vec![update, index], Expr::read()).frac(updates.frac());
    let codes = Codes::Value(lower.emit(Draft { scatter: Some(Scatter { axis: 0, slot: 1 }), ..draft })?);
    let mut first: Vec<Index> = (0..shape.len()).map(Index::p).collect();
    first[0] = Index::Const(0);
    let chain = updates
        .chain
        .moved(&updates.shape, &shape, &first)
        .ok_or_else(|| Fault::shape("the updates do not fit"))?;
    Ok(vec![Quantity { codes, shape, framed: false, chain, integer: false }])
}

fn check(data: &[usize], indices: &[usize], updates: &[usize]) -> Result<(), Fault> {
    if indices.len() == 2
        && indices[1] == 1
        && !data.is_empty()
        && updates.first() == indices.first()
        && updates[1..] == data[1..]
    {
        Ok(())
    } else {
        Err(Fault::unsupported(
            format!("indices of shape {indices:?} into {data:?} with updates {updates:?}"),
            "indices of shape [edges, 1] and updates of shape [edges, …] are supported",
        ))
    }
}

impl Operator for ScatterNd {
    fn name(&self) -> &'static str {
        "ScatterND"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        check(data.shape, indices.shape, updates.shape)?;
        Ok(vec![data.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        scattered(lower, &data, &indices, &updates, |_| vec![Index::r(0), Index::Const(0)])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (data, indices, updates) = (operand(inputs, 0)?, operand(inputs, 1)?, operand(inputs, 2)?);
        check(&data.shape, &indices.shape, &updates.shape)?;
        let mut result = data.clone();
        let row: usize = data.shape[1..].iter().product();
        for (edge, &index) in indices.data.iter().enumerate() {
            if index >= 0.0 && (index as usize) < data.shape[0] {
                for n in 0..row {
                    result.data[index as usize * row + n] += updates.data[edge * row + n];
                }
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
        let indices = graph.index_input("indices", &[5, 1]);
        let updates = graph.input("updates", &[5, 2]);
        let y = graph.add("y", ScatterNd, &[zeros, indices, updates]);
        graph.output(y);
    });
    scatter.graph.framed = false;
    vec![scatter]
}
