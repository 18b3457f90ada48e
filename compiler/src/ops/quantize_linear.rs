//! `QuantizeLinear`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::linear::{Along, DOMAINS, code, quantized, range};
use super::sample::sample;
use super::{DequantizeLinear, Entry, Fault, Import, Known, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::front::onnx::ElementType;
use crate::graph::Tensor;

/// `y = clamp(round(x ÷ scale) + zero, lo, hi)`, rounded half to even; inputs: x, scale, zero.
///
/// The quotient is exact, where frameworks divide in float32: they differ only where that quotient is rounded onto a tie
/// or across one. Scales for the tensor, for each position on an axis, or for each block.
#[derive(Clone, Copy, Debug)]
pub struct QuantizeLinear {
    /// The axis of a list of scales.
    pub axis: i64,
    /// Elements on the axis that share a scale, or 0.
    pub block: usize,
    /// Least and greatest code of the result's element type.
    pub range: (i64, i64),
}

pub(super) const ENTRY: Entry = Entry { name: "QuantizeLinear", domains: DOMAINS, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let Along { axis, block } = Along::import(import)?;
    // Both concern floating-point results only.
    import.attributes.ignore("saturate");
    import.attributes.ignore("precision");
    let dtype = match import.attributes.or("output_dtype", 0i64)? {
        0 if import.node.input(2).is_none() => Some(ElementType::UInt8),
        0 => import.element_type(2),
        code => Some(i32::try_from(code).ok().and_then(ElementType::from_code).ok_or_else(|| {
            Fault::unsupported(
                format!("quantization to the element type {code} is not supported"),
                "supported are int4, uint4, int8, uint8, int16 and uint16; floats of 4 and 8 bits are not",
            )
        })?),
    };
    Ok(Arc::new(QuantizeLinear { axis, block, range: range(dtype)? }))
}

impl Operator for QuantizeLinear {
    fn name(&self) -> &'static str {
        "QuantizeLinear"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let along = Along { axis: self.axis, block: self.block };
        let quanta = along.quanta(&scale, inputs.get(2).and_then(Option::as_ref), &x.shape)?;
        Ok(vec![quantized(lower, &x, &quanta, self.range)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let zero = inputs.get(2).copied().flatten();
        let along = Along { axis: self.axis, block: self.block };
        let at = |p: &[usize], v: f64| {
            let zero = zero.map_or(0.0, |zero| along.element(zero, p));
            code(v, along.element(scale, p), zero, self.range)
        };
        let data = points(&x.shape).zip(&x.data).map(|(p, &v)| at(&p, v)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data).typed(true)])
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }

    fn role(&self) -> Role {
        Role::Quantizer
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let cases = [
        (Tensor::scalar(0.5), Tensor::ints(&[0]), (-8, 7), 0, 1),
        // An odd zero point: ties go to the even quotient, not to the even code.
        (Tensor::scalar(0.25), Tensor::ints(&[3]), (0, 15), 0, 1),
        (Tensor::new(vec![4], vec![0.5, 0.3001, 1.7003, 0.25]), Tensor::ints(&[0, 3, -2, 1]), (-8, 7), 0, -1),
        (Tensor::new(vec![1, 2], vec![0.5, 0.75]), Tensor::ints(&[1, 2]), (0, 255), 2, 1),
    ];
    cases
        .into_iter()
        .map(|(scale, zero, range, block, axis)| {
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 4]);
                let zero = Tensor { shape: scale.shape.clone(), ..zero };
                let (scale, zero) = (graph.constant("scale", scale), graph.constant("zero", zero));
                let q = graph.add("q", QuantizeLinear { axis, block, range }, &[x, scale, zero]);
                let y = graph.add("y", DequantizeLinear { axis, block }, &[q, scale, zero]);
                graph.output(q);
                graph.output(y);
            })
        })
        .collect()
}
