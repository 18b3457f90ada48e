//! Random quantized networks that are alive, their inputs, and mutants of their constants.

use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::{
    Block, Decoder, Emulator, Encoder, Expr, Format, Index, Input, Interval, Kernel, Op, Output, Overflow,
    Program, Quantizer, Read, Reduction, Rounding, Step, TableId, ValueId, range, validate::validate,
};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// Frames on which a network is judged alive.
const JUDGED: usize = 512;

/// A program of `count` independent networks of 1 to 4 dense layers, 1 to 16 wide, in all rounding and overflow modes,
/// with shift amounts by channel. Every element of every layer takes more than one value, and not too rarely.
pub fn networks(seed: u64, count: usize) -> Program {
    let mut program = Program::new(format!("random_{seed}"));
    let mut main = Block::new("main");
    let mut attempt = 0;
    for number in 0..count {
        loop {
            let mut rng = SmallRng::seed_from_u64(seed.wrapping_mul(1 << 32) + attempt);
            attempt += 1;
            let (mut longer, mut block) = (program.clone(), main.clone());
            if network(&mut rng, &mut longer, &mut block, number).is_some() && alive(&longer, &block, seed) {
                (program, main) = (longer, block);
                break;
            }
        }
    }
    program.blocks.push(main);
    program
}

/// Random codes for every input of `program`: frames × elements each, the extremes often among them.
pub fn codes(program: &Program, frames: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..program.inputs.len())
        .map(|n| {
            let value = program.input_value(n);
            let range = value.format.interval();
            let (lo, hi) = (range.lo as i64, range.hi as i64);
            (0..frames * value.len())
                .map(|_| match rng.random_range(0..8) {
                    0 => lo,
                    1 => hi,
                    _ => rng.random_range(lo..=hi),
                })
                .collect()
        })
        .collect()
}

/// The emulator's outputs for `inputs`.
pub fn emulate(program: &Program, inputs: &[Vec<i64>], frames: usize) -> Vec<Vec<i64>> {
    let emulator = Emulator::new(program).expect("the program is valid").with_threads(1);
    let inputs: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    emulator.run(&inputs, frames).expect("the inputs fit the program")
}

/// `program` with one constant changed by one, where and how being chosen by `seed`; `None` if that breaks a
/// format, so that the compiler could not be given it either.
pub fn mutant(program: &Program, seed: u64) -> Option<Program> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut mutant = program.clone();
    let constants: Vec<usize> =
        (0..program.tables.len()).filter(|&n| !program.tables[n].name.contains("derived")).collect();
    let table = *constants.choose(&mut rng)?;
    let data = &mut mutant.tables[table].data;
    let entry = rng.random_range(0..data.len());
    data[entry] += if rng.random_bool(0.5) { 1 } else { -1 };
    validate(&mutant).is_ok().then_some(mutant)
}

fn alive(program: &Program, main: &Block, seed: u64) -> bool {
    let mut whole = program.clone();
    whole.blocks.push(main.clone());
    if validate(&whole).is_err() {
        return false;
    }
    let emulator = Emulator::new(&whole).expect("the program is valid");
    let inputs = codes(&whole, JUDGED, seed);
    let inputs: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    let (_, trace) = emulator.run_traced(&inputs, JUDGED).expect("the inputs fit the program");
    trace.values.iter().all(|traced| {
        let elements = whole.main().value(traced.value).len();
        (0..elements).all(|n| {
            let seen = traced.codes.iter().skip(n).step_by(elements);
            seen.filter(|&&code| code != traced.codes[n]).count() > JUDGED / 32
        })
    })
}

fn network(rng: &mut SmallRng, program: &mut Program, block: &mut Block, number: usize) -> Option<()> {
    let mut width = rng.random_range(1..=16);
    let format = format(rng, 1..=8)?;
    let mut value = block.add_value(format!("x{number}"), vec![width], format);
    block.params.push(value);
    program
        .inputs
        .push(Input { name: format!("x{number}"), encoder: Encoder::Fixed(Quantizer::from(format)) });
    for layer in 0..rng.random_range(1..=4) {
        let next = rng.random_range(1..=16);
        value = dense(rng, program, block, value, (width, next), &format!("net{number}_dense{layer}"))?;
        width = next;
    }
    block.results.push(value);
    let frac = block.value(value).format.frac;
    program.outputs.push(Output { name: format!("y{number}"), decoder: Decoder::fixed(frac) });
    Some(())
}

