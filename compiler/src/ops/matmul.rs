//! `MatMul`, and the matrix product that `Gemm` shares.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::contraction::{Labels, Plan};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, Linear, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Codes, Field, Lower, Quantity, Ratio, power_of_two};
use crate::graph::Tensor;

/// `y[…, i, j] = Σ_k a[…, i, k] × b[…, k, j]`. Axes before the last two are broadcast; an operand of one axis is a row on
/// the left, a column on the right.
#[derive(Clone, Copy, Debug)]
pub struct MatMul;

pub(super) const ENTRY: Entry =
    Entry { name: "MatMul", domains: ONNX, import: |_| Ok(Arc::new(MatMul)), samples };

fn plan(a: &[usize], b: &[usize]) -> Result<Plan, Fault> {
    let (Some(&depth), Some(&other)) = (a.last(), b.get(b.len().saturating_sub(2))) else {
        return Err(Fault::shape(format!("{a:?} and {b:?} cannot be multiplied")));
    };
    if depth != other {
        return Err(Fault::shape(format!("{a:?} and {b:?} cannot be multiplied")));
    }
    // Labels 0 to 2 are i, k and j; the others number the batch's axes from the last one on.
    let batch = |shape: &[usize]| (0..shape.len().saturating_sub(2)).rev().map(|axis| 3 + axis);
    let (mut left, mut right): (Vec<usize>, Vec<usize>) = (batch(a).collect(), batch(b).collect());
    let mut out = if left.len() > right.len() { left.clone() } else { right.clone() };
    let count = 3 + out.len();
    if a.len() > 1 {
        left.push(0);
        out.push(0);
    }
    left.push(1);
    right.push(1);
    if b.len() > 1 {
        right.push(2);
        out.push(2);
    }
    Labels { terms: vec![left, right], out, count }.plan(&[a, b])
}

