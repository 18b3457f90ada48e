//! The recipe: network, stages, loss and optimiser as one TOML file. Unknown keys are errors.

use nn2hdl_runtime::{Format, Overflow, Quantizer, Rounding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::TrainError;

/// A network has at most this many layers and weights.
const MOST_LAYERS: usize = 32;
const MOST_WEIGHTS: usize = 1 << 24;
/// A batch has at most this many crops.
pub const MOST_CROPS: usize = 1 << 12;

/// Layers of a chamber: channels of the input image and of the logits.
pub const LAYERS: usize = 6;

/// A whole training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Seed of the initial weights.
    #[serde(default)]
    pub seed: u64,
    /// Where events come from; read by whoever makes the [`Source`](crate::Source), not by the training.
    #[serde(default)]
    pub source: toml::Table,
    /// The network.
    pub network: Network,
    /// The loss.
    #[serde(default)]
    pub loss: Loss,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// What is measured on the way.
    #[serde(default)]
    pub validation: Validation,
    /// Steps between checkpoints.
    #[serde(default = "checkpoint_every")]
    pub checkpoint_every: u64,
    /// The stages, one after the other.
    pub stage: Vec<Stage>,
}

/// A sequence of convolutions with stride 1 and zero padding that keeps the extents, from [`LAYERS`] channels of zeros and
/// ones to [`LAYERS`] logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Convolutions from input to output.
    pub layer: Vec<Layer>,
}

/// One convolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Output channels; [`LAYERS`] in the last layer.
    pub outputs: usize,
    /// Kernel height along partitions, odd.
    pub rows: usize,
    /// Kernel width along strips, odd.
    pub columns: usize,
    /// Bits of a weight, sign included, 2 to 8: codes `−(2^(bits−1) − 1)` to `2^(bits−1) − 1`.
    pub bits: u32,
    /// Most nonzero digits of a weight's code in canonical signed-digit form.
    #[serde(default)]
    pub max_digits: Option<u8>,
    /// Quantizer after the `Relu`; every layer but the last has one.
    #[serde(default)]
    pub activation: Option<Activation>,
}

/// An unsigned quantizer that saturates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// Bits, 1 to 8.
    pub bits: u32,
    /// The step is `2^−fraction`.
    pub fraction: i32,
    /// Rounding.
    #[serde(default = "half_even")]
    pub rounding: Rounding,
}

impl Activation {
    /// The runtime's quantizer.
    pub fn quantizer(self) -> Quantizer {
        Quantizer {
            format: Format { signed: false, width: self.bits, frac: self.fraction },
            rounding: self.rounding,
            overflow: Overflow::Sat,
        }
    }

    /// The greatest value.
    pub fn greatest(self) -> f64 {
        ((1u32 << self.bits) - 1) as f64 * 2f64.powi(-self.fraction)
    }
}

/// The loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// Weight β of a muon's voxel: `−(β p log p̂ + (1 − p) log(1 − p̂))`.
    pub beta: f64,
    /// Factor λ of the resource term of quantized stages: `λ Σ input_bits · log2(1 + |w| 2^f)` over all weights.
    pub resources: f64,
}

impl Default for Loss {
    fn default() -> Self {
        Self { beta: 1.0, resources: 0.0 }
    }
}

/// Adam with decoupled weight decay (arXiv:1711.05101).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decay of the weights (not of biases and fractions), times the rate.
    pub weight_decay: f64,
    /// Greatest norm of the gradient of all parameters; 0 for no bound.
    pub clip: f64,
    /// Rate of the fraction bits over that of the weights.
    pub fraction_rate: f64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, clip: 1.0, fraction_rate: 1.0 }
    }
}

/// Validation on batches of their own, numbered from [`FIRST`](Validation::FIRST).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// Steps between validations; each stage's last step is validated too.
    pub every: u64,
    /// Number of batches.
    pub batches: u64,
    /// Crops in a batch.
    pub batch: usize,
    /// The share of marked voxels without a muon at which the efficiency is stated.
    pub false_positives: f64,
}

