//! `QLinearAdd` (ONNX Runtime).

use std::sync::Arc;

use super::linear::{Linear, RUNTIME, example, range};
use super::{Add, Entry, Fault, Import, Operator, Sample};
use crate::graph::Tensor;

/// `y = quantize((a − a_zero) × a_scale + (b − b_zero) × b_scale)`, broadcast.
///
/// ONNX Runtime adds the zero point before it rounds to even: with an odd one its ties fall on the other side.
///
/// Inputs: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. The sum is exact on the operands' common grid.
fn operator(range: (i64, i64)) -> Linear {
    let operands = [(0, 0), (3, 0)];
    Linear { name: "QLinearAdd", inner: Arc::new(Add), operands, scale: 6, range, bias: None }
}

pub(super) const ENTRY: Entry = Entry { name: "QLinearAdd", domains: RUNTIME, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    // The result has the operands' element type, which not every node states with the result's zero point.
    let stated = [7, 2, 5, 0, 3].into_iter().find_map(|index| import.element_type(index));
    Ok(Arc::new(operator(range(stated)?)))
}

fn samples(_seed: u64) -> Vec<Sample> {
    let scalar = Tensor::scalar;
    let parameters = [
        (1, scalar(0.375)),
        (2, scalar(1.0)),
        (4, scalar(0.25)),
        (5, scalar(-2.0)),
        (6, scalar(0.8125)),
        (7, scalar(7.0)),
    ];
    let constant = Tensor::new(vec![2], vec![3.0, -5.0]);
    vec![
        example(operator((0, 15)), &[1, 2], None, &parameters),
        example(operator((0, 15)), &[1, 2], Some(constant), &parameters),
    ]
}
