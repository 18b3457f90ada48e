//! Random streamed convolutions through emulator and evaluator.

use nn2hdl_tests::design::{compile, evaluate};
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
