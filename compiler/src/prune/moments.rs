//! What a change of a layer's weights does to the network's outputs, to second order.
//!
//! With `x` the inputs of a layer in the original network, `z` those in the changed one, and `J` the derivative of the
//! outputs with respect to the layer's result, the mean square error of the outputs that the layer's weights `V` make in
//! place of `W` is taken as `Σ_mn G_mn (V_m z − W_m x)·(V_n z − W_n x)`, averaged over frames and positions, with `G = E[Jᵀ J]`.

use rayon::prelude::*;

use super::layer::Layer;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Tensor};
use crate::quantize::fold::{along, operator};

/// Frames on which derivatives are taken, at most.
const DERIVED: usize = 256;

/// Frames that are held at a time.
const CHUNK: usize = 16;

/// Averages of a layer's inputs.
#[derive(Clone, Debug)]
pub struct Moments {
    /// `E[x]`.
    pub before: Vec<f64>,
    /// `E[z]`.
    pub after: Vec<f64>,
    /// `E[z zᵀ]`, row-major.
    pub own: Vec<f64>,
    /// `E[z xᵀ]`, row-major.
    pub cross: Vec<f64>,
    rows: f64,
}

impl Moments {
    pub(super) fn new(taps: usize) -> Self {
        let square = vec![0.0; taps * taps];
        Self {
            before: vec![0.0; taps],
            after: vec![0.0; taps],
            own: square.clone(),
            cross: square,
            rows: 0.0,
        }
    }

    fn add(&mut self, x: &[f64], z: &[f64]) {
        let taps = self.before.len();
        for (x, z) in x.chunks(taps).zip(z.chunks(taps)) {
            self.rows += 1.0;
            self.before.iter_mut().zip(x).for_each(|(sum, value)| *sum += value);
            self.after.iter_mut().zip(z).for_each(|(sum, value)| *sum += value);
            for (k, &factor) in z.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                let row = k * taps..(k + 1) * taps;
                self.own[row.clone()].iter_mut().zip(z).for_each(|(sum, value)| *sum += factor * value);
                self.cross[row].iter_mut().zip(x).for_each(|(sum, value)| *sum += factor * value);
            }
        }
    }

    fn join(&mut self, other: &Self) {
        let pairs = [
            (&mut self.before, &other.before),
            (&mut self.after, &other.after),
            (&mut self.own, &other.own),
            (&mut self.cross, &other.cross),
        ];
        for (mine, other) in pairs {
            mine.iter_mut().zip(other).for_each(|(sum, value)| *sum += value);
        }
        self.rows += other.rows;
    }

    fn divide(&mut self) {
        let rows = self.rows.max(1.0);
        for values in [&mut self.before, &mut self.after, &mut self.own, &mut self.cross] {
            values.iter_mut().for_each(|value| *value /= rows);
        }
        self.rows = 1.0;
    }

    /// Covariances in the place of the moments, for a layer whose bias takes up the mean.
    pub fn centre(&mut self) {
        let taps = self.before.len();
        for k in 0..taps {
            for l in 0..taps {
                self.own[k * taps + l] -= self.after[k] * self.after[l];
                self.cross[k * taps + l] -= self.after[k] * self.before[l];
            }
        }
    }
}

/// The inputs of one layer as rows that its weights multiply.
pub(super) fn rows(graph: &Graph, values: &[Option<Tensor>], layer: &Layer) -> Option<Vec<f64>> {
    let node = &graph.nodes[layer.node];
    let x = graph.traced(values, node.inputs[layer.linear.input]?).ok()?;
    operator(node)?.patches(x, &layer.shape)
}

