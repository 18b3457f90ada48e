//! One thing of each kind that is not supported, in one file: all are listed at once, each with a way out.

use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode,
};
use nn2hdl_compiler::front::{Options, check};
use prost::Message;

/// The fields of a `GraphProto` and its tensors that hold what the writer refuses to write.
#[derive(Clone, PartialEq, Message)]
struct Part {
    #[prost(message, optional, tag = "7")]
    graph: Option<PartGraph>,
}

#[derive(Clone, PartialEq, Message)]
struct PartGraph {
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<PartTensor>,
}

#[derive(Clone, PartialEq, Message)]
struct PartTensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<Entry>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Default)]
struct File {
    graph: RawGraph,
}

impl File {
    fn input(&mut self, name: &str, shape: &[Option<usize>]) {
        let dtype = Some(ElementType::Float32);
        self.graph.inputs.push(RawInput { name: name.into(), shape: shape.to_vec(), ranked: true, dtype });
    }

    fn constant(&mut self, name: &str, value: ConstantTensor) {
        self.graph.initializers.insert(name.into(), value);
    }

    fn scalar(&mut self, name: &str, value: f64) {
        self.constant(name, ConstantTensor::float(Vec::new(), vec![value]));
    }

    /// A node whose result is an output of the network.
    fn node(&mut self, name: &str, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) {
        let (domain, op_type) = operator.split_once(':').unwrap_or(("", operator));
        self.graph.outputs.push(RawInput { name: name.into(), ..RawInput::default() });
        self.graph.nodes.push(RawNode {
            name: name.into(),
            op_type: op_type.into(),
            domain: domain.into(),
            inputs: inputs.iter().map(|&text| text.to_owned()).collect(),
            outputs: vec![name.to_owned()],
            attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            ..RawNode::default()
        });
    }

    fn quant(&mut self, name: &str, x: &str, scale: f64, zero: f64, bits: f64) {
        for (part, value) in [("scale", scale), ("zero", zero), ("bits", bits)] {
            self.scalar(&format!("{name}.{part}"), value);
        }
        let inputs = [x, &format!("{name}.scale"), &format!("{name}.zero"), &format!("{name}.bits")];
        self.node(name, "qonnx.custom_op.general:Quant", &inputs, &[]);
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = encode(&Model::new(self.graph, 17));
        let location = Entry { key: "location".into(), value: "weights.bin".into() };
        let outside = PartTensor {
            dims: vec![4, 2],
            data_type: 1,
            name: "outside".into(),
            external_data: vec![location],
            data_location: 1,
        };
        let eight = PartTensor { dims: vec![], data_type: 17, name: "eight".into(), ..PartTensor::default() };
        // A second graph message is merged into the first.
        let part = Part { graph: Some(PartGraph { initializer: vec![outside, eight] }) };
        part.encode(&mut bytes).expect("a vector grows");
        bytes
    }
}

/// Each problem: its code, its node, and what its help must speak of.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("onnx-external-data", "outside", "save_as_external_data=False"),
    ("onnx-element-type", "eight", "supported are"),
    ("dynamic-shape", "open", "static shapes"),
    ("unknown-operator", "suppress", "supported operators"),
    ("unknown-operator", "misspelled", "Relu"),
    ("unknown-operator", "minifloat", "Quant"),
    ("unknown-operator", "dynamic", "statically"),
    ("unknown-domain", "foreign", "ai.onnx"),
    ("onnx-attribute-unknown", "coloured", "axis"),
    ("unsupported-form", "stochastic", "HALF_EVEN"),
    ("unsupported-form", "to_float8", "int8"),
    ("shape-mismatch", "misfit", "static shapes"),
    ("tensor-too-large", "huge", "2^26"),
    ("unknown-input", "nowhere", "x"),
    ("missing-input-format", "unformatted", "--input-format"),
    ("bad-scale", "negative", "positive"),
    ("bad-scale", "zero_scale", "positive"),
    ("bad-zero-point", "half", "whole"),
    ("bad-zero-point", "beyond", "element type"),
    ("bad-bit-width", "no_bits", "1 to 62"),
    ("bad-bit-width", "many_bits", "1 to 62"),
    ("not-finite", "nan_weight", "export the model again"),
    ("not-finite", "infinite", "export the model again"),
    ("division-by-zero", "divided", "export the model again"),
    ("unsupported-form", "turned", "axis 0"),
    ("unsupported-form", "to_integers", "Quant"),
    ("scales-differ", "meeting", "quantizer"),
    ("code-too-wide", "fourth", "quantizer"),
    ("requantization", "fine", "power of two"),
    // After a layer that is refused, the next one is looked at as well.
    ("bad-scale", "behind", "positive"),
];

