//! QONNX's operators on data whose channels are the last axis.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Linear, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y = T⁻¹(f(T(x), …))`, where `T` makes the last axis axis 1 and `f` is the operator of the same name on such data.
#[derive(Clone, Debug)]
pub struct ChannelsLast {
    /// The operator.
    pub inner: Arc<dyn Operator>,
    /// How many operands have their channels last: the data, and the weights of a convolution.
    pub operands: usize,
}

const DOMAIN: &[&str] = &["qonnx.custom_op.channels_last"];

pub(super) const CONV: Entry =
    Entry { name: "Conv", domains: DOMAIN, import: |i| wrapped(i, super::conv::ENTRY, 2), samples };
pub(super) const MAX_POOL: Entry = Entry {
    name: "MaxPool",
    domains: DOMAIN,
    import: |i| wrapped(i, super::max_pool::ENTRY, 1),
    samples: pool_samples,
};
pub(super) const BATCH_NORMALIZATION: Entry = Entry {
    name: "BatchNormalization",
    domains: DOMAIN,
    import: |i| wrapped(i, super::batch_normalization::ENTRY, 1),
    samples: |_| Vec::from([norm_sample()]),
};

fn wrapped(import: &mut Import<'_>, entry: Entry, operands: usize) -> Result<Arc<dyn Operator>, Fault> {
    // The domain has versions of its own; its operators follow ONNX's of today.
    import.opset = 15;
    Ok(Arc::new(ChannelsLast { inner: (entry.import)(import)?, operands }))
}

/// A shape with its last axis as axis 1.
fn first(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if shape.len() > 1
        && let Some(channels) = shape.pop()
    {
        shape.insert(1, channels);
    }
    shape
}

/// A shape with its axis 1 as the last.
fn last(mut shape: Vec<usize>) -> Vec<usize> {
    if shape.len() > 1 {
        let channels = shape.remove(1);
        shape.push(channels);
    }
    shape
}

/// The tensor whose axes are those of `x` in the order of `axes`.
fn permuted(x: &Tensor, axes: &[usize]) -> Tensor {
    let shape: Vec<usize> = axes.iter().map(|&axis| x.shape[axis]).collect();
    let data = points(&shape)
        .map(|p| {
            let mut at = vec![0; p.len()];
            axes.iter().zip(&p).for_each(|(&axis, &coordinate)| at[axis] = coordinate);
            x.data[at.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)]
        })
        .collect();
    Tensor::new(shape, data).typed(x.integer)
}

impl Operator for ChannelsLast {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let shapes: Vec<Vec<usize>> =
            (0..self.operands).map(|n| Ok(first(operand(inputs, n)?.shape))).collect::<Result<_, Fault>>()?;
        let mut inputs = inputs.to_vec();
        for (input, shape) in inputs.iter_mut().zip(&shapes) {
            *input = input.map(|known| Known { shape, constant: None, ..known });
        }
        Ok(self.inner.shapes(&inputs)?.into_iter().map(last).collect())
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let order = |rank: usize, framed: bool, shape: fn(&[usize]) -> Vec<usize>| {
            let at = coordinates(rank, framed);
            let axes: Vec<usize> = (0..rank).collect();
            shape(&axes).into_iter().map(|axis| at[axis].clone()).collect::<Vec<_>>()
        };
        // Element `p` of the result is at its coordinates brought back.
        let mut inputs = inputs.to_vec();
        for input in &mut inputs[..self.operands] {
            let x = input.as_ref().ok_or_else(|| Fault::shape("an operand is missing"))?;
            let index = order(x.shape.len(), x.framed, |axes| last(axes.to_vec()));
            *input = Some(lower.moved(x, &first(&x.shape), index)?);
        }
        let results = self.inner.define(lower, &inputs)?;
        results
            .into_iter()
            .map(|y| {
                let index = order(y.shape.len(), y.framed, first);
                lower.moved(&y, &last(y.shape.clone()), index)
            })
            .collect()
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let moved = (0..self.operands).map(|n| {
            let x = operand(inputs, n)?;
            Ok(permuted(x, &first(&(0..x.shape.len()).collect::<Vec<_>>())))
        });
        let moved: Vec<Tensor> = moved.collect::<Result<_, Fault>>()?;
        let mut inputs = inputs.to_vec();
        inputs.iter_mut().zip(&moved).for_each(|(input, moved)| *input = Some(moved));
        let results = self.inner.reference(&inputs)?;
        Ok(results.iter().map(|y| permuted(y, &last((0..y.shape.len()).collect()))).collect())
    }

    fn role(&self) -> Role {
        self.inner.role()
    }

    fn affine(&self, input: usize) -> bool {
        self.inner.affine(input)
    }

    fn linear(&self, inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        let channels = operand(inputs, 0).ok()?.shape.len() - 1;
        Some(Linear { channels, ..self.inner.linear(inputs)? })
    }

    fn patches(&self, x: &Tensor, weights: &[usize]) -> Option<Vec<f64>> {
        let axes: Vec<usize> = (0..x.shape.len()).collect();
        let rows = self.inner.patches(&permuted(x, &first(&axes)), &first(weights))?;
        // The rows are in the order of weights whose channels come first.
        let row = first(weights).get(1..)?.to_vec();
        let order: Vec<usize> = (1..row.len()).chain([0]).collect();
        let count = row.iter().product::<usize>().max(1);
        let sorted = |chunk: &[f64]| permuted(&Tensor::new(row.clone(), chunk.to_vec()), &order).data;
        Some(rows.chunks(count).flat_map(sorted).collect())
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let w = Dice::new(seed).tensor(&[2, 2, 1, 3], 4, 2);
    let conv = super::Conv { group: 1, ..super::Conv::default() };
    vec![sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 3, 2, 3]);
        let w = graph.constant("w", w);
        let y = graph.add("y", ChannelsLast { inner: Arc::new(conv), operands: 2 }, &[x, w]);
        graph.output(y);
    })]
}

fn pool_samples(_seed: u64) -> Vec<Sample> {
    let pool = super::MaxPool { kernel: vec![2, 2], ..super::MaxPool::default() };
    vec![sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 3, 2, 2]);
        let y = graph.add("y", ChannelsLast { inner: Arc::new(pool), operands: 1 }, &[x]);
        graph.output(y);
    })]
}

fn norm_sample() -> Sample {
    sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 3, 2]);
        let lists = [vec![0.5, -1.0], vec![0.25, 0.5], vec![1.0, 0.0], vec![1.0, 4.0]];
        let mut inputs = vec![x];
        inputs.extend(
            lists
                .into_iter()
                .enumerate()
                .map(|(n, v)| graph.constant(format!("p{n}"), Tensor::new(vec![2], v))),
        );
        let norm = super::BatchNormalization { epsilon: 0.0 };
        let y = graph.add("y", ChannelsLast { inner: Arc::new(norm), operands: 1 }, &inputs);
        graph.output(y);
    })
}
