//! From a decoded file to a graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nn2hdl_runtime::{Format, Interval};

use super::onnx::{
    Attribute, ConstantTensor, DecodeError, ElementType, Model, RawGraph, RawInput, RawNode, TensorData,
    decode, decode_part,
};
use crate::diagnostic::Diagnostic;
use crate::graph::{Action, Graph, Node, Tensor, TensorId, elements};
use crate::ops::{self, Fault, Import};

/// Reads an ONNX file.
///
/// # Errors
/// All problems that were found.
pub fn import(bytes: &[u8]) -> Result<Graph, Vec<Diagnostic>> {
    match import_part(bytes) {
        (Some(graph), problems) if problems.is_empty() => Ok(graph),
        (_, problems) => Err(problems),
    }
}

/// Reads an ONNX file as far as it can be read: the graph without the nodes and constants that have problems, and the
/// problems.
pub fn import_part(bytes: &[u8]) -> (Option<Graph>, Vec<Diagnostic>) {
    let (model, errors) = decode_part(bytes);
    let problems: Vec<Diagnostic> = errors.iter().map(diagnostic).collect();
    let Some(model) = model else { return (None, problems) };
    let broken = errors.iter().map(|error| error.origin().to_owned()).collect();
    let (graph, problems) = imported(&model, problems, broken);
    (Some(graph), problems)
}

/// Decodes an ONNX file, for [`import_model`].
///
/// # Errors
/// All problems that were found.
pub fn read(bytes: &[u8]) -> Result<Model, Vec<Diagnostic>> {
    decode(bytes).map_err(|errors| errors.iter().map(diagnostic).collect())
}

/// The graph of a decoded file. Tensors and nodes have the file's names.
///
/// # Errors
/// All problems that were found.
pub fn import_model(model: &Model) -> Result<Graph, Vec<Diagnostic>> {
    let (graph, problems) = imported(model, Vec::new(), BTreeSet::new());
    if problems.is_empty() { Ok(graph) } else { Err(problems) }
}

fn imported(model: &Model, problems: Vec<Diagnostic>, broken: BTreeSet<String>) -> (Graph, Vec<Diagnostic>) {
    let mut importer = Importer {
        model,
        functions: Vec::new(),
        known: Vec::new(),
        problems,
        broken,
        types: types(&model.main),
    };
    let graph = importer.main();
    (graph, importer.problems)
}

fn diagnostic(error: &DecodeError) -> Diagnostic {
    Diagnostic::new(error.code(), error.origin(), error.to_string(), error.help())
}

/// The model's own word on whether axis 0 is the frame, among its free key–value pairs.
pub const FRAME: &str = "nn2hdl.frame";

/// Whether axis 0 of every input is the frame, if the model does not say so: so if the first input's leading extent is 1 or open, and also if all
/// inputs have the same leading extent (a static batch) and none holds indices. Otherwise axis 0 counts the nodes and
/// edges of a graph.
fn framed(inputs: &[RawInput]) -> bool {
    let leading = |input: &RawInput| input.shape.first().copied();
    let first = inputs.first().and_then(leading);
    let batch =
        inputs.iter().all(|input| leading(input) == first && input.dtype.is_none_or(ElementType::is_float));
    first.is_some_and(|extent| batch || extent.is_none_or(|extent| extent == 1))
}

/// A tensor of the file as the graph holds it.
pub fn tensor(constant: &ConstantTensor) -> Tensor {
    let (data, integer) = match &constant.data {
        TensorData::Float(values) => (values.clone(), false),
        TensorData::Int(values) => (values.iter().map(|&v| v as f64).collect(), true),
    };
    Tensor { shape: constant.shape.clone(), data, integer }
}

struct Importer<'a> {
    model: &'a Model,
    functions: Vec<Graph>,
    /// Function and attribute values of each imported function.
    known: Vec<(String, String, String, BTreeMap<String, Attribute>)>,
    problems: Vec<Diagnostic>,
    /// Nodes that have lost attributes, and constants that have lost their data.
    broken: BTreeSet<String>,
    /// Element types of the tensors of the main graph, as far as the file states them.
    types: BTreeMap<String, ElementType>,
}

