//! Random streamed convolutions through emulator and evaluator.

use std::collections::BTreeMap;

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::Graph;
use nn2hdl_compiler::netlist::plan::{Flow, plan};
use nn2hdl_compiler::ops::{Add, Axes, Bounds, Fixed, Kind, Reduce, Slice};
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::images;
use nn2hdl_tests::random::{codes, convolutions, emulate};
use nn2hdl_tests::verilator::cosim;

#[test]
fn a_streamed_convolution_is_the_unrolled_one() {
    let frames = 6;
    let mut seed = 0;
    for positions in [7, 13, 20] {
        for taps in [1, 3, 5] {
            for ii in [1, 2, 3, 7, 10, 20] {
                seed += 1;
                let program = convolutions(seed, positions, taps, 1 + seed as usize % 3);
                let netlist = compile(&program, ii);
                assert!(netlist.signature.ii_cycles <= ii, "{}", program.name);
                let inputs = codes(&program, frames, seed);
                let expected = emulate(&program, &inputs, frames);
                for gaps in [None, Some(seed)] {
                    let found = evaluate(&netlist, &inputs, frames, gaps);
                    assert_eq!(found.outputs, expected, "{} II {ii}, gaps {gaps:?}", program.name);
                    for frame in 0..frames {
                        let latency = found.first[frame] - found.sent[frame];
                        assert_eq!(latency, netlist.signature.latency_cycles as usize, "{}", program.name);
                    }
                }
            }
        }
    }
}

/// A random image network and an initiation interval.
fn candidate(seed: u64) -> (Program, u32) {
    let extents: [&[usize]; 5] = [&[16], &[12], &[8, 8], &[4, 16], &[24]];
    let extents = extents[seed as usize % extents.len()];
    let program = if seed.is_multiple_of(4) {
        images::unet(seed, extents, 1 + (seed / 4 % 2) as usize)
    } else {
        images::network(seed, extents)
    };
    let positions = extents.iter().product::<usize>() as u32;
    (program, [2, 3, 5, positions / 2, positions, 2 * positions][seed as usize / 4 % 6])
}

/// How many random image networks are streamed, and what the others were refused for.
fn streamed(seeds: std::ops::Range<u64>) -> (usize, Vec<String>) {
    let (mut equal, mut refused) = (0, Vec::new());
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        let (program, ii) = candidate(seed);
        match plan(&program, ii) {
            Ok(plan) => {
                let ways = || plan.ways.iter().flatten();
                for (has, name) in [
                    (plan.ways.iter().any(|way| way.len() == 2), "raster scan"),
                    (plan.flows.contains(&Flow::Accumulate), "running totals"),
                    (ways().any(|spread| spread.lanes > 1), "several lanes"),
                    (
                        ways().any(|spread| spread.interval > 1 && plan.ways.iter().all(|way| way.len() < 2)),
                        "pauses between beats",
                    ),
                ] {
                    *kinds.entry(name).or_default() += usize::from(has);
                }
                check(&program, ii, seed);
                equal += 1;
            }
            Err(problem) => {
                refused.push(format!("{} at II {ii}: {}: {}", program.name, problem.node, problem.message))
            }
        }
    }
    println!("{kinds:?}");
    assert!(kinds.len() == 4 && kinds.values().all(|&count| count >= 5), "{kinds:?}");
    (equal, refused)
}

fn check(program: &Program, ii: u32, seed: u64) {
    let frames = 4;
    let netlist = compile(program, ii);
    assert!(netlist.signature.ii_cycles <= ii, "{}", program.name);
    let inputs = codes(program, frames, seed);
    let expected = emulate(program, &inputs, frames);
    for gaps in [None, Some(seed)] {
        let found = evaluate(&netlist, &inputs, frames, gaps);
        assert_eq!(found.outputs, expected, "{} II {ii}, gaps {gaps:?}", program.name);
    }
}

#[test]
fn random_image_networks_are_what_the_emulator_says() {
    let (equal, refused) = streamed(0..200);
    refused.iter().for_each(|line| println!("{line}"));
    println!("{equal} equal, {} refused", refused.len());
    assert!(equal >= 100, "only {equal} of 200 were streamed");
}

/// How many random image networks go through Verilator; 20 unless `NN2HDL_STREAMS` says otherwise.
fn simulated() -> u64 {
    let asked = std::env::var("NN2HDL_STREAMS").ok();
    asked.map_or(20, |text| text.parse().expect("NN2HDL_STREAMS is a number"))
}

#[test]
fn verilog_of_random_image_networks_is_what_the_emulator_says() {
    let count = simulated();
    for seed in 10_000..10_000 + count {
        let (program, ii) = candidate(seed);
        if plan(&program, ii).is_ok() {
            cosim(&program, ii, 20);
        }
    }
}

/// Reductions of a part of the image: what is left out lies in the same beat as what counts.
#[test]
fn what_is_cropped_does_not_count() {
    for kind in [Kind::Sum, Kind::Max, Kind::Min] {
        let mut graph = Graph::new("cropped");
        let x = graph.input("x", &[1, 2, 6]);
        let bounds = Bounds { starts: vec![0], ends: vec![5], axes: Some(vec![2]), steps: None };
        // A layer before, so that the host cannot crop.
        let both = graph.add("both", Add, &[x, x]);
        let x =
            graph.add("rounded", Fixed { format: "fixed<5,5,TRN,SAT>".parse().expect("a format") }, &[both]);
        let part = graph.add("part", Slice { attributes: Some(bounds) }, &[x]);
        let y = graph.add("y", Reduce { kind, axes: Axes::Listed(Some(vec![2])), keep: true }, &[part]);
        graph.output(y);
        let options = Options { input_format: "fixed<5,5>".parse().ok(), ..Options::default() };
        let program = front::compile(&graph, &options).expect("it has a program").program;
        match plan(&program, 3) {
            Ok(_) => check(&program, 3, 1),
            Err(problem) => assert!(kind != Kind::Sum, "{problem}"),
        }
    }
}
