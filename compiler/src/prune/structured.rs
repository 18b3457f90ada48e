//! Whole channels are taken out, and the layers that read them become smaller.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::front::onnx::{Editor, Model};
use crate::graph::{Graph, Tensor};
use crate::netlist::Target;
use crate::pass::layers::{fixed, readers};
use crate::quantize::fold::along;
use crate::quantize::graph;
use crate::quantize::report::compared;
use crate::quantize::statistics::outputs;

use super::estimate::estimate;
use super::layer::{Grid, Layer, layers, resolved};
use super::moments::{Moments, moments, rows, sensitivities};
use super::report::{Pruned, Report};

/// Frames on which it is seen which channel feeds what.
const PROBED: usize = 4;

/// What is left of a layer.
struct Kept {
    channels: Vec<usize>,
    taps: Vec<usize>,
}

/// Takes the share `sparsity` of the channels out of each layer whose results feed one other layer only: those that change
/// the outputs least, by second moments and derivatives on the calibration `frames`; the next layer's bias takes up their mean.
///
/// Tensors shrink unless something between two layers has a fixed shape; then the weights become zero in their place.
///
/// # Errors
/// All problems of the model; no layer of that kind.
pub fn structured(
    model: &Model,
    frames: &[Vec<Tensor>],
    sparsity: f64,
    (options, target): (&Options, &Target),
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Pruned, Vec<Diagnostic>> {
    let one = |problem: Diagnostic| vec![problem];
    let read = graph(model)?;
    let original = resolved(&read).map_err(one)?;
    let (layers, mut notes) = layers(&read, &original);
    let found = moments(&original, &original, &layers, frames, &mut |n, all| progress("moments", n, all))
        .map_err(one)?;
    let g = sensitivities(&original, &layers, frames, &mut |n, all| progress("derivatives", n, all))
        .map_err(one)?;
    let mut kept: Vec<Kept> = layers
        .iter()
        .map(|layer| Kept { channels: (0..layer.channels).collect(), taps: (0..layer.taps).collect() })
        .collect();
    let mut changed = original.clone();
    let mut pairs = 0;
    for (number, layer) in layers.iter().enumerate() {
        let next = follower(&original, &layers, layer);
        let next = next.filter(|&next| found[number].is_some() && found[next].is_some());
        let fed = match next {
            Some(next) => {
                fed(&original, layer, &layers[next], &frames[..PROBED.min(frames.len())]).map_err(one)?
            }
            None => None,
        };
        let Some((next, fed)) = next.zip(fed) else {
            notes.push(format!(
                "{}: its channels stay, since more than one layer's inputs depend on them",
                layer.name
            ));
            continue;
        };
        pairs += 1;
        let (reader, mut moments) = (&layers[next], found[next].clone().unwrap_or_else(|| Moments::new(1)));
        if reader.bias.is_some() {
            moments.centre();
        }
        let values = reader.values(&original);
        let mut order: Vec<(f64, usize)> = (0..layer.channels)
            .map(|m| (importance(reader, &moments, &g[next], &values, &fed[m]), m))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        // At least one channel is left.
        let count = ((layer.channels as f64 * sparsity).round() as usize).min(layer.channels - 1);
        let gone: BTreeSet<usize> = order[..count].iter().map(|(_, m)| *m).collect();
        let taps: BTreeSet<usize> = gone.iter().flat_map(|&m| fed[m].iter().copied()).collect();
        kept[number].channels.retain(|m| !gone.contains(m));
        kept[next].taps.retain(|k| !taps.contains(k));
        balance(&original, &mut changed, reader, &moments, &values, &taps);
    }
    if pairs == 0 {
        let message = "no layer has channels that only one other layer reads";
        return Err(one(Diagnostic::new(
            "nothing-to-prune",
            read.name,
            message,
            "prune weights: `--method magnitude`",
        )));
    }
    let pruned = match shrunk(model, &changed, &layers, &kept) {
        Some(pruned) => pruned,
        None => {
            notes.push("something between layers has a fixed shape: channels are zero, not absent".into());
            zeroed(model, &mut changed, &layers, &kept)
        }
    };
    let result = resolved(&graph(&pruned)?).map_err(one)?;
    progress("counting", 0, 0);
    let counted = [estimate(model, options, target).ok(), estimate(&pruned, options, target).ok()];
    let expected =
        outputs(&original, frames, &mut |n, all| progress("original outputs", n, all)).map_err(one)?;
    let answers = outputs(&result, frames, &mut |n, all| progress("comparing", n, all)).map_err(one)?;
    let agreement = compared(&original, &expected, &answers);
    // The report looks at the layers where they are now.
    let now = super::layer::layers(&graph(&pruned)?, &result).0;
    let counted = [counted[0].as_ref(), counted[1].as_ref()];
    let report = Report::between([&layers, &now], [&original, &result], counted, agreement, frames.len());
    Ok(Pruned { model: pruned, report: Report { notes, ..report } })
}

/// The only layer that depends on a layer's result without another between them.
fn follower(graph: &Graph, layers: &[Layer], layer: &Layer) -> Option<usize> {
    let (readers, fixed) = (readers(graph), fixed(graph));
    let mut tensor = graph.nodes[layer.node].outputs[0];
    loop {
        let [reader] = readers[tensor.index()][..] else { return None };
        let node = graph.nodes.get(reader)?;
        if let Some(next) = layers.iter().position(|next| next.node == reader) {
            return (node.inputs[layers[next].linear.input] == Some(tensor)).then_some(next);
        }
        let alone = node.inputs.iter().flatten().all(|id| *id == tensor || fixed[id.index()]);
        let [output] = node.outputs[..] else { return None };
        alone.then(|| tensor = output)?;
    }
}

/// For each channel of a layer the taps of its reader that depend on it; `None` if a tap depends on several.
fn fed(
    graph: &Graph,
    layer: &Layer,
    reader: &Layer,
    frames: &[Vec<Tensor>],
) -> Result<Option<Vec<BTreeSet<usize>>>, Diagnostic> {
    let mut fed = vec![BTreeSet::new(); layer.channels];
    let id = graph.nodes[layer.node].outputs[0];
    for frame in frames {
        let mut values = graph.trace(frame)?;
        let result = graph.traced(&values, id)?.clone();
        // A fresh run from here on, for each channel and in both directions: an activation may hide one.
        let mut with = |channel: Option<(usize, f64)>| -> Result<Option<Vec<f64>>, Diagnostic> {
            let mut moved = result.clone();
            for (flat, value) in moved.data.iter_mut().enumerate() {
                if let Some((m, by)) = channel
                    && along(&result.shape, layer.linear.channels, flat) == m
                {
                    *value = by;
                }
            }
            values[id.index()] = Some(moved);
            graph.run(layer.node + 1, &mut values, &graph.functions)?;
            Ok(rows(graph, &values, reader))
        };
        let size = result.data.iter().fold(1f64, |most, value| most.max(value.abs()));
        for (m, taps) in fed.iter_mut().enumerate() {
            let (Some(up), Some(down)) = (with(Some((m, size)))?, with(Some((m, -size)))?) else {
                return Ok(None);
            };
            let different = up.iter().zip(&down).enumerate().filter(|(_, (up, down))| up != down);
            taps.extend(different.map(|(flat, _)| flat % reader.taps));
        }
    }
    let count: usize = fed.iter().map(BTreeSet::len).sum();
    let union: BTreeSet<usize> = fed.iter().flatten().copied().collect();
    Ok((count == union.len() && !union.is_empty()).then_some(fed))
}

/// What the outputs lose if a set of taps is held at its mean.
fn importance(reader: &Layer, moments: &Moments, g: &[f64], values: &[f64], taps: &BTreeSet<usize>) -> f64 {
    let mut sum = 0.0;
    for m in 0..reader.channels {
        for n in 0..reader.channels {
            let mut product = 0.0;
            for &k in taps {
                for &l in taps {
                    product += values[m * reader.taps + k]
                        * moments.own[k * reader.taps + l]
                        * values[n * reader.taps + l];
                }
            }
            sum += g[m * reader.channels + n] * product;
        }
    }
    sum
}

/// Adds what a set of taps contributes on average to the bias.
fn balance(
    original: &Graph,
    changed: &mut Graph,
    reader: &Layer,
    moments: &Moments,
    values: &[f64],
    taps: &BTreeSet<usize>,
) {
    let Some(bias) = &reader.bias else { return };
    let Some(mut constant) = original.info(bias.tensor).constant.as_deref().cloned() else { return };
    for (m, value) in constant.data.iter_mut().enumerate() {
        *value += taps.iter().map(|&k| values[m * reader.taps + k] * moments.before[k]).sum::<f64>();
        if let Some(step) = bias.step {
            *value = (*value / step).round() * step;
        }
    }
    changed.set_constant(bias.tensor, constant);
}

/// The model with smaller tensors, if every shape still fits.
fn shrunk(model: &Model, changed: &Graph, layers: &[Layer], kept: &[Kept]) -> Option<Model> {
    let mut editor = Editor::new(model.clone());
    let mut graph = changed.clone();
    for (layer, kept) in layers.iter().zip(kept) {
        let whole = kept.channels.len() == layer.channels && kept.taps.len() == layer.taps;
        let biased =
            layer.bias.as_ref().is_some_and(|bias| kept.taps.len() < layer.taps || bias.step.is_none());
        if whole && !biased {
            continue;
        }
        // Taps go in slabs along the first of the other axes.
        let first = usize::from(layer.linear.axis == 0);
        let slab = layer.taps / layer.shape[first];
        let slabs: BTreeSet<usize> = kept.taps.iter().map(|tap| tap / slab).collect();
        (slabs.len() * slab == kept.taps.len()).then_some(())?;
        let mut shape = layer.shape.clone();
        shape[first] = slabs.len();
        shape[layer.linear.axis] = kept.channels.len();
        let steps = |grid: &Grid| kept.channels.iter().map(|&m| grid.steps[m]).collect();
        let smaller = Layer {
            shape,
            channels: kept.channels.len(),
            taps: kept.taps.len(),
            grid: layer.grid.as_ref().map(|grid| Grid { steps: steps(grid), ..grid.clone() }),
            ..layer.clone()
        };
        let all = layer.values(changed);
        let values: Vec<f64> = kept
            .channels
            .iter()
            .flat_map(|&m| kept.taps.iter().map(move |&k| (m, k)))
            .map(|(m, k)| all[m * layer.taps + k])
            .collect();
        smaller.set_values(&mut graph, &values);
        if let Some(bias) = &layer.bias {
            let mut constant = graph.info(bias.tensor).constant.as_deref()?.clone();
            constant.data = kept.channels.iter().map(|&m| constant.data[m]).collect();
            let axis = constant.shape.iter().position(|&extent| extent == layer.channels)?;
            constant.shape[axis] = kept.channels.len();
            graph.set_constant(bias.tensor, constant);
        }
        smaller.write(&graph, &mut editor);
    }
    let model = editor.finish();
    crate::quantize::graph(&model).is_ok().then_some(model)
}

/// The model with zeros in the place of what is gone.
fn zeroed(model: &Model, changed: &mut Graph, layers: &[Layer], kept: &[Kept]) -> Model {
    let mut editor = Editor::new(model.clone());
    for (layer, kept) in layers.iter().zip(kept) {
        let mut values = layer.values(changed);
        let (channels, taps): (BTreeSet<_>, BTreeSet<_>) =
            (kept.channels.iter().collect(), kept.taps.iter().collect());
        for (at, value) in values.iter_mut().enumerate() {
            if !channels.contains(&(at / layer.taps)) || !taps.contains(&(at % layer.taps)) {
                *value = 0.0;
            }
        }
        layer.set_values(changed, &values);
        layer.write(changed, &mut editor);
    }
    editor.finish()
}
