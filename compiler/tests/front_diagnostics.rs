//! Every problem is said, with its node and a way out; nothing panics on a damaged file.

mod front;

use front::root;
use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode,
};
use nn2hdl_compiler::front::{Options, check, compile};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::ops::{Add, MatMul, Quant};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn port(name: &str, shape: &[Option<usize>]) -> RawInput {
    RawInput { name: name.into(), shape: shape.to_vec(), ranked: true, dtype: Some(ElementType::Float32) }
}

fn node(name: &str, op_type: &str, domain: &str, inputs: &[&str], output: &str) -> RawNode {
    RawNode {
        name: name.into(),
        op_type: op_type.into(),
        domain: domain.into(),
        inputs: inputs.iter().map(|&text| text.to_owned()).collect(),
        outputs: vec![output.to_owned()],
        ..RawNode::default()
    }
}

fn graph(nodes: Vec<RawNode>, constants: &[(&str, ConstantTensor)], shape: &[Option<usize>]) -> RawGraph {
    let output = nodes.last().map(|node| node.outputs[0].clone()).expect("a node");
    RawGraph {
        name: "test".into(),
        inputs: vec![port("x", shape)],
        outputs: vec![port(&output, &[])],
        initializers: constants.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect(),
        nodes,
    }
}

fn scalar(value: f64) -> ConstantTensor {
    ConstantTensor::float(Vec::new(), vec![value])
}

fn problems(graph: RawGraph, options: &Options) -> Vec<Diagnostic> {
    check(&encode(&Model::new(graph, 17)), options)
}

fn codes(problems: &[Diagnostic]) -> Vec<(&str, &str)> {
    assert!(problems.iter().all(|problem| !problem.help.is_empty()), "{problems:#?}");
    problems.iter().map(|problem| (problem.code, problem.node.as_str())).collect()
}

const QONNX: &str = "qonnx.custom_op.general";

fn stated() -> Options {
    Options { input_format: "fixed<8,4>".parse().ok(), ..Options::default() }
}

#[test]
fn unknown_operators_and_attributes_are_named_together() {
    let mut flatten = node("f", "Flatten", "", &["b"], "c");
    flatten.attributes.insert("colour".into(), Attribute::Int(1));
    let nodes =
        vec![node("a", "Rellu", "", &["x"], "a"), node("b", "Gelu", "com.microsoft", &["a"], "b"), flatten];
    let found = problems(graph(nodes, &[], &[Some(1), Some(4)]), &stated());
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(codes(&found)[..2], [("unknown-operator", "a"), ("unknown-domain", "b")]);
    assert!(found[0].help.contains("Relu"), "{}", found[0].help);
    assert_eq!(found[2].node, "f");
}

#[test]
fn bad_numbers_are_found_together() {
    let quant = |name: &str, scale: &str| node(name, "Quant", QONNX, &["x", scale, "zero", "bits"], name);
    let nodes = vec![
        quant("q1", "negative"),
        quant("q2", "nothing"),
        node("m", "Mul", "", &["x", "nan"], "m"),
        node("d", "Div", "", &["x", "zero"], "d"),
        node("s1", "Add", "", &["q1", "q2"], "s1"),
        node("s2", "Add", "", &["m", "d"], "s2"),
        node("y", "Add", "", &["s1", "s2"], "y"),
    ];
    let constants = [
        ("negative", scalar(-0.5)),
        ("nothing", scalar(0.0)),
        ("nan", scalar(f64::NAN)),
        ("zero", scalar(0.0)),
        ("bits", scalar(4.0)),
    ];
    let found = problems(graph(nodes, &constants, &[Some(1), Some(4)]), &stated());
    assert_eq!(
        codes(&found),
        [("bad-scale", "q1"), ("bad-scale", "q2"), ("not-finite", "m"), ("division-by-zero", "d")]
    );
}

#[test]
fn formats_and_shapes_that_are_missing() {
    let product = || vec![node("p", "MatMul", "", &["x", "w"], "y")];
    let w = [("w", ConstantTensor::float(vec![4, 2], vec![0.5; 8]))];
    let found = problems(graph(product(), &w, &[Some(1), Some(4)]), &Options::default());
    assert_eq!(codes(&found), [("missing-input-format", "p")]);
    let found = problems(graph(product(), &w, &[Some(1), None]), &stated());
    assert_eq!(codes(&found), [("dynamic-shape", "x")]);
    let found = problems(graph(product(), &w, &[Some(1), Some(3)]), &stated());
    assert_eq!(codes(&found), [("shape-mismatch", "p")]);
    let mut options = stated();
    options.input_formats.insert("z".into(), "fixed<8,4>".parse().expect("a format"));
    let found = problems(graph(product(), &w, &[Some(1), Some(4)]), &options);
    assert_eq!(codes(&found), [("unknown-input", "z")]);
    let options = Options { output_node: Some("nowhere".into()), ..stated() };
    let found = problems(graph(product(), &w, &[Some(1), Some(4)]), &options);
    assert_eq!(codes(&found), [("unknown-output", "nowhere")]);
}

