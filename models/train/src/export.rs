//! Trained networks as ONNX and QONNX files.

use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode,
};
use nn2hdl_runtime::Rounding;

use crate::error::TrainError;
use crate::quantize::BIAS_BITS;
use crate::recipe::{Activation, LAYERS, Layer};
use crate::trained::Trained;

const QONNX: &str = "qonnx.custom_op.general";
const OPSET: i64 = 17;

/// What an exported file computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// `Conv` and `Relu` with the trained weights; output `logits`. For a float stage.
    Float,
    /// `Quant` nodes around every tensor; output `mask`, and `logits` is the name of the last convolution's result.
    Qonnx,
    /// The same network in ONNX's own operators, weights as values; outputs `logits` and `mask`.
    Plain,
}

/// What the file is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Export {
    /// The kind of file.
    pub flavour: Flavour,
    /// Partitions of an image.
    pub height: usize,
    /// Strips of an image.
    pub width: usize,
    /// `mask` is 1 where the image is 1 and the logit is at least this.
    pub threshold: f64,
}

impl Trained {
    /// The network as an ONNX file (opset 17) with input `image` `[N, 6, height, width]` of zeros and ones; `N` is 1 in QONNX.
    ///
    /// `mask = Quant(logits + G·image − G − threshold + 1)` with one bit, rounded down, `G` a power of two beyond what a logit can
    /// reach.
    ///
    /// # Errors
    /// The flavour does not fit the stage, or the threshold is no number.
    pub fn export(&self, export: &Export) -> Result<Vec<u8>, TrainError> {
        let quantized = export.flavour != Flavour::Float;
        if quantized != self.is_quantized() {
            let kind = if quantized { "is no quantized one" } else { "is quantized" };
            let reason = format!("the stage {kind} and cannot be exported as {:?}", export.flavour);
            return Err(TrainError::recipe(format!("stage `{}`", self.stage()), reason));
        }
        if !export.threshold.is_finite() {
            return Err(TrainError::recipe("threshold", "a finite number is needed"));
        }
        let mut writer = Writer { graph: RawGraph::default(), qonnx: export.flavour == Flavour::Qonnx };
        writer.network(self, export);
        let mut graph = writer.graph;
        graph.name = "muon_chamber".into();
        // Other runtimes take batches only where the extent is open.
        let batch = (export.flavour == Flavour::Qonnx).then_some(1);
        let value = |name: &str| RawInput {
            name: name.into(),
            shape: vec![batch, Some(LAYERS), Some(export.height), Some(export.width)],
            ranked: true,
            dtype: Some(ElementType::Float32),
        };
        graph.inputs = vec![value("image")];
        graph.outputs = match export.flavour {
            Flavour::Float => vec![value("logits")],
            Flavour::Qonnx => vec![value("mask")],
            Flavour::Plain => vec![value("logits"), value("mask")],
        };
        let mut model = Model::new(graph, OPSET);
        if export.flavour == Flavour::Qonnx {
            model.opsets.push((QONNX.into(), 1));
        }
        let mut note = |key: &str, text: String| model.metadata.insert(format!("nn2hdl.{key}"), text);
        note("recipe", self.recipe().digest());
        note("stage", self.stage().into());
        note("step", self.step().to_string());
        Ok(encode(&model))
    }

    /// The least power of two beyond every logit's magnitude.
    fn reach(&self) -> f64 {
        let layer = self.network().layer.len() - 1;
        let greatest = match layer.checked_sub(1).and_then(|before| self.network().layer[before].activation) {
            Some(activation) => activation.greatest(),
            None => 1.0,
        };
        let (weight, bias) = self.state.used(self.network(), layer, true);
        let per_output = weight.len() / bias.len();
        let reach = |(weights, bias): (&[f32], &f32)| {
            weights.iter().map(|w| f64::from(w.abs()) * greatest).sum::<f64>() + f64::from(bias.abs())
        };
        let most = weight.chunks(per_output).zip(&bias).map(reach).fold(0.0, f64::max);
        2f64.powf((most + 1.0).log2().ceil())
    }
}