impl Validation {
    /// Number of the first batch.
    pub const FIRST: u64 = 1 << 40;
}

impl Default for Validation {
    fn default() -> Self {
        Self { every: 500, batches: 8, batch: 128, false_positives: 0.01 }
    }
}

/// A part of the training with one rate schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name of the stage and of its file.
    pub name: String,
    /// Number of steps.
    pub steps: u64,
    /// Crops in a batch.
    pub batch: usize,
    /// Greatest rate; reached after `warmup` steps, then a cosine down to `rate × final_rate`.
    pub rate: f64,
    /// Steps in which the rate grows from zero.
    #[serde(default)]
    pub warmup: u64,
    /// Last rate over the greatest.
    #[serde(default)]
    pub final_rate: f64,
    /// Whether weights, biases and activations are quantized.
    pub quantize: bool,
    /// Before the first quantized stage: scales hidden channels so that activations fill the quantizers' ranges.
    #[serde(default = "yes")]
    pub equalize: bool,
    /// Pruning, in quantized stages.
    #[serde(default)]
    pub prune: Option<Prune>,
}

/// Removal of digits and weights over a cubic ramp (arXiv:1710.01878), where it hurts least per cost saved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Most cost per position at the ramp's end: signed digits times input bits, summed over the weights of all layers.
    #[serde(default)]
    pub budget: Option<f64>,
    /// Least share of zero weights at the ramp's end.
    #[serde(default)]
    pub zeros: Option<f64>,
    /// Step of the stage at which the ramp starts.
    pub start: u64,
    /// Step of the stage at which it ends. From here on no digit is removed and none comes back.
    pub end: u64,
    /// Steps between removals.
    #[serde(default = "prune_every")]
    pub every: u64,
}

fn checkpoint_every() -> u64 {
    500
}

fn prune_every() -> u64 {
    20
}

fn half_even() -> Rounding {
    Rounding::RndConv
}

fn yes() -> bool {
    true
}

impl Network {
    /// Input channels of a layer.
    pub fn inputs(&self, layer: usize) -> usize {
        layer.checked_sub(1).map_or(LAYERS, |before| self.layer[before].outputs)
    }

    /// Bits of what a layer multiplies: 1 for the image, else those of the activation before.
    pub fn input_bits(&self, layer: usize) -> u32 {
        self.input(layer).map_or(1, |activation| activation.bits)
    }

    /// Fraction bits of what a layer multiplies.
    pub fn input_fraction(&self, layer: usize) -> i32 {
        self.input(layer).map_or(0, |activation| activation.fraction)
    }

    fn input(&self, layer: usize) -> Option<Activation> {
        layer.checked_sub(1).and_then(|before| self.layer[before].activation)
    }

    /// Number of weights of a layer.
    pub fn weights(&self, layer: usize) -> usize {
        let Layer { outputs, rows, columns, .. } = self.layer[layer];
        outputs * self.inputs(layer) * rows * columns
    }