/// Element types of initializers, inputs and constants.
fn types(graph: &RawGraph) -> BTreeMap<String, ElementType> {
    let inputs = graph.inputs.iter().filter_map(|input| Some((input.name.clone(), input.dtype?)));
    let initializers = graph.initializers.iter().map(|(name, constant)| (name.clone(), constant.dtype));
    inputs.chain(initializers).chain(constants(&graph.nodes)).collect()
}

/// Element types of tensors that nodes hold.
fn constants(nodes: &[RawNode]) -> impl Iterator<Item = (String, ElementType)> {
    nodes.iter().filter_map(|node| match node.attributes.get("value") {
        Some(Attribute::Tensor(tensor)) => Some((node.outputs.first()?.clone(), tensor.dtype)),
        _ => None,
    })
}

/// The format of an integer type that holds codes; wider ones hold indices.
fn narrow(dtype: ElementType) -> Option<Format> {
    use ElementType as E;
    matches!(dtype, E::Bool | E::UInt4 | E::Int4 | E::UInt8 | E::Int8 | E::UInt16 | E::Int16)
        .then(|| dtype.range())
        .map(|(lo, hi)| Interval::new(lo.into(), hi.into()).format(0))
}

struct Names {
    graph: Graph,
    ids: BTreeMap<String, TensorId>,
}

impl Names {
    fn id(&mut self, name: &str) -> TensorId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.graph.tensor(name);
        self.ids.insert(name.to_owned(), id);
        id
    }
}