/// A rounding mode of non-negative numbers in QONNX, and in ONNX's own operators: what is added before which operator.
fn rounding(mode: Rounding) -> (&'static str, f64, &'static str) {
    match mode {
        Rounding::Trn | Rounding::TrnZero => ("FLOOR", 0.0, "Floor"),
        Rounding::RndConv => ("ROUND", 0.0, "Round"),
        Rounding::Rnd | Rounding::RndInf => ("HALF_UP", 0.5, "Floor"),
        Rounding::RndZero | Rounding::RndMinInf => ("HALF_DOWN", -0.5, "Ceil"),
    }
}

/// One `Quant` node.
struct Quant<'a> {
    scale: ConstantTensor,
    bits: u32,
    signed: bool,
    narrow: bool,
    mode: &'a str,
}

struct Writer {
    graph: RawGraph,
    qonnx: bool,
}

impl Writer {
    fn network(&mut self, trained: &Trained, export: &Export) {
        let network = trained.network();
        let scalar = |value: f64| ConstantTensor::float(Vec::new(), vec![value]);
        let image = if self.qonnx {
            let quant = Quant { scale: scalar(1.0), bits: 1, signed: false, narrow: false, mode: "ROUND" };
            self.quant("image".into(), "image_q", quant)
        } else {
            "image".to_owned()
        };
        let mut x = image.clone();
        let last = network.layer.len() - 1;
        let mut finest = 0;
        for (index, layer) in network.layer.iter().enumerate() {
            let (weight, bias) = trained.state.used(network, index, trained.is_quantized());
            let name = format!("conv{index}");
            let shape = vec![layer.outputs, network.inputs(index), layer.rows, layer.columns];
            let mut weight = self.constant(&format!("{name}_weight"), floats(shape, &weight));
            let mut bias = self.constant(&format!("{name}_bias"), floats(vec![layer.outputs], &bias));
            if trained.is_quantized() {
                let fraction = trained.codes(index).fraction;
                let input = network.input_fraction(index);
                finest = fraction.iter().copied().max().unwrap_or(0) + input;
                if self.qonnx {
                    let steps =
                        |shift: i32| fraction.iter().map(|f| 2f64.powi(-f - shift)).collect::<Vec<f64>>();
                    let scale = ConstantTensor::float(vec![layer.outputs, 1, 1, 1], steps(0));
                    let quant = Quant { scale, bits: layer.bits, signed: true, narrow: true, mode: "ROUND" };
                    weight = self.quant(weight, &format!("{name}_weight_q"), quant);
                    let scale = ConstantTensor::float(vec![layer.outputs], steps(input));
                    let quant = Quant { scale, bits: BIAS_BITS, signed: true, narrow: true, mode: "ROUND" };
                    bias = self.quant(bias, &format!("{name}_bias_q"), quant);
                }
            }
            let out = if index == last { "logits".into() } else { format!("{name}_sum") };
            self.convolution(layer, vec![x, weight, bias], &out);
            x = out;
            if index != last {
                x = self.node("Relu", vec![x], &format!("{name}_relu"));
                if let Some(activation) = layer.activation.filter(|_| trained.is_quantized()) {
                    x = self.activation(activation, x, &name);
                }
            }
        }
        if trained.is_quantized() {
            // The least logit on the grid that is marked.
            let grid = 2f64.powi(finest);
            let threshold = (export.threshold * grid).ceil() / grid;
            let reach = trained.reach().max(2f64.powf((threshold.abs() + 1.0).log2().ceil())) * 2.0;
            self.gate(image, x, reach, threshold);
        }
    }

    fn gate(&mut self, image: String, logits: String, reach: f64, threshold: f64) {
        let scalar = |value: f64| ConstantTensor::float(Vec::new(), vec![value]);
        let gain = self.constant("gate_gain", scalar(reach));
        let gain = self.node("Mul", vec![image, gain], "gate");
        let sum = self.node("Add", vec![logits, gain], "gated");
        let offset = self.constant("gate_offset", scalar(reach + threshold - 1.0));
        let margin = self.node("Sub", vec![sum, offset], "margin");
        if self.qonnx {
            let quant = Quant { scale: scalar(1.0), bits: 1, signed: false, narrow: false, mode: "FLOOR" };
            self.quant(margin, "mask", quant);
        } else {
            let floor = self.node("Floor", vec![margin], "margin_floor");
            let (zero, one) =
                (self.constant("mask_least", scalar(0.0)), self.constant("mask_most", scalar(1.0)));
            self.node("Clip", vec![floor, zero, one], "mask");
        }
    }

