//! Networks with `QuantizeLinear` and `DequantizeLinear`, and with operators on codes, against integer arithmetic.

mod front;

use front::answers;
use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, TensorData, encode,
};
use nn2hdl_compiler::front::{Options, load};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn port(name: &str, shape: &[usize], dtype: ElementType) -> RawInput {
    let shape = shape.iter().copied().map(Some).collect();
    RawInput { name: name.into(), shape, ranked: true, dtype: Some(dtype) }
}

fn node(op_type: &str, inputs: &[&str], output: &str, attributes: &[(&str, i64)]) -> RawNode {
    RawNode {
        name: output.into(),
        op_type: op_type.into(),
        inputs: inputs.iter().map(|&text| text.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        attributes: attributes.iter().map(|&(key, value)| (key.to_owned(), Attribute::Int(value))).collect(),
        ..RawNode::default()
    }
}

fn ints(dtype: ElementType, shape: &[usize], values: &[i64]) -> ConstantTensor {
    ConstantTensor { shape: shape.to_vec(), data: TensorData::Int(values.to_vec()), dtype }
}

fn model(
    input: RawInput,
    output: RawInput,
    nodes: Vec<RawNode>,
    constants: &[(&str, ConstantTensor)],
) -> Vec<u8> {
    let initializers = constants.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let graph =
        RawGraph { name: "qdq".into(), inputs: vec![input], outputs: vec![output], initializers, nodes };
    encode(&Model::new(graph, 21))
}

const WEIGHTS: [i64; 6] = [3, -7, 127, 1, -128, 64];
const BIAS: [i64; 2] = [100, -300];
/// Of the input, of each column of the weights, of the result.
const SCALES: (f32, [f32; 2], f32) = (0.1, [0.007, 0.013], 0.3);

fn constants() -> Vec<(&'static str, ConstantTensor)> {
    let (x, w, y) = SCALES;
    let float = |value: f32| ConstantTensor::float(Vec::new(), vec![value.into()]);
    vec![
        ("x_scale", float(x)),
        ("x_zero", ints(ElementType::UInt8, &[], &[131])),
        ("w", ints(ElementType::Int8, &[3, 2], &WEIGHTS)),
        ("w_scale", ConstantTensor::float(vec![2], w.map(f64::from).to_vec())),
        ("w_zero", ints(ElementType::Int8, &[2], &[0, 0])),
        ("y_scale", float(y)),
        ("y_zero", ints(ElementType::UInt8, &[], &[17])),
        ("b", ints(ElementType::Int32, &[2], &BIAS)),
        ("b_scale", ConstantTensor::float(vec![2], w.map(|w| f64::from(w * x)).to_vec())),
    ]
}

/// The codes of the result for codes of the input; `bias` is what stands for the biases.
fn expected(x: &[i64], bias: [f64; 2]) -> [f64; 2] {
    [0, 1].map(|column| {
        let sum: i64 = (0..3).map(|k| (x[k] - 131) * WEIGHTS[2 * k + column]).sum();
        let (x, w, y) = SCALES;
        let value = sum as f64 * f64::from(x) * f64::from(w[column]) + bias[column];
        ((value / f64::from(y)).round_ties_even() + 17.0).clamp(0.0, 255.0)
    })
}

#[test]
fn a_network_with_quantizers_around_its_operators() {
    let nodes = vec![
        node("QuantizeLinear", &["x", "x_scale", "x_zero"], "xq", &[]),
        node("DequantizeLinear", &["xq", "x_scale", "x_zero"], "xf", &[]),
        node("DequantizeLinear", &["w", "w_scale", "w_zero"], "wf", &[("axis", 1)]),
        node("DequantizeLinear", &["b", "b_scale"], "bf", &[("axis", 0)]),
        node("MatMul", &["xf", "wf"], "p", &[]),
        node("Add", &["p", "bf"], "s", &[]),
        node("QuantizeLinear", &["s", "y_scale", "y_zero"], "yq", &[]),
        node("DequantizeLinear", &["yq", "y_scale", "y_zero"], "y", &[]),
    ];
    let float = ElementType::Float32;
    let bytes = model(port("x", &[1, 3], float), port("y", &[1, 2], float), nodes, &constants());
    let program = load(&bytes, &Options::default()).expect("a program").program;
    // The input's quantizer is its encoder; codes are those without the zero point, -131 to 124.
    let range = program.input_value(0).format.interval();
    assert!((range.lo, range.hi) == (-256, 255), "{range:?}");
    let (x_scale, w, y_scale) = SCALES;
    let bias = [0, 1].map(|n| BIAS[n] as f64 * f64::from(w[n] * x_scale));
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..200 {
        let x: Vec<f64> = (0..3).map(|_| rng.random_range(-16.0..14.0)).collect();
        let codes: Vec<i64> = x
            .iter()
            .map(|x| ((x / f64::from(x_scale)).round_ties_even() + 131.0).clamp(0.0, 255.0) as i64)
            .collect();
        let wanted = expected(&codes, bias).map(|code| (code - 17.0) * f64::from(y_scale));
        let found = &answers(&program, &[x], 1)[0];
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9, "{found} instead of {wanted}");
        }
    }
}

#[test]
fn codes_go_in_and_come_out() {
    let inputs = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"];
    let nodes = vec![node("QLinearMatMul", &inputs, "y", &[])];
    let byte = ElementType::UInt8;
    let bytes = model(port("x", &[1, 3], byte), port("y", &[1, 2], byte), nodes, &constants());
    let program = load(&bytes, &Options::default()).expect("a program").program;
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..200 {
        let x: Vec<i64> = (0..3).map(|_| rng.random_range(0..256)).collect();
        let given = x.iter().map(|&x| x as f64).collect();
        assert_eq!(answers(&program, &[given], 1)[0], expected(&x, [0.0; 2]), "{x:?}");
    }
    // What comes out is the code itself, not one without its zero point.
    let value = program.output_value(0);
    assert!(!value.format.signed && value.format.width <= 8, "{}", value.format);
}

#[test]
fn an_axis_or_a_block_that_does_not_fit_is_said() {
    let mut given = constants();
    given.push(("blocks", ConstantTensor::float(vec![2, 2], vec![0.5; 4])));
    let nodes = |scale: &str, attributes: &[(&str, i64)]| {
        vec![
            node("DequantizeLinear", &["w", scale], "wf", attributes),
            node("MatMul", &["x", "wf"], "y", &[]),
        ]
    };
    let float = ElementType::Float32;
    let problems = |scale: &str, attributes: &[(&str, i64)]| {
        let nodes = nodes(scale, attributes);
        let bytes = model(port("x", &[1, 3], float), port("y", &[1, 2], float), nodes, &given);
        let options = Options { input_format: "fixed<6,3>".parse().ok(), ..Options::default() };
        load(&bytes, &options).err().unwrap_or_default()
    };
    assert_eq!(problems("w_scale", &[("axis", 1)]), []);
    assert_eq!(problems("blocks", &[("axis", 0), ("block_size", 2)]), []);
    for (scale, attributes) in [
        ("w_scale", vec![("axis", 0)]),
        ("w_scale", vec![("axis", 2)]),
        ("blocks", vec![("axis", 1), ("block_size", 2)]),
    ] {
        let found = problems(scale, &attributes);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].code, found[0].node.as_str()), ("shape-mismatch", "wf"));
    }
}