impl Importer<'_> {
    fn main(&mut self) -> Graph {
        let RawGraph { name, inputs, outputs, initializers, nodes } = &self.model.main;
        let name = if name.is_empty() { "model" } else { name };
        let mut names = Names { graph: Graph::new(name), ids: BTreeMap::new() };
        let stated = self.model.metadata.get(FRAME);
        names.graph.framed = stated.map_or_else(|| framed(inputs), |text| text != "false");
        let batch = inputs.first().and_then(|input| input.shape.first().copied().flatten());
        for input in inputs {
            self.input(&mut names, input, &batch);
        }
        for (name, constant) in initializers {
            let id = names.id(name);
            names.graph.set_constant(id, tensor(constant));
        }
        self.nodes(&mut names, nodes, &self.model.opsets);
        for output in outputs {
            let id = names.id(&output.name);
            names.graph.outputs.push(id);
        }
        names.graph.functions = Arc::new(std::mem::take(&mut self.functions));
        names.graph
    }

    fn input(&mut self, names: &mut Names, input: &RawInput, batch: &Option<usize>) {
        let id = names.id(&input.name);
        names.graph.inputs.push(id);
        let mut shape = Vec::with_capacity(input.shape.len());
        for (axis, extent) in input.shape.iter().enumerate() {
            let frame = axis == 0 && names.graph.framed;
            match extent {
                None | Some(1) if frame => shape.push(1),
                Some(_) if frame && extent == batch => shape.push(1),
                Some(extent) if frame => self.problems.push(Diagnostic::new(
                    "frame-axis",
                    input.name.clone(),
                    format!("axis 0 has the extent {extent}"),
                    "axis 0 of the first input is the frame axis (1, or open), so it must be that of every input",
                )),
                Some(extent) if *extent > 0 => shape.push(*extent),
                Some(extent) => self.problems.push(Diagnostic::new(
                    "empty-tensor",
                    input.name.clone(),
                    format!("axis {axis} has the extent {extent}"),
                    "export the model with inputs that are not empty",
                )),
                None => self.problems.push(Diagnostic::new(
                    "dynamic-shape",
                    input.name.clone(),
                    format!("the extent of axis {axis} is open"),
                    "only axis 0, the frame (batch), may be open: export the model with static shapes",
                )),
            }
        }
        if shape.len() == input.shape.len() && elements(&shape).is_none() {
            self.problems.push(Diagnostic::new(
                "tensor-too-large",
                input.name.clone(),
                format!("the shape {shape:?} is too large"),
                "at most 8 axes and 2^26 elements are accepted",
            ));
        }
        let info = &mut names.graph.tensors[id.index()];
        let known = shape.len() == input.shape.len() && elements(&shape).is_some();
        info.shape = known.then_some(shape);
        info.integer = input.dtype.is_some_and(|dtype| !ElementType::is_float(dtype));
        info.codes = input.dtype.and_then(narrow);
    }

    fn nodes(&mut self, names: &mut Names, nodes: &[RawNode], opsets: &[(String, i64)]) {
        for node in nodes.iter().filter(|node| !self.broken.contains(&node.name)).collect::<Vec<_>>() {
            let action = match self.action(node, opsets) {
                Ok(action) => Some(action),
                Err(fault) => {
                    self.problems.push(fault.at(&node.name));
                    None
                }
            };
            let inputs = (0..node.inputs.len()).map(|n| node.input(n).map(|name| names.id(name))).collect();
            // An output that is left out keeps its place; those at the end are as if they were not there.
            let given = node.outputs.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
            let outputs = node.outputs[..given]
                .iter()
                .enumerate()
                .map(|(n, name)| match name.as_str() {
                    "" => names.graph.tensor(format!("{}/unused/{n}", node.name)),
                    name => names.id(name),
                })
                .collect();
            if let Some(action) = action {
                names.graph.nodes.push(Node { name: node.name.clone(), action, inputs, outputs });
            }
        }
    }

    fn action(&mut self, node: &RawNode, opsets: &[(String, i64)]) -> Result<Action, Fault> {
        if let Some(function) = self.model.function(node) {
            let mut bound = function.defaults.clone();
            bound.extend(node.attributes.clone());
            let key = (function.domain.clone(), function.name.clone(), function.overload.clone(), bound);
            if let Some(number) = self.known.iter().position(|known| *known == key) {
                return Ok(Action::Call(number));
            }
            let mut names = Names { graph: Graph::new(&function.name), ids: BTreeMap::new() };
            for input in &function.inputs {
                let id = names.id(input);
                names.graph.inputs.push(id);
            }
            let nodes: Vec<RawNode> = function.nodes.iter().map(|node| node.bound(&key.3)).collect();
            let opsets = if function.opsets.is_empty() { opsets.to_vec() } else { function.opsets.clone() };
            let outer = std::mem::replace(&mut self.types, constants(&nodes).collect());
            self.nodes(&mut names, &nodes, &opsets);
            self.types = outer;
            for output in &function.outputs {
                let id = names.id(output);
                names.graph.outputs.push(id);
            }
            self.functions.push(names.graph);
            self.known.push(key);
            return Ok(Action::Call(self.functions.len() - 1));
        }
        let domain = if node.domain == "ai.onnx" { "" } else { node.domain.as_str() };
        let entry = ops::find(domain, &node.op_type).ok_or_else(|| unknown(domain, &node.op_type))?;
        let opset = opsets.iter().find(|(name, _)| name == domain).map_or(1, |(_, version)| *version);
        let mut import = Import { node, opset, attributes: node.reader(), types: &self.types };
        let operator = (entry.import)(&mut import)?;
        match import.attributes.finish().into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(Action::Operator(operator)),
        }
    }
}

fn unknown(domain: &str, name: &str) -> Fault {
    let full = if domain.is_empty() { name.to_owned() } else { format!("{domain}.{name}") };
    if let Some(way_out) = ops::way_out(name) {
        return Fault::new("unknown-operator", format!("the operator {full} is not supported"), way_out);
    }
    if let Some(entry) = ops::OPERATORS.iter().find(|entry| entry.name == name) {
        let domains: Vec<&str> =
            entry.domains.iter().map(|domain| if domain.is_empty() { "ai.onnx" } else { domain }).collect();
        return Fault::new(
            "unknown-domain",
            format!("the operator {name} is not known in the domain `{domain}`"),
            format!("{name} is known in: {}", domains.join(", ")),
        );
    }
    let closest = ops::OPERATORS.iter().map(|entry| (distance(name, entry.name), entry.name)).min();
    let names: Vec<&str> = ops::OPERATORS.iter().map(|entry| entry.name).collect();
    let help = match closest {
        Some((distance, name)) if distance <= 3 => format!("the closest supported operator is {name}"),
        _ => format!("supported operators: {}", names.join(", ")),
    };
    Fault::new("unknown-operator", format!("the operator {full} is not supported"), help)
}

/// The edit distance of two names, letter case ignored.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().take(64).collect(), b.to_lowercase().chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
