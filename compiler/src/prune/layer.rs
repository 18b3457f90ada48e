//! The layers of a network whose weights can be changed.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::front::onnx::{Editor, Quantization};
use crate::graph::{Graph, Tensor, TensorId};
use crate::ops::Linear;
use crate::pass::layers::readers;
use crate::quantize::fold::{along, linear, operator, tail, through};

/// The most codes of one sign on a grid that is looked for.
const MOST_CODES: u32 = 1 << 12;

/// A layer whose weights are known.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The node's number.
    pub node: usize,
    /// The node's name.
    pub name: String,
    /// How the node is linear.
    pub linear: Linear,
    /// The weights.
    pub weights: TensorId,
    /// Extents of the weights.
    pub shape: Vec<usize>,
    /// Output channels.
    pub channels: usize,
    /// Weights of one channel.
    pub taps: usize,
    /// What is added to each channel.
    pub bias: Option<Bias>,
    /// The weights' grid, if the model quantizes them.
    pub grid: Option<Grid>,
}

/// Constants that a layer adds, one for each channel.
#[derive(Clone, Debug)]
pub struct Bias {
    /// The tensor.
    pub tensor: TensorId,
    /// The node that adds it, and its operand.
    pub place: (String, usize),
    /// Its grid, if the model quantizes it: one step.
    pub step: Option<f64>,
}

/// Values `code × step`.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// One step for each channel.
    pub steps: Vec<f64>,
    /// The greatest magnitude of a code.
    pub most: i64,
}

/// The graph with everything that depends on constants alone made a constant, quantized weights among them.
///
/// # Errors
/// An operator's.
pub fn resolved(graph: &Graph) -> Result<Graph, Diagnostic> {
    let mut graph = graph.clone();
    for number in 0..graph.nodes.len() {
        let node = graph.nodes[number].clone();
        let constant = |id: &TensorId| graph.info(*id).constant.clone();
        let known = node.inputs.iter().flatten().all(|id| constant(id).is_some());
        let open = node.outputs.iter().any(|id| constant(id).is_none());
        let Some(operator) = operator(&node).filter(|_| known && open && !node.inputs.is_empty()) else {
            continue;
        };
        let operands: Vec<Option<Arc<Tensor>>> =
            node.inputs.iter().map(|id| id.as_ref().and_then(constant)).collect();
        let operands: Vec<Option<&Tensor>> = operands.iter().map(Option::as_deref).collect();
        let results = operator.reference(&operands).map_err(|fault| fault.at(&node.name))?;
        for (id, result) in node.outputs.iter().zip(results) {
            graph.set_constant(*id, result);
        }
    }
    Ok(graph)
}

/// The layers of a resolved graph, and of others that have weights the reason why they stay as they are. `original` is
/// the graph before.
pub fn layers(original: &Graph, graph: &Graph) -> (Vec<Layer>, Vec<String>) {
    let readers = readers(graph);
    let (mut layers, mut notes) = (Vec::new(), Vec::new());
    for (number, node) in graph.nodes.iter().enumerate() {
        let Some(linear) = linear(graph, node) else { continue };
        let Some(weights) = node.inputs[linear.weights] else { continue };
        let Some(constant) = graph.info(weights).constant.as_deref() else { continue };
        if readers[weights.index()].len() != 1 {
            notes.push(format!("{}: its weights are used elsewhere too and stay as they are", node.name));
            continue;
        }
        let channels = constant.shape[linear.axis];
        let quantized = original.info(weights).constant.is_none();
        let grid = quantized.then(|| grid(constant, linear.axis)).flatten();
        if quantized && grid.is_none() {
            notes.push(format!("{}: its weights lie on no grid of codes and stay as they are", node.name));
            continue;
        }
        layers.push(Layer {
            node: number,
            name: node.name.clone(),
            linear,
            weights,
            shape: constant.shape.clone(),
            channels,
            taps: constant.data.len() / channels,
            bias: bias(original, graph, &readers, number, linear, channels),
            grid,
        });
    }
    (layers, notes)
}

fn bias(
    original: &Graph,
    graph: &Graph,
    readers: &[Vec<usize>],
    number: usize,
    linear: Linear,
    channels: usize,
) -> Option<Bias> {
    let node = &graph.nodes[number];
    let (adder, slot) = match linear.bias {
        Some(slot) => (node, slot),
        None => {
            let adder = *tail(graph, readers, node.outputs[0]).first()?;
            let slot = adder.inputs.iter().position(|id| *id != Some(node.outputs[0]))?;
            let shape = graph.info(node.outputs[0]).shape.clone()?;
            let at = |value: f64| {
                let count = shape.iter().product();
                through(graph, &[adder], Tensor::new(shape.clone(), vec![value; count])).ok()
            };
            let (zero, one) = (at(0.0)?, at(1.0)?);
            let constant = graph.info(adder.inputs[slot]?).constant.clone()?;
            let rank = constant.shape.len();
            let own = (linear.channels + rank).checked_sub(shape.len())?;
            let fits = constant.shape.get(own) == Some(&channels) && constant.data.len() == channels;
            let added =
                zero.data.iter().enumerate().all(|(flat, value)| {
                    fits && *value == constant.data[along(&shape, linear.channels, flat)]
                });
            let adds = one.data.iter().zip(&zero.data).all(|(one, zero)| (one - zero - 1.0).abs() < 1e-9);
            (added && adds).then_some((adder, slot))?
        }
    };
    let tensor = adder.inputs[slot]?;
    let constant = graph.info(tensor).constant.as_deref()?;
    (constant.data.len() == channels && readers[tensor.index()].len() == 1).then_some(())?;
    let quantized = original.info(tensor).constant.is_none();
    let step = quantized.then(|| step(&constant.data)).flatten();
    (step.is_some() || !quantized).then(|| Bias { tensor, place: (adder.name.clone(), slot), step })
}