fn everything() -> Vec<u8> {
    let mut file = File::default();
    file.input("x", &[Some(1), Some(4)]);
    file.input("raw", &[Some(1), Some(4)]);
    file.input("open", &[Some(1), None]);
    let ints = |values: &[i64]| Attribute::Ints(values.to_vec());
    let weights = |shape: &[usize], value: f64| {
        ConstantTensor::float(shape.to_vec(), vec![value; shape.iter().product()])
    };
    file.constant("w", weights(&[4, 4], 0.5));
    file.constant("nan", weights(&[4, 4], f64::NAN));
    file.constant("odd", weights(&[3, 4], 0.5));
    file.constant("target", ConstantTensor::int(vec![3], vec![1 << 20, 1 << 20, 4]));
    file.scalar("infinity", f64::INFINITY);
    file.scalar("nothing", 0.0);
    file.scalar("step", 0.5);
    file.constant(
        "far",
        ConstantTensor { dtype: ElementType::Int16, ..ConstantTensor::int(vec![], vec![300]) },
    );
    file.node("external", "MatMul", &["x", "outside"], &[]);
    file.node("float8", "QuantizeLinear", &["x", "step", "eight"], &[("output_dtype", Attribute::Int(3))]);
    file.node("from_open", "Relu", &["open"], &[]);
    file.node("suppress", "NonMaxSuppression", &["x"], &[]);
    file.node("misspelled", "Rellu", &["x"], &[]);
    file.node("minifloat", "qonnx.custom_op.general:FloatQuant", &["x"], &[]);
    file.node("dynamic", "DynamicQuantizeLinear", &["x"], &[]);
    file.node("foreign", "my.domain:Relu", &["x"], &[]);
    file.node("coloured", "Flatten", &["x"], &[("colour", Attribute::Int(1))]);
    let rounding = Attribute::String("STOCHASTIC".into());
    file.node(
        "stochastic",
        "onnx.brevitas:Quant",
        &["x", "step", "nothing", "step"],
        &[("rounding_mode", rounding)],
    );
    file.node("to_float8", "QuantizeLinear", &["x", "step"], &[("output_dtype", Attribute::Int(17))]);
    file.node("misfit", "MatMul", &["x", "odd"], &[]);
    file.node("huge", "Expand", &["x", "target"], &[]);
    file.node("unformatted", "MatMul", &["raw", "w"], &[]);
    file.quant("negative", "x", -0.5, 0.0, 4.0);
    file.quant("zero_scale", "x", 0.0, 0.0, 4.0);
    file.quant("half", "x", 0.5, 0.5, 4.0);
    let byte = ("output_dtype", Attribute::Int(3));
    file.node("beyond", "QuantizeLinear", &["x", "step", "far"], &[byte]);
    file.quant("no_bits", "x", 0.5, 0.0, 0.0);
    file.quant("many_bits", "x", 0.5, 0.0, 63.0);
    file.node("nan_weight", "MatMul", &["x", "nan"], &[]);
    file.node("infinite", "Mul", &["x", "infinity"], &[]);
    file.node("divided", "Div", &["x", "nothing"], &[]);
    file.node("turned", "Transpose", &["x"], &[("perm", ints(&[1, 0]))]);
    file.node("to_integers", "Cast", &["x"], &[("to", Attribute::Int(7))]);
    file.quant("tiny", "x", 1e-20, 0.0, 4.0);
    file.quant("coarse", "x", 0.5, 0.0, 4.0);
    file.node("meeting", "Add", &["tiny", "coarse"], &[]);
    file.quant("wide", "x", 0.5, 0.0, 30.0);
    file.node("squared", "Mul", &["wide", "wide"], &[]);
    file.node("fourth", "Mul", &["squared", "squared"], &[]);
    file.quant("fine", "squared", 0.3, 0.0, 40.0);
    file.node("after", "Relu", &["fourth"], &[]);
    file.quant("behind", "after", -1.0, 0.0, 4.0);
    file.bytes()
}

fn options() -> Options {
    let format = || "fixed<40,20>".parse().expect("a format");
    let input_formats = [("x".to_owned(), format()), ("nowhere".to_owned(), format())].into();
    Options { input_formats, ..Options::default() }
}

#[test]
fn every_kind_of_problem_is_listed_at_once() {
    let found = check(&everything(), &options());
    let text = format!("{found:#?}");
    let listed = |(code, node, help): &&(&str, &str, &str)| {
        found.iter().any(|problem| {
            problem.code == *code
                && problem.node == *node
                && problem.help.contains(help)
                && !problem.message.is_empty()
        })
    };
    let missing: Vec<_> = EXPECTED.iter().filter(|expected| !listed(expected)).collect();
    assert!(missing.is_empty(), "{missing:#?} are missing in {text}");
    assert_eq!(found.len(), EXPECTED.len(), "{text}");
}
