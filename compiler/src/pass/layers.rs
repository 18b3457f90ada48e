//! Where a network that has no quantizers of its own gets them.

use crate::graph::{Action, Graph, Node, TensorId};
use crate::ops::Role;

/// What is to be quantized around one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The node's number.
    pub node: usize,
    /// Its operands that are float constants, not quantized, and are rounded.
    pub weights: Vec<usize>,
    /// Whether its result is rounded: it ends a layer, and no quantizer follows.
    pub ends: bool,
}

/// The sites of a graph whose constants are known, in the order of the nodes.
///
/// A layer is a product with what follows it while that has constants only: a bias, a scale, a normalization, at last an
/// activation. What the model quantizes itself stays as it is.
pub fn sites(graph: &Graph) -> Vec<Site> {
    let (readers, fixed) = (readers(graph), fixed(graph));
    let constant = |id: TensorId| graph.info(id).constant.is_some();
    let site = |(number, node): (usize, &Node)| {
        let role = role(node);
        let live = node.inputs.iter().flatten().any(|id| !fixed[id.index()]);
        if !live || !matches!(role, Role::Product | Role::Elementwise | Role::Activation) {
            return None;
        }
        let rounded = |slot: &usize| {
            let weight = node.inputs[*slot].filter(|id| constant(*id) && !graph.info(*id).integer);
            role != Role::Activation && weight.is_some()
        };
        let weights = (0..node.inputs.len()).filter(rounded).collect();
        let output = node.outputs[0];
        Some(Site {
            node: number,
            weights,
            ends: !continues(graph, &fixed, &readers[output.index()], output),
        })
    };
    graph.nodes.iter().enumerate().filter_map(site).collect()
}

/// The part that a node plays.
pub fn role(node: &Node) -> Role {
    match &node.action {
        Action::Operator(operator) => operator.role(),
        Action::Call(_) => Role::Movement,
    }
}

/// For each tensor the nodes that read it; the graph's outputs count as one that is none.
pub fn readers(graph: &Graph) -> Vec<Vec<usize>> {
    let mut readers = vec![Vec::new(); graph.tensors.len()];
    for (number, node) in graph.nodes.iter().enumerate() {
        for input in node.inputs.iter().flatten() {
            readers[input.index()].push(number);
        }
    }
    graph.outputs.iter().for_each(|id| readers[id.index()].push(usize::MAX));
    readers
}

/// For each tensor whether it depends on constants alone, quantized ones among them.
pub fn fixed(graph: &Graph) -> Vec<bool> {
    let mut fixed: Vec<bool> = graph.tensors.iter().map(|info| info.constant.is_some()).collect();
    for node in &graph.nodes {
        if !node.inputs.is_empty() && node.inputs.iter().flatten().all(|id| fixed[id.index()]) {
            node.outputs.iter().for_each(|id| fixed[id.index()] = true);
        }
    }
    fixed
}

/// Whether the layer goes on, or its quantizer follows.
fn continues(graph: &Graph, fixed: &[bool], readers: &[usize], tensor: TensorId) -> bool {
    let [reader] = readers else { return false };
    let Some(next) = graph.nodes.get(*reader) else { return false };
    let constants = next.inputs.iter().flatten().all(|id| *id == tensor || fixed[id.index()]);
    match role(next) {
        Role::Activation | Role::Elementwise => constants,
        Role::Quantizer => true,
        Role::Movement | Role::Product => false,
    }
}
