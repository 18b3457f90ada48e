//! Real models, damaged models, and each invariant violated once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prost::Message;

use super::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TypeProto, ValueInfoProto,
};
use super::*;

/// The real models; says so loudly if the folder is absent.
fn real_models() -> Vec<(PathBuf, Vec<u8>)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/data/models"));
    let Some(folder) = above.into_iter().find(|dir| dir.is_dir()) else {
        eprintln!("NOT TESTED: no folder shared/data/models above {}", env!("CARGO_MANIFEST_DIR"));
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder).expect("the folder can be listed");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a readable file"))).collect()
}

fn tensor(name: &str, dims: &[i64], data_type: i32, raw: &[u8]) -> TensorProto {
    let (name, dims) = (name.to_owned(), dims.to_vec());
    TensorProto { name, dims, data_type, raw_data: Some(raw.to_vec()), ..TensorProto::default() }
}

fn value(name: &str, dims: &[usize]) -> ValueInfoProto {
    let tensor = super::proto::TensorTypeProto {
        elem_type: 1,
        shape: Some(super::proto::TensorShapeProto {
            dim: dims
                .iter()
                .map(|&size| super::proto::DimensionProto { dim_value: Some(size as i64), dim_param: None })
                .collect(),
        }),
    };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: op_type.into(),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: outputs.iter().map(|&name| name.into()).collect(),
        ..NodeProto::default()
    }
}

fn graph(nodes: Vec<NodeProto>, output: &str) -> GraphProto {
    GraphProto {
        node: nodes,
        input: vec![value("x", &[1, 4])],
        output: vec![value(output, &[1, 4])],
        ..GraphProto::default()
    }
}

fn model(graph: GraphProto) -> ModelProto {
    ModelProto { ir_version: 8, graph: Some(graph), ..ModelProto::default() }
}

fn relu() -> GraphProto {
    graph(vec![node("Relu", &["x"], &["y"])], "y")
}

fn decode_proto(model: &ModelProto) -> Result<Model, Vec<DecodeError>> {
    decode(&model.encode_to_vec())
}

/// The model is refused with exactly these codes, each with a message, an origin and help.
#[track_caller]
fn check_refused(model: &ModelProto, codes: &[&str]) -> Vec<DecodeError> {
    let errors = decode_proto(model).expect_err("the model must be refused");
    assert_eq!(errors.iter().map(DecodeError::code).collect::<Vec<_>>(), codes, "{errors:?}");
    for error in &errors {
        assert!(!error.to_string().is_empty() && !error.origin().is_empty() && !error.help().is_empty());
    }
    errors
}

#[track_caller]
fn check_tensor(tensor: TensorProto, expected: Result<TensorData, &str>) {
    let mut graph = relu();
    graph.initializer.push(tensor);
    let found = decode_proto(&model(graph)).map(|model| model.main.initializers["w"].clone());
    match expected {
        Ok(data) => {
            let found = found.expect("a good tensor");
            assert_eq!(found.data, data);
            let again = super::tensor::write(&found, "w");
            assert_eq!(super::tensor::read(&again, "").expect("a written tensor"), found);
        }
        Err(code) => assert_eq!(found.expect_err("a bad tensor")[0].code(), code),
    }
}

#[test]
fn real_models_decode_and_survive_a_roundtrip() {
    for (path, bytes) in real_models() {
        let model = decode(&bytes).unwrap_or_else(|errors| panic!("{}: {errors:?}", path.display()));
        assert!(!model.main.nodes.is_empty() && !model.main.inputs.is_empty() && !model.opsets.is_empty());
        assert_eq!(decode(&encode(&model)).expect("what was written"), model, "{}", path.display());
    }
}

#[test]
fn truncated_models_are_refused_or_read() {
    for (_, bytes) in real_models() {
        (0..bytes.len()).step_by(97).for_each(|end| _ = decode(&bytes[..end]));
    }
}

/// splitmix64.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) as usize >> 1
}

