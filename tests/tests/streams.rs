//! Random streamed convolutions through emulator and evaluator.

use std::collections::BTreeMap;

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::Graph;
use nn2hdl_compiler::netlist::plan::{Flow, plan};
use nn2hdl_compiler::ops::{Add, Axes, Bounds, Fixed, Kind, Reduce, Slice};
use nn2hdl_runtime::interface::Spread;
use nn2hdl_runtime::{Program, Step, ValueId};
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::images::{self, Features};
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
fn candidate(seed: u64) -> (Program, Features, u32) {
    let extents: [&[usize]; 5] = [&[16], &[12], &[8, 8], &[4, 16], &[24]];
    let extents = extents[seed as usize % extents.len()];
    let (program, features) = if seed.is_multiple_of(4) {
        images::unet(seed, extents, 1 + (seed / 4 % 2) as usize)
    } else {
        images::network(seed, extents)
    };
    let positions = extents.iter().product::<usize>() as u32;
    (program, features, [2, 3, 5, positions / 2, positions, 2 * positions][seed as usize / 4 % 6])
}

/// How many of the networks that were streamed have what: layers, and ways to stream them.
#[derive(Default)]
struct Coverage {
    counts: BTreeMap<&'static str, usize>,
    equal: usize,
    refused: Vec<String>,
}

const WAYS: &[&str] =
    &["raster scan", "several lanes", "padded beats", "pauses between beats", "running totals", "collected"];

impl Coverage {
    /// The plan of a candidate, if it can be streamed.
    fn planned(&mut self, seed: u64) -> Option<(Program, u32)> {
        let (program, mut has, ii) = candidate(seed);
        let plan = match plan(&program, ii) {
            Ok(plan) => plan,
            Err(problem) => {
                let Diagnostic { node, message, .. } = problem;
                self.refused.push(format!("{} at II {ii}: {node}: {message}", program.name));
                return None;
            }
        };
        let block = program.main();
        let streamed: Vec<ValueId> =
            block.value_ids().filter(|id| !plan.ways[id.index()].is_empty()).collect();
        let ways = || streamed.iter().map(|id| (block.value(*id), &plan.ways[id.index()]));
        let padded = |shape: &[usize], way: &[Spread]| {
            way.iter().any(|spread| spread.lanes * spread.beats > shape[spread.axis])
        };
        let steps = || block.steps.iter().zip(&plan.flows);
        let from_stream = |step: &Step| step.reads().any(|id| !plan.ways[id.index()].is_empty());
        let found = [
            ways().any(|(_, way)| way.len() == 2),
            ways().any(|(_, way)| way.iter().any(|spread| spread.lanes > 1)),
            ways().any(|(value, way)| padded(&value.shape, way)),
            ways().any(|(_, way)| way.last().is_some_and(|spread| spread.interval > 1)),
            plan.flows.contains(&Flow::Accumulate),
            steps().any(|(step, flow)| *flow == Flow::Whole && from_stream(step)),
        ];
        has.extend(WAYS.iter().zip(found).filter(|(_, found)| *found).map(|(name, _)| *name));
        has.into_iter().for_each(|name| *self.counts.entry(name).or_default() += 1);
        Some((program, ii))
    }
}

fn check(program: &Program, ii: u32, seed: u64, frames: usize) {
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
    let mut coverage = Coverage::default();
    for seed in 0..200 {
        if let Some((program, ii)) = coverage.planned(seed) {
            check(&program, ii, seed, 4);
            coverage.equal += 1;
        }
    }
    let Coverage { counts, equal, refused } = coverage;
    refused.iter().for_each(|line| println!("{line}"));
    println!("{equal} equal, {} refused; {counts:?}", refused.len());
    assert!(equal >= 100, "only {equal} of 200 were streamed");
    for name in images::FEATURES.iter().chain(WAYS) {
        let count = counts.get(name).copied().unwrap_or_default();
        assert!(count >= 5, "{name}: only {count} of {equal} networks");
    }
    assert_eq!(counts.len(), images::FEATURES.len() + WAYS.len(), "{counts:?}");
}

/// How many random image networks go through Verilator; 20 unless `NN2HDL_STREAMS` says otherwise.
fn simulated() -> usize {
    let asked = std::env::var("NN2HDL_STREAMS").ok();
    asked.map_or(20, |text| text.parse().expect("NN2HDL_STREAMS is a number"))
}

#[test]
fn verilog_of_random_image_networks_is_what_the_emulator_says() {
    let mut coverage = Coverage::default();
    let mut frames = 0;
    for seed in 10_000.. {
        if coverage.equal == simulated() {
            break;
        }
        if let Some((program, ii)) = coverage.planned(seed) {
            frames += cosim(&program, ii, 20).frames;
            coverage.equal += 1;
        }
    }
    let Coverage { counts, equal, refused } = coverage;
    println!("{equal} equal on {frames} frames, {} refused; {counts:?}", refused.len());
}

/// Reductions of a part of the image: what is left out lies in the same beat as what counts, and is often the greatest.
#[test]
fn what_is_cropped_does_not_count() {
    for kind in [Kind::Sum, Kind::Max, Kind::Min] {
        let mut graph = Graph::new("cropped");
        let x = graph.input("x", &[1, 2, 6]);
        let bounds = Bounds { starts: vec![0], ends: vec![5], axes: Some(vec![2]), steps: None };
        // A layer before, so that the host cannot crop.
        let both = graph.add("both", Add, &[x, x]);
        let x =
            graph.add("rounded", Fixed { format: "fixed<6,6,TRN,SAT>".parse().expect("a format") }, &[both]);
        let part = graph.add("part", Slice { attributes: Some(bounds) }, &[x]);
        let y = graph.add("y", Reduce { kind, axes: Axes::Listed(Some(vec![2])), keep: true }, &[part]);
        graph.output(y);
        let options = Options { input_format: "fixed<5,5>".parse().ok(), ..Options::default() };
        let program = front::compile(&graph, &options).expect("it has a program").program;
        assert!(plan(&program, 3).is_ok(), "{kind:?}");
        check(&program, 3, 1, 50);
    }
}
