//! Post-training quantization: a float model becomes a QONNX model.
//!
//! `Quant` nodes are put on weights, biases, inputs and the result of each layer. Scales follow from the weights and from
//! what the float network does on a calibration set. What the model quantizes itself stays as it is.
//!
//! *Architecture invariant:* no operator is known here; what is asked of one is in [`crate::ops`].

pub mod fold;
pub mod format;
pub mod report;
pub mod statistics;

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::front::import_model;
use crate::front::onnx::{Editor, Model, Quantization, RawNode};
use crate::graph::{Graph, Node, Tensor, TensorId};
use crate::ops::Role;
use crate::pass::infer;
use crate::pass::layers::{Site, readers, role, sites};
use fold::{along, linear, operator};
use format::{Codes, Loss, Method, Per, ScaleKind};
use report::{Kind, Report, TensorReport, agreement};
use statistics::Seen;

/// Bits of a bias beyond which its grid is made coarser than the accumulator's.
const BIAS_BITS: u32 = 32;

/// How to quantize.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bits of a weight, 2 to 24.
    pub weight_bits: u32,
    /// Bits of an input or of a layer's result, 2 to 24.
    pub activation_bits: u32,
    /// Bits of a result that no later layer reads, 2 to 24.
    pub output_bits: u32,
    /// Other numbers of bits for the layers of these nodes: weights, results.
    pub layers: BTreeMap<String, Bits>,
    /// What a format covers.
    pub method: Method,
    /// What shares a scale.
    pub per: Per,
    /// Which scales may be chosen.
    pub scale: ScaleKind,
}

/// Bits of one layer, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    /// Of its weights.
    pub weights: Option<u32>,
    /// Of its result.
    pub activation: Option<u32>,
}

/// A quantized model.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// The model, for [`crate::front::onnx::encode`].
    pub model: Model,
    /// What was done, and what it costs in precision.
    pub report: Report,
}

/// The graph of a model with every shape and constant.
///
/// # Errors
/// All problems that were found.
pub fn graph(model: &Model) -> Result<Graph, Vec<Diagnostic>> {
    if let Some(function) = model.functions.first() {
        return Err(vec![Diagnostic::new(
            "unsupported-form",
            function.name.clone(),
            "the model has functions of its own, which are neither quantized nor pruned",
            "export it with its functions inlined (`onnx.inliner.inline_local_functions`)",
        )]);
    }
    let mut graph = import_model(model)?;
    let functions = graph.functions.clone();
    infer(&mut graph, &functions)?;
    Ok(graph)
}

