//! Ends the graph at the chosen output and removes what no output needs.

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::graph::Graph;

/// `a → b → c`, `a → d` with output `b` becomes `a → b`. Inputs stay.
pub fn prune(graph: &mut Graph, options: &Options) -> Result<(), Vec<Diagnostic>> {
    if let Some(name) = &options.output_node {
        let Some(output) = graph.find(name) else {
            return Err(vec![Diagnostic::new(
                "unknown-output",
                name.clone(),
                "the network has no tensor and no node of this name",
                "`nn2hdl inspect` lists the names",
            )]);
        };
        graph.outputs = vec![output];
    }
    let mut needed = vec![false; graph.tensors.len()];
    graph.outputs.iter().for_each(|id| needed[id.index()] = true);
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes).into_iter().rev() {
        if node.outputs.iter().any(|id| needed[id.index()]) {
            node.inputs.iter().flatten().for_each(|id| needed[id.index()] = true);
            kept.push(node);
        }
    }
    kept.reverse();
    graph.nodes = kept;
    Ok(())
}
