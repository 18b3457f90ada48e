//! Trained networks against the answers of the frameworks they come from.

mod front;

use std::path::Path;

use front::{answers, data, root};
use nn2hdl_compiler::front::{Options, compile, import};
use nn2hdl_runtime::Program;

/// An array of any of the usual element types as floats, with its shape.
fn array(path: &Path, name: &str) -> (Vec<usize>, Vec<f64>) {
    use ndarray_npy::{NpzReader, ReadNpzError};
    type Dynamic<T> = ndarray::ArrayD<T>;
    let open = || NpzReader::new(std::fs::File::open(path).expect("the golden file")).expect("an npz file");
    macro_rules! attempt {
        ($($type:ty),*) => {$(
            let found: Result<Dynamic<$type>, ReadNpzError> = open().by_name(name);
            if let Ok(found) = found {
                return (found.shape().to_vec(), found.iter().map(|&v| v as f64).collect());
            }
        )*};
    }
    attempt!(f32, f64, i64, i32, i8, u8);
    panic!("{} has no array {name} of a known type", path.display());
}

fn compiled(model: &Path, options: &Options) -> Program {
    let bytes = std::fs::read(model).expect("the model");
    let graph = import(&bytes).unwrap_or_else(|problems| panic!("{}: {problems:#?}", model.display()));
    let lowered =
        compile(&graph, options).unwrap_or_else(|problems| panic!("{}: {problems:#?}", model.display()));
    for note in &lowered.notes {
        eprintln!("{}: {note}", model.display());
    }
    lowered.program
}

/// The greatest difference between program and golden answer.
fn difference(program: &Program, golden: &Path, inputs: &[&str], output: &str) -> (f64, usize) {
    let (shape, wanted) = array(golden, output);
    let inputs: Vec<Vec<f64>> = inputs.iter().map(|input| array(golden, input).1).collect();
    let found = answers(program, &inputs, shape[0]);
    assert_eq!(found[0].len(), wanted.len(), "{}", golden.display());
    (found[0].iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max), shape[0])
}

fn options(input: Option<&str>, default: Option<&str>, output: Option<&str>) -> Options {
    Options {
        input_format: input.map(|text| text.parse().expect("a format")),
        default_format: default.map(|text| text.parse().expect("a format")),
        output_node: output.map(str::to_owned),
        ..Options::default()
    }
}

/// One model of `golden.json`, with its options and tolerance from there.
fn golden(name: &str) {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("golden.json")).expect("golden.json");
    let all: serde_json::Value = serde_json::from_str(&text).expect("golden.json is JSON");
    let entry = &all[name];
    let arguments: Vec<&str> =
        entry["options"].as_array().expect("options").iter().filter_map(|v| v.as_str()).collect();
    let after = |flag: &str| arguments.iter().position(|a| *a == flag).map(|n| arguments[n + 1]);
    let options = options(after("--input-format"), after("--default-format"), None);
    let program = compiled(&data.join(entry["model"].as_str().expect("a model")), &options);
    let path = data.join(entry["golden"].as_str().expect("a golden file"));
    let (worst, frames) = difference(
        &program,
        &path,
        &[entry["input"].as_str().expect("an input")],
        entry["output"].as_str().expect("an output"),
    );
    eprintln!("{name}: {frames} frames, largest difference {worst:e}");
    assert!(worst <= entry["tolerance"].as_f64().expect("a tolerance"), "{name}: {worst}");
}

#[test]
fn jet_tagger() {
    golden("qkeras_jettagging");
}

#[test]
fn jet_tagger_is_exact_before_softmax() {
    let Some(data) = data() else { return };
    let program = compiled(
        &data.join("models/qkeras_jettagging.onnx"),
        &options(Some("fixed<16,6>"), None, Some("Add_3")),
    );
    let (worst, frames) =
        difference(&program, &data.join("golden/qonnx_jettagging_6b.npz"), &["input"], "pre_softmax");
    assert_eq!((worst, frames), (0.0, 128));
    let names: Vec<&str> = program.main().steps.iter().map(|step| step.name()).collect();
    assert_eq!(names, ["MatMul_0", "MatMul_1", "MatMul_2", "MatMul_3"]);
}

#[test]
fn tfc_2w2a() {
    golden("TFC_2W2A");
}

#[test]
fn unsw_nb15_w2a2() {
    golden("unsw_nb15_w2a2");
}

#[test]
fn bnn_fc_1layer() {
    golden("bnn_model_fc_1layer");
}

#[test]
fn tracers_and_zoo_models() {
    for (model, golden, inputs, output) in [
        ("tracers/tracer_conv.onnx", "tracers/tracer_conv.npz", &["x"][..], "y"),
        ("tracers/tracer_graph.onnx", "tracers/tracer_graph.npz", &["x", "edge_attr", "edge_index"], "y"),
        ("muon_window/muon_window.onnx", "muon_window/sample.npz", &["input"], "output"),
    ] {
        let models = root().join("models");
        let program = compiled(&models.join(model), &Options::default());
        let (worst, frames) = difference(&program, &models.join(golden), inputs, output);
        eprintln!("{model}: {frames} frames, largest difference {worst:e}");
        assert_eq!(worst, 0.0, "{model}");
    }
}

#[test]
fn float_models_with_a_default_format() {
    for name in ["three_layer_keras", "three_layer_pytorch", "conv1d_small", "conv2d_small"] {
        golden(name);
    }
}

#[test]
fn branched_image_network() {
    golden("branched_model");
}
