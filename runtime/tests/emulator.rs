//! The emulator against a direct reading of the definitions, on random programs.

mod naive;
mod random;

use naive::Naive;
use nn2hdl_runtime::emulate::Settings;
use nn2hdl_runtime::{Emulator, Interval, Program, ValueId, range};
use proptest::prelude::*;

fn check(program: &Program, frames: usize, seed: u64) {
    let inputs = random::inputs(program, frames, seed);
    let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    let emulator = Emulator::new(program).unwrap().with_threads(1);
    let (outputs, trace) = emulator.run_traced(&slices, frames).unwrap();
    assert_eq!(emulator.run(&slices, frames).unwrap(), outputs);
    for settings in [
        Settings { wide: true, ..Settings::default() },
        Settings { baseline: true, ..Settings::default() },
        Settings { wide: true, baseline: true, ..Settings::default() },
        Settings { unstored: true, ..Settings::default() },
    ] {
        let other = Emulator::with_settings(program, settings).unwrap().with_threads(3);
        assert_eq!(other.run(&slices, frames).unwrap(), outputs, "{settings:?}");
    }

    let ranges: Vec<_> = program.blocks.iter().map(|block| range::analyse(program, block).unwrap()).collect();
    let mut naive = Naive::new(program);
    for frame in 0..frames {
        let of = |codes: &[i64]| -> Vec<i128> {
            let len = codes.len() / frames;
            codes[frame * len..][..len].iter().map(|&code| code.into()).collect()
        };
        let expected = naive.frame(inputs.iter().map(|codes| of(codes)).collect());
        let found: Vec<Vec<i128>> = outputs.iter().map(|codes| of(codes)).collect();
        assert_eq!(found, expected, "frame {frame}");
        assert_eq!(trace.values.len(), naive.seen.len());
        for ((path, id), expected) in &naive.seen {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let codes = trace.codes(&path, ValueId::new(*id)).unwrap();
            assert_eq!(&of(codes), expected, "frame {frame}, {path:?}, value {id}");
        }
    }
    for (block, (lo, hi)) in naive.extremes.iter().enumerate() {
        let found = Interval::new(*lo, *hi);
        assert!(
            ranges[block].peak.contains(found),
            "block {block}: {found:?} outside {:?}",
            ranges[block].peak
        );
    }
    for ((path, id), elements) in &naive.seen {
        let block = block_of(program, path);
        for (element, &code) in elements.iter().enumerate() {
            let range = ranges[block].elements[*id][element];
            assert!(
                range.contains(Interval::point(code)),
                "{path:?}, value {id}, element {element}: {code} outside {range:?}"
            );
        }
    }
}

fn block_of(program: &Program, path: &[String]) -> usize {
    path.iter().fold(program.blocks.len() - 1, |block, call| {
        let name = call.split('#').next().unwrap();
        let find = |step: &nn2hdl_runtime::Step| match step {
            nn2hdl_runtime::Step::Call(call) if call.name == name => Some(call.block.index()),
            _ => None,
        };
        program.blocks[block].steps.iter().find_map(find).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn narrow_programs_mean_what_they_say(seed: u64, frames in 0usize..12) {
        check(&random::program(seed, false), frames, seed);
    }

    #[test]
    fn wide_programs_mean_what_they_say(seed: u64, frames in 0usize..12) {
        check(&random::program(seed, true), frames, seed);
    }
}

#[test]
fn many_frames_are_each_their_own() {
    for seed in 0..20 {
        check(&random::program(seed, seed % 2 == 0), 64 * 8 * 2 + 65, seed);
    }
}
