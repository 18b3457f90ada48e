//! Random streamed convolutions through emulator and evaluator.

use std::collections::BTreeMap;

use nn2hdl_compiler::netlist::plan::{Flow, plan};
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::images;
use nn2hdl_tests::random::{codes, convolutions, emulate};

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

/// Random image networks that can be streamed at one of several rates, and what it was refused for otherwise.
fn streamed(seeds: std::ops::Range<u64>, extents: &[&[usize]]) -> (usize, Vec<String>) {
    let (mut equal, mut refused) = (0, Vec::new());
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        let extents = extents[seed as usize % extents.len()];
        let program = if seed % 4 == 0 {
            images::unet(seed, extents, 1 + (seed / 4 % 2) as usize)
        } else {
            images::network(seed, extents)
        };
        let positions: usize = extents.iter().product();
        let ii =
            [2, 3, 5, positions as u32 / 2, positions as u32, 2 * positions as u32][seed as usize / 4 % 6];
        match plan(&program, ii.max(2)) {
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
                check(&program, ii.max(2), seed);
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
    let (equal, refused) = streamed(0..200, &[&[16], &[12], &[8, 8], &[4, 16], &[24]]);
    refused.iter().for_each(|line| println!("{line}"));
    println!("{equal} equal, {} refused", refused.len());
    assert!(equal >= 100, "only {equal} of 200 were streamed");
}
