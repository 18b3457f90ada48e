//! What quantization did.

use serde::Serialize;

use super::format::{Codes, Loss};
use super::statistics::outputs;
use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Tensor};

/// What a tensor is to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An input.
    Input,
    /// Multiplied constants.
    Weights,
    /// Added constants.
    Bias,
    /// What a layer computes.
    Result,
}

/// One quantized tensor.
#[derive(Clone, Debug, Serialize)]
pub struct TensorReport {
    /// The node that has it, or the input.
    pub node: String,
    /// The tensor's name in the float model.
    pub tensor: String,
    /// What it is.
    pub kind: Kind,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Bits of a code.
    pub bits: u32,
    /// Whether codes have a sign.
    pub signed: bool,
    /// How many scales it has.
    pub scales: usize,
    /// The least of them.
    pub least_scale: f64,
    /// The greatest of them.
    pub greatest_scale: f64,
    /// Signal-to-quantization-noise ratio in dB; null if there is no noise or no signal.
    pub sqnr_db: Option<f64>,
    /// Values looked at, and how many of them saturate.
    #[serde(flatten)]
    pub loss: Loss,
}

impl TensorReport {
    pub(super) fn new(
        (node, tensor): (&str, &str),
        kind: Kind,
        codes: Codes,
        scales: &[f64],
        [min, max]: [f64; 2],
        loss: Loss,
    ) -> Self {
        let Codes { bits, signed, .. } = codes;
        Self {
            node: node.to_owned(),
            tensor: tensor.to_owned(),
            kind,
            min,
            max,
            bits,
            signed,
            scales: scales.len(),
            least_scale: scales.iter().copied().fold(f64::INFINITY, f64::min),
            greatest_scale: scales.iter().copied().fold(0.0, f64::max),
            sqnr_db: loss.sqnr_db(),
            loss,
        }
    }
}

/// An output of the changed network against the original's, on the calibration set.
#[derive(Clone, Debug, Serialize)]
pub struct OutputReport {
    /// Name.
    pub output: String,
    /// Ratio of signal and error in dB; null if there is no error or no signal.
    pub sqnr_db: Option<f64>,
    /// Greatest difference of one value.
    pub greatest_error: f64,
    /// Share of frames whose largest value is in the same place.
    pub same_largest: f64,
}

/// What was done to a model.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Calibration frames.
    pub frames: usize,
    /// Nodes that were folded into the weights before them.
    pub folded: Vec<String>,
    /// Quantizers that the model had before.
    pub kept: usize,
    /// Tensors, in the order of the network.
    pub tensors: Vec<TensorReport>,
    /// Outputs.
    pub outputs: Vec<OutputReport>,
    /// What else the user ought to know.
    pub notes: Vec<String>,
}

/// Compares the outputs of two networks with the same inputs and outputs.
///
/// # Errors
/// An operator's.
pub fn agreement(
    original: &Graph,
    changed: &Graph,
    frames: &[Vec<Tensor>],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<OutputReport>, Diagnostic> {
    let all = 2 * frames.len();
    let expected = outputs(original, frames, &mut |n, _| progress(n, all))?;
    let found = outputs(changed, frames, &mut |n, _| progress(frames.len() + n, all))?;
    Ok(compared(original, &expected, &found))
}

/// Compares outputs, by frame and output, of networks with the outputs of `graph`.
pub fn compared(graph: &Graph, expected: &[Vec<Tensor>], found: &[Vec<Tensor>]) -> Vec<OutputReport> {
    let report = |(number, id): (usize, &crate::graph::TensorId)| {
        let (mut loss, mut greatest_error, mut same) = (Loss::default(), 0f64, 0);
        for (expected, found) in expected.iter().zip(found) {
            let (expected, found) = (&expected[number].data, &found[number].data);
            for (&expected, &found) in expected.iter().zip(found) {
                loss.add(expected, found);
                greatest_error = greatest_error.max((expected - found).abs());
            }
            same += usize::from(largest(expected) == largest(found));
        }
        OutputReport {
            output: graph.info(*id).name.clone(),
            sqnr_db: loss.sqnr_db(),
            greatest_error,
            same_largest: same as f64 / expected.len().max(1) as f64,
        }
    };
    graph.outputs.iter().enumerate().map(report).collect()
}

/// The place of the largest value, the first of equals.
pub fn largest(values: &[f64]) -> usize {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}
