//! Post-training quantization of small networks of our own.

use std::collections::BTreeMap;

use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, decode, encode,
};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::quantize::format::{Method, Per, ScaleKind};
use nn2hdl_compiler::quantize::report::Kind;
use nn2hdl_compiler::quantize::{Bits, Quantized, Settings, graph, quantize};
use nn2hdl_runtime::Emulator;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn quiet(_: &str, _: usize, _: usize) {}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> RawNode {
    RawNode {
        name: format!("{output}_node"),
        op_type: operator.into(),
        inputs: inputs.iter().map(|&name| name.into()).collect(),
        outputs: vec![output.into()],
        attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        ..RawNode::default()
    }
}

/// Convolution, batch norm, relu, a matrix on the flattened image, bias, scale, relu, a last matrix.
fn network(seed: u64) -> Model {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut random = |shape: &[usize], least: f64, greatest: f64| {
        let count = shape.iter().product();
        let values = (0..count).map(|_| f64::from(rng.random_range(least..greatest) as f32)).collect();
        ConstantTensor::float(shape.to_vec(), values)
    };
    let initializers: BTreeMap<String, ConstantTensor> = [
        ("w0", random(&[3, 2, 3], -1.0, 1.0)),
        ("b0", random(&[3], -0.5, 0.5)),
        ("scale", random(&[3], 0.3, 2.0)),
        ("shift", random(&[3], -1.0, 1.0)),
        ("mean", random(&[3], -1.0, 1.0)),
        ("var", random(&[3], 0.5, 2.0)),
        ("w1", random(&[18, 5], -0.6, 0.6)),
        ("b1", random(&[5], -0.3, 0.3)),
        ("gain", random(&[5], 0.5, 1.5)),
        ("w2", random(&[3, 5], -1.0, 1.0)),
        ("b2", random(&[3], -1.0, 1.0)),
    ]
    .map(|(name, constant)| (name.to_owned(), constant))
    .into();
    let value = |name: &str, shape: &[usize]| RawInput {
        name: name.into(),
        shape: shape.iter().copied().map(Some).collect(),
        ranked: true,
        dtype: Some(ElementType::Float32),
    };
    let ints = |values: &[i64]| Attribute::Ints(values.to_vec());
    let nodes = vec![
        node("Conv", &["x", "w0", "b0"], "conv", &[("pads", ints(&[1, 1]))]),
        node("BatchNormalization", &["conv", "scale", "shift", "mean", "var"], "norm", &[]),
        node("Relu", &["norm"], "relu0", &[]),
        node("Flatten", &["relu0"], "flat", &[]),
        node("MatMul", &["flat", "w1"], "product", &[]),
        node("Add", &["product", "b1"], "sum", &[]),
        node("Mul", &["sum", "gain"], "scaled", &[]),
        node("Relu", &["scaled"], "relu1", &[]),
        node("Gemm", &["relu1", "w2", "b2"], "y", &[("transB", Attribute::Int(1))]),
    ];
    let inputs = vec![value("x", &[1, 2, 6])];
    let outputs = vec![value("y", &[1, 3])];
    Model::new(RawGraph { name: "small".into(), inputs, outputs, initializers, nodes }, 17)
}

fn frames(count: usize, seed: u64) -> Vec<Vec<Tensor>> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut frame = || (0..12).map(|_| f64::from(rng.random_range(-2.0f32..2.0))).collect();
    (0..count).map(|_| vec![Tensor::new(vec![1, 2, 6], frame())]).collect()
}

fn settings(bits: u32, per: Per, scale: ScaleKind) -> Settings {
    Settings {
        weight_bits: bits,
        activation_bits: bits,
        output_bits: bits + 2,
        layers: BTreeMap::new(),
        method: Method::MinMax,
        per,
        scale,
    }
}

fn answers(graph: &Graph, frames: &[Vec<Tensor>]) -> Vec<f64> {
    frames.iter().flat_map(|frame| graph.evaluate(frame).unwrap().swap_remove(0).data).collect()
}

/// Root of the mean square difference, relative.
fn difference(a: &[f64], b: &[f64]) -> f64 {
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    (square(&mut a.iter().zip(b).map(|(a, b)| a - b)) / square(&mut a.iter().copied())).sqrt()
}

