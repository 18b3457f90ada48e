//! Real trained models: evaluator and Verilog against the emulator. The frameworks' own answers are compared in
//! `compiler/tests/front_golden.rs`.

use std::io::Cursor;

use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::NpzReader;
use nn2hdl_compiler::cmvm::Effort;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::netlist::position::per_position;
use nn2hdl_models::{find, zoo};
use nn2hdl_runtime::Program;
use nn2hdl_tests::public::data;
use nn2hdl_tests::random::emulate;
use nn2hdl_tests::verilator;

fn program(file: &str, input_format: Option<&str>) -> Option<Program> {
    let bytes = std::fs::read(data()?.join("models").join(file)).expect("the model can be read");
    let graph = front::import(&bytes).unwrap_or_else(|problems| panic!("{file}: {}", problems[0]));
    let input_format = input_format.map(|text| text.parse().expect("a format"));
    let options = Options { input_format, ..Options::default() };
    let lowered =
        front::compile(&graph, &options).unwrap_or_else(|problems| panic!("{file}: {}", problems[0]));
    Some(lowered.program)
}

fn both(program: &Program, ii: u32, frames: usize) {
    verilator::both(program, ii, 200, frames);
}

#[test]
fn jet_tagger_in_verilator() {
    if let Some(program) = program("qkeras_jettagging.onnx", Some("fixed<16,6>")) {
        both(&program, 1, 10_000);
    }
}

#[test]
fn tfc_in_verilator() {
    if let Some(program) = program("TFC_2W2A.onnx", None) {
        both(&program, 1, 500);
    }
}

#[test]
fn unsw_in_verilator() {
    if let Some(program) = program("unsw_nb15_w2a2.onnx", Some("fixed<2,2>")) {
        both(&program, 1, 500);
    }
}

#[test]
fn binary_layer_in_verilator() {
    if let Some(program) = program("bnn_model_fc_1layer.onnx", Some("fixed<16,6>")) {
        both(&program, 1, 10_000);
    }
}

#[test]
fn the_zoo_in_verilator() {
    for model in zoo().iter().filter(|model| model.unrolled) {
        let graph =
            front::import(model.onnx).unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]));
        let program = front::compile(&graph, &Options::default())
            .unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]))
            .program;
        let intervals: &[u32] = if model.name == "tracer-conv" { &[1, 10, 7] } else { &[1] };
        for &ii in intervals {
            both(&program, ii, 1000);
        }
    }
}

/// The networks on images against the masks that another evaluator made of their samples.
#[test]
fn chamber_networks_mark_their_samples() {
    for model in zoo().iter().filter(|model| !model.unrolled) {
        let graph =
            front::import(model.onnx).unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]));
        let program = front::compile(&graph, &Options::default())
            .unwrap_or_else(|problems| panic!("{}: {}", model.name, problems[0]))
            .program;
        let mut sample = NpzReader::new(Cursor::new(model.sample)).expect("the sample is a .npz file");
        let mut array = |name: &str| -> Vec<i64> {
            let name = format!("{name}.npy");
            if let Ok(array) = sample.by_name::<OwnedRepr<u8>, IxDyn>(&name) {
                return array.iter().map(|&value| value.into()).collect();
            }
            let array: ArrayD<f64> = sample.by_name(&name).expect("an array of bytes or of float64");
            array.iter().map(|&value| value as i64).collect()
        };
        let image = array(model.inputs[0].1);
        let answers: Vec<Vec<i64>> = model.outputs.iter().map(|output| array(output.1)).collect();
        let frames = image.len() / program.input_value(0).len();
        assert!(frames >= 20 && answers.iter().all(|answer| answer.iter().any(|&code| code > 0)));
        assert_eq!(emulate(&program, &[image], frames), answers, "{}", model.name);
    }
}

/// What the networks were made for: zero weights, and adder bits per position as they would be compiled.
#[test]
fn chamber_networks_keep_their_budgets() {
    for (name, zeros, budget) in [("muon-segment", 0.5, 2000..=3000), ("muon-segment-bx", 0.75, 320..=500)] {
        let model = find(name).expect("the zoo has it");
        let graph = front::import(model.onnx).expect("the model can be read");
        let program = front::compile(&graph, &Options::default()).expect("the model can be lowered").program;
        let costs = per_position(&program, Effort::Default).expect("every layer has a hardware form");
        let bits: u64 = costs.iter().map(|position| position.cost.adder_bits).sum();
        assert_eq!(costs.len(), 3, "{name}: three convolutions");
        assert!(budget.contains(&bits), "{name}: {bits} adder bits per position");
        let weights = program.tables.iter().filter(|table| table.data.len() > 60);
        let (all, zero) = weights.fold((0, 0), |(all, zero), table| {
            (all + table.data.len(), zero + table.data.iter().filter(|&&weight| weight == 0).count())
        });
        assert!(zero as f64 >= zeros * all as f64, "{name}: {zero} of {all} weights are zero");
    }
}
