//! The operator matrix: every operator through its naive reference, the emulator, the evaluator, Verilator and C
//! simulation.
//!
//! Operators join by their line in `OPERATORS`; nothing here names one.

use std::collections::BTreeSet;

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::Tensor;
use nn2hdl_compiler::netlist::{Target, build};
use nn2hdl_compiler::ops::{OPERATORS, Sample};
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::hls::csim;
use nn2hdl_tests::merge::merge;
use nn2hdl_tests::random::{codes, emulate};
use nn2hdl_tests::verilator::cosim;

const SEEDS: u64 = 3;
const FRAMES: usize = 32;

fn samples() -> Vec<(String, Sample)> {
    let of_one = |entry: &nn2hdl_compiler::ops::Entry| {
        let name = entry.name;
        let all = (0..SEEDS).flat_map(|seed| (entry.samples)(seed)).enumerate();
        let mut named: Vec<(String, Sample)> =
            all.map(|(n, sample)| (format!("{name} sample {n}"), sample)).collect();
        // Many do not depend on the seed: one of each is enough here.
        let mut known = BTreeSet::new();
        named.retain(|(_, sample)| known.insert(format!("{:?}", (&sample.graph, &sample.formats))));
        assert!(!named.is_empty(), "{name} has no samples");
        named
    };
    // While one operator is being written: `NN2HDL_OPERATORS=Conv,Relu cargo test …`.
    let only = std::env::var("NN2HDL_OPERATORS").ok();
    let wanted = |entry: &&nn2hdl_compiler::ops::Entry| {
        only.as_ref().is_none_or(|names| names.split(',').any(|name| name == entry.name))
    };
    OPERATORS.iter().filter(wanted).flat_map(of_one).collect()
}

fn program(name: &str, sample: &Sample) -> Program {
    let mut options = Options::default();
    for (format, &input) in sample.formats.iter().zip(&sample.graph.inputs) {
        let tensor = &sample.graph.info(input);
        options.input_formats.extend(format.map(|format| (tensor.name.clone(), format)));
    }
    front::compile(&sample.graph, &options)
        .unwrap_or_else(|problems| panic!("{name}: {}", problems[0]))
        .program
}

#[test]
fn every_operator_through_emulator_evaluator_verilator_and_c_simulation() {
    let mut programs = Vec::new();
    for (name, sample) in samples() {
        let program = program(&name, &sample);
        let inputs = codes(&program, FRAMES, 7);
        let answers = emulate(&program, &inputs, FRAMES);
        agrees_with_reference(&name, &sample, &program, &inputs, &answers);
        let netlist = compile(&program, 1);
        let found = evaluate(&netlist, &inputs, FRAMES, Some(1));
        assert_eq!(found.outputs, answers, "{name}: evaluator");
        programs.push(program);
    }
    println!("{} operators known, {} samples taken", OPERATORS.len(), programs.len());
    let mut seconds = 0.0;
    for (number, part) in programs.chunks(24).enumerate() {
        let whole = merge(&format!("operators_{number}"), part);
        cosim(&whole, 1, 200);
        let verdict = csim(&whole, 1, &codes(&whole, 50, 3), 50);
        seconds += verdict.build.cpu_seconds.unwrap_or_default();
    }
    println!("C simulations compiled in {seconds:.1} CPU s");
}

/// With two cycles to a frame an operator's design equals the emulator, or one diagnostic says that it has no such form.
#[test]
fn every_operator_streams_exactly_or_says_so() {
    let mut streamed = 0;
    for (name, sample) in samples() {
        let program = program(&name, &sample);
        match build(&program, &program.name, &Target { ii: 2, ..Target::default() }, &()) {
            Ok(netlist) => {
                let inputs = codes(&program, FRAMES, 7);
                let found = evaluate(&netlist, &inputs, FRAMES, Some(1));
                assert_eq!(found.outputs, emulate(&program, &inputs, FRAMES), "{name}");
                streamed += usize::from(netlist.signature.ii_cycles == 2);
            }
            Err(problem) => assert!(!problem.help.is_empty(), "{name}: {problem}"),
        }
    }
    println!("{streamed} samples streamed");
}

/// Decoded answers against the operator's float reference on the decoded inputs.
fn agrees_with_reference(
    name: &str,
    sample: &Sample,
    program: &Program,
    inputs: &[Vec<i64>],
    answers: &[Vec<i64>],
) {
    for frame in 0..FRAMES {
        let values: Vec<Tensor> = (0..inputs.len())
            .map(|n| {
                let value = program.input_value(n);
                let codes = &inputs[n][frame * value.len()..(frame + 1) * value.len()];
                let data = codes.iter().map(|&code| code as f64 * 2f64.powi(-value.format.frac)).collect();
                let shape = sample.graph.info(sample.graph.inputs[n]).shape.clone();
                Tensor::new(shape.unwrap_or_default(), data)
            })
            .collect();
        let expected = sample.graph.evaluate(&values).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        for (output, expected) in expected.iter().enumerate() {
            let len = program.output_value(output).len();
            let codes = &answers[output][frame * len..(frame + 1) * len];
            let found = program.outputs[output].decoder.decode(codes, len);
            for (element, (found, expected)) in found.iter().zip(&expected.data).enumerate() {
                let difference = (found - expected).abs();
                assert!(
                    difference <= sample.tolerance,
                    "{name}, frame {frame}, output {output}, element {element}: {found} instead of {expected}"
                );
            }
        }
    }
}