    fn activation(&mut self, activation: Activation, x: String, name: &str) -> String {
        let scalar = |value: f64| ConstantTensor::float(Vec::new(), vec![value]);
        let Activation { bits, fraction, rounding: mode } = activation;
        let (quant, offset, operator) = rounding(mode);
        let step = 2f64.powi(-fraction);
        if self.qonnx {
            let quant = Quant { scale: scalar(step), bits, signed: false, narrow: false, mode: quant };
            return self.quant(x, &format!("{name}_out"), quant);
        }
        let scale = self.constant(&format!("{name}_scale"), scalar(1.0 / step));
        let mut x = self.node("Mul", vec![x, scale], &format!("{name}_scaled"));
        if offset != 0.0 {
            let offset = self.constant(&format!("{name}_half"), scalar(offset));
            x = self.node("Add", vec![x, offset], &format!("{name}_shifted"));
        }
        let rounded = self.node(operator, vec![x], &format!("{name}_rounded"));
        let least = self.constant(&format!("{name}_least"), scalar(0.0));
        let most = self.constant(&format!("{name}_most"), scalar(activation.greatest() / step));
        let codes = self.node("Clip", vec![rounded, least, most], &format!("{name}_codes"));
        let step = self.constant(&format!("{name}_step"), scalar(step));
        self.node("Mul", vec![codes, step], &format!("{name}_out"))
    }

    fn constant(&mut self, name: &str, value: ConstantTensor) -> String {
        self.graph.initializers.insert(name.to_owned(), value);
        name.to_owned()
    }

    fn node(&mut self, operator: &str, inputs: Vec<String>, output: &str) -> String {
        self.graph.nodes.push(RawNode {
            name: format!("{operator}_{output}"),
            op_type: operator.into(),
            inputs,
            outputs: vec![output.into()],
            ..RawNode::default()
        });
        output.to_owned()
    }

    fn convolution(&mut self, layer: &Layer, inputs: Vec<String>, output: &str) {
        self.node("Conv", inputs, output);
        let ints = |values: &[usize]| Attribute::Ints(values.iter().map(|&v| v as i64).collect());
        let (top, left) = (layer.rows / 2, layer.columns / 2);
        if let Some(node) = self.graph.nodes.last_mut() {
            node.attributes.insert("kernel_shape".into(), ints(&[layer.rows, layer.columns]));
            node.attributes.insert("pads".into(), ints(&[top, left, top, left]));
            node.attributes.insert("strides".into(), ints(&[1, 1]));
        }
    }

    fn quant(&mut self, x: String, output: &str, quant: Quant<'_>) -> String {
        let scalar = |value: f64| ConstantTensor::float(Vec::new(), vec![value]);
        let scale = self.constant(&format!("{output}_scale"), quant.scale);
        let zero = self.constant(&format!("{output}_zero"), scalar(0.0));
        let bits = self.constant(&format!("{output}_bits"), scalar(quant.bits.into()));
        self.node("Quant", vec![x, scale, zero, bits], output);
        if let Some(node) = self.graph.nodes.last_mut() {
            node.domain = QONNX.into();
            node.attributes.insert("signed".into(), Attribute::Int(quant.signed.into()));
            node.attributes.insert("narrow".into(), Attribute::Int(quant.narrow.into()));
            node.attributes.insert("rounding_mode".into(), Attribute::String(quant.mode.into()));
        }
        output.to_owned()
    }
}

fn floats(shape: Vec<usize>, values: &[f32]) -> ConstantTensor {
    ConstantTensor::float(shape, values.iter().map(|&value| value.into()).collect())
}
