//! Why a file could not be decoded: one variant per reason, with its data.

use thiserror::Error;

/// One problem of an ONNX file. The message is the `Display` text; `origin` and `help` complete the diagnostic.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each message names its fields")]
pub enum DecodeError {
    #[error("this is not a readable ONNX file: {source}")]
    Protobuf { source: prost::DecodeError },
    #[error("the file holds no graph")]
    NoGraph,
    #[error("{graph} has no outputs")]
    NoOutputs { graph: String },
    #[error("opset `{domain}` is imported as version {first} and as version {second}")]
    OpsetConflict { domain: String, first: i64, second: i64 },
    #[error("{what} has an empty name")]
    EmptyName { graph: String, what: &'static str },
    #[error("node {index} states no operator")]
    NoOperator { graph: String, index: usize },
    #[error("`{name}` is defined twice: {first} and {second}")]
    DefinedTwice { graph: String, name: String, first: String, second: String },
    #[error("{reader} reads `{name}`, which nothing defines")]
    Undefined { graph: String, reader: String, name: String },
    #[error("the nodes {} feed each other in a circle", list(nodes))]
    Cycle { graph: String, nodes: Vec<String> },
    #[error("function `{function}` is defined twice")]
    FunctionTwice { function: String },
    #[error("the functions {} call each other in a circle", list(functions))]
    FunctionCycle { functions: Vec<String> },
    #[error("with its functions expanded the network would have over {limit} nodes")]
    TooManyNodes { limit: u64 },
    #[error("`{value}` is not a tensor, or states no element type")]
    NotATensor { graph: String, value: String },
    #[error("input `{value}` states no shape")]
    NoShape { graph: String, value: String },
    #[error("dimension {axis} of `{value}` is {size}")]
    BadDimension { origin: String, value: String, axis: usize, size: i64 },
    #[error("the shape {dims:?} of rank {rank} has more elements or axes than can be addressed")]
    ShapeTooLarge { tensor: String, rank: usize, dims: Vec<i64> },
    #[error("element type {} is not supported", type_name(*code))]
    ElementType { origin: String, code: i32 },
    #[error("its data lie outside the file, at `{location}`")]
    ExternalData { tensor: String, location: String },
    #[error("{what} are not supported")]
    Unsupported { origin: String, what: &'static str },
    #[error("its {dtype} data are in the field {found}, where they do not belong")]
    DataField { tensor: String, dtype: &'static str, found: &'static str },
    #[error("its shape needs {expected} {unit}, the file holds {found}")]
    DataLength { tensor: String, expected: usize, found: usize, unit: &'static str },
    #[error("element {index} is {value}, outside {dtype}")]
    ValueRange { tensor: String, index: usize, value: i128, dtype: &'static str },
    #[error("attribute `{attribute}` is given twice")]
    AttributeTwice { node: String, attribute: String },
    #[error("attribute `{attribute}` does not hold exactly the one value that its type announces")]
    AttributeValue { node: String, attribute: String },
    #[error("attribute `{attribute}` has the type {code}, which is not supported")]
    AttributeKind { node: String, attribute: String, code: i32 },
    #[error("attribute `{attribute}` is not UTF-8 text")]
    AttributeText { node: String, attribute: String },
    #[error("{op_type} needs the attribute `{attribute}`")]
    AttributeMissing { node: String, op_type: String, attribute: String },
    #[error("attribute `{attribute}` of {op_type} must be {expected}, it is {found}")]
    AttributeType {
        node: String,
        op_type: String,
        attribute: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("{op_type} has the attribute `{attribute}`, whose meaning is not known here")]
    AttributeUnknown { node: String, op_type: String, attribute: String, known: Vec<String> },
    #[error("and {count} more problems")]
    More { count: usize },
}

impl DecodeError {
    /// A stable short name of the kind of problem, for `--json` and for the manual.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protobuf { .. } => "onnx-unreadable",
            Self::NoGraph => "onnx-no-graph",
            Self::NoOutputs { .. } => "onnx-no-outputs",
            Self::OpsetConflict { .. } => "onnx-opset-conflict",
            Self::EmptyName { .. } => "onnx-empty-name",
            Self::NoOperator { .. } => "onnx-no-operator",
            Self::DefinedTwice { .. } => "onnx-defined-twice",
            Self::Undefined { .. } => "onnx-undefined",
            Self::Cycle { .. } => "onnx-cycle",
            Self::FunctionTwice { .. } => "onnx-function-twice",
            Self::FunctionCycle { .. } => "onnx-function-cycle",
            Self::TooManyNodes { .. } => "onnx-too-many-nodes",
            Self::NotATensor { .. } => "onnx-not-a-tensor",
            Self::NoShape { .. } => "onnx-no-shape",
            Self::BadDimension { .. } => "onnx-dimension",
            Self::ShapeTooLarge { .. } => "onnx-shape-too-large",
            Self::ElementType { .. } => "onnx-element-type",
            Self::ExternalData { .. } => "onnx-external-data",
            Self::Unsupported { .. } => "onnx-unsupported",
            Self::DataField { .. } => "onnx-data-field",
            Self::DataLength { .. } => "onnx-data-length",
            Self::ValueRange { .. } => "onnx-value-range",
            Self::AttributeTwice { .. } => "onnx-attribute-twice",
            Self::AttributeValue { .. } => "onnx-attribute-value",
            Self::AttributeKind { .. } => "onnx-attribute-kind",
            Self::AttributeText { .. } => "onnx-attribute-text",
            Self::AttributeMissing { .. } => "onnx-attribute-missing",
            Self::AttributeType { .. } => "onnx-attribute-type",
            Self::AttributeUnknown { .. } => "onnx-attribute-unknown",
            Self::More { .. } => "onnx-more",
        }
    }

    /// Where in the model: the name of a node, a tensor, a function or a graph; `model` for the whole file.
    pub fn origin(&self) -> &str {
        match self {
            Self::Protobuf { .. }
            | Self::NoGraph
            | Self::OpsetConflict { .. }
            | Self::TooManyNodes { .. }
            | Self::More { .. } => "model",
            Self::FunctionTwice { function } => function,
            Self::FunctionCycle { functions } => functions.first().map_or("model", String::as_str),
            Self::Cycle { graph, nodes } => nodes.first().unwrap_or(graph),
            Self::Undefined { reader, .. } => reader,
            Self::NoOutputs { graph } | Self::EmptyName { graph, .. } | Self::NoOperator { graph, .. } => {
                graph
            }
            Self::DefinedTwice { name, .. } => name,
            Self::NotATensor { value, .. } | Self::NoShape { value, .. } => value,
            Self::BadDimension { origin, .. }
            | Self::ElementType { origin, .. }
            | Self::Unsupported { origin, .. } => origin,
            Self::ShapeTooLarge { tensor, .. }
            | Self::ExternalData { tensor, .. }
            | Self::DataField { tensor, .. }
            | Self::DataLength { tensor, .. }
            | Self::ValueRange { tensor, .. } => tensor,
            Self::AttributeTwice { node, .. }
            | Self::AttributeValue { node, .. }
            | Self::AttributeKind { node, .. }
            | Self::AttributeText { node, .. }
            | Self::AttributeMissing { node, .. }
            | Self::AttributeType { node, .. }
            | Self::AttributeUnknown { node, .. } => node,
        }
    }

    /// Whether it concerns the data of one constant or the attributes of one node, so that the rest of the file still
    /// holds the invariants of a decoded model.
    pub(super) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::ElementType { .. }
                | Self::ExternalData { .. }
                | Self::Unsupported { .. }
                | Self::DataField { .. }
                | Self::DataLength { .. }
                | Self::ValueRange { .. }
                | Self::AttributeTwice { .. }
                | Self::AttributeValue { .. }
                | Self::AttributeKind { .. }
                | Self::AttributeText { .. }
        )
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Protobuf { .. } => {
                "check that the file is an ONNX model and that its download is complete".into()
            }
            Self::NoGraph => "export the model again; a file of weights alone cannot be compiled".into(),
            Self::NoOutputs { .. } => "declare at least one output when exporting".into(),
            Self::OpsetConflict { .. } => "import each operator set once".into(),
            Self::EmptyName { .. } | Self::NoOperator { .. } => {
                "export the model again, the file is damaged".into()
            }
            Self::DefinedTwice { .. } => "give each tensor one producer and a name of its own".into(),
            Self::Undefined { .. } => {
                "connect it to an input, an initializer or a node's output; names are case-sensitive".into()
            }
            Self::Cycle { .. } => "a network has no feedback between nodes; unroll the recurrence".into(),
            Self::FunctionTwice { .. } => "keep one definition per domain, name and overload".into(),
            Self::FunctionCycle { .. } => {
                "model-local functions cannot be recursive; unroll the calls".into()
            }
            Self::TooManyNodes { .. } => {
                "such a network does not fit any chip; call functions less often".into()
            }
            Self::NotATensor { .. } => "supported are tensors; sequences, maps and optionals are not".into(),
            Self::NoShape { .. } => "export with static shapes (only the first axis may be dynamic)".into(),
            Self::BadDimension { .. } => "dimensions are zero or positive".into(),
            Self::ShapeTooLarge { .. } => "at most 64 axes and the address space's number of elements".into(),
            Self::ElementType { .. } => {
                "supported are float32, float64, float16, bfloat16, bool and integers of 4 to 64 bits".into()
            }
            Self::ExternalData { .. } => {
                "save the model with its weights inside: onnx.save(model, path, save_as_external_data=False)"
                    .into()
            }
            Self::Unsupported { .. } => "convert to dense tensors of numbers before exporting".into(),
            Self::DataField { .. } | Self::DataLength { .. } => {
                "the file is damaged or its writer is at fault; onnx.checker.check_model says more".into()
            }
            Self::ValueRange { .. } => "the values must fit the element type, and signed 64 bits".into(),
            Self::AttributeTwice { .. } => "give each attribute once".into(),
            Self::AttributeValue { .. } => "state the attribute's type and fill its one field".into(),
            Self::AttributeKind { .. } => {
                "supported are int, float, string, tensor, graph and lists of int, float and string".into()
            }
            Self::AttributeText { .. } => "text attributes are UTF-8".into(),
            Self::AttributeMissing { .. } => "the operator's definition has no default for it".into(),
            Self::AttributeType { expected, .. } => format!("write the attribute as {expected}"),
            Self::AttributeUnknown { known, .. } if known.is_empty() => {
                "the operator takes no attributes here".into()
            }
            Self::AttributeUnknown { known, .. } => format!("understood are {}", list(known)),
            Self::More { .. } => "mend the ones above first".into(),
        }
    }
}

