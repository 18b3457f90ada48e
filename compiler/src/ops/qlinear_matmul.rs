//! `QLinearMatMul`.

use std::sync::Arc;

use super::linear::{Linear, RUNTIME, example, range};
use super::sample::Dice;
use super::{Entry, Fault, Import, MatMul, Operator, Sample};
use crate::graph::Tensor;

/// `y = quantize(((a − a_zero) × a_scale) × ((b − b_zero) × b_scale))`.
///
/// Inputs: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. Parameters are one for the matrix, or one for each row
/// of `a` and column of `b`.
fn operator(range: (i64, i64)) -> Linear {
    let operands = [(0, -2), (3, -1)];
    Linear { name: "QLinearMatMul", inner: Arc::new(MatMul), operands, scale: 6, range, bias: None }
}

pub(super) const ENTRY: Entry = Entry { name: "QLinearMatMul", domains: &["", RUNTIME[0]], import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(operator(range(import.element_type(7))?)))
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let w = dice.tensor(&[3, 2], 4, 0);
    let scalar = Tensor::scalar;
    let columns = Tensor::new(vec![2], vec![0.25, 0.0703]);
    let result = [(6, scalar(1.5)), (7, scalar(-3.0))];
    let whole = [(1, scalar(0.5)), (2, scalar(1.0)), (4, scalar(0.25)), (5, scalar(0.0))];
    let each =
        [(1, scalar(0.29)), (2, scalar(2.0)), (4, columns), (5, Tensor::new(vec![2], vec![1.0, -1.0]))];
    vec![
        example(operator((-8, 7)), &[1, 3], Some(w.clone()), &[&whole[..], &result].concat()),
        example(operator((-128, 127)), &[1, 3], Some(w), &[&each[..], &result].concat()),
    ]
}
