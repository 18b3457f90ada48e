//! Quantizers for a model that has none.

use std::sync::Arc;

use nn2hdl_runtime::{Overflow, Quantizer, Rounding};

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::graph::{Action, Graph, Node, TensorId};
use crate::ops::{Fixed, Role};

/// With a default format, `relu(x × w + b)` becomes `format(relu(x × format(w) + format(b)))`.
///
/// A layer is a product with what follows it while that has constants only: a bias, a scale, a normalization, at last an
/// activation. Its sum is never rounded. What the model quantizes itself stays as it is.
pub fn default_format(graph: &mut Graph, options: &Options) -> Result<(), Vec<Diagnostic>> {
    let Some(format) = options.default_format else { return Ok(()) };
    // `ap_fixed`'s own defaults would truncate and wrap weights.
    let unstated = format.rounding == Rounding::Trn && format.overflow == Overflow::Wrap;
    let weights = if unstated {
        Quantizer { rounding: Rounding::RndConv, overflow: Overflow::Sat, ..format }
    } else {
        format
    };
    let old = std::mem::take(&mut graph.nodes);
    let readers = readers(graph, &old);
    for (number, mut node) in old.iter().cloned().enumerate() {
        let role = role(&node);
        let live = node.inputs.iter().flatten().any(|id| graph.info(*id).constant.is_none());
        if !live || !matches!(role, Role::Product | Role::Elementwise | Role::Activation) {
            graph.nodes.push(node);
            continue;
        }
        if role != Role::Activation {
            for input in node.inputs.iter_mut().flatten() {
                if graph.info(*input).constant.is_some() && !graph.info(*input).integer {
                    *input = insert(graph, *input, weights, &format!("{}/weights", node.name));
                }
            }
        }
        let output = node.outputs[0];
        if continues(graph, &old, &readers[output.index()], output) {
            graph.nodes.push(node);
            continue;
        }
        // The rounded tensor takes the name and the place of the original.
        let name = graph.info(output).name.clone();
        let raw = graph.tensor(format!("{name}/exact"));
        let info = graph.info(output).clone();
        graph.tensors[raw.index()].shape = info.shape;
        node.outputs[0] = raw;
        let place = format!("{}/format", old[number].name);
        graph.nodes.push(node);
        graph.nodes.push(fixed(place, format, raw, output));
    }
    Ok(())
}

fn role(node: &Node) -> Role {
    match &node.action {
        Action::Operator(operator) => operator.role(),
        Action::Call(_) => Role::Movement,
    }
}

/// For each tensor the nodes that read it; the graph's outputs count as one that is none.
fn readers(graph: &Graph, nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); graph.tensors.len()];
    for (number, node) in nodes.iter().enumerate() {
        for input in node.inputs.iter().flatten() {
            readers[input.index()].push(number);
        }
    }
    graph.outputs.iter().for_each(|id| readers[id.index()].push(usize::MAX));
    readers
}

/// Whether the layer goes on, or its quantizer follows.
fn continues(graph: &Graph, nodes: &[Node], readers: &[usize], tensor: TensorId) -> bool {
    let [reader] = readers else { return false };
    let Some(next) = nodes.get(*reader) else { return false };
    let constants =
        next.inputs.iter().flatten().all(|id| *id == tensor || graph.info(*id).constant.is_some());
    match role(next) {
        Role::Activation | Role::Elementwise => constants,
        Role::Quantizer => true,
        Role::Movement | Role::Product => false,
    }
}

fn insert(graph: &mut Graph, input: TensorId, format: Quantizer, name: &str) -> TensorId {
    let output = graph.tensor(format!("{}/format", graph.info(input).name));
    graph.tensors[output.index()].shape = graph.info(input).shape.clone();
    graph.nodes.push(fixed(name.to_owned(), format, input, output));
    output
}

fn fixed(name: String, format: Quantizer, input: TensorId, output: TensorId) -> Node {
    Node {
        name,
        action: Action::Operator(Arc::new(Fixed { format })),
        inputs: vec![Some(input)],
        outputs: vec![output],
    }
}