#[test]
fn mutated_models_never_panic() {
    let models = real_models();
    let mut state = 1;
    for round in 0..2000 {
        let Some((_, original)) = models.get(round % models.len().max(1)) else { return };
        let mut bytes = original.clone();
        // Weights are most of a file; the ends hold structure.
        for _ in 0..1 + next(&mut state) % 8 {
            let span = if next(&mut state).is_multiple_of(2) { bytes.len() } else { bytes.len().min(1500) };
            let place = next(&mut state) % span;
            let place = if next(&mut state).is_multiple_of(4) { bytes.len() - 1 - place } else { place };
            match next(&mut state) % 3 {
                0 => bytes[place] ^= 1 << (next(&mut state) % 8),
                1 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][next(&mut state) % 5],
                _ => _ = bytes.remove(place),
            }
        }
        if let Ok(model) = decode(&bytes) {
            let again = decode(&encode(&model)).expect("what was written");
            assert_eq!(encode(&again), encode(&model), "round {round}");
        } else if let Err(errors) = decode(&bytes) {
            assert!(!errors.is_empty() && errors.len() <= 101);
        }
    }
}

#[test]
fn files_that_are_no_models() {
    assert_eq!(decode(b"").expect_err("empty")[0].code(), "onnx-no-graph");
    assert_eq!(decode(b"<html>not found</html>").expect_err("text")[0].code(), "onnx-unreadable");
    check_refused(&model(GraphProto::default()), &["onnx-no-outputs"]);
}

#[test]
fn nodes_are_sorted_and_named() {
    let nodes =
        vec![node("Add", &["a", "b"], &["y"]), node("Relu", &["a"], &["b"]), node("Relu", &["x"], &["a"])];
    let model = decode_proto(&model(graph(nodes, "y"))).expect("a good model");
    let names: Vec<_> = model.main.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["Relu_2", "Relu_1", "Add_0"]);
}

#[test]
fn repeated_node_names_become_unique() {
    let mut nodes =
        vec![node("Relu", &["x"], &["a"]), node("Relu", &["a"], &["b"]), node("Relu", &["b"], &["y"])];
    nodes[0].name = "r".into();
    nodes[1].name = "r".into();
    nodes[2].name = "r_2".into();
    let model = decode_proto(&model(graph(nodes, "y"))).expect("a good model");
    let names: Vec<_> = model.main.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["r", "r_3", "r_2"]);
}

#[test]
fn circles_name_their_nodes() {
    let mut nodes =
        vec![node("Relu", &["b"], &["y"]), node("Add", &["x", "b"], &["a"]), node("Relu", &["a"], &["b"])];
    nodes[0].name = "outside".into();
    let errors = check_refused(&model(graph(nodes, "y")), &["onnx-cycle"]);
    assert_eq!(errors[0].to_string(), "the nodes `Add_1`, `Relu_2` feed each other in a circle");
}

#[test]
fn names_are_defined_once() {
    let twice = vec![node("Relu", &["x"], &["y"]), node("Relu", &["x"], &["y"])];
    check_refused(&model(graph(twice, "y")), &["onnx-defined-twice"]);
    check_refused(&model(graph(vec![node("Relu", &["z"], &["y"])], "y")), &["onnx-undefined"]);
    check_refused(&model(graph(vec![node("Relu", &["x"], &["y"])], "z")), &["onnx-undefined"]);
    check_refused(&model(graph(vec![node("", &["x"], &["y"])], "y")), &["onnx-no-operator"]);
}

#[test]
fn many_problems_are_counted() {
    let nodes = (0..300).map(|index| node("Relu", &["nothing"], &[&format!("y{index}")])).collect();
    let errors = decode_proto(&model(graph(nodes, "y0"))).expect_err("bad");
    assert_eq!((errors.len(), errors.last().map(DecodeError::code)), (101, Some("onnx-more")));
}

#[test]
fn inputs_that_are_initializers_are_constants() {
    let mut graph = relu();
    graph.input.push(value("w", &[1]));
    graph.initializer.push(tensor("w", &[1], 1, &1f32.to_le_bytes()));
    let model = decode_proto(&model(graph)).expect("a good model");
    assert_eq!((model.main.inputs.len(), model.main.initializers.len()), (1, 1));
}

