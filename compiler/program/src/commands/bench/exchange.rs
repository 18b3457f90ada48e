//! The network for other runtimes: ONNX files in ONNX's own operators, with and without quantizers, of any number of frames.

use nn2hdl_compiler::front::onnx::{self, Attribute, ConstantTensor, Model, RawNode};

/// The domains of QONNX's operators.
const QONNX: [&str; 2] = ["qonnx.custom_op.general", "onnx.brevitas"];

/// A network in two forms.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Without quantizers.
    pub float: Option<Vec<u8>>,
    /// With quantizers in ONNX's own operators, so that it gives the emulator's answers as far as float32 holds them.
    pub quantized: Option<Vec<u8>>,
    /// Why a form is not there.
    pub notes: Vec<String>,
}

impl Exchange {
    /// The forms of an ONNX file that can be decoded.
    pub fn new(bytes: &[u8]) -> Self {
        let mut exchange = Self::default();
        let model = match onnx::decode(bytes) {
            Ok(model) => model,
            Err(problems) => {
                exchange.notes.extend(problems.first().map(ToString::to_string));
                return exchange;
            }
        };
        let nodes = || model.main.nodes.iter().chain(model.functions.iter().flat_map(|f| &f.nodes));
        let own = nodes()
            .any(|node| node.op_type.ends_with("QuantizeLinear") || node.op_type.starts_with("QLinear"));
        if own {
            exchange.notes.push("the model has ONNX's own quantizers: there is no form without them".into());
            exchange.quantized = Some(onnx::encode(&opened(model)));
        } else if nodes().any(is_quantizer) {
            match plain(model.clone()) {
                Ok(model) => exchange.quantized = Some(onnx::encode(&opened(model))),
                Err(message) => exchange.notes.push(message),
            }
            exchange.float = Some(onnx::encode(&opened(stripped(model))));
        } else {
            exchange.float = Some(onnx::encode(&opened(model)));
        }
        exchange
    }
}

fn is_quantizer(node: &RawNode) -> bool {
    QONNX.contains(&node.domain.as_str())
        && ["Quant", "IntQuant", "BipolarQuant"].contains(&node.op_type.as_str())
}

/// The first axis of inputs and outputs, which is the frame, takes any extent.
fn opened(mut model: Model) -> Model {
    let main = &mut model.main;
    let first = |shape: &mut Vec<Option<usize>>| {
        if let Some(first @ Some(1)) = shape.first_mut() {
            *first = None;
        }
    };
    main.inputs.iter_mut().chain(&mut main.outputs).for_each(|value| first(&mut value.shape));
    let called = main.nodes.iter().chain(model.functions.iter().flat_map(|function| &function.nodes));
    let used: Vec<String> = called.map(|node| node.domain.clone()).collect();
    model.opsets.retain(|(domain, _)| domain.is_empty() || used.contains(domain));
    model
}

/// Quantizers pass their operand on.
fn stripped(mut model: Model) -> Model {
    let nodes = model.main.nodes.iter_mut().chain(model.functions.iter_mut().flat_map(|f| &mut f.nodes));
    for node in nodes.filter(|node| is_quantizer(node)) {
        node.inputs.truncate(1);
        node.attributes.clear();
        (node.op_type, node.domain) = ("Identity".into(), String::new());
    }
    model
}

/// Quantizers of the main graph in ONNX's own operators.
fn plain(mut model: Model) -> Result<Model, String> {
    if model.functions.iter().any(|function| function.nodes.iter().any(is_quantizer)) {
        return Err("quantizers inside functions have no form in ONNX's own operators here".into());
    }
    let mut nodes = Vec::new();
    for node in std::mem::take(&mut model.main.nodes) {
        if is_quantizer(&node) {
            Rewriter { model: &mut model, nodes: &mut nodes, node: &node }.quantizer()?;
        } else {
            nodes.push(node);
        }
    }
    model.main.nodes = nodes;
    Ok(model)
}

/// Writes one quantizer anew.
struct Rewriter<'a> {
    model: &'a mut Model,
    nodes: &'a mut Vec<RawNode>,
    node: &'a RawNode,
}

