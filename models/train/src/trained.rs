//! A trained network, to be evaluated and exported.

use std::path::Path;

use crate::checkpoint;
use crate::error::TrainError;
use crate::quantize::whole;
use crate::recipe::{LAYERS, Network, Recipe};
use crate::source::{Batch, by_channel, by_image};
use crate::state::State;

/// The parameters of one stage.
#[derive(Clone, Debug)]
pub struct Trained {
    recipe: Recipe,
    stage: String,
    quantized: bool,
    step: u64,
    pub(crate) state: State,
}

/// A layer's weights as integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerCodes {
    /// `[outputs][inputs][rows][columns]`; value = code × 2^−fraction of the output.
    pub weight: Vec<i32>,
    /// Fraction bits of each output's weights.
    pub fraction: Vec<i32>,
    /// `[outputs]`; value = code × 2^−(fraction of the output + fraction of the layer's input).
    pub bias: Vec<i64>,
}

impl Trained {
    /// Reads a stage's file, or a checkpoint.
    ///
    /// # Errors
    /// The file cannot be read or is no such file.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let bytes = std::fs::read(path).map_err(|error| TrainError::file(path, error))?;
        Self::from_bytes(&bytes).map_err(|reason| TrainError::parameters(path, reason))
    }

    /// Reads the bytes of a stage's file, or of a checkpoint.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (header, state, _) = checkpoint::from_bytes(bytes)?;
        let checkpoint::Header { recipe, stage, quantized, step, .. } = header;
        Ok(Self { recipe, stage, quantized, step, state })
    }

    /// The recipe that it was trained with.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.recipe.network
    }

    /// The stage.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// Whether the network is quantized.
    pub fn is_quantized(&self) -> bool {
        self.quantized
    }

    /// Steps of training, over all stages.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Logits `[layer][crop][partition][strip]` of crops or whole images; those where `x` is 0 mean nothing. Reads `batch.x` only.
    ///
    /// # Errors
    /// The array does not have the extents that the batch states.
    pub fn forward(&self, batch: &Batch) -> Result<Vec<f32>, TrainError> {
        let Batch { n, height, width, .. } = *batch;
        if batch.x.len() != LAYERS * n * height * width || batch.x.is_empty() {
            return Err(TrainError::Batch("its array has another length than its extents".into()));
        }
        let x = by_image(&batch.x, n, height * width);
        let logits = self.state.forward(self.network(), self.quantized, &x, (height, width), |_, _| {});
        Ok(by_channel(&logits, LAYERS, height * width))
    }

    /// Cost of each layer per position: signed digits of the weights' codes times input bits.
    pub fn costs(&self) -> Vec<f64> {
        self.state.costs(self.network())
    }

    /// Share of weights whose code is zero.
    pub fn zeros(&self) -> f64 {
        self.state.zeros()
    }

    /// Whether no sum of a quantized network can leave the integers that float32 holds, so that [`forward`](Self::forward) gives the
    /// emulator's bits.
    pub fn is_exact(&self) -> bool {
        let exact = |layer: usize| {
            let LayerCodes { weight, bias, .. } = self.codes(layer);
            let greatest = (1i64 << self.network().input_bits(layer)) - 1;
            let reach = |(weights, bias): (&[i32], &i64)| {
                bias.abs() + greatest * weights.iter().map(|&code| i64::from(code.abs())).sum::<i64>()
            };
            weight.chunks(weight.len() / bias.len()).zip(&bias).all(|channel| reach(channel) < 1 << 24)
        };
        self.quantized && (0..self.network().layer.len()).all(exact)
    }

    /// A layer's weights and biases as integers.
    pub fn codes(&self, layer: usize) -> LayerCodes {
        let fraction: Vec<i32> = self.state.layers[layer].fraction.iter().map(|&f| whole(f)).collect();
        let input = self.network().input_fraction(layer);
        let bias = self.state.layers[layer].bias.iter().zip(&fraction);
        let bias =
            bias.map(|(&bias, &fraction)| crate::quantize::bias_code(bias, fraction + input)).collect();
        LayerCodes { weight: self.state.weight_codes(layer), fraction, bias }
    }
}
