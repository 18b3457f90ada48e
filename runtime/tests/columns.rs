//! Convolution networks whose lanes are columns, against a direct reading of the definitions and against frames as lanes.

mod naive;
mod random;

use naive::Naive;
use nn2hdl_runtime::emulate::{Instructions, Lanes, Settings};
use nn2hdl_runtime::*;
use proptest::prelude::*;
use random::Dice;

struct Maker {
    dice: Dice,
    program: Program,
    block: Block,
}

impl Maker {
    /// Along one axis of `extent`: kernel, stride, dilation, what is put before, and the extent that comes out.
    fn window(&mut self, extent: usize, most: usize) -> (usize, i64, i64, i64, usize) {
        let dice = &mut self.dice;
        let taps = 1 + dice.below(most.min(extent));
        let (stride, dilation) = (*dice.pick(&[1, 1, 1, 2, 3]), *dice.pick(&[1, 1, 2]));
        let span = (taps - 1) * dilation + 1;
        let total = if span > extent || dice.chance(70) { span - 1 } else { dice.below(span) };
        let out = (extent + total - span) / stride + 1;
        (taps, stride as i64, dilation as i64, dice.range(0, total as i64), out)
    }

    /// A convolution of `x`, or its maximum over windows, quantized; `gate` is added where the shapes agree.
    fn layer(&mut self, x: ValueId, gate: ValueId, name: &str) -> ValueId {
        let shape = self.block.value(x).shape.clone();
        let is_pool = self.dice.chance(20);
        let group = if is_pool || self.dice.chance(25) { shape[0] } else { 1 };
        let channels = if is_pool { shape[0] } else { group * (1 + self.dice.below(3)) };
        let (ky, sy, dy, by, height) = self.window(shape[1], 3);
        let (kx, sx, dx, bx, width) = self.window(shape[2], 21);
        let inner = shape[0] / group;
        let first = Index::p(0).div((channels / group) as i64) * inner as i64;
        let at = |axis: usize, stride: i64, dilation: i64, before: i64| {
            Index::p(axis) * stride + Index::r(axis) * dilation + -before
        };
        let mut read = Read::affine(x, [first + Index::r(0), at(1, sy, dy, by), at(2, sx, dx, bx)]);
        let format = self.block.value(x).format;
        read.outside =
            if is_pool { format.interval().lo as i64 } else { *self.dice.pick(&[0, 0, 0, 1, -40_000]) };
        let extent = vec![inner, ky, kx];
        let mut body = Expr::read();
        if !is_pool {
            let taps = inner * ky * kx;
            let zeros = *self.dice.pick(&[0, 60, 75, 100]);
            let dice = &mut self.dice;
            let weights =
                (0..channels * taps).map(|_| if dice.chance(zeros) { 0 } else { dice.range(-31, 31) });
            let table = self.program.add_table(format!("{name}_weights"), weights.collect());
            let index = Index::flatten(
                &[Index::p(0), Index::r(0), Index::r(1), Index::r(2)],
                &[channels, inner, ky, kx],
            );
            let weight = body.push(Op::Param { table, index });
            body.push(Op::Mul(ExprId(0), weight));
        }
        let shape = vec![channels, height, width];
        let mut reads = vec![read];
        let mut finish = Expr::acc();
        let mut sum = finish.result();
        if !is_pool {
            let dice = &mut self.dice;
            let biases = (0..channels).map(|_| dice.range(-200, 200)).collect();
            let shifts = (0..channels).map(|_| dice.range(0, 2)).collect();
            let table = self.program.add_table(format!("{name}_biases"), biases);
            let shifts = self.program.add_table(format!("{name}_shifts"), shifts);
            let amount = finish.push(Op::Param { table: shifts, index: Index::p(0) });
            sum = finish.push(Op::Shl(sum, amount));
            let bias = finish.push(Op::Param { table, index: Index::p(0) });
            sum = finish.push(Op::Add(sum, bias));
        }
        if self.block.value(gate).shape == shape {
            reads.push(Read::same(gate, 3));
            let x = finish.push(Op::Read(1));
            let factor = finish.constant(6);
            let x = finish.push(Op::Shl(x, factor));
            sum = finish.push(Op::Add(sum, x));
        }
        let signed = self.dice.chance(50);
        if !signed {
            let zero = finish.constant(0);
            sum = finish.push(Op::Max(sum, zero));
        }
        let format = Format::new(signed, self.dice.range(2, 7) as u32, 0).unwrap();
        let rounding = *self.dice.pick(&[Rounding::Trn, Rounding::Rnd, Rounding::RndConv]);
        let overflow = *self.dice.pick(&[Overflow::Sat, Overflow::SatSym, Overflow::Wrap]);
        let drop = self.dice.range(0, 6) as i32;
        quantize::quantize(&mut finish, sum, drop, Quantizer { format, rounding, overflow });
        let out = self.block.add_value(name, shape, format);
        let reduction = if is_pool { Reduction::Max } else { Reduction::Sum };
        self.block.steps.push(Step::Kernel(Kernel {
            name: name.into(),
            out,
            reads,
            extent,
            reduction,
            scatter: None,
            body,
            finish,
        }));
        out
    }
}