#[test]
fn inputs_state_their_type() {
    let mut missing = relu();
    missing.input[0].r#type = None;
    check_refused(&model(missing), &["onnx-not-a-tensor"]);
    let mut huge = relu();
    huge.input[0] = value("x", &[1 << 40, 1 << 40]);
    check_refused(&model(huge), &["onnx-shape-too-large"]);
    let mut open = relu();
    let shape = open.input[0].r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()?.shape.as_mut());
    let dim = &mut shape.expect("a shape").dim[0];
    (dim.dim_value, dim.dim_param) = (None, Some("batch".into()));
    let model = decode_proto(&model(open)).expect("a good model");
    assert_eq!(model.main.inputs[0].shape, [None, Some(4)]);
}

#[test]
fn tensors_of_every_type() {
    let float = |values: &[f64]| Ok(TensorData::Float(values.to_vec()));
    let int = |values: &[i64]| Ok(TensorData::Int(values.to_vec()));
    check_tensor(tensor("w", &[1], 1, &1.5f32.to_le_bytes()), float(&[1.5]));
    check_tensor(tensor("w", &[], 11, &0.1f64.to_le_bytes()), float(&[0.1]));
    check_tensor(tensor("w", &[4], 10, &[0, 0x3c, 1, 0, 0xff, 0xfb, 0, 0xfc]), {
        float(&[1.0, 2f64.powi(-24), -65504.0, f64::NEG_INFINITY])
    });
    check_tensor(tensor("w", &[1], 16, &[0xc0, 0xbf]), float(&[-1.5]));
    check_tensor(tensor("w", &[2], 3, &[0x80, 0x7f]), int(&[-128, 127]));
    check_tensor(tensor("w", &[1], 5, &[0xfe, 0xff]), int(&[-2]));
    check_tensor(tensor("w", &[1], 12, &[0xff; 4]), int(&[0xffff_ffff]));
    check_tensor(tensor("w", &[2], 9, &[0, 1]), int(&[0, 1]));
    check_tensor(tensor("w", &[3], 22, &[0x7f, 0x08]), int(&[-1, 7, -8]));
    check_tensor(tensor("w", &[3], 21, &[0x7f, 0x08]), int(&[15, 7, 8]));
    check_tensor(tensor("w", &[0], 1, &[]), float(&[]));
    let typed = TensorProto { name: "w".into(), dims: vec![2], data_type: 10, ..TensorProto::default() };
    check_tensor(TensorProto { int32_data: vec![0x3c00, 0xbc00], ..typed }, float(&[1.0, -1.0]));
}

#[test]
fn half_precision_is_exact_both_ways() {
    for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00 || bits & 0x3ff == 0) {
        let proto = tensor("w", &[1], 10, &bits.to_le_bytes());
        let constant = super::tensor::read(&proto, "").expect("a number");
        assert_eq!(super::tensor::write(&constant, "w"), proto);
    }
}

#[test]
fn tensors_that_cannot_be() {
    let ones = 1f32.to_le_bytes();
    check_tensor(tensor("w", &[2], 1, &ones), Err("onnx-data-length"));
    check_tensor(tensor("w", &[-1], 1, &ones), Err("onnx-dimension"));
    check_tensor(tensor("w", &[i64::MAX, i64::MAX], 1, &ones), Err("onnx-shape-too-large"));
    check_tensor(tensor("w", &[i64::MAX, 4, 0], 1, &[]), Err("onnx-shape-too-large"));
    check_tensor(tensor("w", &[1; 1000], 1, &ones), Err("onnx-shape-too-large"));
    check_tensor(tensor("w", &[1 << 40], 1, &ones), Err("onnx-data-length"));
    check_tensor(tensor("w", &[1], 8, &ones), Err("onnx-element-type"));
    check_tensor(tensor("w", &[1], 9, &[2]), Err("onnx-value-range"));
    check_tensor(tensor("w", &[1], 13, &[0xff; 8]), Err("onnx-value-range"));
    let both = TensorProto { float_data: vec![1.0], ..tensor("w", &[1], 1, &ones) };
    check_tensor(both, Err("onnx-data-field"));
    let far = TensorProto { data_location: 1, ..tensor("w", &[1], 1, &ones) };
    let entry = StringStringEntryProto { key: "location".into(), value: "w.bin".into() };
    check_tensor(TensorProto { external_data: vec![entry], ..far }, Err("onnx-external-data"));
}

