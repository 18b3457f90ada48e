//! Changes to a decoded file that leave everything else as it is.

use std::collections::BTreeSet;

use super::attribute::Attribute;
use super::model::{Model, RawNode};
use super::tensor::{ConstantTensor, ElementType};

/// The domain of QONNX's operators.
const QONNX: &str = "qonnx.custom_op.general";

/// A `Quant` node with rounding half to even and without zero points.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantization {
    /// Extents of the scale, which broadcast to the tensor's.
    pub shape: Vec<usize>,
    /// Scales, row-major.
    pub scale: Vec<f64>,
    /// Bits of a code.
    pub bits: u32,
    /// Whether codes have a sign.
    pub signed: bool,
    /// Whether the least code is left out.
    pub narrow: bool,
}

/// A model that is being changed. New tensors and nodes get names of their own.
#[derive(Clone, Debug)]
pub struct Editor {
    model: Model,
    names: BTreeSet<String>,
    narrow: bool,
}

impl Editor {
    /// Begins with `model`.
    pub fn new(model: Model) -> Self {
        let main = &model.main;
        let values = main.inputs.iter().chain(&main.outputs).map(|value| &value.name);
        let nodes =
            main.nodes.iter().flat_map(|node| node.inputs.iter().chain(&node.outputs).chain([&node.name]));
        let names = values.chain(main.initializers.keys()).chain(nodes).cloned().collect();
        let narrow = !main.inputs.iter().any(|input| input.dtype == Some(ElementType::Float64));
        Self { model, names, narrow }
    }

    /// The changed model.
    pub fn finish(self) -> Model {
        self.model
    }

    fn fresh(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut count = 1;
        while !self.names.insert(unique.clone()) {
            count += 1;
            unique = format!("{name}_{count}");
        }
        unique
    }

    /// Adds a constant; returns its name. Values are rounded to float32 unless the model's inputs are float64.
    ///
    /// # Panics
    /// If the shape does not fit the number of values.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: &[f64]) -> String {
        let name = self.fresh(name);
        let stored = values.iter().map(|&value| if self.narrow { f64::from(value as f32) } else { value });
        let constant = ConstantTensor::float(shape.to_vec(), stored.collect());
        self.model.main.initializers.insert(name.clone(), constant);
        name
    }

    /// The position of a node, which must be there.
    fn position(&self, node: &str) -> usize {
        let nodes = &self.model.main.nodes;
        nodes.iter().position(|other| other.name == node).unwrap_or(nodes.len())
    }

    /// The name of what a node reads in `slot`.
    pub fn input(&self, node: &str, slot: usize) -> Option<&str> {
        self.model.main.nodes.get(self.position(node))?.input(slot)
    }

    /// Makes a node read another tensor in `slot`; an empty name leaves it out.
    pub fn rewire(&mut self, node: &str, slot: usize, tensor: &str) {
        let at = self.position(node);
        if let Some(input) = self.model.main.nodes.get_mut(at).and_then(|node| node.inputs.get_mut(slot)) {
            tensor.clone_into(input);
        }
    }

    /// Removes operand `slot` and those behind it.
    pub fn truncate(&mut self, node: &str, slot: usize) {
        let at = self.position(node);
        if let Some(node) = self.model.main.nodes.get_mut(at) {
            node.inputs.truncate(slot);
        }
    }

    /// Makes everything that reads `from` read `to` instead, except nodes that `kept` is true of.
    pub fn redirect(&mut self, from: &str, to: &str, kept: impl Fn(&RawNode) -> bool) {
        let main = &mut self.model.main;
        for node in main.nodes.iter_mut().filter(|node| !kept(node)) {
            node.inputs.iter_mut().filter(|input| *input == from).for_each(|input| to.clone_into(input));
        }
        main.outputs
            .iter_mut()
            .filter(|output| output.name == from)
            .for_each(|output| to.clone_into(&mut output.name));
    }

    /// Removes a node.
    pub fn remove(&mut self, node: &str) {
        let at = self.position(node);
        self.model.main.nodes.remove(at);
    }

    /// Inserts a node of ONNX before the node `before`, or behind all, that defines `output`.
    pub fn insert(&mut self, before: Option<&str>, operator: &str, inputs: Vec<String>, output: &str) {
        let at = before.map_or(self.model.main.nodes.len(), |node| self.position(node));
        self.place(at, operator, inputs, output);
    }

    fn place(&mut self, at: usize, operator: &str, inputs: Vec<String>, output: &str) {
        let name = self.fresh(&format!("{operator}_{output}"));
        let (op_type, outputs) = (operator.to_owned(), vec![output.to_owned()]);
        self.model.main.nodes.insert(at, RawNode { name, op_type, inputs, outputs, ..RawNode::default() });
    }

    /// Lets a node read in `slot` what it read there, quantized.
    pub fn quantize_input(&mut self, node: &str, slot: usize, quantization: &Quantization) {
        let Some(input) = self.input(node, slot).map(str::to_owned) else { return };
        let output = self.fresh(&format!("{input}/quantized"));
        let at = self.position(node);
        self.quant(at, input, &output, quantization);
        self.rewire(node, slot, &output);
    }

    /// Quantizes the first result of a node; the quantized tensor takes its name and place.
    pub fn quantize_result(&mut self, node: &str, quantization: &Quantization) {
        let at = self.position(node);
        let Some(output) = self.model.main.nodes.get(at).and_then(|node| node.outputs.first()).cloned()
        else {
            return;
        };
        let exact = self.fresh(&format!("{output}/exact"));
        self.model.main.nodes[at].outputs[0].clone_from(&exact);
        self.quant(at + 1, exact, &output, quantization);
    }

    /// Quantizes an input of the network for every reader that `kept` is not true of.
    pub fn quantize_source(
        &mut self,
        input: &str,
        quantization: &Quantization,
        kept: impl Fn(&RawNode) -> bool,
    ) {
        let output = self.fresh(&format!("{input}/quantized"));
        self.redirect(input, &output, kept);
        self.quant(0, input.to_owned(), &output, quantization);
    }

    fn quant(&mut self, at: usize, input: String, output: &str, quantization: &Quantization) {
        let Quantization { shape, scale, bits, signed, narrow } = quantization;
        let scale = self.constant(&format!("{output}/scale"), shape, scale);
        let zero = self.constant(&format!("{output}/zero"), &[], &[0.0]);
        let bits = self.constant(&format!("{output}/bits"), &[], &[f64::from(*bits)]);
        self.place(at, "Quant", vec![input, scale, zero, bits], output);
        let node = &mut self.model.main.nodes[at];
        node.domain = QONNX.into();
        node.attributes.insert("signed".into(), Attribute::Int((*signed).into()));
        node.attributes.insert("narrow".into(), Attribute::Int((*narrow).into()));
        node.attributes.insert("rounding_mode".into(), Attribute::String("ROUND".into()));
        if self.model.opset(QONNX).is_none() {
            self.model.opsets.push((QONNX.into(), 1));
        }
    }
}