/// Quantizes `model` on calibration `frames`: for each frame the network's inputs in order, with a frame axis of extent 1.
/// `progress` hears what is done and how far.
///
/// # Errors
/// All problems of the model; a frame that does not fit; nothing that could be quantized.
pub fn quantize(
    model: &Model,
    frames: &[Vec<Tensor>],
    settings: &Settings,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Quantized, Vec<Diagnostic>> {
    let original = graph(model)?;
    let mut editor = Editor::new(model.clone());
    let folded = fold::fold(&original, &mut editor).map_err(|problem| vec![problem])?;
    let model = editor.finish();
    let graph = graph(&model)?;
    let plan = Plan::new(&graph, settings)?;
    let seen =
        statistics::collect(&graph, frames, &plan.watched, &mut |n, all| progress("calibrating", n, all))
            .map_err(|problem| vec![problem])?;
    let mut work = Work {
        graph: &graph,
        settings,
        editor: Editor::new(model),
        seen,
        grids: vec![None; graph.tensors.len()],
        last: last(&graph),
        report: Report { folded, kept: plan.kept, ..Report::default() },
    };
    work.inputs(&plan);
    let mut pending = plan.sites.iter().peekable();
    for (number, node) in graph.nodes.iter().enumerate() {
        match pending.next_if(|site| site.node == number) {
            Some(site) => work.site(node, site)?,
            None => work.moved(node),
        }
    }
    let (model, mut report) = (work.editor.finish(), work.report);
    let quantized = self::graph(&model)?;
    report.outputs = agreement(&original, &quantized, frames, &mut |n, all| progress("comparing", n, all))
        .map_err(|problem| vec![problem])?;
    report.frames = frames.len();
    Ok(Quantized { model, report })
}

/// What is to be quantized.
struct Plan {
    sites: Vec<Site>,
    inputs: Vec<TensorId>,
    watched: Vec<TensorId>,
    kept: usize,
}

impl Plan {
    fn new(graph: &Graph, settings: &Settings) -> Result<Self, Vec<Diagnostic>> {
        let (sites, readers) = (sites(graph), readers(graph));
        let quantizes =
            |number: &usize| graph.nodes.get(*number).is_some_and(|node| role(node) == Role::Quantizer);
        let inputs = graph.inputs.iter().copied().filter(|id| {
            let readers = &readers[id.index()];
            !graph.info(*id).integer && !readers.is_empty() && !readers.iter().all(quantizes)
        });
        let inputs: Vec<TensorId> = inputs.collect();
        if !sites.iter().any(|site| site.ends || !site.weights.is_empty()) {
            let message =
                "there is nothing to quantize: every weight and every layer's result is quantized already";
            return Err(vec![Diagnostic::new(
                "already-quantized",
                graph.name.clone(),
                message,
                "compile the model as it is",
            )]);
        }
        let known = |name: &String| graph.nodes.iter().any(|node| node.name == *name);
        if let Some(name) = settings.layers.keys().find(|name| !known(name)) {
            let names: Vec<&str> = sites.iter().map(|site| graph.nodes[site.node].name.as_str()).collect();
            return Err(vec![Diagnostic::new(
                "unknown-layer",
                name.clone(),
                "the network has no node of this name, whose bits are given",
                format!("the nodes with weights or results are {}", names.join(", ")),
            )]);
        }
        let ends = sites.iter().filter(|site| site.ends).map(|site| graph.nodes[site.node].outputs[0]);
        let watched = inputs.iter().copied().chain(ends).collect();
        let kept = graph.nodes.iter().filter(|node| role(node) == Role::Quantizer).count();
        Ok(Self { sites, inputs, watched, kept })
    }
}

/// The grid on which a tensor's values lie: one step, or one for each position on an axis.
#[derive(Clone, Debug)]
struct Grid {
    steps: Vec<f64>,
    axis: usize,
}

struct Work<'a> {
    graph: &'a Graph,
    settings: &'a Settings,
    editor: Editor,
    seen: BTreeMap<TensorId, Seen>,
    grids: Vec<Option<Grid>>,
    /// Whether no later layer reads a tensor.
    last: Vec<bool>,
    report: Report,
}

/// For each tensor whether nothing but the outputs and functions of it depend on it.
fn last(graph: &Graph) -> Vec<bool> {
    let mut last = vec![true; graph.tensors.len()];
    for node in graph.nodes.iter().rev() {
        let layer = matches!(role(node), Role::Product | Role::Elementwise);
        if layer || node.outputs.iter().any(|id| !last[id.index()]) {
            node.inputs.iter().flatten().for_each(|id| last[id.index()] = false);
        }
    }
    last
}