/// `a`, `b`, `c`: at most eight names, then how many more.
fn list(names: &[String]) -> String {
    let mut text = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(&format!(" and {} more", names.len() - 8));
    }
    text
}

/// The name that the specification gives to an element type's number.
fn type_name(code: i32) -> String {
    const NAMES: [&str; 29] = [
        "UNDEFINED",
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
        "BFLOAT16",
        "FLOAT8E4M3FN",
        "FLOAT8E4M3FNUZ",
        "FLOAT8E5M2",
        "FLOAT8E5M2FNUZ",
        "UINT4",
        "INT4",
        "FLOAT4E2M1",
        "FLOAT8E8M0",
        "UINT2",
        "INT2",
        "FLOAT6E2M3",
        "FLOAT6E3M2",
    ];
    let name = usize::try_from(code).ok().and_then(|index| NAMES.get(index));
    name.map_or_else(|| format!("number {code}"), |name| (*name).to_owned())
}

/// Problems found so far; those beyond a hundred are only counted, since a damaged file can hold millions.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<DecodeError>,
    omitted: usize,
}

impl Problems {
    const LIMIT: usize = 100;

    pub(super) fn push(&mut self, error: DecodeError) {
        if self.found.len() < Self::LIMIT {
            self.found.push(error);
        } else {
            self.omitted += 1;
        }
    }

    /// Records the error, if it is one.
    pub(super) fn take<T>(&mut self, result: Result<T, DecodeError>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Every problem.
    pub(super) fn finish(mut self) -> Vec<DecodeError> {
        if self.omitted > 0 {
            self.found.push(DecodeError::More { count: self.omitted });
        }
        self.found
    }
}
