//! From protobuf messages to the neutral form, collecting every problem.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::Attribute;
use super::error::{DecodeError, Problems};
use super::function::check_calls;
use super::model::{Function, Model, RawGraph, RawInput, RawNode};
use super::order::{Scope, name_nodes};
use super::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto,
};
use super::tensor::{self, ElementType};

/// ONNX's own domain has two names; one is kept.
fn domain(name: String) -> String {
    if name == "ai.onnx" { String::new() } else { name }
}

/// The model without what has problems, and the problems.
pub(super) fn read_model(proto: ModelProto) -> (Option<Model>, Vec<DecodeError>) {
    let mut problems = Problems::default();
    let Some(graph) = proto.graph else { return (None, vec![DecodeError::NoGraph]) };
    let opsets = read_opsets(proto.opset_import, &mut problems);
    let main = read_graph(graph, None, &mut problems);
    let functions: Vec<_> =
        proto.functions.into_iter().map(|function| read_function(function, &mut problems)).collect();
    check_calls(&main, &functions, &mut problems);
    let metadata = proto.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect();
    let (ir_version, producer) = (proto.ir_version, proto.producer_name);
    (Some(Model { ir_version, producer, opsets, metadata, main, functions }), problems.finish())
}

fn read_opsets(opsets: Vec<OperatorSetIdProto>, problems: &mut Problems) -> Vec<(String, i64)> {
    let mut versions = BTreeMap::<String, i64>::new();
    let mut list = Vec::new();
    for opset in opsets {
        let (domain, second) = (domain(opset.domain), opset.version);
        match versions.insert(domain.clone(), second) {
            None => list.push((domain, second)),
            Some(first) if first == second => {}
            Some(first) => problems.push(DecodeError::OpsetConflict { domain, first, second }),
        }
    }
    list
}

/// `outer`: the scope around a subgraph, whose names it may read; `None` for the main graph, which is held to more.
fn read_graph(graph: GraphProto, outer: Option<&Scope<'_>>, problems: &mut Problems) -> RawGraph {
    let label = match outer {
        None => "the main graph".to_owned(),
        Some(_) => format!("the subgraph `{}`", graph.name),
    };
    let mut scope = Scope::new(&label, outer);
    for sparse in &graph.sparse_initializer {
        let origin = sparse.values.as_ref().map_or_else(|| label.clone(), |values| values.name.clone());
        problems.push(DecodeError::Unsupported { origin, what: "sparse tensors" });
    }
    let mut initializers = BTreeMap::new();
    for proto in &graph.initializer {
        if proto.name.is_empty() {
            problems.push(DecodeError::EmptyName { graph: label.clone(), what: "an initializer" });
            continue;
        }
        scope.give(&proto.name, "as an initializer", problems);
        if let Some(constant) = problems.take(tensor::read(proto, &label)) {
            initializers.insert(proto.name.clone(), constant);
        }
    }
    // Up to format version 3 every initializer is listed as an input as well.
    let constants: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let mut inputs = Vec::new();
    for value in graph.input.into_iter().filter(|value| !constants.contains(value.name.as_str())) {
        let input = read_value(value, &label, problems);
        scope.give(&input.name, "as an input", problems);
        if outer.is_none() {
            require_type(&input, &label, problems);
        }
        inputs.push(input);
    }
    let nodes: Vec<_> = named(graph.node);
    let nodes = read_nodes(nodes, &mut scope, problems);
    let outputs: Vec<_> = graph.output.into_iter().map(|value| read_value(value, &label, problems)).collect();
    outputs.iter().filter(|output| !output.name.is_empty()).for_each(|output| {
        scope.check_output(&output.name, problems);
    });
    if outputs.is_empty() {
        problems.push(DecodeError::NoOutputs { graph: label.clone() });
    }
    RawGraph { name: graph.name, inputs, outputs, initializers, nodes }
}

/// Pairs each node with its message's attributes, names settled.
fn named(protos: Vec<NodeProto>) -> Vec<(RawNode, Vec<AttributeProto>)> {
    let split = |proto: NodeProto| {
        let node = RawNode {
            name: proto.name,
            op_type: proto.op_type,
            domain: domain(proto.domain),
            overload: proto.overload,
            inputs: proto.input,
            outputs: proto.output,
            attributes: BTreeMap::new(),
        };
        (node, proto.attribute)
    };
    let (mut nodes, attributes): (Vec<_>, Vec<_>) = protos.into_iter().map(split).unzip();
    name_nodes(&mut nodes);
    nodes.into_iter().zip(attributes).collect()
}

