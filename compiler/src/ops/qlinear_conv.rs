//! `QLinearConv`.

use std::sync::Arc;

use super::linear::{Linear, example, range};
use super::sample::Dice;
use super::window::Windows;
use super::{Conv, Entry, Fault, Import, ONNX, Operator, Sample};
use crate::graph::Tensor;

/// `y = quantize(Conv((x − x_zero) × x_scale, (w − w_zero) × w_scale) + bias × x_scale × w_scale)`.
///
/// Inputs: x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias. Weights have one scale or one for each output
/// channel. The padding is the value 0, which is the code x_zero.
fn operator(conv: Arc<dyn Operator>, range: (i64, i64)) -> Linear {
    Linear { name: "QLinearConv", inner: conv, operands: [(0, 0), (3, 0)], scale: 6, range, bias: Some(8) }
}

pub(super) const ENTRY: Entry = Entry { name: "QLinearConv", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let range = range(import.element_type(7))?;
    Ok(Arc::new(operator((super::conv::ENTRY.import)(import)?, range)))
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let conv = |pads: &[usize]| {
        Arc::new(Conv { group: 1, windows: Windows { pads: pads.to_vec(), ..Windows::default() } })
    };
    let (w, bias) = (dice.tensor(&[2, 2, 2], 4, 0), dice.tensor(&[2], 6, 0).typed(true));
    let scalar = Tensor::scalar;
    let whole = [(1, scalar(0.5)), (2, scalar(0.0)), (4, scalar(0.25)), (5, scalar(0.0))];
    let channels = [
        (1, scalar(0.3001)),
        (2, scalar(3.0)),
        (4, Tensor::new(vec![2], vec![0.25, 0.0703])),
        (5, Tensor::new(vec![2], vec![0.0, 1.0])),
    ];
    let result = [(6, scalar(1.5)), (7, scalar(5.0)), (8, bias)];
    vec![
        example(operator(conv(&[]), (0, 15)), &[1, 2, 3], Some(w.clone()), &[&whole[..], &result].concat()),
        example(operator(conv(&[1, 0]), (-8, 7)), &[1, 2, 3], Some(w), &[&channels[..], &result].concat()),
    ]
}