#[test]
fn the_written_model_is_compiled_to_what_it_computes() {
    for per in [Per::Tensor, Per::Channel] {
        for scale in [ScaleKind::PowerOfTwo, ScaleKind::Arbitrary] {
            for bits in [4, 8] {
                let float = network(7);
                let Quantized { model, report } =
                    quantize(&float, &frames(400, 1), &settings(bits, per, scale), &mut quiet).unwrap();
                assert_eq!(report.folded, ["norm_node", "sum_node", "scaled_node"]);
                assert_eq!(report.notes, [""; 0], "every bias lies on its accumulator's grid");
                let bytes = encode(&model);
                assert_eq!(decode(&bytes).unwrap(), model);

                let test = frames(100, 2);
                let quantized = graph(&model).unwrap();
                let (expected, found) = (answers(&graph(&float).unwrap(), &test), answers(&quantized, &test));
                let error = difference(&expected, &found);
                let most = if bits == 8 { 0.02 } else { 0.45 };
                assert!(error < most, "{bits} bits, {per:?}, {scale:?}: {error}");

                let program =
                    front::compile(&front::import(&bytes).unwrap(), &Options::default()).unwrap().program;
                let values: Vec<f64> = test.iter().flat_map(|frame| frame[0].data.clone()).collect();
                let codes = program.inputs[0].encoder.encode(&values, 12).unwrap();
                let outputs = Emulator::new(&program).unwrap().run(&[&codes], test.len()).unwrap();
                let decoded = program.outputs[0].decoder.decode(&outputs[0], 3);
                let largest = decoded.iter().zip(&found).fold(0f64, |most, (a, b)| most.max((a - b).abs()));
                assert!(largest < 1e-12, "{bits} bits, {per:?}, {scale:?}: {largest}");
            }
        }
    }
}

#[test]
fn more_bits_cost_less() {
    let float = network(3);
    let mut ratios = Vec::new();
    for bits in [3, 5, 8, 12] {
        let quantized =
            quantize(&float, &frames(64, 1), &settings(bits, Per::Channel, ScaleKind::Arbitrary), &mut quiet);
        ratios.push(quantized.unwrap().report.outputs[0].sqnr_db.unwrap());
    }
    // Each bit is worth 6 dB.
    assert!(ratios.windows(2).all(|pair| pair[1] > pair[0] + 8.0), "{ratios:?}");
}

#[test]
fn one_layer_may_have_bits_of_its_own() {
    let mut settings = settings(8, Per::Tensor, ScaleKind::PowerOfTwo);
    settings.layers.insert("product_node".into(), Bits { weights: Some(3), activation: None });
    settings.layers.insert("relu0_node".into(), Bits { weights: None, activation: Some(5) });
    let report = quantize(&network(1), &frames(16, 1), &settings, &mut quiet).unwrap().report;
    let bits = |node: &str, kind: Kind| {
        report.tensors.iter().find(|tensor| tensor.node == node && tensor.kind == kind).unwrap().bits
    };
    assert_eq!(bits("product_node", Kind::Weights), 3);
    assert_eq!(bits("relu0_node", Kind::Result), 5);
    assert_eq!((bits("relu1_node", Kind::Result), bits("y_node", Kind::Result)), (8, 10));

    settings.layers.insert("prodct_node".into(), Bits::default());
    let problems = quantize(&network(1), &frames(16, 1), &settings, &mut quiet).unwrap_err();
    assert_eq!(
        (problems.len(), problems[0].code, problems[0].node.as_str()),
        (1, "unknown-layer", "prodct_node")
    );
}

#[test]
fn what_is_quantized_stays() {
    let settings = settings(6, Per::Channel, ScaleKind::PowerOfTwo);
    let Quantized { model, report } = quantize(&network(1), &frames(16, 1), &settings, &mut quiet).unwrap();
    assert_eq!(report.kept, 0);
    let problems = quantize(&model, &frames(16, 1), &settings, &mut quiet).unwrap_err();
    assert_eq!((problems.len(), problems[0].code), (1, "already-quantized"));

    // Without the last layer's quantizers, only those are put in again.
    let mut half = model.clone();
    let gone = |node: &RawNode| {
        node.op_type == "Quant" && ["y/exact", "w2", "b2"].contains(&node.inputs[0].as_str())
    };
    let removed: Vec<RawNode> = half.main.nodes.iter().filter(|node| gone(node)).cloned().collect();
    half.main.nodes.retain(|node| !gone(node));
    for node in &removed {
        for reader in &mut half.main.nodes {
            reader
                .outputs
                .iter_mut()
                .filter(|name| **name == node.inputs[0])
                .for_each(|name| name.clone_from(&node.outputs[0]));
            reader
                .inputs
                .iter_mut()
                .filter(|name| **name == node.outputs[0])
                .for_each(|name| name.clone_from(&node.inputs[0]));
        }
    }
    let report = quantize(&half, &frames(16, 1), &settings, &mut quiet).unwrap().report;
    let names: Vec<&str> = report.tensors.iter().map(|tensor| tensor.tensor.as_str()).collect();
    assert_eq!((names, report.kept), (vec!["w2", "b2", "y"], 7));
}
