//! Forms of nodes as files hold them: outputs that are left out, older operator sets, and what is refused with a way out.

mod front;

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode,
};
use nn2hdl_compiler::front::{Options, compile, import};
use nn2hdl_compiler::graph::Tensor;
use nn2hdl_runtime::Program;

fn port(name: &str, shape: &[usize]) -> RawInput {
    let shape = shape.iter().map(|&extent| Some(extent)).collect();
    RawInput { name: name.into(), shape, ranked: true, dtype: Some(ElementType::Float32) }
}

/// One node `n` that reads `x`, of shape `shape`, and then the constants; the network's outputs are the node's.
struct Case {
    op_type: &'static str,
    opset: i64,
    shape: Vec<usize>,
    attributes: Vec<(&'static str, Attribute)>,
    constants: Vec<ConstantTensor>,
    outputs: Vec<&'static str>,
}

fn case(op_type: &'static str, opset: i64, shape: &[usize]) -> Case {
    let (attributes, constants) = (Vec::new(), Vec::new());
    Case { op_type, opset, shape: shape.to_vec(), attributes, constants, outputs: vec!["y"] }
}

impl Case {
    fn attribute(mut self, name: &'static str, value: Attribute) -> Self {
        self.attributes.push((name, value));
        self
    }

    fn constant(mut self, constant: ConstantTensor) -> Self {
        self.constants.push(constant);
        self
    }

    fn outputs(mut self, outputs: &[&'static str]) -> Self {
        self.outputs = outputs.to_vec();
        self
    }

    fn compile(&self) -> Result<(Program, nn2hdl_compiler::graph::Graph), Vec<Diagnostic>> {
        let names = (0..self.constants.len()).map(|n| format!("c{n}"));
        let node = RawNode {
            name: "n".into(),
            op_type: self.op_type.into(),
            inputs: ["x".to_owned()].into_iter().chain(names.clone()).collect(),
            outputs: self.outputs.iter().map(|&name| name.to_owned()).collect(),
            attributes: self
                .attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            ..RawNode::default()
        };
        let raw = RawGraph {
            name: "test".into(),
            inputs: vec![port("x", &self.shape)],
            outputs: self
                .outputs
                .iter()
                .filter(|name| !name.is_empty())
                .map(|name| port(name, &[]))
                .collect(),
            initializers: names.zip(self.constants.clone()).collect(),
            nodes: vec![node],
        };
        let graph = import(&encode(&Model::new(raw, self.opset)))?;
        let options = Options { input_format: "fixed<6,3>".parse().ok(), ..Options::default() };
        Ok((compile(&graph, &options)?.program, graph))
    }

    fn refused(&self) -> Diagnostic {
        let found = self.compile().expect_err("a refusal");
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].node == "n" && !found[0].help.is_empty(), "{found:#?}");
        found[0].clone()
    }

    fn answers(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let (program, graph) = self.compile().unwrap_or_else(|found| panic!("{}", found[0]));
        let found = front::answers(&program, &[x.to_vec()], 1);
        let reference = graph.evaluate(&[Tensor::new(self.shape.clone(), x.to_vec())]).expect("a reference");
        for (found, reference) in found.iter().zip(&reference) {
            let off = found.iter().zip(&reference.data).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 0.002, "{}: {found:?} instead of {:?}", self.op_type, reference.data);
        }
        found
    }
}

fn ints(values: &[i64]) -> ConstantTensor {
    ConstantTensor::int(vec![values.len()], values.to_vec())
}

fn text(value: &str) -> Attribute {
    Attribute::String(value.into())
}

#[test]
fn outputs_that_are_left_out() {
    let x = [1.0, -2.0, 1.0, 0.5];
    let both = case("TopK", 11, &[1, 4]).constant(ints(&[2])).outputs(&["values", "indices"]);
    assert_eq!(both.answers(&x), [[1.0, 1.0], [0.0, 2.0]]);
    let second = case("TopK", 11, &[1, 4]).constant(ints(&[3])).outputs(&["", "indices"]);
    assert_eq!(second.answers(&x), [[0.0, 2.0, 3.0]]);
    let first = case("TopK", 9, &[1, 4]).attribute("k", Attribute::Int(1)).outputs(&["values", ""]);
    assert_eq!(first.answers(&x), [[1.0]]);
}

