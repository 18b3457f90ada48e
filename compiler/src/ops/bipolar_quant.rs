//! `BipolarQuant` (QONNX).

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::quant::quanta;
use super::sample::sample;
use super::{Entry, Fault, Known, Operator, QONNX, Role, Sample, broadcast, operand};
use crate::front::lower::{Field, Lower, Mode, Quantity, Ratio, Stairs};
use crate::graph::Tensor;

/// `y = scale` if `x ≥ 0`, else `−scale`; inputs: x, scale.
///
/// The code is one bit `c`, and `y = (2c − 1) × scale`.
#[derive(Clone, Copy, Debug)]
pub struct BipolarQuant;

pub(super) const ENTRY: Entry =
    Entry { name: "BipolarQuant", domains: QONNX, import: |_| Ok(Arc::new(BipolarQuant)), samples };

impl Operator for BipolarQuant {
    fn name(&self) -> &'static str {
        "BipolarQuant"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        if broadcast::shape(x.shape, scale.shape)? != x.shape {
            return Err(Fault::shape("the scale has more elements than the tensor"));
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?.values()?);
        let quanta = quanta(&scale, &Field::uniform(0, Ratio::default()), x.shape.len())?;
        Ok(vec![lower.quantize(&x, &Stairs { quanta, mode: Mode::Sign, lo: 0, hi: 1 })?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, scale) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let sign = |v: f64| if v >= 0.0 { 1.0 } else { -1.0 };
        let data =
            points(&x.shape).zip(&x.data).map(|(p, &v)| sign(v) * broadcast::element(scale, &p)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        false
    }

    fn role(&self) -> Role {
        Role::Quantizer
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<3,2>"], |graph| {
        let x = graph.input("x", &[1, 4]);
        let scale = graph.constant("scale", Tensor::new(vec![1], vec![0.75]));
        let y = graph.add("y", BipolarQuant, &[x, scale]);
        graph.output(y);
    })]
}