impl Operator for MatMul {
    fn name(&self) -> &'static str {
        "MatMul"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![plan(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape)?.shape()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        Ok(vec![product(lower, &a, &b)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let shape = plan(&a.shape, &b.shape)?.shape();
        let left = if a.shape.len() == 1 { vec![1, a.shape[0]] } else { a.shape.clone() };
        let right = if b.shape.len() == 1 { vec![b.shape[0], 1] } else { b.shape.clone() };
        let (m, n) = (left.len(), right.len());
        let lead = broadcast::shape(&left[..m - 2], &right[..n - 2])?;
        let (rows, depth, columns) = (left[m - 2], left[m - 1], right[n - 1]);
        // Where an operand's matrix begins for a point of the result's leading axes.
        let begin = |p: &[usize], shape: &[usize]| {
            let own = shape.len() - 2;
            let at = p[p.len() - own..].iter().zip(&shape[..own]);
            let flat = at.fold(0, |flat, (&at, &extent)| flat * extent + at.min(extent - 1));
            flat * shape[own] * shape[own + 1]
        };
        let mut data = Vec::with_capacity(shape.iter().product());
        for p in points(&lead) {
            let (a, b) = (&a.data[begin(&p, &left)..], &b.data[begin(&p, &right)..]);
            for row in 0..rows {
                let mut sums = vec![0.0; columns];
                for k in 0..depth {
                    let factor = a[row * depth + k];
                    sums.iter_mut().zip(&b[k * columns..]).for_each(|(sum, weight)| *sum += factor * weight);
                }
                data.extend(sums);
            }
        }
        Ok(vec![Tensor::new(shape, data)])
    }

    fn role(&self) -> Role {
        Role::Product
    }

    fn linear(&self, inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        let (a, b) = (operand(inputs, 0).ok()?, operand(inputs, 1).ok()?);
        (b.constant.is_some() && b.shape.len() == 2 && a.shape.len() >= 2).then(|| Linear {
            input: 0,
            weights: 1,
            bias: None,
            axis: 1,
            channels: a.shape.len() - 1,
        })
    }

    fn patches(&self, x: &Tensor, _weights: &[usize]) -> Option<Vec<f64>> {
        Some(x.data.clone())
    }
}

/// `a × b`, of which any may be constant.
pub(super) fn product(lower: &mut Lower<'_>, a: &Quantity, b: &Quantity) -> Result<Quantity, Fault> {
    plan(&a.shape, &b.shape)?.define(lower, &[a.clone(), b.clone()])
}

pub(super) fn scales_along_sum() -> Fault {
    Fault::new(
        "scales-differ",
        "the weights' scales differ along an axis that is summed over",
        "use one scale for each output channel",
    )
}

/// Integers and their scale: a quantizer's codes, or the exact mantissas of floats.
pub(super) fn integer_weights(
    lower: &mut Lower<'_>,
    w: &Quantity,
) -> Result<(Vec<i64>, Field<Ratio>), Fault> {
    let coded = lower.coded(w)?;
    match &coded.codes {
        Codes::Const(codes) => Ok((codes.as_ref().clone(), coded.chain.map(|link| link.a.clone()))),
        _ => Ok((Vec::new(), Field::uniform(w.shape.len(), power_of_two(0)))),
    }
}

/// The weights times a factor for each position on `axis`.
pub(super) fn multiplied(
    weights: &[i64],
    shape: &[usize],
    axis: usize,
    factors: &[i64],
) -> Result<Vec<i64>, Fault> {
    if factors.iter().all(|&factor| factor == 1) {
        return Ok(weights.to_vec());
    }
    let products: Option<Vec<i64>> =
        points(shape).zip(weights).map(|(p, weight)| weight.checked_mul(factors[p[axis]])).collect();
    products.ok_or_else(|| {
        Fault::new("scales-differ", "the input's scales differ too much", "use one scale for the whole input")
    })
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let cases: [(&[usize], &[usize], bool); 4] = [
        (&[1, 4], &[4, 3], true),
        (&[1, 2, 4], &[4, 3], true),
        (&[1, 4, 2], &[3, 4], false),
        (&[1, 2, 3, 2], &[2, 2, 2], true),
    ];
    let mut samples: Vec<Sample> = cases
        .into_iter()
        .map(|(x_shape, w_shape, x_is_left)| {
            let w = dice.tensor(w_shape, 5, 3);
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", x_shape);
                let w = graph.constant("w", w);
                let y = graph.add("y", MatMul, &if x_is_left { [x, w] } else { [w, x] });
                graph.output(y);
            })
        })
        .collect();
    // Two activations, one of them with a scale for each channel.
    for (a_shape, b_shape) in [(&[1, 2, 2, 3][..], &[1, 1, 3, 2][..]), (&[1, 2, 3], &[1, 3, 2])] {
        let scales = Tensor::new(vec![a_shape[a_shape.len() - 1]], vec![1.0, 0.5, -2.0]);
        samples.push(sample(&["fixed<5,2>", "fixed<4,2>"], |graph| {
            let (a, b) = (graph.input("a", a_shape), graph.input("b", b_shape));
            let scales = graph.constant("scales", scales);
            let scaled = graph.add("scaled", super::Mul, &[a, scales]);
            let y = graph.add("y", MatMul, &[scaled, b]);
            graph.output(y);
        }));
    }
    // A factor and an offset by channel, which the weights take over.
    let w = dice.tensor(&[4, 3], 5, 3);
    samples.push(sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 4]);
        let factor = graph.constant("factor", Tensor::new(vec![4], vec![3.0, -1.0, 0.0, 0.5]));
        let scaled = graph.add("scaled", super::Mul, &[x, factor]);
        let summand = graph.constant("summand", Tensor::new(vec![4], vec![1.0, 3.0, 0.0, -0.25]));
        let moved = graph.add("moved", super::Add, &[scaled, summand]);
        let w = graph.constant("w", w);
        let y = graph.add("y", MatMul, &[moved, w]);
        graph.output(y);
    }));
    samples
}