#[test]
fn least_elements_and_dropout() {
    let least = case("TopK", 11, &[1, 4]).attribute("largest", Attribute::Int(0)).constant(ints(&[2]));
    let least = least.outputs(&["values", "indices"]);
    assert_eq!(least.answers(&[1.0, -2.0, 3.0, -2.0]), [[-2.0, -2.0], [1.0, 3.0]]);
    let last = case("ArgMin", 13, &[1, 3])
        .attribute("axis", Attribute::Int(1))
        .attribute("select_last_index", Attribute::Int(1));
    assert_eq!(last.answers(&[-1.0, 2.0, -1.0]), [[2.0]]);
    let dropout = case("Dropout", 13, &[1, 2]).outputs(&["y", "mask"]);
    assert_eq!(dropout.answers(&[1.5, -0.5]), [[1.5, -0.5], [1.0, 1.0]]);
    let training = case("Dropout", 13, &[1, 2])
        .constant(ConstantTensor::float(Vec::new(), vec![0.5]))
        .constant(ConstantTensor::int(Vec::new(), vec![1]));
    assert!(training.refused().help.contains("inference"));
}

#[test]
fn softmax_of_older_operator_sets() {
    let older = case("Softmax", 11, &[1, 2, 2]).answers(&[0.0; 4]);
    assert!(older[0].iter().all(|p| (p - 0.25).abs() < 0.001), "{older:?}");
    let newer = case("Softmax", 13, &[1, 2, 2]).answers(&[0.0; 4]);
    assert!(newer[0].iter().all(|p| (p - 0.5).abs() < 0.001), "{newer:?}");
}

#[test]
fn equations() {
    let w = ConstantTensor::float(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    let einsum = |equation: &str| {
        case("Einsum", 13, &[1, 2]).attribute("equation", text(equation)).constant(w.clone())
    };
    assert_eq!(einsum("bi,io->bo").answers(&[1.0, 0.5]), [[2.5, 4.0]]);
    assert_eq!(einsum("bi, oi -> bo").answers(&[1.0, 0.5]), [[2.0, 5.0]]);
    assert_eq!(einsum("ai,ij").answers(&[1.0, 0.5]), [[2.5, 4.0]]);
    assert_eq!(einsum("bi,jj->bi").answers(&[1.0, 0.5]), [[5.0, 2.5]]);
    let vector = case("MatMul", 13, &[1, 2]).constant(ConstantTensor::float(vec![2], vec![1.0, -2.0]));
    assert_eq!(vector.answers(&[1.0, 0.5]), [[0.0]]);
    let large = case("Einsum", 13, &[1, 1024]).attribute("equation", text("bi,jk->bijk"));
    let large = large.constant(ConstantTensor::float(vec![1024, 1024], vec![1.0; 1 << 20]));
    assert_eq!(large.refused().code, "kernel-too-large");
    for (equation, reason) in [
        ("bi,io->b.o", "no letter"),
        ("bi->b", "operands"),
        ("bi,io->boo", "repeats"),
        ("bi,io->bz", "repeats"),
        ("bi,io->ob", "frame axis"),
        ("...i...,io->o", "two ellipses"),
        ("bij,io->bo", "does not fit"),
    ] {
        let found = einsum(equation).refused();
        assert!(found.message.contains(reason), "{equation}: {found}");
    }
}

#[test]
fn what_is_refused() {
    let many = case("TopK", 11, &[1, 4]).constant(ints(&[5])).outputs(&["values", "indices"]);
    assert!(many.refused().message.contains("5 of 4"));
    let frames = case("TopK", 11, &[1, 4]).attribute("axis", Attribute::Int(0)).constant(ints(&[1]));
    assert!(frames.outputs(&["values", "indices"]).refused().message.contains("over frames"));
    let norm = case("LpNormalization", 13, &[1, 4]).attribute("p", Attribute::Int(1));
    assert!(norm.refused().help.contains("p = 2"));
    let one = ConstantTensor::float(vec![4], vec![1.0; 4]);
    let negative = case("LayerNormalization", 17, &[1, 4]).attribute("epsilon", Attribute::Float(-1.0));
    assert_eq!(negative.constant(one.clone()).refused().code, "not-finite");
    let statistics = case("LayerNormalization", 17, &[1, 4]).constant(one).outputs(&["y", "mean"]);
    assert!(statistics.refused().help.contains("only the first 1"));
    let hard = case("Hardmax", 11, &[1, 2, 2]);
    assert!(hard.refused().help.contains("operator set 13"));
}