/// Reads attributes, checks names and sorts. `scope` already holds the graph's inputs and initializers.
fn read_nodes(
    nodes: Vec<(RawNode, Vec<AttributeProto>)>,
    scope: &mut Scope<'_>,
    problems: &mut Problems,
) -> Vec<RawNode> {
    let (mut nodes, attributes): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
    scope.add_nodes(&nodes, problems);
    for (index, (node, attributes)) in nodes.iter_mut().zip(attributes).enumerate() {
        if node.op_type.is_empty() {
            problems.push(DecodeError::NoOperator { graph: scope.graph().to_owned(), index });
        }
        node.attributes = read_attributes(attributes, &node.name, scope, problems);
    }
    scope.sort(nodes, problems)
}

fn read_attributes(
    protos: Vec<AttributeProto>,
    node: &str,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Attribute> {
    let mut attributes = BTreeMap::new();
    for proto in protos {
        let name = proto.name.clone();
        if name.is_empty() {
            problems.push(DecodeError::EmptyName { graph: node.to_owned(), what: "an attribute" });
            continue;
        }
        if attributes.contains_key(&name) {
            let node = node.to_owned();
            problems.push(DecodeError::AttributeTwice { node, attribute: name });
            continue;
        }
        let result = read_attribute(proto, node, scope, problems);
        if let Some(attribute) = problems.take(result) {
            attributes.insert(name, attribute);
        }
    }
    attributes
}

/// The specification's numbers of attribute types.
pub(super) mod kind {
    pub const FLOAT: i32 = 1;
    pub const INT: i32 = 2;
    pub const STRING: i32 = 3;
    pub const TENSOR: i32 = 4;
    pub const GRAPH: i32 = 5;
    pub const FLOATS: i32 = 6;
    pub const INTS: i32 = 7;
    pub const STRINGS: i32 = 8;
    pub const TENSORS: i32 = 9;
    pub const GRAPHS: i32 = 10;
}

fn read_attribute(
    proto: AttributeProto,
    node: &str,
    scope: &Scope<'_>,
    problems: &mut Problems,
) -> Result<Attribute, DecodeError> {
    let owner = || (node.to_owned(), proto.name.clone());
    let fields = [
        (kind::FLOAT, proto.f.is_some()),
        (kind::INT, proto.i.is_some()),
        (kind::STRING, proto.s.is_some()),
        (kind::TENSOR, proto.t.is_some()),
        (kind::GRAPH, proto.g.is_some()),
        (kind::FLOATS, !proto.floats.is_empty()),
        (kind::INTS, !proto.ints.is_empty()),
        (kind::STRINGS, !proto.strings.is_empty()),
        (kind::TENSORS, !proto.tensors.is_empty()),
        (kind::GRAPHS, !proto.graphs.is_empty()),
    ];
    let filled = || fields.iter().filter(|(_, filled)| *filled).map(|(code, _)| *code);
    let wrong = |(node, attribute)| DecodeError::AttributeValue { node, attribute };
    if !proto.ref_attr_name.is_empty() {
        let free = filled().next().is_none();
        let reference = Attribute::Reference { name: proto.ref_attr_name.clone(), code: proto.r#type };
        return if free { Ok(reference) } else { Err(wrong(owner())) };
    }
    // The first format version states no type: it is that of the one field filled.
    let code = match proto.r#type {
        0 => filled().next().ok_or_else(|| wrong(owner()))?,
        stated => stated,
    };
    if filled().any(|field| field != code) {
        return Err(wrong(owner()));
    }
    let text = |bytes: Vec<u8>| {
        let (node, attribute) = (node.to_owned(), proto.name.clone());
        String::from_utf8(bytes).map_err(|_| DecodeError::AttributeText { node, attribute })
    };
    // A writer of proto3 leaves out a zero and an empty text.
    Ok(match code {
        kind::FLOAT => Attribute::Float(f64::from(proto.f.unwrap_or_default())),
        kind::INT => Attribute::Int(proto.i.unwrap_or_default()),
        kind::STRING => Attribute::String(text(proto.s.unwrap_or_default())?),
        kind::TENSOR => {
            let constant = proto.t.as_ref().ok_or_else(|| wrong(owner()))?;
            Attribute::Tensor(tensor::read(constant, node)?)
        }
        kind::GRAPH => match proto.g {
            Some(graph) => Attribute::Graph(Box::new(read_graph(graph, Some(scope), problems))),
            None => return Err(DecodeError::AttributeValue { node: node.into(), attribute: proto.name }),
        },
        kind::FLOATS => Attribute::Floats(proto.floats.into_iter().map(f64::from).collect()),
        kind::INTS => Attribute::Ints(proto.ints),
        kind::STRINGS => Attribute::Strings(proto.strings.into_iter().map(text).collect::<Result<_, _>>()?),
        _ => {
            let (node, attribute) = owner();
            return Err(DecodeError::AttributeKind { node, attribute, code });
        }
    })
}

fn read_value(value: ValueInfoProto, graph: &str, problems: &mut Problems) -> RawInput {
    if value.name.is_empty() {
        problems.push(DecodeError::EmptyName { graph: graph.to_owned(), what: "an input or output" });
    }
    let mut input = RawInput { name: value.name, ..RawInput::default() };
    let Some(kind) = value.r#type else { return input };
    let Some(tensor) = kind.tensor_type else {
        let (graph, value) = (graph.to_owned(), input.name.clone());
        problems.push(DecodeError::NotATensor { graph, value });
        return input;
    };
    input.dtype = ElementType::from_code(tensor.elem_type);
    if input.dtype.is_none() && tensor.elem_type != 0 {
        problems.push(DecodeError::ElementType { origin: input.name.clone(), code: tensor.elem_type });
    }
    let Some(shape) = tensor.shape else { return input };
    input.ranked = true;
    let (mut sizes, mut elements) = (Vec::new(), Some(8usize));
    for (axis, dim) in shape.dim.iter().enumerate() {
        // Some exporters write −1 or 0 for a size that is not known.
        let known = dim.dim_value.filter(|&size| size != -1 && size != 0);
        let size = known.map(usize::try_from).transpose().unwrap_or_else(|_| {
            let (value, size) = (input.name.clone(), known.unwrap_or_default());
            problems.push(DecodeError::BadDimension { origin: value.clone(), value, axis, size });
            None
        });
        elements = elements.and_then(|product| product.checked_mul(size.unwrap_or(1)));
        sizes.push(size);
    }
    if shape.dim.len() > 64 || elements.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        let dims = shape.dim.iter().take(8).map(|dim| dim.dim_value.unwrap_or(-1)).collect();
        problems.push(DecodeError::ShapeTooLarge { tensor: input.name.clone(), rank: shape.dim.len(), dims });
    }
    input.shape = sizes;
    input
}

