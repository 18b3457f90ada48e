//! Operators: one file each, plus one line in [`OPERATORS`].
//!
//! A file holds the operator's attributes, importer, shape rule, definition in kernels, a naive `reference` in floats
//! that shares no code with the definition, and a generator of samples for the operator matrix.
//!
//! *Architecture invariant:* outside this folder nothing asks which operator a node has.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use nn2hdl_runtime::Quantizer;

use crate::diagnostic::Diagnostic;
use crate::front::lower::{Lower, Quantity};
use crate::front::onnx::{AttributeReader, DecodeError, ElementType, RawNode};
use crate::graph::{Graph, Tensor};

mod add;
mod argmax;
mod argmin;
mod average;
mod average_pool;
mod batch_normalization;
mod bipolar_quant;
mod broadcast;
mod cast;
mod channels_last;
mod clip;
mod compare;
mod concat;
mod constant;
mod constant_of_shape;
mod contraction;
mod conv;
mod conv_transpose;
mod cumsum;
mod depth_to_space;
mod dequantize_linear;
mod div;
mod dropout;
mod einsum;
mod expand;
mod extreme;
mod extremum;
mod fixed;
mod flatten;
mod functions;
mod gather;
mod gather_elements;
mod gemm;
mod group;
mod group_normalization;
mod hard_sigmoid;
mod hardmax;
mod identity;
mod instance_normalization;
mod layer_normalization;
mod leaky_relu;
mod linear;
mod log_softmax;
mod logic;
mod lp_normalization;
mod matmul;
mod max_pool;
mod modulo;
mod mul;
mod normalization;
mod pad;
mod picked;
mod pow;
mod prelu;
mod product_integer;
mod qgemm;
mod qlinear_add;
mod qlinear_conv;
mod qlinear_matmul;
mod qlinear_mul;
mod quant;
mod quantize_linear;
mod reduce;
mod relu;
mod reshape;
mod resize;
mod rms_normalization;
mod round;
mod sample;
mod scatter_elements;
mod scatter_nd;
mod shape;
mod sign;
mod slice;
mod softmax;
mod sorting;
mod split;
mod squeeze;
mod sub;
mod sum;
mod thresholded_relu;
mod tile;
mod topk;
mod transpose;
mod trunc;
mod unary;
mod unsqueeze;
mod where_;
mod window;

pub use add::Add;
pub use argmax::ArgMax;
pub use argmin::ArgMin;
pub use average_pool::AveragePool;
pub use batch_normalization::BatchNormalization;
pub use bipolar_quant::BipolarQuant;
pub use cast::Cast;
pub use channels_last::ChannelsLast;
pub use clip::Clip;
pub use compare::Compare;
pub use concat::Concat;
pub use constant::Constant;
pub use constant_of_shape::ConstantOfShape;
pub use conv::Conv;
pub use conv_transpose::ConvTranspose;
pub use cumsum::CumSum;
pub use depth_to_space::{DepthToSpace, Order};
pub use dequantize_linear::DequantizeLinear;
pub use div::Div;
pub use dropout::Dropout;
pub use einsum::Einsum;
pub use expand::Expand;
pub use extremum::Extremum;
pub use fixed::Fixed;
pub use flatten::Flatten;
pub use gather::Gather;
pub use gather_elements::GatherElements;
pub use gemm::Gemm;
pub use group_normalization::GroupNormalization;
pub use hard_sigmoid::HardSigmoid;
pub use hardmax::Hardmax;
pub use identity::Identity;
pub use instance_normalization::InstanceNormalization;
pub use layer_normalization::LayerNormalization;
pub use leaky_relu::LeakyRelu;
pub use log_softmax::LogSoftmax;
pub use logic::Logic;
pub use lp_normalization::LpNormalization;
pub use matmul::MatMul;
pub use max_pool::MaxPool;
pub use modulo::Mod;
pub use mul::Mul;
pub use pad::{Mode as PadMode, Pad};
pub use pow::Pow;
pub use prelu::PRelu;
pub use product_integer::ProductInteger;
pub use quant::Quant;
pub use quantize_linear::QuantizeLinear;
pub use reduce::{Axes, Kind, Reduce};
pub use relu::Relu;
pub use reshape::Reshape;
pub use resize::{Nearest, Resize, Transformation};
pub use rms_normalization::RmsNormalization;
pub use round::Round;
pub use scatter_elements::ScatterElements;
pub use scatter_nd::ScatterNd;
pub use shape::Shape;
pub use sign::Sign;
pub use slice::{Bounds, Slice};
pub use softmax::Softmax;
pub use split::Split;
pub use squeeze::Squeeze;
pub use sub::Sub;
pub use sum::Sum;
pub use thresholded_relu::ThresholdedRelu;
pub use tile::Tile;
pub use topk::TopK;
pub use transpose::Transpose;
pub use trunc::Trunc;
pub use unary::Unary;
pub use unsqueeze::Unsqueeze;
pub use where_::Where;
pub use window::{AutoPad, Windows};