/// The moments of every layer; `None` where the operator does not say what its weights multiply.
///
/// # Errors
/// An operator's.
pub fn moments(
    original: &Graph,
    changed: &Graph,
    layers: &[Layer],
    frames: &[Vec<Tensor>],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Option<Moments>>, Diagnostic> {
    let mut all: Vec<Option<Moments>> = layers.iter().map(|layer| Some(Moments::new(layer.taps))).collect();
    for (number, chunk) in frames.chunks(CHUNK).enumerate() {
        progress(number * CHUNK, frames.len());
        let parts: Vec<_> = chunk
            .par_iter()
            .map(|frame| -> Result<Vec<Option<Moments>>, Diagnostic> {
                let (before, after) = (original.trace(frame)?, changed.trace(frame)?);
                let one = |layer: &Layer| {
                    let (x, z) = (rows(original, &before, layer)?, rows(changed, &after, layer)?);
                    let mut moments = Moments::new(layer.taps);
                    moments.add(&x, &z);
                    Some(moments)
                };
                Ok(layers.iter().map(one).collect())
            })
            .collect();
        for part in parts {
            for (sum, part) in all.iter_mut().zip(part?) {
                match (sum.as_mut(), part) {
                    (Some(sum), Some(part)) => sum.join(&part),
                    _ => *sum = None,
                }
            }
        }
    }
    all.iter_mut().flatten().for_each(Moments::divide);
    Ok(all)
}

/// `Σ_positions E[Jᵀ J]` of every layer, channels × channels, by finite differences: the results of one channel are moved up
/// and down by a tenth of what results are, with a random sign at each position.
///
/// # Errors
/// An operator's.
pub fn sensitivities(
    graph: &Graph,
    layers: &[Layer],
    frames: &[Vec<Tensor>],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<f64>>, Diagnostic> {
    let mut all: Vec<Vec<f64>> = layers.iter().map(|layer| vec![0.0; layer.channels.pow(2)]).collect();
    let step = frames.len().div_ceil(DERIVED).max(1);
    let chosen: Vec<&Vec<Tensor>> = frames.iter().step_by(step).collect();
    let scale = 1.0 / chosen.len() as f64;
    for (number, chunk) in chosen.chunks(CHUNK).enumerate() {
        progress(number * CHUNK, chosen.len());
        let parts: Vec<_> = chunk.par_iter().map(|frame| derivatives(graph, layers, frame)).collect();
        for part in parts {
            for ((sum, layer), columns) in all.iter_mut().zip(layers).zip(part?) {
                for m in 0..layer.channels {
                    for n in 0..layer.channels {
                        let product = columns[m].iter().zip(&columns[n]).map(|(a, b)| a * b).sum::<f64>();
                        sum[m * layer.channels + n] += scale * product;
                    }
                }
            }
        }
    }
    Ok(all)
}

/// For each layer and channel the derivative of all outputs on one frame.
fn derivatives(graph: &Graph, layers: &[Layer], frame: &[Tensor]) -> Result<Vec<Vec<Vec<f64>>>, Diagnostic> {
    let mut values = graph.trace(frame)?;
    let mut all = vec![Vec::new(); layers.len()];
    // From the last to the first: what is moved is behind what is still needed.
    for (number, layer) in layers.iter().enumerate().rev() {
        let id = graph.nodes[layer.node].outputs[0];
        let result = graph.traced(&values, id)?.clone();
        let square: f64 = result.data.iter().map(|value| value * value).sum();
        let step = 0.1 * (square / result.data.len() as f64).sqrt().max(1e-6);
        let mut outputs = |m: usize, step: f64| -> Result<Vec<f64>, Diagnostic> {
            let mut moved = result.clone();
            for (flat, value) in moved.data.iter_mut().enumerate() {
                if along(&result.shape, layer.linear.channels, flat) == m {
                    *value += step * sign(&result.shape, layer.linear.channels, flat);
                }
            }
            values[id.index()] = Some(moved);
            graph.run(layer.node + 1, &mut values, &graph.functions)?;
            let mut outputs = Vec::new();
            for id in &graph.outputs {
                outputs.extend(&graph.traced(&values, *id)?.data);
            }
            Ok(outputs)
        };
        for m in 0..layer.channels {
            let (up, down) = (outputs(m, step)?, outputs(m, -step)?);
            all[number].push(up.iter().zip(down).map(|(up, down)| (up - down) / (2.0 * step)).collect());
        }
        values[id.index()] = Some(result);
    }
    Ok(all)
}

/// A sign for each position, the same for all channels.
fn sign(shape: &[usize], channels: usize, flat: usize) -> f64 {
    let inner: usize = shape[channels + 1..].iter().product();
    let position = (flat / (inner * shape[channels]) * inner + flat % inner) as u64;
    let hash = (position + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 63 == 1 { 1.0 } else { -1.0 }
}
