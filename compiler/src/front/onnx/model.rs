//! The neutral form of an ONNX file: names resolved, tensors checked, nodes in an order in which they can run.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use super::error::DecodeError;
use super::tensor::{ConstantTensor, ElementType};

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Version of the file format (not of any operator set).
    pub ir_version: i64,
    /// The program that wrote the file, possibly empty.
    pub producer: String,
    /// Imported operator sets, `("", 17)` being ONNX's own; its other name `ai.onnx` is read as `""`.
    pub opsets: Vec<(String, i64)>,
    /// Free key–value pairs.
    pub metadata: BTreeMap<String, String>,
    /// The network.
    pub main: RawGraph,
    /// Model-local functions, in the file's order; none calls itself, directly or through others.
    pub functions: Vec<Function>,
}

impl Model {
    /// A model of the given network in a current format version, with one operator set.
    pub fn new(main: RawGraph, opset: i64) -> Self {
        Self {
            ir_version: 8,
            producer: "nn2hdl".into(),
            opsets: vec![(String::new(), opset)],
            metadata: BTreeMap::new(),
            main,
            functions: Vec::new(),
        }
    }

    /// The version of an imported operator set (`""`: ONNX's own).
    pub fn opset(&self, domain: &str) -> Option<i64> {
        self.opsets.iter().find(|(name, _)| name == domain).map(|(_, version)| *version)
    }

    /// The model-local function that the node calls, if it is such a call.
    pub fn function(&self, node: &RawNode) -> Option<&Function> {
        self.functions.iter().find(|function| function.is_called_by(node))
    }
}

/// A network or a subgraph (the body of `If`, `Loop`, `Scan`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawGraph {
    /// The graph's name, possibly empty.
    pub name: String,
    /// Inputs without those that are initializers.
    pub inputs: Vec<RawInput>,
    /// Outputs, in order.
    pub outputs: Vec<RawInput>,
    /// Constant tensors by name.
    pub initializers: BTreeMap<String, ConstantTensor>,
    /// Nodes, each after all those it reads from, otherwise in the file's order.
    pub nodes: Vec<RawNode>,
}

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawInput {
    /// The tensor's name.
    pub name: String,
    /// Sizes, `None` where the file leaves the size open. Empty for a scalar, and where `ranked` is false.
    pub shape: Vec<Option<usize>>,
    /// Whether the file states a shape at all; always so for inputs of the main graph.
    pub ranked: bool,
    /// Element type; always stated for inputs of the main graph.
    pub dtype: Option<ElementType>,
}

/// One operator or call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawNode {
    /// Not empty, unique in its graph or function: the file's name, else the operator's with the node's position.
    pub name: String,
    /// The operator's or the function's name.
    pub op_type: String,
    /// The operator's domain, `""` for ONNX's own.
    pub domain: String,
    /// Tells functions of one name apart; nearly always empty.
    pub overload: String,
    /// Names of the tensors read; an optional one that is absent is `""`.
    pub inputs: Vec<String>,
    /// Names of the tensors defined; one that is not wanted is `""`.
    pub outputs: Vec<String>,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

impl RawNode {
    /// Input `index` unless it is absent.
    pub fn input(&self, index: usize) -> Option<&str> {
        self.inputs.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// A model-local function: a named piece of network that nodes call by domain and name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Function {
    /// The name that a calling node states as its operator.
    pub name: String,
    /// The domain that a calling node states.
    pub domain: String,
    /// Tells functions of one name apart; nearly always empty.
    pub overload: String,
    /// Names of the parameters.
    pub inputs: Vec<String>,
    /// Names of the results.
    pub outputs: Vec<String>,
    /// Attributes that a caller must give; the body refers to them by [`Attribute::Reference`].
    pub attributes: Vec<String>,
    /// Attributes that a caller may give, with their defaults.
    pub defaults: BTreeMap<String, Attribute>,
    /// Operator sets that the body uses.
    pub opsets: Vec<(String, i64)>,
    /// The body, each node after all those it reads from.
    pub nodes: Vec<RawNode>,
}

impl Function {
    /// Whether the node is a call of this function.
    pub fn is_called_by(&self, node: &RawNode) -> bool {
        (&self.domain, &self.name, &self.overload) == (&node.domain, &node.op_type, &node.overload)
    }

    /// The values of the function's attributes in one call, for [`RawNode::bound`]: the caller's, else the defaults.
    /// An attribute that is missing or that the function does not declare is an error.
    pub fn arguments(&self, call: &RawNode) -> Result<BTreeMap<String, Attribute>, Vec<DecodeError>> {
        let declared = self.attributes.iter().chain(self.defaults.keys()).map(String::as_str);
        let mut problems = call.refuse_unknown(&declared.collect::<Vec<_>>());
        let missing = self.attributes.iter().filter(|name| !call.attributes.contains_key(*name));
        problems.extend(missing.map(|name| DecodeError::AttributeMissing {
            node: call.name.clone(),
            op_type: call.op_type.clone(),
            attribute: name.clone(),
        }));
        let mut values = self.defaults.clone();
        values.extend(call.attributes.clone());
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    }
}