/// Every operator. Order does not matter; it is alphabetical.
pub const OPERATORS: &[Entry] = &[
    add::ENTRY,
    argmax::ENTRY,
    argmin::ENTRY,
    average_pool::ENTRY,
    batch_normalization::ENTRY,
    bipolar_quant::ENTRY,
    cast::ENTRY,
    channels_last::BATCH_NORMALIZATION,
    channels_last::CONV,
    channels_last::MAX_POOL,
    clip::ENTRY,
    compare::EQUAL,
    compare::GREATER,
    compare::GREATER_OR_EQUAL,
    compare::LESS,
    compare::LESS_OR_EQUAL,
    concat::ENTRY,
    constant::ENTRY,
    constant_of_shape::ENTRY,
    conv::ENTRY,
    product_integer::CONV,
    conv_transpose::ENTRY,
    cumsum::ENTRY,
    depth_to_space::TO_DEPTH,
    depth_to_space::TO_SPACE,
    dequantize_linear::ENTRY,
    div::ENTRY,
    dropout::ENTRY,
    einsum::ENTRY,
    expand::ENTRY,
    extremum::MAX,
    extremum::MIN,
    fixed::ENTRY,
    flatten::ENTRY,
    functions::ASINH,
    functions::ATAN,
    functions::CELU,
    functions::COS,
    functions::COSH,
    functions::ELU,
    functions::ERF,
    functions::EXP,
    functions::HARD_SWISH,
    functions::LOG,
    functions::MISH,
    functions::RECIPROCAL,
    functions::SELU,
    functions::SIGMOID,
    functions::SIN,
    functions::SINH,
    functions::SOFTPLUS,
    functions::SOFTSIGN,
    functions::SQRT,
    functions::SWISH,
    functions::TANH,
    gather::ENTRY,
    gather_elements::ELEMENTS,
    gather_elements::ND,
    gemm::ENTRY,
    group_normalization::ENTRY,
    hard_sigmoid::ENTRY,
    hardmax::ENTRY,
    identity::ENTRY,
    instance_normalization::ENTRY,
    layer_normalization::ENTRY,
    leaky_relu::ENTRY,
    log_softmax::ENTRY,
    logic::AND,
    logic::NOT,
    logic::OR,
    logic::XOR,
    lp_normalization::ENTRY,
    matmul::ENTRY,
    product_integer::MATMUL,
    max_pool::ENTRY,
    modulo::ENTRY,
    mul::ENTRY,
    pad::ENTRY,
    pow::ENTRY,
    prelu::ENTRY,
    qgemm::ENTRY,
    qlinear_add::ENTRY,
    qlinear_conv::ENTRY,
    qlinear_matmul::ENTRY,
    qlinear_mul::ENTRY,
    quant::ENTRY,
    quant::INT_QUANT,
    quantize_linear::ENTRY,
    reduce::GLOBAL_AVERAGE,
    reduce::GLOBAL_MAX,
    reduce::L1,
    reduce::MAX,
    reduce::MEAN,
    reduce::MIN,
    reduce::SUM,
    reduce::SUM_SQUARE,
    relu::ENTRY,
    reshape::ENTRY,
    resize::RESIZE,
    resize::UPSAMPLE,
    rms_normalization::ENTRY,
    round::CEIL,
    round::FLOOR,
    round::ROUND,
    scatter_elements::ENTRY,
    scatter_nd::ENTRY,
    shape::ENTRY,
    sign::ABS,
    sign::NEG,
    sign::SIGN,
    slice::ENTRY,
    softmax::ENTRY,
    split::ENTRY,
    squeeze::ENTRY,
    sub::ENTRY,
    sum::MEAN,
    sum::SUM,
    thresholded_relu::ENTRY,
    tile::ENTRY,
    topk::ENTRY,
    transpose::ENTRY,
    unary::GELU,
    trunc::ENTRY,
    unsqueeze::ENTRY,
    where_::ENTRY,
];

