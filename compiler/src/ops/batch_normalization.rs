//! `BatchNormalization`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, MatMul, ONNX, Operator, Quant, Role, Sample, broadcast, operand};
use crate::front::lower::{Field, Lower, Mode, Quantity, Ratio, exact, nearest};
use crate::graph::Tensor;

/// `y = (x − mean) ÷ √(var + epsilon) × scale + bias`, by channel (axis 1); inputs: x, scale, bias, mean, var.
///
/// The square root is evaluated in float64, and that number is the definition; everything else is exact.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormalization {
    /// Added to the variance.
    pub epsilon: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "BatchNormalization", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let epsilon = attributes.or("epsilon", f64::from(1e-5f32))?;
    ["momentum", "is_test", "spatial"].iter().for_each(|name| attributes.ignore(name));
    if attributes.or("training_mode", 0i64)? != 0 {
        return Err(Fault::unsupported(
            "batch normalization in training mode",
            "export the model for inference",
        ));
    }
    Ok(Arc::new(BatchNormalization { epsilon }))
}

impl Operator for BatchNormalization {
    fn name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        let channels = *x.shape.get(1).ok_or_else(|| Fault::shape("the input has no channel axis"))?;
        for n in 1..5 {
            if *operand(inputs, n)?.shape != [channels] {
                return Err(Fault::shape(format!(
                    "input {n} has not one number for each of {channels} channels"
                )));
            }
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let by_channel = |n: usize| -> Result<Field<Ratio>, Fault> {
            let values = operand(inputs, n)?.values()?;
            let mut shape = vec![1; x.shape.len()];
            shape[1] = values.shape()[0];
            Ok(Field::new(shape, values.entries().to_vec()))
        };
        let (scale, bias, mean, var) = (by_channel(1)?, by_channel(2)?, by_channel(3)?, by_channel(4)?);
        let deviation = var
            .map(|var| exact((nearest(var) + self.epsilon).sqrt()).filter(|root| *root > Ratio::default()));
        if deviation.entries().contains(&None) {
            return Err(Fault::new(
                "bad-variance",
                "a variance plus epsilon is not positive",
                "train or export the model again",
            ));
        }
        let mismatch = || Fault::shape("the parameters do not fit each other");
        let factor = scale
            .zip(&deviation, |scale, root| scale / root.clone().unwrap_or_default())
            .ok_or_else(mismatch)?;
        let moved = mean.zip(&factor, |mean, factor| mean * factor).ok_or_else(mismatch)?;
        let summand = bias.zip(&moved, |bias, moved| bias - moved).ok_or_else(mismatch)?;
        let both = factor.zip(&summand, |a, b| (a.clone(), b.clone())).ok_or_else(mismatch)?;
        Ok(vec![broadcast::extend(&x, &both, |link, (a, b)| link.then(a, b))?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let at = |n: usize, channel: usize| -> Result<f64, Fault> { Ok(operand(inputs, n)?.data[channel]) };
        let mut data = Vec::with_capacity(x.data.len());
        for (p, v) in points(&x.shape).zip(&x.data) {
            let root = (at(4, p[1])? + self.epsilon).sqrt();
            data.push((v - at(3, p[1])?) / root * at(1, p[1])? + at(2, p[1])?);
        }
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }

    fn affine(&self, input: usize) -> bool {
        input == 0
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    [(4.0, 0.7), (3.0, 0.25), (8.0, 0.013)]
        .into_iter()
        .map(|(bits, step)| {
            let w = dice.tensor(&[4, 3], 5, 3);
            let mut scale = dice.positive(&[3]);
            scale.data[1] *= -1.0;
            let parameters = [scale, dice.tensor(&[3], 8, 5), dice.tensor(&[3], 8, 5), dice.positive(&[3])];
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 4]);
                let w = graph.constant("w", w);
                let product = graph.add("product", MatMul, &[x, w]);
                let mut inputs = vec![product];
                inputs.extend(
                    parameters.into_iter().enumerate().map(|(n, p)| graph.constant(format!("p{n}"), p)),
                );
                let normal = graph.add("normal", BatchNormalization { epsilon: 1e-5 }, &inputs);
                let step = graph.constant("step", Tensor::scalar(step));
                let zero = graph.constant("zero", Tensor::scalar(0.0));
                let bits = graph.constant("bits", Tensor::scalar(bits));
                let mode = Mode::Round(nn2hdl_runtime::Rounding::RndConv);
                let y =
                    graph.add("y", Quant { signed: true, narrow: false, mode }, &[normal, step, zero, bits]);
                graph.output(y);
            })
        })
        .collect()
}
