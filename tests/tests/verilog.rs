//! Emitted Verilog, cycle by cycle against the evaluator.

use nn2hdl_compiler::netlist::{Evaluator, Netlist};
use nn2hdl_testbench::Optimization;
use nn2hdl_tests::design::compile;
use nn2hdl_tests::random::{convolutions, networks};
use nn2hdl_tests::verilog::{Cycle, run};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Random cycles behind a reset, with gaps and further resets.
fn cycles(netlist: &Netlist, count: usize, seed: u64) -> Vec<Cycle> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..count)
        .map(|at| Cycle {
            rst: at < 2 || rng.random_bool(0.01),
            in_valid: rng.random_bool(0.7),
            inputs: netlist.top().inputs[1..]
                .iter()
                .map(|port| port.elements.iter().map(|bits| bits.read(rng.random::<i64>().into())).collect())
                .collect(),
        })
        .collect()
}

fn check(netlist: &Netlist, seed: u64) {
    let cycles = cycles(netlist, 500, seed);
    let found = run(netlist, &cycles, Optimization::O0);
    let mut evaluator = Evaluator::new(netlist).expect("the design has no combinational loop");
    for (at, (cycle, found)) in cycles.iter().zip(found).enumerate() {
        let expected = evaluator.step(cycle.rst, cycle.in_valid, &cycle.inputs);
        assert_eq!(found, expected, "seed {seed}, cycle {at}");
    }
}

#[test]
fn random_networks_are_equal_in_verilator() {
    for seed in 0..4 {
        check(&compile(&networks(seed, 12), 1), seed);
    }
}

#[test]
fn random_streams_are_equal_in_verilator() {
    for seed in 0..2 {
        check(&compile(&convolutions(seed, 10, 3, 2), 4), seed);
    }
}