/// ONNX's own operators.
const ONNX: &[&str] = &[""];

/// The domains under which QONNX's operators travel.
const QONNX: &[&str] = &["qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"];

/// A line of [`OPERATORS`].
#[derive(Clone, Copy)]
pub struct Entry {
    /// Name in ONNX.
    pub name: &'static str,
    /// Domains under which it is known.
    pub domains: &'static [&'static str],
    /// Reads the attributes of a node.
    pub import: fn(&mut Import<'_>) -> Result<Arc<dyn Operator>, Fault>,
    /// Small graphs that exercise the operator; the same for the same seed.
    pub samples: fn(u64) -> Vec<Sample>,
}

/// The entry of a node's operator.
pub fn find(domain: &str, name: &str) -> Option<&'static Entry> {
    OPERATORS.iter().find(|entry| entry.name == name && entry.domains.contains(&domain))
}

/// What an operator does.
pub trait Operator: fmt::Debug + Send + Sync {
    /// Name in ONNX.
    fn name(&self) -> &'static str;

    /// The shapes of the outputs.
    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault>;

    /// Lowers the operator to kernels and pending exact functions.
    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault>;

    /// The outputs in float arithmetic, as plainly as can be written.
    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault>;

    /// Whether constant inputs give a constant that may be computed in floats. Quantizers say no: their results are
    /// codes, and stay exact.
    fn folds(&self) -> bool {
        true
    }

    /// The constant that the output is whatever the inputs' values are, such as a static shape.
    fn constant(&self, _inputs: &[Option<Known<'_>>]) -> Option<Tensor> {
        None
    }

    /// Whether the output's elements are integers, given whether the inputs' are.
    fn integer(&self, inputs: &[bool]) -> bool {
        inputs.first().copied().unwrap_or(false)
    }

    /// Whether the elements of output `n` are integers, for operators whose outputs differ in this.
    fn integer_at(&self, _n: usize, inputs: &[bool]) -> bool {
        self.integer(inputs)
    }

    /// The part that `--default-format` gives the operator.
    fn role(&self) -> Role {
        Role::Movement
    }

    /// Whether each element of the result is `a·x + b` of one element of operand `input`, broadcast, while the other
    /// operands are constant.
    fn affine(&self, _input: usize) -> bool {
        false
    }

    /// How the result is linear in an operand that is constant, its weights; `None` if it is not, or in a form that is
    /// not looked into. Elsewhere weights are then left as they are.
    fn linear(&self, _inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        None
    }

    /// With [`Operator::linear`] weights of shape `weights`: what the weights of one channel are multiplied with,
    /// row-major, one row for each position of the result, in the order of the weights with the channel axis left out.
    fn patches(&self, _x: &Tensor, _weights: &[usize]) -> Option<Vec<f64>> {
        None
    }
}

/// `result[…, channel, …] = Σ_k input[k] × weights[channel, k] + bias[channel]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// The operand that the weights multiply.
    pub input: usize,
    /// The operand that holds the weights.
    pub weights: usize,
    /// The operand that is added, if there is one.
    pub bias: Option<usize>,
    /// The weights' axis of output channels.
    pub axis: usize,
    /// The result's axis of channels.
    pub channels: usize,
}

/// How `--default-format` treats an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Moves data or looks at indices; nothing to quantize.
    Movement,
    /// Rounds by itself.
    Quantizer,
    /// Products and sums whose result is quantized at the end of their layer, and their constants before.
    Product,
    /// The same; with a constant operand it belongs to the layer before it.
    Elementwise,
    /// Belongs to the layer before it; its constants, if any, stay exact.
    Activation,
}

