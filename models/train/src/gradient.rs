//! Loss and gradients of one batch.

use candle_core::{Device, Tensor, Var};

use crate::error::TrainError;
use crate::ops::{Activate, Convolve, CrossEntropy, with_slice};
use crate::recipe::Recipe;
use crate::source::{Batch, by_image};
use crate::state::State;

/// Loss of a batch, and the gradients `[layer][weight, bias, fraction]`.
pub(crate) struct Gradients {
    /// Cross entropy and resource term.
    pub loss: f64,
    pub by: Vec<[Vec<f32>; 3]>,
}

/// The loss's operator, for logits `[n][layer][partition][strip]`.
pub(crate) fn cross_entropy(batch: &Batch, beta: f64) -> CrossEntropy {
    let plane = batch.height * batch.width;
    CrossEntropy {
        truth: by_image(&batch.truth, batch.n, plane).into(),
        weight: by_image(&batch.weight, batch.n, plane).into(),
        beta,
    }
}

/// Forward and backward.
pub(crate) fn gradients(
    recipe: &Recipe,
    state: &State,
    quantized: bool,
    batch: &Batch,
) -> Result<Gradients, TrainError> {
    let (device, network) = (&Device::Cpu, &recipe.network);
    let Batch { n, height, width, .. } = *batch;
    let image = by_image(&batch.x, n, height * width);
    let mut x = Tensor::from_vec(image, (n, crate::LAYERS, height, width), device)?;
    let mut variables = Vec::with_capacity(state.layers.len());
    let mut resources = Tensor::new(0f32, device)?;
    for (index, layer) in state.layers.iter().enumerate() {
        let geometry = network.geometry(index, height, width);
        let shape = (geometry.outputs, geometry.inputs, geometry.rows, geometry.columns);
        let weight = Var::from_slice(&layer.weight, shape, device)?;
        let bias = Var::from_slice(&layer.bias, geometry.outputs, device)?;
        let fraction = Var::from_slice(&layer.fraction, geometry.outputs, device)?;
        let (used, used_bias) = if quantized {
            let used = weight.apply_op2(&fraction, state.weights(index))?;
            (used, bias.apply_op1(state.biases(network, index))?)
        } else {
            (weight.as_tensor().clone(), bias.as_tensor().clone())
        };
        if quantized && recipe.loss.resources != 0.0 {
            let alive =
                layer.limit.iter().map(|&limit| f32::from(u8::from(limit != 0))).collect::<Vec<f32>>();
            let alive = Tensor::from_vec(alive, shape, device)?;
            let scale = (fraction.as_tensor() * std::f64::consts::LN_2)?.exp()?;
            let size =
                (weight.abs()? * alive)?.broadcast_mul(&scale.reshape((geometry.outputs, 1, 1, 1))?)?;
            let bits = f64::from(network.input_bits(index)) / std::f64::consts::LN_2;
            resources = (resources + ((size + 1.0)?.log()?.sum_all()? * bits)?)?;
        }
        x = x.apply_op3(&used, &used_bias, Convolve { geometry, backward: index > 0 })?;
        if index + 1 < state.layers.len() {
            x = x.apply_op1(Activate(network.layer[index].activation.filter(|_| quantized)))?;
        }
        variables.push([weight, bias, fraction]);
    }
    let entropy = x.apply_op1(cross_entropy(batch, recipe.loss.beta))?;
    let loss = (&entropy + (resources * recipe.loss.resources)?)?;
    let store = loss.backward()?;
    let collect = |variable: &Var| match store.get(variable) {
        Some(grad) => with_slice(grad, <[f32]>::to_vec),
        None => Ok(vec![0.0; variable.elem_count()]),
    };
    let mut by = Vec::with_capacity(variables.len());
    for [weight, bias, fraction] in &variables {
        by.push([collect(weight)?, collect(bias)?, collect(fraction)?]);
    }
    Ok(Gradients { loss: f64::from(loss.to_scalar::<f32>()?), by })
}
