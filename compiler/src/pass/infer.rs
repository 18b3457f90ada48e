//! Shapes and constants.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::graph::{Action, Graph, Node, TensorInfo, elements};
use crate::ops::{Fault, Known, Operator};

/// The largest number of elements of all constants that are computed from others in one graph.
const FOLDED_LIMIT: usize = 1 << 26;

fn too_much(node: &str) -> Diagnostic {
    Diagnostic::new(
        "tensor-too-large",
        node,
        "the constants computed up to here are too large",
        "simplify the model",
    )
}

/// Gives every tensor its shape, and those that depend on constants alone their data. All problems at once.
pub fn infer(graph: &mut Graph, functions: &[Graph]) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut folded = 0;
    for number in 0..graph.nodes.len() {
        let node = graph.nodes[number].clone();
        if node.inputs.iter().any(|&input| input.is_some() && graph.known(input).is_none()) {
            continue;
        }
        let found = match &node.action {
            Action::Operator(operator) => {
                operator_outputs(graph, &node, operator.as_ref()).map_err(|fault| vec![fault.at(&node.name)])
            }
            Action::Call(function) => call_outputs(graph, &node, &functions[*function], functions),
        };
        match found {
            Ok(found) => {
                folded += found
                    .iter()
                    .filter_map(|info| info.constant.as_ref())
                    .map(|constant| constant.data.len())
                    .sum::<usize>();
                if folded > FOLDED_LIMIT {
                    return Err(vec![too_much(&node.name)]);
                }
                for (&output, info) in node.outputs.iter().zip(found) {
                    let name = std::mem::take(&mut graph.tensors[output.index()].name);
                    graph.tensors[output.index()] = TensorInfo { name, ..info };
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn operator_outputs(graph: &Graph, node: &Node, operator: &dyn Operator) -> Result<Vec<TensorInfo>, Fault> {
    let inputs: Vec<Option<Known<'_>>> = node.inputs.iter().map(|&input| graph.known(input)).collect();
    let shapes = operator.shapes(&inputs)?;
    if let Some(shape) = shapes.iter().find(|shape| elements(shape).is_none()) {
        return Err(Fault::new(
            "tensor-too-large",
            format!("a tensor of shape {shape:?} is too large"),
            "at most 8 axes and 2^26 elements are accepted",
        ));
    }
    if node.outputs.len() > shapes.len() {
        return Err(Fault::unsupported(
            format!("{} has {} outputs here", operator.name(), node.outputs.len()),
            format!("only the first {} can be used", shapes.len()),
        ));
    }
    let integers: Vec<bool> = inputs.iter().map(|input| input.is_some_and(|known| known.integer)).collect();
    if let Some(constant) = operator.constant(&inputs) {
        let (shape, integer) = (Some(constant.shape.clone()), constant.integer);
        return Ok(vec![TensorInfo {
            shape,
            integer,
            constant: Some(Arc::new(constant)),
            ..TensorInfo::default()
        }]);
    }
    let constants = inputs.iter().all(|input| input.is_none_or(|known| known.constant.is_some()));
    if constants && operator.folds() && !inputs.is_empty() {
        let operands: Vec<_> = inputs.iter().map(|input| input.and_then(|known| known.constant)).collect();
        let results = operator.reference(&operands)?;
        let info = |(n, constant): (usize, crate::graph::Tensor)| {
            let shape = Some(constant.shape.clone());
            let integer = operator.integer_at(n, &integers);
            TensorInfo {
                shape,
                integer,
                constant: Some(Arc::new(constant.typed(integer))),
                ..TensorInfo::default()
            }
        };
        return Ok(results.into_iter().enumerate().map(info).collect());
    }
    Ok(shapes
        .into_iter()
        .enumerate()
        .map(|(n, shape)| TensorInfo {
            shape: Some(shape),
            integer: operator.integer_at(n, &integers),
            ..TensorInfo::default()
        })
        .collect())
}

fn call_outputs(
    graph: &Graph,
    node: &Node,
    function: &Graph,
    functions: &[Graph],
) -> Result<Vec<TensorInfo>, Vec<Diagnostic>> {
    let mut body = function.clone();
    if node.inputs.len() != body.inputs.len() || node.outputs.len() > body.outputs.len() {
        let text = "the call has another number of arguments or results than its function";
        return Err(vec![Diagnostic::new(
            "unsupported-form",
            node.name.clone(),
            text,
            "pass every argument",
        )]);
    }
    for (&parameter, &argument) in function.inputs.iter().zip(&node.inputs) {
        if let Some(argument) = argument {
            let name = std::mem::take(&mut body.tensors[parameter.index()].name);
            body.tensors[parameter.index()] = TensorInfo { name, ..graph.info(argument).clone() };
        }
    }
    infer(&mut body, functions).map_err(|problems| {
        let inside =
            |problem: Diagnostic| Diagnostic { node: format!("{}/{}", node.name, problem.node), ..problem };
        problems.into_iter().map(inside).collect::<Vec<_>>()
    })?;
    Ok(body.outputs.iter().map(|&output| body.info(output).clone()).collect())
}
