//! HLS C++ of real networks and of every primitive, in C simulation against the emulator.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray_npy::{NpzReader, ReadNpzError};
use nn2hdl_compiler::back::hls::{self, Settings};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::zoo;
use nn2hdl_runtime::Program;
use nn2hdl_tests::cells::Cells;
use nn2hdl_tests::hls::csim;
use nn2hdl_tests::public::data;
use nn2hdl_tests::random::{codes, emulate};

fn program(bytes: &[u8], options: &Options) -> Program {
    let graph = front::import(bytes).unwrap_or_else(|problems| panic!("{}", problems[0]));
    front::compile(&graph, options).unwrap_or_else(|problems| panic!("{}", problems[0])).program
}

/// An array of the element types that golden inputs have.
fn array(path: &Path, name: &str) -> Vec<f64> {
    let open = || NpzReader::new(std::fs::File::open(path).expect("the golden file")).expect("a .npz file");
    macro_rules! attempt {
        ($($type:ty),*) => {$(
            let found: Result<ndarray::ArrayD<$type>, ReadNpzError> = open().by_name(name);
            if let Ok(found) = found {
                return found.iter().map(|&value| value as f64).collect();
            }
        )*};
    }
    attempt!(f32, f64, i64, i32, i8, u8);
    panic!("{} has no array {name}", path.display());
}

fn rate(name: &str, program: &Program, ii: u32, inputs: &[Vec<i64>], frames: usize) {
    let verdict = csim(program, ii, inputs, frames);
    println!(
        "{name}: {frames} frames equal, {:.0} frames/s, compiled in {:.1} CPU s",
        frames as f64 / verdict.simulation_seconds,
        verdict.build.cpu_seconds.unwrap_or(f64::NAN)
    );
}

/// The models of others on the frames of their golden answers, and random ones.
#[test]
fn golden_frames_are_equal() {
    let Some(data) = data() else { return };
    let text = std::fs::read_to_string(data.join("golden.json")).expect("golden.json");
    let all: serde_json::Value = serde_json::from_str(&text).expect("golden.json is JSON");
    let mut run = 0;
    for (name, entry) in all.as_object().expect("models by name") {
        if !entry["issues"].as_array().expect("issues").iter().any(|issue| issue == "A") {
            continue;
        }
        let words: Vec<&str> =
            entry["options"].as_array().expect("options").iter().filter_map(|word| word.as_str()).collect();
        let after = |flag: &str| {
            let at = words.iter().position(|word| *word == flag)?;
            Some(words[at + 1].parse().expect("a format"))
        };
        let options = Options {
            input_format: after("--input-format"),
            default_format: after("--default-format"),
            ..Options::default()
        };
        let file = |key: &str| data.join(entry[key].as_str().expect("a file"));
        let program = program(&std::fs::read(file("model")).expect("the model"), &options);
        let values = array(&file("golden"), entry["input"].as_str().expect("an input"));
        let len = program.input_value(0).len();
        let golden = program.inputs[0].encoder.encode(&values, len).expect("the golden input is numbers");
        let frames = golden.len() / len;
        rate(name, &program, 1, &[golden], frames);
        rate(name, &program, 64, &codes(&program, 200, 5), 200);
        run += 1;
    }
    assert!(run >= 8, "{run} models");
}

/// The project's own networks, unrolled and streamed; images go through plain loops.
#[test]
fn the_zoo_is_equal() {
    for model in zoo() {
        let program = program(model.onnx, &Options::default());
        let frames = if model.unrolled { 1000 } else { 4 };
        for ii in if model.unrolled { [1, 10] } else { [1, 384] } {
            rate(model.name, &program, ii, &codes(&program, frames, 6), frames);
        }
    }
}

/// Every primitive and every quantizer, all widths up to four bits, on every input: what `sweep.rs` proves of the
/// emulator holds of the C++.
#[test]
fn every_cell_is_right_on_every_input() {
    const PART: usize = 2500;
    let Cells { program, names, .. } = Cells::all();
    let words = 1i64 << 9;
    let inputs: Vec<Vec<i64>> = (0..program.inputs.len())
        .map(|n| {
            let value = program.input_value(n);
            let from = match &value.name[..1] {
                "a" | "d" => 0,
                "b" => 4,
                _ => 8,
            };
            let (width, signed) = (value.format.width, value.format.signed);
            let code = |word: i64| nn2hdl_runtime::expr::wrap((word >> from).into(), signed, width) as i64;
            (0..words).map(code).collect()
        })
        .collect();
    // Cells that call one function with the same arguments are compared with each other in the emulator.
    let text = hls::print(&program, &Settings::of(&program, 1)).swap_remove(1).text;
    let calls: Vec<&str> = text.lines().filter(|line| line.starts_with("    layers::")).collect();
    let main = program.main();
    assert_eq!(calls.len(), main.steps.len(), "each cell is one call");
    let emulated = emulate(&program, &inputs, words as usize);
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, call) in calls.iter().enumerate() {
        let (call, _) = call.rsplit_once(", ").expect("a call has an operand and a result");
        let first = *first.entry(call).or_insert(number);
        assert_eq!(emulated[number], emulated[first], "{} and {}", names[number], names[first]);
    }
    let mut distinct: Vec<usize> = first.into_values().collect();
    distinct.sort_unstable();
    let (mut seconds, mut answers) = (0.0, 0);
    for (number, part) in distinct.chunks(PART).enumerate() {
        let mut some = Program { name: format!("cells_{number}"), blocks: Vec::new(), ..program.clone() };
        let mut block = main.clone();
        block.steps = part.iter().map(|&cell| main.steps[cell].clone()).collect();
        block.results = part.iter().map(|&cell| main.results[cell]).collect();
        some.outputs = part.iter().map(|&cell| program.outputs[cell].clone()).collect();
        answers += block.results.iter().map(|&id| main.value(id).len()).sum::<usize>() * words as usize;
        some.blocks.push(block);
        let verdict = csim(&some, 1, &inputs, words as usize);
        seconds += verdict.build.cpu_seconds.unwrap_or_default();
    }
    let (cells, distinct) = (calls.len(), distinct.len());
    println!(
        "{cells} cells, {distinct} distinct, {answers} answers compared, compiled in {seconds:.1} CPU s"
    );
}
