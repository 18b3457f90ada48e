//! Batch norms and other scales join the weights before them.

use crate::diagnostic::Diagnostic;
use crate::front::onnx::Editor;
use crate::graph::{Action, Graph, Node, Tensor, TensorId};
use crate::ops::{Known, Linear, Operator};
use crate::pass::layers::readers;

/// The operator of a node.
pub fn operator(node: &Node) -> Option<&dyn Operator> {
    match &node.action {
        Action::Operator(operator) => Some(operator.as_ref()),
        Action::Call(_) => None,
    }
}

/// How a node is linear in its constant weights.
pub fn linear(graph: &Graph, node: &Node) -> Option<Linear> {
    let inputs: Vec<Option<Known<'_>>> = node.inputs.iter().map(|&input| graph.known(input)).collect();
    let linear = operator(node)?.linear(&inputs)?;
    inputs[linear.input]?.constant.is_none().then_some(linear)
}

/// `A·(W x + c) + B` becomes `(A W) x + (A c + B)`, `A` being by channel. Returns the names of the nodes that are gone.
///
/// # Errors
/// An operator's.
pub fn fold(graph: &Graph, editor: &mut Editor) -> Result<Vec<String>, Diagnostic> {
    let readers = readers(graph);
    let mut gone = Vec::new();
    for node in &graph.nodes {
        let Some(linear) = linear(graph, node) else { continue };
        let tail = tail(graph, &readers, node.outputs[0]);
        let Some(shape) = graph.info(node.outputs[0]).shape.clone() else { continue };
        let count = shape.iter().product();
        let constant = |value: f64| Tensor::new(shape.clone(), vec![value; count]);
        // The tail ends with the last node that scales.
        let mut scaling = None;
        for length in 1..=tail.len() {
            let (zero, one) = (
                through(graph, &tail[..length], constant(0.0))?,
                through(graph, &tail[..length], constant(1.0))?,
            );
            if zero.shape != shape {
                break;
            }
            let factor: Vec<f64> = one.data.iter().zip(&zero.data).map(|(one, zero)| one - zero).collect();
            let before =
                scaling.as_ref().map_or(vec![1.0; count], |(_, factor): &(usize, Vec<f64>)| factor.clone());
            if factor != before {
                scaling = Some((length, factor));
            }
        }
        let Some((length, factor)) = scaling else { continue };
        let Some(factor) = by_channel(&shape, linear.channels, &factor) else { continue };
        let mut operands: Vec<Option<&Tensor>> =
            node.inputs.iter().map(|id| id.and_then(|id| graph.info(id).constant.as_deref())).collect();
        let Some(input) = node.inputs[linear.input].and_then(|id| graph.info(id).shape.clone()) else {
            continue;
        };
        let nothing = Tensor::new(input.clone(), vec![0.0; input.iter().product()]);
        operands[linear.input] = Some(&nothing);
        let Some(operator) = operator(node) else { continue };
        let own = operator.reference(&operands).map_err(|fault| fault.at(&node.name))?.swap_remove(0);
        let summand = through(graph, &tail[..length], own)?;
        let (extents, summand) = match by_channel(&shape, linear.channels, &summand.data) {
            Some(values) => {
                let mut extents = vec![1; shape.len()];
                extents[linear.channels] = shape[linear.channels];
                (extents, values)
            }
            None => (shape.clone(), summand.data),
        };
        let Some(weights) = operands[linear.weights] else { continue };
        let scaled: Vec<f64> = weights
            .data
            .iter()
            .enumerate()
            .map(|(flat, weight)| weight * factor[along(&weights.shape, linear.axis, flat)])
            .collect();
        let scaled = editor.constant(&format!("{}/weights", node.name), &weights.shape, &scaled);
        editor.rewire(&node.name, linear.weights, &scaled);
        if let Some(bias) = linear.bias {
            editor.truncate(&node.name, bias);
        }
        let summand = editor.constant(&format!("{}/bias", node.name), &extents, &summand);
        let (last, product) = (tail[length - 1], graph.info(node.outputs[0]).name.clone());
        let result = graph.info(last.outputs[0]).name.clone();
        editor.insert(Some(&last.name), "Add", vec![product, summand], &result);
        for node in &tail[..length] {
            editor.remove(&node.name);
            gone.push(node.name.clone());
        }
    }
    Ok(gone)
}

/// The affine nodes that follow a tensor, each the only reader of the one before.
pub fn tail<'a>(graph: &'a Graph, readers: &[Vec<usize>], mut tensor: TensorId) -> Vec<&'a Node> {
    let mut tail = Vec::new();
    while let [reader] = readers[tensor.index()][..] {
        let Some(node) = graph.nodes.get(reader) else { break };
        let Some(slot) = node.inputs.iter().position(|input| *input == Some(tensor)) else { break };
        let others = node.inputs.iter().flatten().filter(|id| **id != tensor);
        let constant = others.clone().all(|id| graph.info(*id).constant.is_some());
        let once = others.count() + 1 == node.inputs.iter().flatten().count();
        if !(constant && once && operator(node).is_some_and(|operator| operator.affine(slot))) {
            break;
        }
        tail.push(node);
        tensor = node.outputs[0];
    }
    tail
}

/// What the nodes of a tail make of `value`.
pub fn through(graph: &Graph, tail: &[&Node], mut value: Tensor) -> Result<Tensor, Diagnostic> {
    for node in tail {
        let constant = |id: &Option<TensorId>| id.and_then(|id| graph.info(id).constant.as_deref());
        let operands: Vec<Option<&Tensor>> = node
            .inputs
            .iter()
            .map(|id| if id.is_some() { constant(id).or(Some(&value)) } else { None })
            .collect();
        let Some(operator) = operator(node) else { break };
        value = operator.reference(&operands).map_err(|fault| fault.at(&node.name))?.swap_remove(0);
    }
    Ok(value)
}

/// The position on `axis` of a flat index.
pub fn along(shape: &[usize], axis: usize, flat: usize) -> usize {
    flat / shape[axis + 1..].iter().product::<usize>().max(1) % shape[axis]
}

/// The values by position on `axis`, if they vary along no other.
fn by_channel(shape: &[usize], axis: usize, values: &[f64]) -> Option<Vec<f64>> {
    let mut found = vec![None; shape[axis]];
    for (flat, &value) in values.iter().enumerate() {
        let known = found[along(shape, axis, flat)].get_or_insert(value);
        if *known != value {
            return None;
        }
    }
    found.into_iter().collect()
}