/// Up to three layers on a small image; every second network has two outputs.
fn network(seed: u64) -> Program {
    let mut dice = Dice(seed);
    let shape = vec![1 + dice.below(3), 1 + dice.below(4), 1 + dice.below(90)];
    let format = Format::new(dice.chance(30), dice.range(1, 4) as u32 + 1, 0).unwrap();
    let format = if format.signed { format } else { Format { width: 1, ..format } };
    let mut maker = Maker { dice, program: Program::new("conv"), block: Block::new("main") };
    let x = maker.block.add_value("x", shape, format);
    maker.block.params.push(x);
    let mut value = x;
    for n in 0..1 + maker.dice.below(3) {
        let next = maker.layer(value, x, &format!("layer{n}"));
        if n > 0 && maker.dice.chance(30) {
            maker.block.results.push(value);
        }
        value = next;
    }
    maker.block.results.push(value);
    let Maker { mut program, block, .. } = maker;
    program.inputs.push(Input { name: "x".into(), encoder: Encoder::Fixed(format.into()) });
    program.outputs =
        block.results.iter().map(|_| Output { name: "y".into(), decoder: Decoder::fixed(0) }).collect();
    program.blocks.push(block);
    validate::validate(&program).unwrap();
    program
}

/// Frames that are empty, nearly empty and dense, in any order: what one leaves behind is the next one's trap.
fn images(program: &Program, frames: usize, seed: u64) -> Vec<i64> {
    let mut dice = Dice(seed ^ 0x1234);
    let value = program.input_value(0);
    let Interval { lo, hi } = value.format.interval();
    let mut codes = Vec::new();
    for _ in 0..frames {
        let percent = *dice.pick(&[0, 0, 1, 1, 5, 50, 100]);
        let of_one = |_| if dice.chance(percent) { dice.range(lo as i64, hi as i64) } else { 0 };
        codes.extend((0..value.len()).map(of_one));
    }
    codes
}

fn check(program: &Program, frames: usize, seed: u64) {
    let codes = images(program, frames, seed);
    let of = |lanes, instructions, wide| {
        let settings = Settings { lanes, instructions, wide, ..Settings::default() };
        Emulator::with_settings(program, settings).unwrap()
    };
    let expected = of(Lanes::Frames, Instructions::All, false).run(&[&codes], frames).unwrap();
    let mut naive = Naive::new(program);
    for frame in 0..frames.min(2) {
        let part = |codes: &[i64]| -> Vec<i128> {
            let len = codes.len() / frames;
            codes[frame * len..][..len].iter().map(|&code| code.into()).collect()
        };
        let found: Vec<Vec<i128>> = expected.iter().map(|codes| part(codes)).collect();
        assert_eq!(naive.frame(vec![part(&codes)]), found, "frame {frame}");
    }
    for instructions in [Instructions::All, Instructions::Avx2, Instructions::Baseline] {
        for wide in [false, true] {
            let emulator = of(Lanes::Columns, instructions, wide).with_threads(1);
            assert_eq!(emulator.run(&[&codes], frames).unwrap(), expected, "{instructions:?}, wide {wide}");
            assert_eq!(emulator.run(&[&codes], frames).unwrap(), expected, "again");
        }
    }
    let small: Vec<i8> = codes.iter().map(|&code| code as i8).collect();
    let mut found: Vec<Vec<i16>> = expected.iter().map(|codes| vec![0; codes.len()]).collect();
    let room = found.iter_mut().map(|codes| codes.as_mut_slice().into()).collect();
    let emulator = of(Lanes::Columns, Instructions::All, false).with_threads(2);
    emulator.run_into(&[Codes::I8(&small)], room, frames).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.iter().zip(expected).all(|(&found, &expected)| i64::from(found) == expected));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_mean_what_they_say(seed: u64, frames in 1usize..20) {
        check(&network(seed), frames, seed);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let program = network(3);
    let emulator = Emulator::new(&program).unwrap();
    let len = program.input_value(0).len();
    let codes = vec![0u8; len];
    let run = |codes: &[u8], room: Vec<CodesMut<'_>>| emulator.run_into(&[codes.into()], room, 1);
    assert!(matches!(run(&codes[1..], vec![]), Err(EmulateError::Length { .. })));
    assert!(matches!(run(&codes, vec![]), Err(EmulateError::Outputs { found: 0, .. })));
    assert!(matches!(run(&vec![200; len], vec![]), Err(EmulateError::Code { code: 200, element: 0, .. })));
    let mut rooms: Vec<Vec<i8>> =
        (0..program.outputs.len()).map(|n| vec![0; program.output_value(n).len() + 1]).collect();
    let room = rooms.iter_mut().map(|codes| codes.as_mut_slice().into()).collect();
    assert!(matches!(run(&codes, room), Err(EmulateError::OutputLength { output: 0, .. })));
}
