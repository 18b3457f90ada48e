//! The smallest weights become zero.

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::front::onnx::{Editor, Model};
use crate::graph::Tensor;
use crate::netlist::Target;
use crate::quantize::graph;
use crate::quantize::report::compared;
use crate::quantize::statistics::outputs;

use super::estimate::estimate;
use super::layer::{Layer, layers, resolved};
use super::report::{Pruned, Report};

/// Makes the share `sparsity` of each layer's weights zero, those of least magnitude, zeros that are there included.
///
/// Figures of hardware are in the report if the model compiles with `options`; outputs are compared if there are `frames`.
///
/// # Errors
/// All problems of the model; no layer with weights.
pub fn magnitude(
    model: &Model,
    frames: &[Vec<Tensor>],
    sparsity: f64,
    (options, target): (&Options, &Target),
    progress: &mut dyn FnMut(&str, usize, usize),
) -> Result<Pruned, Vec<Diagnostic>> {
    let one = |problem: Diagnostic| vec![problem];
    let read = graph(model)?;
    let original = resolved(&read).map_err(one)?;
    let (layers, notes) = layers(&read, &original);
    if layers.is_empty() {
        let message = "no layer has constant weights of its own";
        return Err(one(Diagnostic::new("nothing-to-prune", read.name, message, "")));
    }
    let mut changed = original.clone();
    for layer in &layers {
        let mut values = layer.values(&original);
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()).then(a.cmp(&b)));
        let count = (values.len() as f64 * sparsity).round() as usize;
        order[..count].iter().for_each(|&at| values[at] = 0.0);
        layer.set_values(&mut changed, &values);
    }
    let mut editor = Editor::new(model.clone());
    // The biases are as they were.
    layers.iter().for_each(|layer| Layer { bias: None, ..layer.clone() }.write(&changed, &mut editor));
    let pruned = editor.finish();
    progress("counting", 0, 0);
    let counted = [estimate(model, options, target).ok(), estimate(&pruned, options, target).ok()];
    let expected =
        outputs(&original, frames, &mut |n, all| progress("original outputs", n, all)).map_err(one)?;
    let found = outputs(&changed, frames, &mut |n, all| progress("comparing", n, all)).map_err(one)?;
    let agreement = if frames.is_empty() { Vec::new() } else { compared(&original, &expected, &found) };
    let counted = [counted[0].as_ref(), counted[1].as_ref()];
    let report = Report::new(&layers, [&original, &changed], counted, agreement, frames.len());
    Ok(Pruned { model: pruned, report: Report { notes, ..report } })
}
