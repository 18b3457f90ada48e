//! Parameters and moments: everything that a training changes.

use std::sync::Arc;

use crate::kernel::Geometry;
use crate::ops::{QuantizeBias, QuantizeWeights, activate};
use crate::quantize::{self, Codes, FREE, digits};
use crate::random::Random;
use crate::recipe::Network;

/// Parameters of one layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layer {
    /// `[outputs][inputs][rows][columns]`.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
    /// Fraction bits of the weights of each output, real numbers.
    pub fraction: Vec<f32>,
    /// Most digits of each weight: 0 pruned, [`FREE`] no limit.
    pub limit: Arc<[u8]>,
}

impl Layer {
    /// The three arrays that are learned.
    pub fn learned(&self) -> [&Vec<f32>; 3] {
        [&self.weight, &self.bias, &self.fraction]
    }

    /// The same, to be changed.
    pub fn learned_mut(&mut self) -> [&mut Vec<f32>; 3] {
        [&mut self.weight, &mut self.bias, &mut self.fraction]
    }
}

/// A network with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub layers: Vec<Layer>,
    pub codes: Vec<Arc<Codes>>,
}

impl State {
    /// Random weights (He et al., arXiv:1502.01852), biases zero.
    pub fn new(network: &Network, seed: u64) -> Self {
        let random = Random::new(seed);
        let layer = |n: usize| {
            let (count, outputs) = (network.weights(n), network.layer[n].outputs);
            let deviation = (2.0 * outputs as f64 / count as f64).sqrt();
            let mut random = random.split(n as u64);
            Layer {
                weight: (0..count).map(|_| (deviation * random.normal()) as f32).collect(),
                bias: vec![0.0; outputs],
                fraction: vec![0.0; outputs],
                limit: vec![FREE; count].into(),
            }
        };
        let codes = network.layer.iter().map(|layer| Arc::new(Codes::new(layer.bits))).collect();
        Self { layers: (0..network.layer.len()).map(layer).collect(), codes }
    }

    /// The quantizer of a layer's weights.
    pub fn weights(&self, layer: usize) -> QuantizeWeights {
        QuantizeWeights { codes: self.codes[layer].clone(), limits: self.layers[layer].limit.clone() }
    }

    /// The quantizer of a layer's biases.
    pub fn biases(&self, network: &Network, layer: usize) -> QuantizeBias {
        let input = network.input_fraction(layer);
        let fractions = self.layers[layer].fraction.iter();
        QuantizeBias { fractions: fractions.map(|&f| quantize::whole(f) + input).collect() }
    }

    /// Codes of a layer's weights.
    pub fn weight_codes(&self, layer: usize) -> Vec<i32> {
        let Layer { weight, fraction, limit, .. } = &self.layers[layer];
        let per_channel = weight.len() / fraction.len();
        let code = |(n, &w): (usize, &f32)| {
            self.codes[layer].code(w, quantize::whole(fraction[n / per_channel]), limit[n])
        };
        weight.iter().enumerate().map(code).collect()
    }

    /// Cost of each layer per position: signed digits times input bits, summed over the weights.
    pub fn costs(&self, network: &Network) -> Vec<f64> {
        let cost = |layer| {
            let count: u64 = self.weight_codes(layer).iter().map(|&code| u64::from(digits(code))).sum();
            count as f64 * f64::from(network.input_bits(layer))
        };
        (0..self.layers.len()).map(cost).collect()
    }

    /// Share of weights whose code is zero.
    pub fn zeros(&self) -> f64 {
        let codes = (0..self.layers.len()).flat_map(|layer| self.weight_codes(layer));
        let (mut zeros, mut all) = (0u32, 0u32);
        for code in codes {
            zeros += u32::from(code == 0);
            all += 1;
        }
        f64::from(zeros) / f64::from(all.max(1))
    }

    /// Sets the fraction bits of every channel to those with the least squared error, and the digit limits to the network's.
    pub fn start_quantization(&mut self, network: &Network) {
        for (n, layer) in self.layers.iter_mut().enumerate() {
            if let Some(most) = network.layer[n].max_digits {
                layer.limit = layer.limit.iter().map(|&limit| limit.min(most)).collect();
            }
            let per_channel = layer.weight.len() / layer.fraction.len();
            let channels = layer.weight.chunks(per_channel).zip(layer.limit.chunks(per_channel));
            let best = channels.map(|(weights, limits)| self.codes[n].best_fraction(weights, limits) as f32);
            layer.fraction = best.collect();
        }
    }

    /// Weights and bias as a layer uses them.
    pub fn used(&self, network: &Network, layer: usize, quantized: bool) -> (Vec<f32>, Vec<f32>) {
        let Layer { weight, bias, fraction, .. } = &self.layers[layer];
        if quantized {
            (self.weights(layer).apply(weight, fraction), self.biases(network, layer).apply(bias))
        } else {
            (weight.clone(), bias.clone())
        }
    }

    /// Logits of images `[n][6][height][width]`; `see` is shown each hidden layer's activations.
    pub fn forward(
        &self,
        network: &Network,
        quantized: bool,
        x: &[f32],
        (height, width): (usize, usize),
        mut see: impl FnMut(usize, &[f32]),
    ) -> Vec<f32> {
        let mut values = x.to_vec();
        for layer in 0..self.layers.len() {
            let (weight, bias) = self.used(network, layer, quantized);
            values = crate::kernel::convolve(network.geometry(layer, height, width), &values, &weight, &bias);
            if layer + 1 < self.layers.len() {
                activate(&mut values, network.layer[layer].activation.filter(|_| quantized));
                see(layer, &values);
            }
        }
        values
    }
}

impl Network {
    /// The extents of a layer on images of the given extents.
    pub(crate) fn geometry(&self, layer: usize, height: usize, width: usize) -> Geometry {
        let crate::recipe::Layer { outputs, rows, columns, .. } = self.layer[layer];
        Geometry { inputs: self.inputs(layer), outputs, rows, columns, height, width }
    }
}

/// Moments of the gradient of every learned array, `[layer][weight, bias, fraction]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moments {
    pub first: Vec<[Vec<f32>; 3]>,
    pub second: Vec<[Vec<f32>; 3]>,
}

impl Moments {
    pub fn new(state: &State) -> Self {
        let zeros = |layer: &Layer| layer.learned().map(|array| vec![0.0; array.len()]);
        let all: Vec<_> = state.layers.iter().map(zeros).collect();
        Self { first: all.clone(), second: all }
    }
}
