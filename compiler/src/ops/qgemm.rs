//! `QGemm` (ONNX Runtime).

use std::sync::Arc;

use super::linear::{Linear, RUNTIME, example, range};
use super::sample::Dice;
use super::{Entry, Fault, Gemm, Import, Operator, Sample};
use crate::graph::Tensor;

/// `y = quantize(((a − a_zero) × a_scale) × ((b − b_zero) × b_scale) + c × a_scale × b_scale)`.
///
/// Inputs: a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero. `b` may be transposed, and has one scale or one for
/// each output.
fn operator(gemm: Arc<dyn Operator>, turned: bool, range: (i64, i64)) -> Linear {
    let operands = [(0, 0), (3, if turned { 0 } else { -1 })];
    Linear { name: "QGemm", inner: gemm, operands, scale: 7, range, bias: Some(6) }
}

pub(super) const ENTRY: Entry = Entry { name: "QGemm", domains: RUNTIME, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.node.input(7).is_none() {
        return Err(Fault::unsupported("QGemm without a scale of its result", "quantize the result"));
    }
    if import.attributes.or("alpha", 1.0)? != 1.0 {
        return Err(Fault::unsupported("alpha is not 1", "multiply the scale of b by alpha"));
    }
    let turned = import.attributes.or("transB", 0i64)? != 0;
    let range = range(import.element_type(8))?;
    Ok(Arc::new(operator((super::gemm::ENTRY.import)(import)?, turned, range)))
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let (w, bias) = (dice.tensor(&[2, 3], 4, 0), dice.tensor(&[2], 6, 0).typed(true));
    let parameters = [
        (1, Tensor::scalar(0.3001)),
        (2, Tensor::scalar(3.0)),
        (4, Tensor::new(vec![2], vec![0.25, 0.0703])),
        (5, Tensor::new(vec![2], vec![0.0, 1.0])),
        (6, bias),
        (7, Tensor::scalar(1.5)),
        (8, Tensor::scalar(5.0)),
    ];
    let gemm = Gemm { alpha: 1.0, beta: 1.0, trans_a: false, trans_b: true };
    vec![example(operator(Arc::new(gemm), true, (0, 15)), &[1, 3], Some(w), &parameters)]
}