impl Rewriter<'_> {
    /// `(clip(round(x ÷ scale + zero), least, most) − zero) × scale`.
    fn quantizer(mut self) -> Result<(), String> {
        let node = self.node;
        let refused =
            |what: &str| format!("node {}: {what} has no form in ONNX's own operators here", node.name);
        let [x, scale, rest @ ..] = node.inputs.as_slice() else {
            return Err(refused("a quantizer without a scale"));
        };
        let output = node.outputs.first().ok_or_else(|| refused("a quantizer without a result"))?.clone();
        if node.op_type == "BipolarQuant" {
            let sign = self.sign(x);
            self.put("Mul", &[&sign, scale], Some(&output));
            return Ok(());
        }
        let [zero, bits] = rest else { return Err(refused("a quantizer without a zero point or a width")) };
        let number = |name: &String| match self.model.main.initializers.get(name)?.floats()? {
            [first, others @ ..] if others.iter().all(|other| other == first) => Some(*first),
            _ => None,
        };
        let bits = number(bits).filter(|bits| bits.fract() == 0.0 && (1.0..=62.0).contains(bits));
        let bits = bits.ok_or_else(|| refused("a width that is no constant"))?;
        let shifted = number(zero) != Some(0.0);
        let flag = |name: &str, default: bool| match node.attributes.get(name) {
            Some(Attribute::Int(value)) => *value != 0,
            _ => default,
        };
        let (signed, narrow) = (flag("signed", true), f64::from(u8::from(flag("narrow", false))));
        if signed && bits == 1.0 {
            let sign = self.sign(x);
            self.put("Mul", &[&sign, scale], Some(&output));
            return Ok(());
        }
        let (least, most) = match signed {
            true => (narrow - 2f64.powf(bits - 1.0), 2f64.powf(bits - 1.0) - 1.0),
            false => (0.0, 2f64.powf(bits) - 1.0 - narrow),
        };
        let mode = match node.attributes.get("rounding_mode") {
            Some(Attribute::String(mode)) => mode.to_uppercase(),
            _ => "ROUND".into(),
        };
        let mut value = self.put("Div", &[x, scale], None);
        if shifted {
            value = self.put("Add", &[&value, zero], None);
        }
        value = self.rounded(&value, &mode).ok_or_else(|| refused(&format!("the rounding mode {mode}")))?;
        let (least, most) = (self.constant("least", least), self.constant("most", most));
        value = self.put("Max", &[&value, &least], None);
        value = self.put("Min", &[&value, &most], None);
        if shifted {
            value = self.put("Sub", &[&value, zero], None);
        }
        self.put("Mul", &[&value, scale], Some(&output));
        Ok(())
    }

    fn rounded(&mut self, x: &str, mode: &str) -> Option<String> {
        let (add, operator) = match mode {
            "ROUND" | "HALF_EVEN" | "ROUND_HALF_EVEN" => return Some(self.put("Round", &[x], None)),
            "FLOOR" => return Some(self.put("Floor", &[x], None)),
            "CEIL" => return Some(self.put("Ceil", &[x], None)),
            "HALF_UP" => (Some(0.5), "Floor"),
            "HALF_DOWN" => (Some(-0.5), "Ceil"),
            "DOWN" | "ROUND_TO_ZERO" => (None, "Floor"),
            "UP" => (None, "Ceil"),
            _ => return None,
        };
        let sign = self.put("Sign", &[x], None);
        let mut size = self.put("Abs", &[x], None);
        if let Some(add) = add {
            let add = self.constant("half", add);
            size = self.put("Add", &[&size, &add], None);
        }
        size = self.put(operator, &[&size], None);
        Some(self.put("Mul", &[&sign, &size], None))
    }

    /// 1 from 0 on, else −1.
    fn sign(&mut self, x: &str) -> String {
        let half = self.constant("half", 0.5);
        let sign = self.put("Sign", &[x], None);
        let sum = self.put("Add", &[&sign, &half], None);
        self.put("Sign", &[&sum], None)
    }

    fn name(&self, what: &str) -> String {
        format!("{}/{what}_{}", self.node.name, self.nodes.len())
    }

    fn constant(&mut self, what: &str, value: f64) -> String {
        let name = self.name(what);
        self.model.main.initializers.insert(name.clone(), ConstantTensor::float(Vec::new(), vec![value]));
        name
    }

    fn put(&mut self, operator: &str, inputs: &[&str], output: Option<&str>) -> String {
        let name = self.name(operator);
        let output = output.map_or_else(|| format!("{name}/out"), str::to_owned);
        self.nodes.push(RawNode {
            name,
            op_type: operator.into(),
            inputs: inputs.iter().map(|&input| input.into()).collect(),
            outputs: vec![output.clone()],
            ..RawNode::default()
        });
        output
    }
}

