//! Networks described in TOML.

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::network::Description;
use nn2hdl_compiler::front::onnx::{decode, encode};
use nn2hdl_compiler::front::{Options, compile, import};

/// A `.safetensors` file of float32 tensors.
fn weights(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let (mut header, mut data) = (Vec::new(), Vec::new());
    for (name, shape) in tensors {
        let begin = data.len();
        let count: usize = shape.iter().product();
        data.extend((0..count).flat_map(|n| ((n % 7) as f32 * 0.25 - 0.75).to_le_bytes()));
        let end = data.len();
        header
            .push(format!(r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#));
    }
    let header = format!("{{{}}}", header.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

const NETWORK: &str = r#"
[network]
name = "tagger"
weights = "w.safetensors"

[tensors]
"fc1.weight" = [3, 4]

[[input]]
name = "x"
shape = [4]
format = "fixed<8,3,RND,SAT>"

[[layer]]
name = "fc1"
op = "Gemm"
inputs = ["x", "fc1.weight", "fc1.bias"]
attributes = { transB = 1 }
quantize_weights = "fixed<6,2,RND_CONV,SAT>"
activation = "relu"
quantize = "ufixed<6,3,RND_CONV,SAT>"

[[layer]]
name = "scores"
op = "Mul"
inputs = ["fc1", 0.5]
"#;

fn file() -> Vec<u8> {
    weights(&[("fc1.bias", &[3]), ("fc1.weight", &[3, 4])])
}

fn problems(text: &str, file: &[u8]) -> Vec<Diagnostic> {
    match Description::parse(text).and_then(|description| description.model(Some(file))) {
        Err(problems) => problems,
        Ok(model) => import(&encode(&model)).err().unwrap_or_default(),
    }
}

#[test]
fn the_zoo_network_is_the_same_program_as_its_onnx_file() {
    let onnx = include_bytes!("../../models/muon_window/muon_window.onnx");
    let text = include_str!("../../models/muon_window/network.toml");
    let weights = include_bytes!("../../models/muon_window/weights.safetensors");
    let description = Description::parse(text).unwrap();
    assert_eq!(description.weights(), Some("weights.safetensors"));
    let model = description.model(Some(weights)).unwrap();
    let bytes = encode(&model);
    assert_eq!(decode(&bytes).unwrap().main, model.main);
    let program =
        |bytes: &[u8]| compile(&import(bytes).unwrap(), &Options::default()).unwrap().program.to_bytes();
    assert_eq!(program(&bytes), program(onnx));
}

#[test]
fn quantizers_and_activations_of_a_layer_are_nodes_of_their_own() {
    let short = Description::parse(NETWORK).unwrap().model(Some(&file())).unwrap();
    let names: Vec<&str> = short.main.nodes.iter().map(|node| node.op_type.as_str()).collect();
    assert_eq!(names, ["Fixed", "Fixed", "Fixed", "Gemm", "Relu", "Fixed", "Mul"]);
    let lowered = compile(&import(&encode(&short)).unwrap(), &Options::default()).unwrap();
    assert_eq!(lowered.program.name, "tagger");
    let input = lowered.program.input_value(0);
    assert_eq!((input.shape.as_slice(), input.format.to_string().as_str()), (&[4][..], "fixed<8,3>"));
    assert_eq!(lowered.program.outputs[0].name, "scores");
}

#[test]
fn every_kind_of_mistake_is_named_with_a_way_out() {
    assert_eq!(problems(NETWORK, &file()), []);
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        ("activation =", "activaton =", "unknown-key", "fc1", "did you mean `activation`?"),
        ("[[input]]", "[[inputs]]", "unknown-key", "", "did you mean `input`?"),
        (r#"op = "Gemm""#, r#"op = "Gem""#, "unknown-operator", "fc1", "did you mean `Gemm`?"),
        (r#""fc1.bias"]"#, r#""fc1.bia"]"#, "missing-tensor", "fc1", "did you mean `fc1.bias`?"),
        (
            r#"inputs = ["fc1", 0.5]"#,
            r#"inputs = ["fc2", 0.5]"#,
            "missing-tensor",
            "scores",
            "did you mean `fc1`?",
        ),
        ("= [3, 4]", "= [4, 3]", "tensor-shape", "fc1.weight", "[tensors]"),
        (r#", "fc1.bias"]"#, "]", "unused-tensor", "fc1.bias", "ignore"),
        ("transB = 1", "transC = 1", "onnx-attribute-unknown", "fc1", "`transB`"),
        ("shape = [4]", "shape = 4", "network-description", "x", ""),
        (r#"name = "scores""#, r#"name = "fc1""#, "defined-twice", "fc1", "names of their own"),
        ("fixed<8,3,RND,SAT>", "fixed<8,3,RUND,SAT>", "unsupported-form", "x/format", "fixed<16,6>"),
        ("[network]", "[network", "network-description", "", ""),
    ];
    for (from, to, code, node, help) in cases {
        assert!(NETWORK.contains(from), "{from}");
        let found = problems(&NETWORK.replacen(from, to, 1), &file());
        let is_it = |problem: &Diagnostic| {
            problem.code == *code && problem.node == *node && problem.help.contains(help)
        };
        assert!(found.iter().any(is_it), "{to}: {found:?}");
    }
    let shape = &problems(&NETWORK.replace("= [3, 4]", "= [4, 3]"), &file())[0];
    assert_eq!(shape.message, "w.safetensors: the shape is [3, 4], expected is [4, 3]");
}

#[test]
fn damaged_weights_are_refused() {
    let file = file();
    for end in 0..file.len() {
        assert!(problems(NETWORK, &file[..end]).iter().any(|problem| problem.code == "weights"), "{end}");
    }
}

/// Convolutions and pools have their channels first, as in ONNX, unless the domain of those with channels last is stated.
#[test]
fn channels_come_first() {
    let text = |domain: &str| {
        format!(
            r#"
[network]
name = "image"
weights = "w.safetensors"

[[input]]
name = "x"
shape = [2, 8, 8]
format = "fixed<8,3>"

[[layer]]
name = "conv"
op = "Conv"
{domain}
inputs = ["x", "conv.weight"]
"#
        )
    };
    let file = weights(&[("conv.weight", &[3, 2, 1, 1])]);
    for (stated, domain) in
        [("", ""), (r#"domain = "qonnx.custom_op.channels_last""#, "qonnx.custom_op.channels_last")]
    {
        let model = Description::parse(&text(stated)).and_then(|description| description.model(Some(&file)));
        let model = model.expect("a sound description");
        let conv = model.main.nodes.iter().find(|node| node.op_type == "Conv").expect("a convolution");
        assert_eq!(conv.domain, domain);
    }
}