#[test]
fn the_frame_axis_stays() {
    let mut turn = node("t", "Transpose", "", &["x"], "y");
    turn.attributes.insert("perm".into(), Attribute::Ints(vec![1, 0]));
    let found = problems(graph(vec![turn], &[], &[Some(1), Some(4)]), &stated());
    assert_eq!(codes(&found), [("unsupported-form", "t")]);
    let list = ConstantTensor::int(vec![1], vec![4]);
    let nodes = vec![node("r", "Reshape", "", &["x", "list"], "y")];
    let found = problems(graph(nodes, &[("list", list)], &[Some(1), Some(4)]), &stated());
    assert_eq!(codes(&found), [("unsupported-form", "r")]);
}

#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let list = ConstantTensor::int(vec![3], vec![1, 1 << 40, 4]);
    let nodes = vec![node("e", "Expand", "", &["x", "list"], "y")];
    let found = problems(graph(nodes, &[("list", list.clone())], &[Some(1), Some(1), Some(4)]), &stated());
    assert_eq!(codes(&found), [("tensor-too-large", "e")]);
    let nodes =
        vec![node("c", "ConstantOfShape", "", &["list"], "c"), node("y", "Add", "", &["x", "c"], "y")];
    let found = problems(graph(nodes, &[("list", list)], &[Some(1), Some(1), Some(4)]), &stated());
    assert_eq!(codes(&found), [("tensor-too-large", "c")]);
}

#[test]
fn constants_of_too_many_positions_are_refused() {
    let mut graph = Graph::new("wide");
    let x = graph.input("x", &[1, 1, 520, 520]);
    let values = (0..520 * 520).map(|n| f64::from(n % 7)).collect();
    let offsets = graph.constant("offsets", Tensor::new(vec![1, 1, 520, 520], values));
    let y = graph.add("y", Add, &[x, offsets]);
    graph.output(y);
    let options = Options { input_format: "fixed<5,3>".parse().ok(), ..Options::default() };
    let problems = compile(&graph, &options).expect_err("there are too many");
    assert_eq!(codes(&problems), [("kernel-too-large", "y")]);
}

fn quantized(
    graph: &mut Graph,
    name: &str,
    x: nn2hdl_compiler::graph::TensorId,
) -> nn2hdl_compiler::graph::TensorId {
    let mut number = |part: &str, value: f64| graph.constant(format!("{name}/{part}"), Tensor::scalar(value));
    let inputs = [x, number("scale", 0.25), number("zero", 0.0), number("bits", 6.0)];
    let mode = nn2hdl_compiler::front::lower::Mode::Round(nn2hdl_runtime::Rounding::RndConv);
    graph.add(name, Quant { signed: true, narrow: false, mode }, &inputs)
}

/// A network that calls `x → f(x × w)` twice, with or without a quantizer `f`.
fn calls(quantizer: bool) -> Graph {
    let mut body = Graph::new("layer");
    let x = body.tensor("x");
    body.inputs.push(x);
    let w = body.constant("w", Tensor::new(vec![3, 3], (0..9).map(|n| f64::from(n % 4) - 1.5).collect()));
    let mut y = body.add("product", MatMul, &[x, w]);
    if quantizer {
        y = quantized(&mut body, "quantized", y);
    }
    body.output(y);
    let mut graph = Graph::new("calls");
    graph.functions = std::sync::Arc::new(vec![body]);
    let x = graph.input("x", &[1, 3]);
    let first = graph.call("first", 0, &[x], &["a"]);
    let bias = graph.constant("bias", Tensor::scalar(0.5));
    let second = graph.call("second", 0, &first, &["b"]);
    let y = graph.add("y", Add, &[second[0], bias]);
    graph.output(y);
    graph
}

#[test]
fn a_function_is_one_block() {
    let lowered = compile(&calls(true), &stated()).expect("a program");
    assert_eq!(lowered.program.blocks.len(), 2);
    let inputs = vec![0.5, -1.25, 3.0];
    let answer = front::answers(&lowered.program, std::slice::from_ref(&inputs), 1);
    let wanted = calls(true).evaluate(&[Tensor::new(vec![1, 3], inputs)]).expect("a reference");
    assert_eq!(answer[0], wanted[0].data);
}

#[test]
fn a_block_whose_formats_grow_is_refused() {
    // Twice is bounded: the second call's codes are wider, and the block takes the join, whose result is wider still.
    let found = compile(&calls(false), &stated()).expect_err("no program");
    assert_eq!(found[0].code, "format-grows", "{found:#?}");
}

#[test]
fn damaged_files_never_panic() {
    let mut rng = StdRng::seed_from_u64(7);
    for model in ["tracers/tracer_conv.onnx", "tracers/tracer_graph.onnx"] {
        let bytes = std::fs::read(root().join("models").join(model)).expect("a model of the zoo");
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..damaged.len());
                damaged[at] = rng.random();
            }
            check(&damaged, &Options::default());
        }
    }
}
