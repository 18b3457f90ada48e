//! Frames per second of the emulator on one thread: a dense 16-64-32-32-5 network, 6-bit weights and activations.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nn2hdl_runtime::quantize;
use nn2hdl_runtime::{
    Block, Decoder, Emulator, Encoder, Expr, ExprId, Format, Index, Input, Kernel, Op, Output, Overflow,
    Program, Quantizer, Read, Reduction, Rounding, Step, ValueId, validate,
};

const LAYERS: [usize; 5] = [16, 64, 32, 32, 5];
const FRAMES: usize = 1 << 14;

fn noise(n: usize) -> i64 {
    (((n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29) % 63) as i64 - 31
}

fn dense(program: &mut Program, block: &mut Block, input: ValueId, outputs: usize, last: bool) -> ValueId {
    let inputs = block.value(input).len();
    let weights =
        (0..inputs * outputs).map(|n| noise(n).max(-31)).map(|w| if w == 0 { 1 } else { w }).collect();
    let table = program.add_table("weights", weights);
    let biases = program.add_table("biases", (0..outputs).map(|n| noise(n + 77) * 8).collect());
    let format = Format::new(last, 6, 3).unwrap();
    let out = block.add_value(format!("dense{outputs}"), vec![outputs], format);
    let mut body = Expr::read();
    let weight = body.push(Op::Param { table, index: Index::p(0) * inputs as i64 + Index::r(0) });
    body.push(Op::Mul(ExprId(0), weight));
    let mut finish = Expr::acc();
    let bias = finish.push(Op::Param { table: biases, index: Index::p(0) });
    let mut x = finish.push(Op::Add(ExprId(0), bias));
    if !last {
        let zero = finish.constant(0);
        x = finish.push(Op::Max(x, zero));
    }
    let quantizer = Quantizer { format, rounding: Rounding::RndConv, overflow: Overflow::Sat };
    quantize::quantize(&mut finish, x, 9, quantizer);
    block.steps.push(Step::Kernel(Kernel {
        name: format!("dense{outputs}"),
        out,
        reads: vec![Read::affine(input, [Index::r(0)])],
        extent: vec![inputs],
        reduction: Reduction::Sum,
        scatter: None,
        body,
        finish,
    }));
    out
}

fn network() -> Program {
    let mut program = Program::new("mlp");
    let mut block = Block::new("main");
    let format = Format::new(true, 6, 3).unwrap();
    let mut value = block.add_value("in", vec![LAYERS[0]], format);
    block.params.push(value);
    for (n, &outputs) in LAYERS[1..].iter().enumerate() {
        value = dense(&mut program, &mut block, value, outputs, n + 2 == LAYERS.len());
    }
    block.results.push(value);
    program.blocks.push(block);
    program.inputs.push(Input { name: "in".into(), encoder: Encoder::Fixed(format.into()) });
    program.outputs.push(Output { name: "out".into(), decoder: Decoder::fixed(3) });
    validate::validate(&program).unwrap();
    program
}

/// One output channel of a 3×3×3 convolution over a muon chamber's image of 16 channels.
fn convolution() -> Program {
    let mut program = Program::new("convolution");
    let mut block = Block::new("main");
    let shape = vec![6, 8, 384];
    let extent = vec![3, 3, 3, 16];
    let format = Format::new(false, 6, 3).unwrap();
    let input = block.add_value("in", [shape.as_slice(), &[16]].concat(), format);
    block.params.push(input);
    let table = program.add_table("weights", (0..432).map(noise).collect());
    let out = block.add_value("out", shape, Format::new(true, 32, 9).unwrap());
    let mut body = Expr::read();
    let at: Vec<Index> = (0..4).map(Index::r).collect();
    let weight = body.push(Op::Param { table, index: Index::flatten(&at, &extent) });
    body.push(Op::Mul(ExprId(0), weight));
    let window = (0..3).map(|axis| Index::p(axis) + Index::r(axis) + -1).chain([Index::r(3)]);
    block.steps.push(Step::Kernel(Kernel {
        name: "convolution".into(),
        out,
        reads: vec![Read::affine(input, window)],
        extent,
        reduction: Reduction::Sum,
        scatter: None,
        body,
        finish: Expr::acc(),
    }));
    block.results.push(out);
    program.blocks.push(block);
    program.inputs.push(Input { name: "in".into(), encoder: Encoder::Fixed(format.into()) });
    program.outputs.push(Output { name: "out".into(), decoder: Decoder::fixed(9) });
    program
}

fn bench(criterion: &mut Criterion) {
    let program = network();
    let emulator = Emulator::new(&program).unwrap().with_threads(1);
    let input: Vec<i64> = (0..FRAMES * LAYERS[0]).map(|n| noise(n * 3)).collect();
    let mut group = criterion.benchmark_group("emulator");
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("mlp 16-64-32-32-5, one thread", |b| {
        b.iter(|| emulator.run(&[&input], FRAMES).unwrap());
    });
    group.finish();

    let mut group = criterion.benchmark_group("mlp 16-64-32-32-5, one thread, by frames in a buffer");
    for frames in [1, 4, 16, 64, 256, 1024] {
        group.throughput(Throughput::Elements(frames as u64));
        group.bench_function(BenchmarkId::from_parameter(frames), |b| {
            b.iter(|| emulator.run(&[&input[..frames * LAYERS[0]]], frames).unwrap());
        });
    }
    group.finish();

    let program = convolution();
    let mut group = criterion.benchmark_group("convolution, 18432 positions × 432 points");
    group.sample_size(10);
    group.bench_function("validate", |b| b.iter(|| validate::validate(&program).unwrap()));
    group.bench_function("plan", |b| b.iter(|| Emulator::new(&program).unwrap()));
    let emulator = Emulator::new(&program).unwrap().with_threads(1);
    let input: Vec<i64> = (0..64 * 18432 * 16).map(|n| noise(n).max(0)).collect();
    group.throughput(Throughput::Elements(64));
    group.bench_function("run 64 frames, one thread", |b| b.iter(|| emulator.run(&[&input], 64).unwrap()));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