    fn check(&self) -> Result<(), TrainError> {
        let last = self.layer.len().checked_sub(1);
        let last = last.ok_or_else(|| TrainError::recipe("network.layer", "at least one layer is needed"))?;
        for (n, layer) in self.layer.iter().enumerate() {
            let fail = |key: &str, reason: &str| {
                Err(TrainError::recipe(format!("network.layer[{n}].{key}"), reason))
            };
            if layer.outputs == 0 || layer.outputs > 1024 || (n == last && layer.outputs != LAYERS) {
                return fail("outputs", "1 to 1024 are supported, and 6 in the last layer");
            }
            if layer.rows % 2 == 0 || layer.columns % 2 == 0 || layer.rows > 15 || layer.columns > 63 {
                return fail("rows, columns", "kernels have odd extents, at most 15 x 63");
            }
            if !(2..=8).contains(&layer.bits) {
                return fail("bits", "2 to 8 are supported");
            }
            if layer.max_digits == Some(0) {
                return fail("max_digits", "at least 1, or leave it out");
            }
            match layer.activation {
                None if n != last => return fail("activation", "every layer but the last needs one"),
                Some(_) if n == last => return fail("activation", "the last layer has none"),
                Some(a) if !(1..=8).contains(&a.bits) => {
                    return fail("activation.bits", "1 to 8 are supported");
                }
                Some(a) if !(-8..=16).contains(&a.fraction) => {
                    return fail("activation.fraction", "-8 to 16 are supported");
                }
                _ => {}
            }
        }
        let weights = || (0..self.layer.len()).map(|layer| self.weights(layer)).sum::<usize>();
        if self.layer.len() > MOST_LAYERS || weights() > MOST_WEIGHTS {
            let reason = format!("at most {MOST_LAYERS} layers and {MOST_WEIGHTS} weights are supported");
            return Err(TrainError::recipe("network.layer", reason));
        }
        Ok(())
    }
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// The text is no TOML, has unknown or missing keys, or a value makes no sense.
    pub fn parse(text: &str) -> Result<Self, TrainError> {
        let recipe: Self = toml::from_str(text)?;
        recipe.check()?;
        Ok(recipe)
    }

    /// SHA-256 of the recipe's values, hexadecimal; comments and order do not count.
    pub fn digest(&self) -> String {
        let bytes = Sha256::digest(self.to_json().as_bytes());
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The recipe as one line of JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let fail = |key: String, reason: &str| Err(TrainError::recipe(key, reason));
        self.network.check()?;
        if self.stage.is_empty() {
            return fail("stage".into(), "at least one stage is needed");
        }
        if !(self.loss.beta > 0.0 && self.loss.beta.is_finite()) || self.loss.resources.is_nan() {
            return fail("loss".into(), "beta is positive, resources a number");
        }
        let v = self.validation;
        if v.every == 0 || v.batches == 0 || v.batch == 0 || !(0.0..=1.0).contains(&v.false_positives) {
            return fail(
                "validation".into(),
                "every, batches and batch are positive, false_positives 0 to 1",
            );
        }
        if v.batch > MOST_CROPS || self.stage.iter().any(|stage| stage.batch > MOST_CROPS) {
            return fail("batch".into(), "a batch has at most 4096 crops");
        }
        if self.checkpoint_every == 0 {
            return fail("checkpoint_every".into(), "must be positive");
        }
        for (n, stage) in self.stage.iter().enumerate() {
            let key = |name: &str| format!("stage[{n}].{name}");
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if stage.name.is_empty() || !stage.name.chars().all(plain) || stage.name == "checkpoint" {
                return fail(key("name"), "letters, digits, `-` and `_`, and not `checkpoint`");
            }
            if self.stage[..n].iter().any(|before| before.name == stage.name) {
                return fail(key("name"), "is taken");
            }
            if stage.steps == 0 || stage.batch == 0 || stage.warmup >= stage.steps {
                return fail(key("steps"), "steps and batch are positive, warmup is less than steps");
            }
            if !(stage.rate > 0.0 && stage.rate.is_finite() && (0.0..=1.0).contains(&stage.final_rate)) {
                return fail(key("rate"), "is positive, final_rate 0 to 1");
            }
            if !stage.quantize && self.stage[..n].iter().any(|before| before.quantize) {
                return fail(key("quantize"), "no float stage follows a quantized one");
            }
            let Some(prune) = stage.prune else { continue };
            if !stage.quantize {
                return fail(key("prune"), "cost is known in quantized stages only");
            }
            if prune.start >= prune.end || prune.end > stage.steps || prune.every == 0 {
                return fail(key("prune"), "start < end <= steps, every is positive");
            }
            if prune.budget.is_some_and(|budget| budget.is_nan() || budget < 0.0)
                || prune.zeros.is_some_and(|zeros| !(0.0..=1.0).contains(&zeros))
            {
                return fail(key("prune"), "budget is not negative, zeros 0 to 1");
            }
        }
        Ok(())
    }
}
