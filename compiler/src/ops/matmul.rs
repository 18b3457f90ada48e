//! `MatMul`, and the matrix product that `Gemm` shares.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Known, Linear, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Codes, Contraction, Field, Lower, Quantity, Ratio, coordinates, power_of_two};
use crate::graph::Tensor;

/// `y[…, i, j] = Σ_k a[…, i, k] × b[…, k, j]`, one of the two being constant.
#[derive(Clone, Copy, Debug)]
pub struct MatMul;

pub(super) const ENTRY: Entry =
    Entry { name: "MatMul", domains: ONNX, import: |_| Ok(Arc::new(MatMul)), samples };

/// Operands with at least two axes, the shape of the product, and the same without the axes put in for vectors.
struct Plan {
    a: Vec<usize>,
    b: Vec<usize>,
    full: Vec<usize>,
    result: Vec<usize>,
}

fn plan(a: &[usize], b: &[usize]) -> Result<Plan, Fault> {
    let fault = || Fault::shape(format!("{a:?} and {b:?} cannot be multiplied"));
    if a.is_empty() || b.is_empty() {
        return Err(fault());
    }
    let left = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
    let right = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
    let (m, n) = (left.len(), right.len());
    if left[m - 1] != right[n - 2] {
        return Err(fault());
    }
    let mut full = broadcast::shape(&left[..m - 2], &right[..n - 2])?;
    let batch = full.len();
    full.extend([left[m - 2], right[n - 1]]);
    let mut result = full.clone();
    if b.len() == 1 {
        result.remove(batch + 1);
    }
    if a.len() == 1 {
        result.remove(batch);
    }
    Ok(Plan { a: left, b: right, full, result })
}

impl Operator for MatMul {
    fn name(&self) -> &'static str {
        "MatMul"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![plan(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape)?.result])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        Ok(vec![product(lower, &a, &b)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let Plan { a: left, b: right, full, result } = plan(&a.shape, &b.shape)?;
        let (a, b) = (Tensor { shape: left, ..a.clone() }, Tensor { shape: right, ..b.clone() });
        let rank = full.len();
        let data = points(&full)
            .map(|p| {
                (0..a.shape[a.shape.len() - 1])
                    .map(|k| {
                        let (mut i, mut j) = (p.clone(), p.clone());
                        i[rank - 1] = k;
                        j[rank - 2] = k;
                        broadcast::element(&a, &i) * broadcast::element(&b, &j)
                    })
                    .sum()
            })
            .collect();
        Ok(vec![Tensor::new(result, data)])
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

/// `a × b` with one constant operand.
pub(super) fn product(lower: &mut Lower<'_>, a: &Quantity, b: &Quantity) -> Result<Quantity, Fault> {
    let Plan { a: left, b: right, full, result } = plan(&a.shape, &b.shape)?;
    if result != full {
        return Err(Fault::unsupported("a product with a vector", "reshape the vector to a matrix"));
    }
    let rank = full.len();
    let (x, w, x_is_left) = match (a.is_constant(), b.is_constant()) {
        (_, true) => (a, b, true),
        (true, false) => (b, a, false),
        (false, false) => {
            return Err(Fault::unsupported(
                "both operands are computed at run time",
                "one operand must be constant",
            ));
        }
    };
    let (x_shape, w_shape) = if x_is_left { (left, right) } else { (right, left) };
    if x.framed && x_shape.len() != rank {
        return Err(Fault::unsupported(
            "the product moves the frame axis",
            "give the weights no more axes than the activation",
        ));
    }
    let x = &lower.affine(x)?;
    let summed = |rank: usize| if x_is_left { rank - 1 } else { rank - 2 };
    let (multipliers, x) = lower.fold_axis(x, summed(x_shape.len()))?;
    let (weights, scale) = integer_weights(lower, w)?;
    // The axis of the weights that is summed over is the other one of the last two.
    let w_axis = if x_is_left { w_shape.len() - 2 } else { w_shape.len() - 1 };
    let weights = multiplied(&weights, &w_shape, w_axis, &multipliers)?;
    let at = coordinates(rank, x.framed);
    let place = |shape: &[usize], k: usize| -> Vec<Index> {
        let skip = rank - shape.len();
        let mut index: Vec<Index> = (0..shape.len())
            .map(|axis| if shape[axis] == 1 { Index::Const(0) } else { at[axis + skip].clone() })
            .collect();
        index[k] = Index::r(0);
        index
    };
    let extent = vec![x_shape[summed(x_shape.len())]];
    let weight = Index::flatten(&place(&w_shape, w_axis), &w_shape);
    // The scale has the result's axes, with that of the sum gone.
    if scale.varies(w_axis) {
        return Err(scales_along_sum());
    }
    let mut scale_shape = vec![1; rank - w_shape.len()];
    scale_shape.extend(scale.shape());
    let scale = Field::new(scale_shape, scale.entries().to_vec());
    let x_at = place(&x_shape, summed(x_shape.len()));
    lower.contract(Contraction { x: &x, at: x_at, extent, weights, weight, scale, shape: full })
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
