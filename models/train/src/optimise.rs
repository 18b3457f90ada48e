//! Adam with decoupled weight decay, and the schedule of its rate.

use crate::recipe::{Optimiser, Stage};
use crate::state::{Moments, State};

/// The rate of a stage's step, counted from 0.
pub(crate) fn rate(stage: &Stage, step: u64) -> f64 {
    if step < stage.warmup {
        return stage.rate * (step + 1) as f64 / stage.warmup as f64;
    }
    let done = (step - stage.warmup) as f64 / (stage.steps - stage.warmup) as f64;
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    stage.rate * (stage.final_rate + (1.0 - stage.final_rate) * cosine)
}

/// Scales gradients whose norm over all parameters is beyond `clip` down to it.
pub(crate) fn clip(by: &mut [[Vec<f32>; 3]], clip: f64) {
    let square = |&x: &f32| f64::from(x) * f64::from(x);
    let norm = by.iter().flatten().flatten().map(square).sum::<f64>().sqrt();
    if clip > 0.0 && norm > clip {
        let factor = (clip / norm) as f32;
        by.iter_mut().flatten().flatten().for_each(|x| *x *= factor);
    }
}

/// Step number `step` (from 1, since the moments were zero). Pruned weights stay zero.
pub(crate) fn step(
    state: &mut State,
    moments: &mut Moments,
    by: &[[Vec<f32>; 3]],
    step: u64,
    rate: f64,
    settings: &Optimiser,
) {
    let exponent = step.min(1 << 24) as f64;
    let (b1, b2) = (settings.beta1, settings.beta2);
    let (bias1, bias2) = (1.0 - b1.powf(exponent), 1.0 - b2.powf(exponent));
    let moments = moments.first.iter_mut().zip(&mut moments.second);
    for ((layer, by), (first, second)) in state.layers.iter_mut().zip(by).zip(moments) {
        let limit = layer.limit.clone();
        for (kind, values) in layer.learned_mut().into_iter().enumerate() {
            let rate = if kind == 2 { rate * settings.fraction_rate } else { rate };
            let decay = if kind == 0 { rate * settings.weight_decay } else { 0.0 };
            for (n, value) in values.iter_mut().enumerate() {
                let (m, v) = (&mut first[kind][n], &mut second[kind][n]);
                if kind == 0 && limit[n] == 0 {
                    (*value, *m, *v) = (0.0, 0.0, 0.0);
                    continue;
                }
                let grad = f64::from(by[kind][n]);
                *m = (b1 * f64::from(*m) + (1.0 - b1) * grad) as f32;
                *v = (b2 * f64::from(*v) + (1.0 - b2) * grad * grad) as f32;
                let root = (f64::from(*v) / bias2).sqrt() + settings.epsilon;
                let change = rate * f64::from(*m) / bias1 / root + decay * f64::from(*value);
                *value = (f64::from(*value) - change) as f32;
            }
        }
    }
}
