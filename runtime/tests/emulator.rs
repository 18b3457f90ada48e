//! The emulator against a direct reading of the definitions, on random programs.

mod naive;
mod random;

use naive::Naive;
use nn2hdl_runtime::emulate::{Instructions, Lanes, Settings};
use nn2hdl_runtime::*;
use proptest::prelude::*;

fn check(program: &Program, frames: usize, seed: u64) {
    let inputs = random::inputs(program, frames, seed);
    let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    let emulator = Emulator::new(program).unwrap().with_threads(1);
    let (outputs, trace) = emulator.run_traced(&slices, frames).unwrap();
    assert_eq!(emulator.run(&slices, frames).unwrap(), outputs);
    let baseline = Settings { instructions: Instructions::Baseline, ..Settings::default() };
    let columns = Settings { lanes: Lanes::Columns, ..Settings::default() };
    for settings in [
        columns,
        Settings { wide: true, ..columns },
        Settings { instructions: Instructions::Avx2, ..columns },
        Settings { wide: true, instructions: Instructions::Avx2, ..columns },
        Settings { instructions: Instructions::Baseline, ..columns },
        Settings { lanes: Lanes::Frames, ..Settings::default() },
        Settings { wide: true, ..Settings::default() },
        baseline,
        Settings { wide: true, ..baseline },
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
            let range = ranges[block].elements[*id].at(element);
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

/// A program of one input of `shape`.
fn with_input(shape: &[usize], format: Format) -> (Program, Block, ValueId) {
    let mut program = Program::new("made");
    let mut block = Block::new("main");
    let input = block.add_value("in", shape.to_vec(), format);
    block.params.push(input);
    program.inputs.push(Input { name: "in".into(), encoder: Encoder::Fixed(format.into()) });
    (program, block, input)
}

fn finished(mut program: Program, block: Block) -> Program {
    program.outputs =
        block.results.iter().map(|_| Output { name: "out".into(), decoder: Decoder::fixed(0) }).collect();
    program.blocks.push(block);
    validate::validate(&program).unwrap();
    program
}

#[test]
fn weights_wider_than_what_they_weigh() {
    for weight in [40_000, -32_768, 65_536, 1 << 22] {
        let (mut program, mut block, input) = with_input(&[5], Format::new(true, 8, 0).unwrap());
        let table = program.add_table("weights", vec![weight, 3, -weight, 1, 5]);
        let out = block.add_value("out", vec![], Format::new(true, 40, 0).unwrap());
        let mut body = Expr::read();
        let factor = body.push(Op::Param { table, index: Index::r(0) });
        body.push(Op::Mul(ExprId(0), factor));
        let reads = vec![Read::affine(input, [Index::r(0)])];
        let kernel = Kernel { extent: vec![5], ..Kernel::elementwise("dense", out, reads, body) };
        block.steps.push(Step::Kernel(kernel));
        block.results.push(out);
        check(&finished(program, block), 7, 3);
    }
}

#[test]
fn carried_values_change_places_at_once() {
    // Delivers its two parameters exchanged, and their difference.
    let format = Format::new(true, 9, 0).unwrap();
    let (mut program, mut swap, a) = with_input(&[2], format);
    let b = swap.add_value("b", vec![2], format);
    let difference = swap.add_value("difference", vec![2], Format::new(true, 10, 0).unwrap());
    swap.params.push(b);
    let mut body = Expr::read();
    let other = body.push(Op::Read(1));
    body.push(Op::Sub(ExprId(0), other));
    let reads = vec![Read::same(a, 1), Read::same(b, 1)];
    swap.steps.push(Step::Kernel(Kernel::elementwise("difference", difference, reads, body)));
    swap.results = vec![b, a, difference];
    let mut main = Block { name: "main".into(), steps: Vec::new(), ..swap.clone() };
    main.params = vec![a, b];
    let results: Vec<ValueId> =
        swap.results.iter().map(|&id| main.add_value("result", vec![2], swap.value(id).format)).collect();
    program.inputs.push(program.inputs[0].clone());
    program.blocks.push(swap);
    for repeat in 1..4 {
        let mut main = main.clone();
        main.steps.push(Step::Call(Call {
            name: "swap".into(),
            block: BlockId::new(0),
            repeat,
            carried: 2,
            args: vec![a, b],
            results: results.clone(),
        }));
        main.results = results.clone();
        let program = finished(program.clone(), main);
        check(&program, 5, repeat.into());
        let outputs = Emulator::new(&program).unwrap().run(&[&[1, 2], &[30, 40]], 1).unwrap();
        let expected =
            if repeat % 2 == 1 { [[30, 40], [1, 2], [-29, -38]] } else { [[1, 2], [30, 40], [29, 38]] };
        assert_eq!(outputs, expected, "{repeat} times");
    }
}
