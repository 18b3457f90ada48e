//! The operator matrix: for every operator's samples the program, lowered by `define`, equals the float `reference`, and
//! every pass leaves its answers as they were.

mod front;

use std::collections::BTreeMap;

use front::naive;
use nn2hdl_compiler::front::{Options, lower};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::ops::{OPERATORS, Sample};
use nn2hdl_compiler::pass;
use nn2hdl_runtime::{Emulator, Program};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const FRAMES: usize = 24;

fn options(sample: &Sample) -> Options {
    let names = sample.graph.inputs.iter().map(|&id| sample.graph.info(id).name.clone());
    let input_formats: BTreeMap<_, _> =
        names.zip(&sample.formats).filter_map(|(name, format)| Some((name, (*format)?))).collect();
    Options { input_formats, ..Options::default() }
}

/// The program after lowering and after each program pass.
fn stages(graph: &Graph, options: &Options, name: &str) -> Vec<(&'static str, Program)> {
    let mut graph = graph.clone();
    for pass in pass::GRAPH {
        (pass.run)(&mut graph, options).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    }
    let lowered = lower::lower(&graph, options).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
    let mut stages = vec![("lowering", lowered.program)];
    for pass in pass::PROGRAM {
        let mut program = stages[stages.len() - 1].1.clone();
        (pass.run)(&mut program);
        stages.push((pass.name, program));
    }
    for (stage, program) in &stages {
        pass::check(program, stage).unwrap_or_else(|problems| panic!("{name}: {problems:#?}\n{program:#?}"));
    }
    stages
}

/// Random codes of every input, a frame after the other.
fn codes(program: &Program, rng: &mut StdRng) -> Vec<Vec<i64>> {
    (0..program.inputs.len())
        .map(|n| {
            let value = program.input_value(n);
            let range = value.format.interval();
            (0..FRAMES * value.len()).map(|_| rng.random_range(range.lo as i64..=range.hi as i64)).collect()
        })
        .collect()
}

fn check(name: &str, sample: &Sample, seed: u64) -> f64 {
    let options = options(sample);
    let stages = stages(&sample.graph, &options, name);
    let program = &stages[0].1;
    let mut rng = StdRng::seed_from_u64(seed);
    let codes = codes(program, &mut rng);
    let slices: Vec<&[i64]> = codes.iter().map(Vec::as_slice).collect();
    let found =
        Emulator::new(program).expect("a valid program").run(&slices, FRAMES).expect("matching inputs");
    for (stage, program) in &stages[1..] {
        let after =
            Emulator::new(program).expect("a valid program").run(&slices, FRAMES).expect("matching inputs");
        assert_eq!(after, found, "{name}: pass {stage}, seed {seed}");
    }
    let mut worst = 0.0f64;
    for frame in 0..FRAMES {
        let part = |n: usize| {
            &codes[n][frame * program.input_value(n).len()..(frame + 1) * program.input_value(n).len()]
        };
        let own: Vec<Vec<i64>> = (0..codes.len()).map(|n| part(n).to_vec()).collect();
        let plain = naive(program, &own);
        let inputs: Vec<Tensor> = sample
            .graph
            .inputs
            .iter()
            .enumerate()
            .map(|(n, &id)| {
                let frac = program.input_value(n).format.frac;
                let data = part(n).iter().map(|&code| code as f64 * 2f64.powi(-frac)).collect();
                let info = sample.graph.info(id);
                Tensor { shape: info.shape.clone().expect("a shape"), data, integer: info.integer }
            })
            .collect();
        let wanted = sample.graph.evaluate(&inputs).expect("a reference");
        for (n, output) in program.outputs.iter().enumerate() {
            let len = program.output_value(n).len();
            assert_eq!(plain[n], found[n][frame * len..(frame + 1) * len], "{name}: naive, seed {seed}");
            let decoded = output.decoder.decode(&plain[n], len);
            for (a, b) in decoded.iter().zip(&wanted[n].data) {
                worst = worst.max((a - b).abs());
                assert!(
                    (a - b).abs() <= sample.tolerance,
                    "{name}, seed {seed}: {decoded:?} instead of {:?}\n{inputs:?}\n{program:#?}",
                    wanted[n].data
                );
            }
        }
    }
    worst
}

#[test]
fn every_definition_equals_its_reference() {
    for entry in OPERATORS {
        for seed in 0..4 {
            let samples = (entry.samples)(seed);
            assert!(!samples.is_empty(), "{} has no samples", entry.name);
            for (number, sample) in samples.iter().enumerate() {
                let worst = check(&format!("{} sample {number}", entry.name), sample, seed);
                if worst > 0.0 && seed == 0 {
                    eprintln!("{} sample {number}: largest difference {worst:e}", entry.name);
                }
            }
        }
    }
}