impl Work<'_> {
    fn bits(&self, node: &Node) -> (u32, u32) {
        let own = self.settings.layers.get(&node.name).copied().unwrap_or_default();
        let Settings { weight_bits, activation_bits, output_bits, .. } = *self.settings;
        let result = if self.last[node.outputs[0].index()] { output_bits } else { activation_bits };
        (own.weights.unwrap_or(weight_bits), own.activation.unwrap_or(result))
    }

    fn inputs(&mut self, plan: &Plan) {
        for id in &plan.inputs {
            let name = self.graph.info(*id).name.clone();
            let quantization = self.activation(*id, &name, Kind::Input, self.settings.activation_bits);
            let quantizers: Vec<&str> = self
                .graph
                .nodes
                .iter()
                .filter(|node| role(node) == Role::Quantizer)
                .map(|node| node.name.as_str())
                .collect();
            let kept = |node: &RawNode| quantizers.contains(&node.name.as_str());
            self.editor.quantize_source(&name, &quantization, kept);
        }
    }

    /// The quantization of a tensor that is computed, by what it holds.
    fn activation(&mut self, id: TensorId, node: &str, kind: Kind, bits: u32) -> Quantization {
        let seen = self.seen.remove(&id).unwrap_or_default();
        let codes = Codes { bits, signed: seen.min < 0.0, narrow: false };
        // The outermost values may have been thinned out.
        let mut values = seen.values;
        values.extend([seen.min, seen.max].into_iter().filter(|value| value.is_finite()));
        let scale = codes.choose(&values, self.settings.method, self.settings.scale);
        let mut loss = Loss::default();
        values.iter().for_each(|&value| loss.quantized(value, scale, codes));
        self.report.tensors.push(TensorReport::new(
            (node, &self.graph.info(id).name),
            kind,
            codes,
            &[scale],
            [seen.min, seen.max],
            loss,
        ));
        self.grids[id.index()] = Some(Grid { steps: vec![scale], axis: 0 });
        Quantization { shape: Vec::new(), scale: vec![scale], bits, signed: codes.signed, narrow: false }
    }

    /// What only moves data keeps a grid that is the same everywhere.
    fn moved(&mut self, node: &Node) {
        let uniform = node.inputs.first().copied().flatten().and_then(|id| self.grids[id.index()].clone());
        if role(node) == Role::Movement
            && let Some(grid) = uniform.filter(|grid| grid.steps.len() == 1)
        {
            node.outputs.iter().for_each(|id| self.grids[id.index()] = Some(grid.clone()));
        }
    }

    fn site(&mut self, node: &Node, site: &Site) -> Result<(), Vec<Diagnostic>> {
        let linear = linear(self.graph, node);
        let output = node.outputs[0];
        let source = linear.map(|linear| linear.input).or_else(|| self.live(node));
        let input = source.and_then(|slot| node.inputs[slot]).and_then(|id| self.grids[id.index()].clone());
        let (weight_bits, activation_bits) = self.bits(node);
        let mut grid = None;
        for &slot in &site.weights {
            let Some(id) = node.inputs[slot] else { continue };
            let Some(weights) = self.graph.info(id).constant.clone() else { continue };
            if let Some(value) = weights.data.iter().find(|value| !value.is_finite()) {
                let message = format!("the weights `{}` hold {value}", self.graph.info(id).name);
                let help = "train or export the model again";
                return Err(vec![Diagnostic::new("not-finite", node.name.clone(), message, help)]);
            }
            if linear.is_some_and(|linear| linear.bias == Some(slot)) {
                continue;
            }
            let additive = linear.is_none() && self.additive(node, source);
            if additive {
                let axis = input.as_ref().map_or(0, |grid| grid.axis);
                self.bias(node, slot, &weights, input.clone(), axis, weight_bits);
                grid.clone_from(&input);
                continue;
            }
            let axis = linear.filter(|linear| linear.weights == slot).map(|linear| linear.axis);
            let steps = self.weights(node, slot, &weights, axis, weight_bits);
            grid = match (&input, linear) {
                (Some(Grid { steps: input, .. }), Some(linear)) if input.len() == 1 => Some(Grid {
                    steps: steps.iter().map(|step| step * input[0]).collect(),
                    axis: linear.channels,
                }),
                _ => None,
            };
        }
        if let Some(linear) = linear
            && let Some(slot) = linear.bias.filter(|slot| site.weights.contains(slot))
            && let Some(bias) = node.inputs[slot].and_then(|id| self.graph.info(id).constant.clone())
        {
            self.bias(node, slot, &bias, grid.clone(), linear.channels, weight_bits);
        }
        self.grids[output.index()] = grid;
        if site.ends {
            let quantization = self.activation(output, &node.name, Kind::Result, activation_bits);
            self.editor.quantize_result(&node.name, &quantization);
        }
        Ok(())
    }

    /// The only operand that is computed.
    fn live(&self, node: &Node) -> Option<usize> {
        let live = |slot: &usize| node.inputs[*slot].is_some_and(|id| self.graph.info(id).constant.is_none());
        let mut slots = (0..node.inputs.len()).filter(live);
        slots.next().filter(|_| slots.next().is_none())
    }

    /// Whether the node adds its constant to what it reads.
    fn additive(&self, node: &Node, source: Option<usize>) -> bool {
        let Some((slot, operator)) = source.zip(operator(node)) else { return false };
        let Some(shape) = node.inputs[slot].and_then(|id| self.graph.info(id).shape.clone()) else {
            return false;
        };
        let count = shape.iter().product();
        let at = |value: f64| {
            fold::through(self.graph, &[node], Tensor::new(shape.clone(), vec![value; count]))
                .map(|result| result.data)
        };
        operator.affine(slot)
            && at(0.0).is_ok_and(|zero| {
                // Exact in floats, whatever is added: both are halves of what the constant can be.
                at(2f64.powi(60)).is_ok_and(|far| {
                    far.iter()
                        .zip(&zero)
                        .all(|(far, zero)| ((far - zero).abs() / 2f64.powi(60) - 1.0).abs() < 1e-9)
                })
            })
    }

    /// Quantizes weights; returns their scales.
    fn weights(
        &mut self,
        node: &Node,
        slot: usize,
        weights: &Tensor,
        axis: Option<usize>,
        bits: u32,
    ) -> Vec<f64> {
        let codes = Codes { bits, signed: true, narrow: true };
        let axis = axis.filter(|_| self.settings.per == Per::Channel);
        let channel = |flat: usize| axis.map_or(0, |axis| along(&weights.shape, axis, flat));
        let mut groups = vec![Vec::new(); axis.map_or(1, |axis| weights.shape[axis])];
        weights.data.iter().enumerate().for_each(|(flat, &value)| groups[channel(flat)].push(value));
        let scales: Vec<f64> = groups
            .iter()
            .map(|values| codes.choose(values, self.settings.method, self.settings.scale))
            .collect();
        let mut loss = Loss::default();
        weights
            .data
            .iter()
            .enumerate()
            .for_each(|(flat, &value)| loss.quantized(value, scales[channel(flat)], codes));
        let shape = axis.map_or(Vec::new(), |axis| {
            let mut shape = vec![1; weights.shape.len()];
            shape[axis] = weights.shape[axis];
            shape
        });
        self.said(node, slot, weights, Kind::Weights, codes, &scales, loss);
        let quantization = Quantization { shape, scale: scales.clone(), bits, signed: true, narrow: true };
        self.editor.quantize_input(&node.name, slot, &quantization);
        scales
    }

    /// Quantizes a bias to a grid that the accumulator has anyway, or halves, quarters, … of it, fine enough for the
    /// result; without an accumulator's grid, to a power of two.
    fn bias(
        &mut self,
        node: &Node,
        slot: usize,
        bias: &Tensor,
        grid: Option<Grid>,
        channels: usize,
        bits: u32,
    ) {
        let rank = self.graph.info(node.outputs[0]).shape.as_ref().map_or(0, Vec::len);
        // A list that belongs to a channel axis is no broadcast against the last one.
        let list = linear(self.graph, node).is_some_and(|linear| linear.bias == Some(slot));
        let axis = if list { Some(0) } else { (channels + bias.shape.len()).checked_sub(rank) };
        let most = bias.data.iter().fold(0f64, |most, value| most.max(value.abs()));
        // Twice as fine as the weights' own grid would be, relative to the largest bias.
        let fine = most * 2f64.powi(-(bits as i32) - 4);
        let finest = most * 2f64.powi(2 - BIAS_BITS as i32);
        let step = |own: f64| {
            let mut step = own;
            while step > fine && fine > 0.0 {
                step /= 2.0;
            }
            while step < finest {
                step *= 2.0;
            }
            step
        };
        let aligned = |axis: usize, count: usize| bias.shape.get(axis) == Some(&count);
        let (shape, scales) = match (grid, axis) {
            (Some(grid), _) if grid.steps.len() == 1 => (Vec::new(), vec![step(grid.steps[0])]),
            (Some(grid), Some(axis)) if aligned(axis, grid.steps.len()) => {
                let mut shape = vec![1; bias.shape.len()];
                shape[axis] = grid.steps.len();
                (shape, grid.steps.into_iter().map(step).collect())
            }
            _ => {
                let name = &self.graph.info(node.outputs[0]).name;
                self.report.notes.push(format!(
                    "{}: the grid of `{name}` is not known, the bias has a power of two of its own",
                    node.name
                ));
                (Vec::new(), vec![ScaleKind::PowerOfTwo.up(if fine > 0.0 { fine / 16.0 } else { 1.0 })])
            }
        };
        let axis = axis.filter(|_| scales.len() > 1);
        let channel = |flat: usize| axis.map_or(0, |axis| along(&bias.shape, axis, flat));
        let largest = bias.data.iter().enumerate().fold(0f64, |most, (flat, value)| {
            most.max((value / scales[channel(flat)]).round_ties_even().abs())
        });
        let bits = ((largest + 1.0).log2().ceil() as u32 + 1).max(2);
        let codes = Codes { bits, signed: true, narrow: true };
        let mut loss = Loss::default();
        bias.data
            .iter()
            .enumerate()
            .for_each(|(flat, &value)| loss.quantized(value, scales[channel(flat)], codes));
        self.said(node, slot, bias, Kind::Bias, codes, &scales, loss);
        let quantization = Quantization { shape, scale: scales, bits, signed: true, narrow: true };
        self.editor.quantize_input(&node.name, slot, &quantization);
    }

    #[expect(clippy::too_many_arguments, reason = "a line of the report has as many parts")]
    fn said(
        &mut self,
        node: &Node,
        slot: usize,
        tensor: &Tensor,
        kind: Kind,
        codes: Codes,
        scales: &[f64],
        loss: Loss,
    ) {
        let name = node.inputs[slot].map_or("", |id| self.graph.info(id).name.as_str());
        let bounds = tensor
            .data
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[lo, hi], &value| [lo.min(value), hi.max(value)]);
        self.report.tensors.push(TensorReport::new((&node.name, name), kind, codes, scales, bounds, loss));
    }
}
