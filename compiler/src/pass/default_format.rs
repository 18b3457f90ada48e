//! Quantizers for a model that has none.

use std::sync::Arc;

use nn2hdl_runtime::{Overflow, Quantizer, Rounding};

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::graph::{Action, Graph, Node, TensorId};
use crate::ops::Fixed;
use crate::pass::layers::sites;

/// With a default format, `relu(x × w + b)` becomes `format(relu(x × format(w) + format(b)))`.
///
/// Its sum is never rounded; see [`sites`].
pub fn default_format(graph: &mut Graph, options: &Options) -> Result<(), Vec<Diagnostic>> {
    let Some(format) = options.default_format else { return Ok(()) };
    // `ap_fixed`'s own defaults would truncate and wrap weights.
    let unstated = format.rounding == Rounding::Trn && format.overflow == Overflow::Wrap;
    let weights = if unstated {
        Quantizer { rounding: Rounding::RndConv, overflow: Overflow::Sat, ..format }
    } else {
        format
    };
    let mut sites = sites(graph).into_iter().peekable();
    for (number, mut node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        let Some(site) = sites.next_if(|site| site.node == number) else {
            graph.nodes.push(node);
            continue;
        };
        for slot in site.weights {
            if let Some(weight) = node.inputs[slot] {
                node.inputs[slot] = Some(insert(graph, weight, weights, &format!("{}/weights", node.name)));
            }
        }
        if !site.ends {
            graph.nodes.push(node);
            continue;
        }
        // The rounded tensor takes the name and the place of the original.
        let output = node.outputs[0];
        let info = graph.info(output).clone();
        let raw = graph.tensor(format!("{}/exact", info.name));
        graph.tensors[raw.index()].shape = info.shape;
        node.outputs[0] = raw;
        let place = format!("{}/format", node.name);
        graph.nodes.push(node);
        graph.nodes.push(fixed(place, format, raw, output));
    }
    Ok(())
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