/// The largest step of which all values are multiples, within the precision of float32.
fn step(values: &[f64]) -> Option<f64> {
    let least = values.iter().map(|value| value.abs()).filter(|value| *value > 0.0).min_by(f64::total_cmp);
    let Some(least) = least else { return Some(1.0) };
    let whole = |step: f64| {
        values.iter().all(|value| {
            let codes = value / step;
            (codes - codes.round()).abs() <= codes.abs() * 3e-7
        })
    };
    (1..=MOST_CODES).map(|n| least / f64::from(n)).find(|&step| whole(step))
}

/// One step for the whole tensor if there is one, else one for each channel.
fn grid(weights: &Tensor, axis: usize) -> Option<Grid> {
    let channels = weights.shape[axis];
    let steps = match step(&weights.data)
        .filter(|step| weights.data.iter().all(|value| (value / step).abs() < f64::from(MOST_CODES)))
    {
        Some(step) => vec![step; channels],
        None => {
            let mut groups = vec![Vec::new(); channels];
            for (flat, &value) in weights.data.iter().enumerate() {
                groups[along(&weights.shape, axis, flat)].push(value);
            }
            groups.iter().map(|values| step(values)).collect::<Option<_>>()?
        }
    };
    let code = |(flat, value): (usize, &f64)| {
        (value / steps[along(&weights.shape, axis, flat)]).round().abs() as i64
    };
    let most = weights.data.iter().enumerate().map(code).max().unwrap_or(0).max(1);
    Some(Grid { steps, most })
}

impl Layer {
    /// The position in the tensor of tap `k` of channel `m`.
    pub fn flat(&self, m: usize, k: usize) -> usize {
        let inner: usize = self.shape[self.linear.axis + 1..].iter().product();
        k / inner * inner * self.channels + m * inner + k % inner
    }

    /// The weights by channel and tap.
    pub fn values(&self, graph: &Graph) -> Vec<f64> {
        let Some(constant) = graph.info(self.weights).constant.as_deref() else { return Vec::new() };
        let at = |n: usize| constant.data[self.flat(n / self.taps, n % self.taps)];
        (0..self.channels * self.taps).map(at).collect()
    }

    /// The codes by channel and tap.
    pub fn codes(&self, grid: &Grid, graph: &Graph) -> Vec<i64> {
        let values = self.values(graph);
        values
            .iter()
            .enumerate()
            .map(|(n, value)| (value / grid.steps[n / self.taps]).round() as i64)
            .collect()
    }

    /// Replaces the weights in a graph, given by channel and tap.
    pub fn set_values(&self, graph: &mut Graph, values: &[f64]) {
        let mut data = vec![0.0; values.len()];
        for (n, &value) in values.iter().enumerate() {
            data[self.flat(n / self.taps, n % self.taps)] = value;
        }
        graph.set_constant(self.weights, Tensor::new(self.shape.clone(), data));
    }

    /// Writes the weights and the bias that `graph` holds into the model.
    pub fn write(&self, graph: &Graph, editor: &mut Editor) {
        if let Some(constant) = graph.info(self.weights).constant.as_deref() {
            let name = editor.constant(&format!("{}/weights", self.name), &constant.shape, &constant.data);
            editor.rewire(&self.name, self.linear.weights, &name);
            if let Some(grid) = &self.grid {
                let uniform = grid.steps.iter().all(|step| *step == grid.steps[0]);
                let mut shape = vec![1; self.shape.len()];
                shape[self.linear.axis] = self.channels;
                let bits = 65 - grid.most.unsigned_abs().leading_zeros();
                editor.quantize_input(
                    &self.name,
                    self.linear.weights,
                    &Quantization {
                        shape: if uniform { Vec::new() } else { shape },
                        scale: if uniform { vec![grid.steps[0]] } else { grid.steps.clone() },
                        bits: bits.max(2),
                        signed: true,
                        narrow: false,
                    },
                );
            }
        }
        let Some(bias) = &self.bias else { return };
        let Some(constant) = graph.info(bias.tensor).constant.as_deref() else { return };
        let (node, slot) = &bias.place;
        let name = editor.constant(&format!("{}/bias", self.name), &constant.shape, &constant.data);
        editor.rewire(node, *slot, &name);
        if let Some(step) = bias.step {
            let most = constant.data.iter().fold(1f64, |most, value| most.max((value / step).abs().ceil()));
            let bits = (most + 1.0).log2().ceil() as u32 + 1;
            editor.quantize_input(
                node,
                *slot,
                &Quantization { shape: Vec::new(), scale: vec![step], bits, signed: true, narrow: false },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found() {
        assert_eq!(step(&[0.0, 0.75, -0.5, 1.25]), Some(0.25));
        assert_eq!(step(&[0.0, 0.0]), Some(1.0));
        let odd = f64::from(0.0123f32);
        let found = step(&[5.0, -7.0, 31.0, 4.0].map(|code| code * odd)).unwrap();
        assert!((found / odd - 1.0).abs() < 1e-12, "{found}");
        assert_eq!(step(&[0.1234, 0.987_651_3, 0.314_159_2]), None);
        let by_channel = Tensor::new(vec![2, 2], vec![0.25, 0.75, 0.311, -0.933]);
        assert_eq!(grid(&by_channel, 0).unwrap().steps.len(), 2);
    }
}