/// An input of the main graph must state its element type and rank.
fn require_type(input: &RawInput, graph: &str, problems: &mut Problems) {
    let (graph, value) = (graph.to_owned(), input.name.clone());
    if input.dtype.is_none() {
        problems.push(DecodeError::NotATensor { graph, value });
    } else if !input.ranked {
        problems.push(DecodeError::NoShape { graph, value });
    }
}

fn read_function(proto: FunctionProto, problems: &mut Problems) -> Function {
    let label = format!("the function `{}`", proto.name);
    let mut scope = Scope::new(&label, None);
    if proto.name.is_empty() {
        problems.push(DecodeError::EmptyName { graph: "model".to_owned(), what: "a function" });
    }
    if proto.output.is_empty() {
        problems.push(DecodeError::NoOutputs { graph: label.clone() });
    }
    for name in &proto.input {
        scope.give(name, "as an input", problems);
    }
    let nodes = read_nodes(named(proto.node), &mut scope, problems);
    proto.output.iter().for_each(|name| scope.check_output(name, problems));
    Function {
        domain: domain(proto.domain),
        overload: proto.overload,
        inputs: proto.input,
        outputs: proto.output,
        attributes: proto.attribute,
        defaults: read_attributes(proto.attribute_proto, &proto.name, &scope, problems),
        opsets: read_opsets(proto.opset_import, problems),
        nodes,
        name: proto.name,
    }
}
