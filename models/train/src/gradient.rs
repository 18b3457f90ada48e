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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, Synthetic};

    fn recipe(beta: f64, resources: f64) -> Recipe {
        let text = format!(
            "stage = [{{ name = 'a', steps = 1, batch = 1, rate = 1e-3, quantize = false }}]
            loss = {{ beta = {beta}, resources = {resources} }}
            [[network.layer]]
            outputs = 3
            rows = 3
            columns = 5
            bits = 5
            activation = {{ bits = 3, fraction = 1 }}
            [[network.layer]]
            outputs = 6
            rows = 1
            columns = 3
            bits = 4"
        );
        Recipe::parse(&text).unwrap()
    }

    fn batch() -> Batch {
        let mut batch = Batch::new(5, 3, 20);
        Synthetic { seed: 1, height: 3, width: 20 }.fill(0, &mut batch);
        batch
    }

    /// Every `skip`th parameter of a kind, moved by `by` and back.
    fn slopes(state: &State, kind: usize, by: f32, loss: impl Fn(&State) -> f64) -> Vec<(usize, usize, f64)> {
        let mut found = Vec::new();
        for layer in 0..state.layers.len() {
            for n in (0..state.layers[layer].learned()[kind].len()).step_by(7) {
                let at = |change: f32| {
                    let mut moved = state.clone();
                    moved.layers[layer].learned_mut()[kind][n] += change;
                    loss(&moved)
                };
                found.push((layer, n, (at(by) - at(-by)) / f64::from(2.0 * by)));
            }
        }
        found
    }

    fn agree(slopes: Vec<(usize, usize, f64)>, by: &[[Vec<f32>; 3]], kind: usize, tolerance: f64) {
        assert!(slopes.iter().any(|(_, _, slope)| slope.abs() > 1e-4));
        for (layer, n, slope) in slopes {
            let found = f64::from(by[layer][kind][n]);
            assert!((slope - found).abs() < tolerance, "layer {layer}, {kind}, {n}: {slope} {found}");
        }
    }

    #[test]
    fn float_gradients_are_slopes() {
        let (recipe, batch) = (recipe(2.5, 0.0), batch());
        let mut state = State::new(&recipe.network, 1);
        state.layers[0].bias.fill(0.1);
        let found = gradients(&recipe, &state, false, &batch).unwrap();
        let x = by_image(&batch.x, batch.n, batch.height * batch.width);
        let entropy = cross_entropy(&batch, 2.5);
        let loss = |state: &State| {
            let logits = state.forward(&recipe.network, false, &x, (batch.height, batch.width), |_, _| {});
            let (sum, weight) = entropy.sums(&logits);
            sum / weight
        };
        assert!((loss(&state) - found.loss).abs() < 1e-5);
        for kind in [0, 1] {
            agree(slopes(&state, kind, 1e-3, loss), &found.by, kind, 2e-3);
        }
    }

    /// With no voxel that counts, the resource term is all there is.
    #[test]
    fn resource_gradients_are_slopes() {
        let (recipe, mut batch) = (recipe(1.0, 0.01), batch());
        batch.weight.fill(0.0);
        let mut state = State::new(&recipe.network, 1);
        // Away from the kink at zero.
        let weights = state.layers.iter_mut().flat_map(|layer| &mut layer.weight);
        weights.for_each(|weight| *weight = weight.abs().max(0.05).copysign(*weight));
        state.start_quantization(&recipe.network);
        let loss = |state: &State| gradients(&recipe, state, true, &batch).unwrap().loss;
        let found = gradients(&recipe, &state, true, &batch).unwrap();
        let term = |layer: usize| {
            let spec = &state.layers[layer];
            let per_channel = spec.weight.len() / spec.fraction.len();
            let bits = f64::from(recipe.network.input_bits(layer));
            let digits = |(n, w): (usize, &f32)| {
                (1.0 + f64::from(w.abs()) * f64::from(spec.fraction[n / per_channel]).exp2()).log2() * bits
            };
            spec.weight.iter().enumerate().map(digits).sum::<f64>()
        };
        assert!((found.loss - 0.01 * (term(0) + term(1))).abs() < 1e-4);
        for kind in [0, 2] {
            agree(slopes(&state, kind, 4e-3, loss), &found.by, kind, 2e-2);
        }
    }

    #[test]
    fn quantized_gradients_pass_straight() {
        let (recipe, batch) = (recipe(1.0, 0.0), batch());
        let mut state = State::new(&recipe.network, 1);
        state.start_quantization(&recipe.network);
        let mut limits = state.layers[0].limit.to_vec();
        limits[3] = 0;
        (state.layers[0].limit, state.layers[0].weight[3]) = (limits.into(), 0.0);
        state.layers[0].weight[4] = 100.0;
        let found = gradients(&recipe, &state, true, &batch).unwrap();
        assert_eq!(found.by[0][0][3], 0.0, "pruned");
        assert_eq!(found.by[0][0][4], 0.0, "saturated");
        assert!(found.by[0][0].iter().chain(&found.by[0][2]).all(|g| g.is_finite()));
        assert!(found.by[0][2].iter().any(|&g| g != 0.0));
        // The used weights are codes of their channel.
        let (used, _) = state.used(&recipe.network, 0, true);
        let codes = state.weight_codes(0);
        let per_channel = used.len() / 3;
        for (n, (&used, &code)) in used.iter().zip(&codes).enumerate() {
            assert_eq!(used, code as f32 * (-state.layers[0].fraction[n / per_channel]).exp2());
        }
    }
}