#[cfg(test)]
mod tests {
    use nn2hdl_compiler::front::{self, Options};
    use nn2hdl_models::zoo;
    use nn2hdl_runtime::Emulator;

    use super::*;

    /// Every value that a network of inputs of 8 bits gives to every input.
    fn decoded(bytes: &[u8]) -> Vec<f64> {
        let options = Options { input_format: Some("fixed<8,5>".parse().unwrap()), ..Options::default() };
        let graph = front::import(bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
        let program =
            front::compile(&graph, &options).unwrap_or_else(|problems| panic!("{problems:?}")).program;
        let codes: Vec<i64> = (-128..128).collect();
        let answers = Emulator::new(&program).unwrap().run(&[&codes], 4).unwrap();
        program.outputs[0].decoder.decode(&answers[0], 64)
    }

    #[test]
    fn the_zoo_has_both_forms_without_foreign_operators() {
        for model in zoo().iter().filter(|model| model.name != "tracer-graph") {
            let Exchange { float, quantized, notes } = Exchange::new(model.onnx);
            assert!(notes.is_empty(), "{}: {notes:?}", model.name);
            for bytes in [float, quantized] {
                let decoded = onnx::decode(&bytes.expect("a form")).unwrap();
                assert!(decoded.main.nodes.iter().all(|node| node.domain.is_empty()), "{}", model.name);
                assert_eq!(decoded.opsets.len(), 1);
                assert_eq!(decoded.main.inputs[0].shape[0], None);
            }
        }
        let damaged = Exchange::new(b"no model");
        assert!(damaged.float.is_none() && damaged.quantized.is_none() && damaged.notes.len() == 1);
    }

    #[test]
    fn rounding_modes_and_signs_keep_their_meaning() {
        let quant = |mode: &str, signed: i64, bits: f64, zero: f64| {
            let mut graph = onnx::RawGraph::default();
            let value = |name: &str| onnx::RawInput {
                name: name.into(),
                shape: vec![Some(1), Some(64)],
                ranked: true,
                dtype: Some(onnx::ElementType::Float32),
            };
            (graph.inputs, graph.outputs) = (vec![value("x")], vec![value("y")]);
            for (name, value) in [("scale", 0.5), ("zero", zero), ("bits", bits)] {
                graph.initializers.insert(name.into(), ConstantTensor::float(Vec::new(), vec![value]));
            }
            let mut node = RawNode {
                name: "q".into(),
                op_type: "Quant".into(),
                domain: QONNX[0].into(),
                inputs: ["x", "scale", "zero", "bits"].map(Into::into).to_vec(),
                outputs: vec!["y".into()],
                ..RawNode::default()
            };
            node.attributes.insert("signed".into(), Attribute::Int(signed));
            node.attributes.insert("rounding_mode".into(), Attribute::String(mode.into()));
            graph.nodes.push(node);
            let mut model = Model::new(graph, 17);
            model.opsets.push((QONNX[0].into(), 1));
            onnx::encode(&model)
        };
        let modes = ["ROUND", "FLOOR", "CEIL", "HALF_UP", "HALF_DOWN", "DOWN", "UP"];
        let mut cases: Vec<_> =
            modes.iter().flat_map(|mode| [(*mode, 1, 4.0, 0.0), (*mode, 0, 3.0, 0.0)]).collect();
        cases.extend([("ROUND", 1, 1.0, 0.0), ("ROUND", 0, 4.0, 3.0)]);
        for (mode, signed, bits, zero) in cases {
            let bytes = quant(mode, signed, bits, zero);
            let Exchange { float, quantized, notes } = Exchange::new(&bytes);
            assert!(notes.is_empty(), "{notes:?}");
            let (plain, float) = (decoded(&quantized.unwrap()), decoded(&float.unwrap()));
            assert_eq!(plain, decoded(&bytes), "{mode} {signed} {bits} {zero}");
            assert!(
                float.len() == 256 && float.iter().zip(-128..).all(|(y, code)| y * 8.0 == f64::from(code))
            );
        }
    }
}