#[test]
fn tensors_that_are_not_finite_are_found() {
    let constant = ConstantTensor::float(vec![3], vec![1.0, f64::NAN, f64::INFINITY]);
    assert_eq!((constant.first_not_finite(), constant.dtype), (Some(1), ElementType::Float32));
    assert_eq!(ConstantTensor::float(vec![], vec![0.1]).dtype, ElementType::Float64);
}

fn attribute(name: &str, r#type: i32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type, ..AttributeProto::default() }
}

#[test]
fn attributes_are_typed() {
    let mut graph = relu();
    graph.node[0].attribute = vec![
        AttributeProto { i: Some(3), ..attribute("axis", 2) },
        AttributeProto { ints: vec![1, 2], ..attribute("pads", 0) },
        AttributeProto { s: Some(b"ROUND".to_vec()), ..attribute("mode", 3) },
        AttributeProto { f: Some(0.5), ..attribute("alpha", 1) },
        AttributeProto { t: Some(tensor("", &[], 7, &[1; 8])), ..attribute("value", 4) },
        attribute("zero", 2),
    ];
    let model = decode_proto(&model(graph)).expect("a good model");
    let node = &model.main.nodes[0];
    assert_eq!((node.int("axis"), node.int("zero"), node.float("alpha")), (Ok(3), Ok(0), Ok(0.5)));
    assert_eq!((node.string("mode"), node.ints("pads")), (Ok("ROUND"), Ok(&[1, 2][..])));
    assert_eq!(node.tensor("value").map(|value| value.shape.len()), Ok(0));
    assert_eq!((node.int_or("none", 7), node.float_or("none", 7.0)), (Ok(7), Ok(7.0)));
    assert_eq!(node.int("none").map_err(|error| error.code()), Err("onnx-attribute-missing"));
    assert_eq!(node.int_or("alpha", 1).map_err(|error| error.code()), Err("onnx-attribute-type"));
    let mut reader = node.reader();
    assert_eq!((reader.required("axis"), reader.or("mode", "TRN")), (Ok(3i64), Ok("ROUND")));
    ["alpha", "value", "zero"].into_iter().for_each(|name| reader.ignore(name));
    let unread = reader.finish();
    assert_eq!(unread.len(), 1);
    assert_eq!(unread[0].to_string(), "Relu has the attribute `pads`, whose meaning is not known here");
}

#[test]
fn attributes_that_cannot_be() {
    let check = |attributes: Vec<AttributeProto>, code: &str| {
        let mut graph = relu();
        graph.node[0].attribute = attributes;
        check_refused(&model(graph), &[code]);
    };
    let int = AttributeProto { i: Some(3), ..attribute("a", 2) };
    check(vec![int.clone(), int.clone()], "onnx-attribute-twice");
    check(vec![AttributeProto { f: Some(1.0), ..int.clone() }], "onnx-attribute-value");
    check(vec![attribute("a", 0)], "onnx-attribute-value");
    check(vec![attribute("a", 4)], "onnx-attribute-value");
    check(vec![attribute("a", 13)], "onnx-attribute-kind");
    check(vec![AttributeProto { s: Some(vec![0xff]), ..attribute("a", 3) }], "onnx-attribute-text");
    check(vec![AttributeProto { i: Some(3), ..attribute("", 2) }], "onnx-empty-name");
}

