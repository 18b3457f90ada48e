//! Fitting a float network's activations into the ranges of its quantizers.

use crate::recipe::{LAYERS, Network};
use crate::source::{Batch, by_image};
use crate::state::State;

/// Share of a channel's positive activations that shall fit.
const SHARE: f64 = 0.999;
/// Greatest factor, and greatest divisor.
const MOST: f64 = 64.0;

/// Scales every hidden channel so that 99.9 % of its positive activations on the batch are at most the quantizer's greatest value, and
/// the next layer's weights by the inverse. `Relu` is homogeneous, so the float network computes the same.
pub(crate) fn equalize(state: &mut State, network: &Network, batch: &Batch) {
    let plane = batch.height * batch.width;
    let x = by_image(&batch.x, batch.n, plane);
    debug_assert_eq!(x.len(), batch.n * LAYERS * plane);
    let mut factors: Vec<Vec<f32>> = Vec::new();
    state.forward(network, false, &x, (batch.height, batch.width), |layer, values| {
        let greatest = network.layer[layer].activation.map_or(1.0, |activation| activation.greatest());
        let channels = network.layer[layer].outputs;
        let factor = |channel: usize| {
            let images = values.chunks_exact(plane).skip(channel).step_by(channels);
            let mut positive: Vec<f32> = images.flatten().copied().filter(|&value| value > 0.0).collect();
            positive.sort_by(f32::total_cmp);
            let at = (positive.len() as f64 * SHARE) as usize;
            positive
                .get(at.min(positive.len().saturating_sub(1)))
                .map_or(1.0, |&value| (greatest / f64::from(value)).clamp(1.0 / MOST, MOST) as f32)
        };
        factors.push((0..channels).map(factor).collect());
    });
    for (layer, factors) in factors.iter().enumerate() {
        let here = &mut state.layers[layer];
        let per_output = here.weight.len() / factors.len();
        for ((weights, bias), factor) in here.weight.chunks_mut(per_output).zip(&mut here.bias).zip(factors) {
            weights.iter_mut().for_each(|weight| *weight *= factor);
            *bias *= factor;
        }
        let next = &mut state.layers[layer + 1].weight;
        let spec = &network.layer[layer + 1];
        let kernel = spec.rows * spec.columns;
        for (weights, factor) in next.chunks_mut(kernel).zip(factors.iter().cycle()) {
            weights.iter_mut().for_each(|weight| *weight /= factor);
        }
    }
}
