//! `LeakyRelu`.

use std::sync::Arc;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Quant, Role, Sample, operand};
use crate::front::lower::{Lower, Mode, Quantity, exact};
use crate::graph::{Graph, Tensor, TensorId};

/// `y = x` from 0 upwards, else `alpha × x`.
///
/// The greater of two affine functions (the smaller, for slopes above 1), exact on inputs of any width: a quantizer makes
/// of it the greater of two codes.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    /// The slope below 0.
    pub alpha: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "LeakyRelu", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let alpha = import.attributes.or("alpha", f64::from(0.01f32))?;
    Ok(Arc::new(LeakyRelu { alpha }))
}

impl Operator for LeakyRelu {
    fn name(&self) -> &'static str {
        "LeakyRelu"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = lower.shallow(&operand(inputs, 0)?)?;
        let slope = exact(self.alpha)
            .ok_or_else(|| Fault::unsupported("the slope is NaN or infinite", "export the model again"))?;
        Ok(vec![Quantity { chain: x.chain.map(|link| link.then_leaky(&slope)), ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let data = x.data.iter().map(|&v| if v < 0.0 { self.alpha * v } else { v }).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

/// A quantizer of `bits` bits, by the name `y`.
pub(super) fn quantized(graph: &mut Graph, x: TensorId, scale: f64, bits: f64) -> TensorId {
    let constants = [("scale", scale), ("zero", 1.0), ("bits", bits)];
    let [scale, zero, bits] = constants.map(|(name, value)| graph.constant(name, Tensor::scalar(value)));
    let mode = Mode::Round(nn2hdl_runtime::Rounding::RndConv);
    graph.add("quant", Quant { signed: true, narrow: false, mode }, &[x, scale, zero, bits])
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let factors: Vec<f64> = [3, -5, 7].map(|n| n as f64 / 4.0).to_vec();
    let scale = dice.positive(&[1]).data[0] / 32.0;
    let open = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let y = graph.add("y", LeakyRelu { alpha: 0.125 }, &[x]);
        graph.output(y);
    });
    let closed = |alpha: f64, bits: f64| {
        let factors = factors.clone();
        let made = sample(&["fixed<6,3>"], move |graph| {
            let x = graph.input("x", &[1, 3]);
            let factor = graph.constant("factor", Tensor::new(vec![3], factors));
            let scaled = graph.add("scaled", super::Mul, &[x, factor]);
            let leaky = graph.add("leaky", LeakyRelu { alpha }, &[scaled]);
            let turned = graph.add("turned", super::Mul, &[leaky, factor]);
            let y = quantized(graph, turned, scale, bits);
            graph.output(y);
        });
        Sample { tolerance: 1e-12, ..made }
    };
    vec![open, closed(f64::from(0.01f32), 8.0), closed(1.7, 4.0), closed(-0.3, 7.0)]
}
