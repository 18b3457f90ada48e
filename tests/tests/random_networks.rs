//! Random networks through emulator, evaluator and Verilator.

use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::random::{codes, emulate, mutant, networks};
use nn2hdl_tests::verilator::cosim;

/// How many networks there are; `NN2HDL_RANDOM_NETWORKS` asks for more.
fn wanted(default: usize) -> usize {
    std::env::var("NN2HDL_RANDOM_NETWORKS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn the_evaluator_agrees_with_the_emulator() {
    let (frames, each) = (40, 4);
    for seed in 0..wanted(300).div_ceil(each) as u64 {
        let program = networks(seed, each);
        let inputs = codes(&program, frames, seed);
        let netlist = compile(&program, 1);
        let expected = emulate(&program, &inputs, frames);
        for gaps in [None, Some(seed)] {
            let found = evaluate(&netlist, &inputs, frames, gaps);
            assert_eq!(found.outputs, expected, "seed {seed}, gaps {gaps:?}");
            for (first, sent) in found.first.iter().zip(&found.sent) {
                assert_eq!(first - sent, netlist.signature.latency_cycles as usize, "seed {seed}");
            }
            if gaps.is_none() {
                let whole = found.last[frames - 1] - found.sent[0];
                let promised =
                    netlist.signature.latency_cycles + (frames as u32 - 1) * netlist.signature.ii_cycles;
                assert_eq!(whole, promised as usize, "seed {seed}");
            }
        }
    }
}

#[test]
fn verilator_agrees_with_the_emulator() {
    let each = 10;
    for seed in 0..wanted(40).div_ceil(each) as u64 {
        cosim(&networks(5000 + seed, each), 1, 300);
    }
}

#[test]
fn a_changed_constant_changes_an_answer() {
    let frames = 2048;
    let (mut seen, mut noticed) = (0, 0);
    for seed in 1000..1060 {
        let program = networks(seed, 1);
        let inputs = codes(&program, frames, seed);
        let expected = emulate(&program, &inputs, frames);
        for change in 0..40 {
            let Some(mutant) = mutant(&program, seed * 100 + change) else { continue };
            seen += 1;
            noticed += usize::from(emulate(&mutant, &inputs, frames) != expected);
        }
    }
    println!("mutation score: {noticed} of {seen} single-constant mutants change an output");
    assert!(seen > 1000 && noticed * 100 >= seen * 95, "{noticed} of {seen}");
}
