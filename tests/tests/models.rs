//! Real trained models: the framework's answers, and Verilog against the emulator.

use std::path::{Path, PathBuf};

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::zoo;
use nn2hdl_runtime::Program;
use nn2hdl_tests::verilator::cosim;

/// The folder of models that the project does not own; absent outside of CI, and then said loudly.
fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if folder.exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
    eprintln!("NOT TESTED: {} is missing, so no model of others was run", folder.display());
    None
}

fn program(file: &str, input_format: Option<&str>) -> Option<Program> {
    let bytes = std::fs::read(data()?.join("models").join(file)).expect("the model can be read");
    let graph = front::import(&bytes).unwrap_or_else(|problems| panic!("{file}: {}", problems[0]));
    let input_format = input_format.map(|text| text.parse().expect("a format"));
    let options = Options { input_format, ..Options::default() };
    let lowered =
        front::compile(&graph, &options).unwrap_or_else(|problems| panic!("{file}: {}", problems[0]));
    Some(lowered.program)
}

#[test]
fn jet_tagger_in_verilator() {
    if let Some(program) = program("qkeras_jettagging.onnx", Some("fixed<16,6>")) {
        cosim(&program, 1, 10_000);
    }
}

#[test]
fn tfc_in_verilator() {
    if let Some(program) = program("TFC_2W2A.onnx", None) {
        cosim(&program, 1, 500);
    }
}

#[test]
fn unsw_in_verilator() {
    if let Some(program) = program("unsw_nb15_w2a2.onnx", Some("fixed<2,2>")) {
        cosim(&program, 1, 500);
    }
}

#[test]
fn binary_layer_in_verilator() {
    if let Some(program) = program("bnn_model_fc_1layer.onnx", Some("fixed<16,6>")) {
        cosim(&program, 1, 10_000);
    }
}

#[test]
fn the_zoo_in_verilator() {
    for model in zoo() {
        let graph =
            front::import(model.onnx).unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]));
        let program = front::compile(&graph, &Options::default())
            .unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]))
            .program;
        let intervals: &[u32] = if model.name == "tracer-conv" { &[1, 10, 7] } else { &[1] };
        for &ii in intervals {
            let verdict = cosim(&program, ii, 1000);
            assert_eq!(verdict.ii_cycles, Some(ii as usize), "{}", model.name);
        }
    }
}