#[test]
fn subgraphs_read_names_around_them_and_order_their_node() {
    let inner = GraphProto { input: vec![], ..graph(vec![node("Relu", &["late"], &["z"])], "z") };
    let mut call = node("If", &["x"], &["y"]);
    call.attribute = vec![AttributeProto { g: Some(inner), ..attribute("body", 5) }];
    let proto = model(graph(vec![call, node("Relu", &["x"], &["late"])], "y"));
    let model = decode_proto(&proto).expect("a good model");
    assert_eq!(model.main.nodes[1].op_type, "If");
    assert_eq!(decode(&encode(&model)), Ok(model));
}

#[test]
fn nesting_has_a_limit() {
    let mut proto = relu();
    for _ in 0..60 {
        let mut call = node("If", &["x"], &["y"]);
        call.attribute = vec![AttributeProto { g: Some(proto), ..attribute("body", 5) }];
        proto = graph(vec![call], "y");
    }
    check_refused(&model(proto), &["onnx-unreadable"]);
}

fn function(name: &str, nodes: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: name.into(),
        domain: "f".into(),
        input: vec!["a".into()],
        output: vec!["b".into()],
        node: nodes,
        ..FunctionProto::default()
    }
}

fn call(name: &str, input: &str, output: &str) -> NodeProto {
    NodeProto { domain: "f".into(), ..node(name, &[input], &[output]) }
}

#[test]
fn functions_are_found_and_bound() {
    let mut body = node("LeakyRelu", &["a"], &["b"]);
    body.attribute = vec![AttributeProto { ref_attr_name: "slope".into(), ..attribute("alpha", 1) }];
    let mut f = function("f", vec![body]);
    f.attribute_proto = vec![AttributeProto { f: Some(0.25), ..attribute("slope", 1) }];
    let proto = ModelProto {
        functions: vec![f],
        ..model(graph(vec![call("f", "x", "z"), call("f", "z", "y")], "y"))
    };
    let mut model = decode_proto(&proto).expect("a good model");
    assert_eq!(decode(&encode(&model)).as_ref(), Ok(&model));
    let function = model.function(&model.main.nodes[1]).expect("a call");
    let arguments = function.arguments(&model.main.nodes[1]).expect("defaults");
    assert_eq!(function.nodes[0].bound(&arguments).float("alpha"), Ok(0.25));
    assert_eq!(function.nodes[0].bound(&BTreeMap::new()).attributes.len(), 0);
    model.main.nodes[0].attributes.insert("slop".into(), Attribute::Int(1));
    let function = model.function(&model.main.nodes[0]).expect("a call");
    assert_eq!(
        function.arguments(&model.main.nodes[0]).expect_err("unknown")[0].code(),
        "onnx-attribute-unknown"
    );
}

#[test]
fn functions_neither_recur_nor_explode() {
    let main = || model(graph(vec![call("f0", "x", "y")], "y"));
    let chain = |last: &str| -> Vec<FunctionProto> {
        let name = |index| if index == 59 { last.to_owned() } else { format!("f{}", index + 1) };
        let body = |index| vec![call(&name(index), "a", "m"), call(&name(index), "m", "b")];
        (0..60).map(|index| function(&format!("f{index}"), body(index))).collect()
    };
    check_refused(&ModelProto { functions: chain("g"), ..main() }, &["onnx-too-many-nodes"]);
    check_refused(&ModelProto { functions: chain("f57"), ..main() }, &["onnx-function-cycle"]);
    let twice = vec![function("f0", vec![node("Relu", &["a"], &["b"])]); 2];
    check_refused(&ModelProto { functions: twice, ..main() }, &["onnx-function-twice"]);
    let unknown = vec![function("f0", vec![node("Relu", &["x"], &["b"])])];
    check_refused(&ModelProto { functions: unknown, ..main() }, &["onnx-undefined"]);
}

#[test]
fn operator_sets_have_one_version() {
    let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version };
    let same = ModelProto { opset_import: vec![opset("", 17), opset("ai.onnx", 17)], ..model(relu()) };
    assert_eq!(decode_proto(&same).expect("a good model").opset(""), Some(17));
    let conflict = ModelProto { opset_import: vec![opset("", 17), opset("ai.onnx", 18)], ..model(relu()) };
    check_refused(&conflict, &["onnx-opset-conflict"]);
}