/// A chain of `layers` random 1-D convolutions over `positions`, each padded to keep that number, with a rounding,
/// saturating activation. Shapes are channels × positions.
pub fn convolutions(seed: u64, positions: usize, taps: usize, layers: usize) -> Program {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut program = Program::new(format!("conv_{seed}_{positions}_{taps}"));
    let mut block = Block::new("main");
    let mut channels = rng.random_range(1..=3);
    let input = Format::new(true, rng.random_range(1..=5), 0).expect("a small format");
    let mut value = block.add_value("x", vec![channels, positions], input);
    block.params.push(value);
    program.inputs.push(Input { name: "x".into(), encoder: Encoder::Fixed(Quantizer::from(input)) });
    for layer in 0..layers {
        let next = rng.random_range(1..=3);
        let name = format!("conv{layer}");
        let weights = (0..next * channels * taps).map(|_| rng.random_range(-7..=7)).collect();
        let weights = program.add_table(format!("{name}.weight"), weights);
        let mut body = Expr::default();
        let read = body.push(Op::Read(0));
        let at = Index::flatten(&[Index::p(0), Index::r(0), Index::r(1)], &[next, channels, taps]);
        let weight = body.push(Op::Param { table: weights, index: at });
        body.push(Op::Mul(read, weight));
        let mut finish = Expr::acc();
        let acc = finish.result();
        let to = Format::new(rng.random_bool(0.5), rng.random_range(2..=5), 0).expect("a small format");
        let quantizer = Quantizer { format: to, rounding: Rounding::RndConv, overflow: Overflow::Sat };
        quantize::quantize(&mut finish, acc, rng.random_range(0..=3), quantizer);
        let shift = Index::p(1) + Index::r(1) + -(rng.random_range(0..taps as i64));
        let mut read = Read::affine(value, [Index::r(0), shift]);
        // What lies outside is one value for every element, and need not be zero.
        read.outside = rng.random_range(-1..=0).max(block.value(value).format.interval().lo as i64);
        let out = block.add_value(format!("{name}.out"), vec![next, positions], to);
        block.steps.push(Step::Kernel(Kernel {
            name,
            out,
            reads: vec![read],
            extent: vec![channels, taps],
            reduction: Reduction::Sum,
            scatter: None,
            body,
            finish,
        }));
        (value, channels) = (out, next);
    }
    block.results.push(value);
    program.outputs.push(Output { name: "y".into(), decoder: Decoder::fixed(0) });
    program.blocks.push(block);
    validate(&program).expect("a convolution is valid");
    program
}

fn format(rng: &mut SmallRng, widths: std::ops::RangeInclusive<u32>) -> Option<Format> {
    let width = rng.random_range(widths);
    Format::new(rng.random_bool(0.5), width, rng.random_range(-2..=width as i32 + 2))
}

fn dense(
    rng: &mut SmallRng,
    program: &mut Program,
    block: &mut Block,
    x: ValueId,
    (inputs, outputs): (usize, usize),
    name: &str,
) -> Option<ValueId> {
    let bits = rng.random_range(1..=6);
    let (most, zeros) = (1i64 << (bits - 1), rng.random_range(0.0..0.5));
    let mut weight = || if rng.random_bool(zeros) { 0 } else { rng.random_range(-most..=most) };
    let weights = (0..inputs * outputs).map(|_| weight()).collect();
    let biases = (0..outputs).map(|_| rng.random_range(-most * 4..=most * 4)).collect();
    let weights = program.add_table(format!("{name}.weight"), weights);
    let biases = program.add_table(format!("{name}.bias"), biases);
    let mut body = Expr::default();
    let read = body.push(Op::Read(0));
    let constant = body.push(Op::Param { table: weights, index: Index::r(0) * outputs as i64 + Index::p(0) });
    body.push(Op::Mul(read, constant));
    let mut finish = Expr::acc();
    let acc = finish.result();
    let bias = finish.push(Op::Param { table: biases, index: Index::p(0) });
    let mut sum = finish.push(Op::Add(acc, bias));
    if rng.random_bool(0.3) {
        let zero = finish.constant(0);
        sum = finish.push(Op::Max(sum, zero));
    }
    let mut kernel = Kernel {
        name: name.to_owned(),
        out: ValueId::new(block.values.len()),
        reads: vec![Read::affine(x, [Index::r(0)])],
        extent: vec![inputs],
        reduction: Reduction::Sum,
        scatter: None,
        body,
        finish,
    };
    let wide = Format::new(true, 64, 0)?;
    let out = block.add_value(format!("{name}.out"), vec![outputs], wide);
    let sums = accumulated(program, block, &kernel)?;
    let to = format(rng, 1..=7)?;
    let amounts: Vec<i64> = sums
        .iter()
        .map(|&width| (i64::from(width) - i64::from(to.width) - rng.random_range(0..=2)).clamp(0, 20))
        .collect();
    let rounding = *Rounding::ALL.choose(rng)?;
    let overflow = *Overflow::ALL.choose(rng)?;
    let drop = if rng.random_bool(0.5) {
        varying(program, name, amounts)
    } else {
        Drop::Uniform(*amounts.first()? as i32)
    };
    let rounded = quantize::round(&mut kernel.finish, sum, &drop, rounding);
    quantize::overflow(&mut kernel.finish, rounded, to, overflow);
    block.values[out.index()].format = to;
    block.steps.push(Step::Kernel(kernel));
    Some(out)
}

fn varying(program: &mut Program, name: &str, amounts: Vec<i64>) -> Drop {
    let param = |table: TableId| Op::Param { table, index: Index::p(0) };
    let half = program.add_table(format!("{name}.half (derived)"), Drop::halves(&amounts));
    let alive = program.add_table(format!("{name}.alive (derived)"), Drop::alive(&amounts));
    let amount = program.add_table(format!("{name}.amount (derived)"), amounts);
    Drop::Varying { amount: param(amount), half: param(half), alive: param(alive) }
}

/// The width of each channel's sum before it is rounded.
fn accumulated(program: &Program, block: &Block, kernel: &Kernel) -> Option<Vec<u32>> {
    let mut whole = block.clone();
    whole.steps.push(Step::Kernel(kernel.clone()));
    let (elements, _) = range::block(program, &whole).ok()?;
    Some(elements[kernel.out.index()].iter().map(|interval: Interval| interval.width().1).collect())
}