/// What is known of an operand before anything is computed.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Extents, with the frame axis.
    pub shape: &'a [usize],
    /// The data of a constant.
    pub constant: Option<&'a Tensor>,
    /// Whether the element type is an integer type.
    pub integer: bool,
}

/// A small network for the operator matrix.
pub struct Sample {
    /// The network.
    pub graph: Graph,
    /// Formats of its inputs, in order; indices take theirs from their use.
    pub formats: Vec<Option<Quantizer>>,
    /// Largest difference between program and reference; 0 wherever the definition is exact.
    pub tolerance: f64,
}

/// Why an operator could not be imported or lowered; a [`Diagnostic`] without its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable, machine-readable kind.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Fault {
    /// A fault.
    pub fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: help.into() }
    }

    /// The fault of an operand whose shape does not fit.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new("shape-mismatch", message, "export the model again, with static shapes")
    }

    /// The fault of a form of an operator that is not supported.
    pub fn unsupported(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new("unsupported-form", message, help)
    }

    /// The diagnostic at `node`.
    pub fn at(self, node: &str) -> Diagnostic {
        Diagnostic::new(self.code, node, self.message, self.help)
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::new(error.code(), error.to_string(), error.help())
    }
}

/// What an importer reads from.
pub struct Import<'a> {
    /// The node.
    pub node: &'a RawNode,
    /// Version of the operator set of the node's domain.
    pub opset: i64,
    /// The attributes; those that the importer does not ask for are refused.
    pub attributes: AttributeReader<'a>,
    /// Element types of inputs and constants.
    pub types: &'a BTreeMap<String, ElementType>,
}

impl Import<'_> {
    /// The element type of input `index`, if the model states it.
    fn element_type(&self, index: usize) -> Option<ElementType> {
        self.types.get(self.node.input(index)?).copied()
    }
}

/// Operators that are known and refused, each with what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("FloatQuant", "minifloats have no fixed-point codes: train with an integer quantizer (Quant, IntQuant)"),
    (
        "DynamicQuantizeLinear",
        "its scale depends on the frame: quantize statically, with calibration data (quantize_static)",
    ),
    (
        "DynamicQuantizeMatMul",
        "its scale depends on the frame: quantize statically, with calibration data (quantize_static)",
    ),
    (
        "DynamicQuantizeLSTM",
        "its scale depends on the frame: quantize statically, with calibration data (quantize_static)",
    ),
    (
        "MatMulNBits",
        "its weights have a scale for each block: quantize with one scale for each output channel",
    ),
    ("Loop", "unroll it when exporting: the hardware has a fixed number of steps"),
    ("Scan", "unroll it when exporting: the hardware has a fixed number of steps"),
    ("If", "choose the branch when exporting: both branches would be built"),
    ("Dropout", "export the model in inference mode"),
];

/// What to do about an operator that is known and refused.
pub fn way_out(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The operand `index`, which must be there.
fn operand<T: Clone>(inputs: &[Option<T>], index: usize) -> Result<T, Fault> {
    let missing = || Fault::shape(format!("input {index} is missing"));
    inputs.get(index).cloned().flatten().ok_or_else(missing)
}

/// The integers of a constant operand, if it is given.
fn ints(inputs: &[Option<Known<'_>>], index: usize, what: &str) -> Result<Option<Vec<i64>>, Fault> {
    let Some(known) = inputs.get(index).copied().flatten() else { return Ok(None) };
    match known.constant {
        Some(tensor) => Ok(Some(tensor.to_ints())),
        None => {
            Err(Fault::unsupported(format!("the {what} are computed at run time"), "give them as a constant"))
        }
    }
}

/// The position of a possibly negative axis in `rank` axes.
fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    let position = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(position)
        .ok()
        .filter(|&position| position < rank)
        .ok_or_else(|| Fault::shape(format!("axis {axis} does not exist in {rank} axes")))
}

/// Refuses what would take an absurd amount of memory.
fn bounded(shape: Vec<usize>) -> Result<Vec<usize>, Fault> {
    match crate::graph::elements(&shape) {
        Some(_) => Ok(shape),
        None => Err(Fault::new(
            "tensor-too-large",
            format!("a tensor of shape {shape:?} is too large"),
            "at most 8 axes and 2^26 elements are accepted",
        )),
    }
}
