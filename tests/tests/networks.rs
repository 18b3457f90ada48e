//! Small whole networks: attention, and what meets in real models. Emulator, evaluator and Verilator answer alike; the
//! emulator equals the arithmetic written out here, tables within the bounds that the notes state.

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::lower::Mode;
use nn2hdl_compiler::front::{self, Lowered, Options};
use nn2hdl_compiler::graph::{Graph, Tensor, TensorId};
use nn2hdl_compiler::netlist::cost;
use nn2hdl_compiler::ops::{
    Add, AveragePool, Einsum, Identity, LayerNormalization, MatMul, Mul, Quant, Relu, Softmax, TopK, Windows,
};
use nn2hdl_runtime::{Program, Rounding};
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::random::{codes, emulate};
use nn2hdl_tests::verilator::cosim;

const FRAMES: usize = 200;

fn lowered(graph: &Graph, format: &str) -> Result<Lowered, Vec<Diagnostic>> {
    let options = Options { input_format: format.parse().ok(), ..Options::default() };
    front::compile(graph, &options)
}

fn quant(graph: &mut Graph, name: &str, x: TensorId, signed: bool, bits: f64, scale: Tensor) -> TensorId {
    let scale = graph.constant(format!("{name}/scale"), scale);
    let zero = graph.constant(format!("{name}/zero"), Tensor::scalar(0.0));
    let bits = graph.constant(format!("{name}/bits"), Tensor::scalar(bits));
    let operator = Quant { signed, narrow: false, mode: Mode::Round(Rounding::RndConv) };
    graph.add(name, operator, &[x, scale, zero, bits])
}

/// Evaluator and Verilator against the emulator; the decoded answers, for each output frames × elements.
fn everywhere(program: &Program) -> (Vec<Vec<i64>>, Vec<Vec<f64>>) {
    let inputs = codes(program, FRAMES, 5);
    let answers = emulate(program, &inputs, FRAMES);
    let found = evaluate(&compile(program, 1), &inputs, FRAMES, Some(3));
    assert_eq!(found.outputs, answers, "{}: evaluator", program.name);
    cosim(program, 1, FRAMES);
    let outputs = program.outputs.iter().zip(&answers).enumerate();
    let decoded = outputs
        .map(|(n, (output, codes))| {
            let len = program.output_value(n).len();
            codes.chunks(len).flat_map(|frame| output.decoder.decode(frame, len)).collect()
        })
        .collect();
    (inputs, decoded)
}

/// The bound that the note of node `name` states.
fn bound(notes: &[String], name: &str) -> f64 {
    let note = notes.iter().find(|note| note.starts_with(&format!("{name}:"))).expect("a note");
    note.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a bound")
}

fn near(found: &[f64], expected: &[f64], bound: f64, what: &str) -> f64 {
    assert_eq!(found.len(), expected.len(), "{what}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst <= bound, "{what}: {worst} is more than {bound}");
    worst
}

const TOKENS: usize = 4;
const WIDTH: usize = 4;

/// A matrix of small numbers, the same everywhere.
fn weights(seed: usize) -> Tensor {
    let at = |n: usize| ((n * 7 + seed * 5) % 11) as f64 / 8.0 - 0.625;
    Tensor::new(vec![WIDTH, WIDTH], (0..WIDTH * WIDTH).map(at).collect())
}

/// `out[i][j] = Σ_k a[i][k] b[k][j]` of row-major matrices.
fn times(a: &[f64], b: &[f64], inner: usize) -> Vec<f64> {
    let columns = b.len() / inner;
    let at = |n: usize| (0..inner).map(|k| a[n / columns * inner + k] * b[k * columns + n % columns]).sum();
    (0..a.len() / inner * columns).map(at).collect()
}

fn rounded(x: &[f64], scale: f64, lo: f64, hi: f64) -> Vec<f64> {
    x.iter().map(|x| (x / scale).round_ties_even().clamp(lo, hi) * scale).collect()
}

/// One head of attention over four tokens: `x + softmax(q·kᵀ / 2)·v` with `q, k, v` from the normalized `x`, and its mean
/// over the tokens.
#[test]
fn attention() {
    let mut graph = Graph::new("attention");
    let x = graph.input("x", &[1, TOKENS, WIDTH]);
    let gain = graph.constant("gain", Tensor::new(vec![WIDTH], vec![1.0, 0.5, 1.5, -1.0]));
    let shift = graph.constant("shift", Tensor::new(vec![WIDTH], vec![0.0, 0.25, -0.5, 0.125]));
    let norm = graph.add("norm", LayerNormalization { axis: -1, epsilon: 1e-5 }, &[x, gain, shift]);
    let normal = quant(&mut graph, "normal", norm, true, 8.0, Tensor::scalar(0.03125));
    let mut heads = Vec::new();
    for (n, name) in ["q", "k", "v"].into_iter().enumerate() {
        let w = graph.constant(format!("w{name}"), weights(n));
        let product = graph.add(format!("{name}/product"), MatMul, &[normal, w]);
        heads.push(quant(&mut graph, name, product, true, 8.0, Tensor::scalar(0.03125)));
    }
    let einsum = |equation: &str| Einsum { equation: equation.to_owned() };
    let scores = graph.add("scores", einsum("bid,bjd->bij"), &[heads[0], heads[1]]);
    let half = graph.constant("half", Tensor::scalar(0.5));
    let halved = graph.add("halved", Mul, &[scores, half]);
    let logits = quant(&mut graph, "logits", halved, true, 10.0, Tensor::scalar(0.0625));
    let soft = graph.add("soft", Softmax { axis: -1, flat: false }, &[logits]);
    let attended = quant(&mut graph, "attended", soft, false, 8.0, Tensor::scalar(1.0 / 256.0));
    let mixed = graph.add("mixed", MatMul, &[attended, heads[2]]);
    let mixture = quant(&mut graph, "mixture", mixed, true, 8.0, Tensor::scalar(0.03125));
    let residual = graph.add("residual", Add, &[x, mixture]);
    let total = graph.add("total", einsum("btd->bd"), &[residual]);
    let quarter = graph.constant("quarter", Tensor::scalar(0.25));
    let mean = graph.add("mean", Mul, &[total, quarter]);
    for id in [norm, normal, heads[0], heads[1], heads[2], logits, soft, attended, residual, mean] {
        graph.output(id);
    }
    let Lowered { program, notes, .. } =
        lowered(&graph, "fixed<6,3>").unwrap_or_else(|found| panic!("{}", found[0]));
    let (inputs, found) = everywhere(&program);

    let mut worst = [0f64; 3];
    for frame in 0..FRAMES {
        let part = |n: usize| {
            let len = found[n].len() / FRAMES;
            &found[n][frame * len..(frame + 1) * len]
        };
        let size = TOKENS * WIDTH;
        let x: Vec<f64> =
            inputs[0][frame * size..(frame + 1) * size].iter().map(|&x| x as f64 / 8.0).collect();
        let normal: Vec<f64> = x
            .chunks(WIDTH)
            .flat_map(|token| {
                let mean = token.iter().sum::<f64>() / WIDTH as f64;
                let variance = token.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / WIDTH as f64;
                let (gain, shift) = ([1.0, 0.5, 1.5, -1.0], [0.0, 0.25, -0.5, 0.125]);
                let at = move |n: usize| (token[n] - mean) / (variance + 1e-5).sqrt() * gain[n] + shift[n];
                (0..WIDTH).map(at).collect::<Vec<_>>()
            })
            .collect();
        // The bound is of the values before the greatest gain, 1.5.
        worst[0] = worst[0].max(near(part(0), &normal, 1.5 * bound(&notes, "norm"), "normalization"));
        near(part(1), &rounded(part(0), 0.03125, -128.0, 127.0), 0.0, "its quantizer");
        for n in 0..3 {
            let product = times(part(1), &weights(n).data, WIDTH);
            near(part(2 + n), &rounded(&product, 0.03125, -128.0, 127.0), 0.0, "q, k, v");
        }
        let keys: Vec<f64> = (0..size).map(|n| part(3)[n % TOKENS * WIDTH + n / TOKENS]).collect();
        let scores: Vec<f64> = times(part(2), &keys, WIDTH).iter().map(|score| score / 2.0).collect();
        near(part(5), &rounded(&scores, 0.0625, -512.0, 511.0), 0.0, "scores");
        let soft: Vec<f64> = part(5)
            .chunks(TOKENS)
            .flat_map(|row| {
                let sum: f64 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(move |x| x.exp() / sum).collect::<Vec<_>>()
            })
            .collect();
        worst[1] = worst[1].max(near(part(6), &soft, bound(&notes, "soft"), "softmax"));
        near(part(7), &rounded(part(6), 1.0 / 256.0, 0.0, 255.0), 0.0, "its quantizer");
        let mixture = rounded(&times(part(7), part(4), TOKENS), 0.03125, -128.0, 127.0);
        let residual: Vec<f64> = x.iter().zip(&mixture).map(|(x, mixed)| x + mixed).collect();
        near(part(8), &residual, 0.0, "residual");
        let mean: Vec<f64> =
            (0..WIDTH).map(|n| (0..TOKENS).map(|t| residual[t * WIDTH + n]).sum::<f64>() / 4.0).collect();
        near(part(9), &mean, 0.0, "mean over tokens");
        let whole = graph.evaluate(&[Tensor::new(vec![1, TOKENS, WIDTH], x)]).expect("a reference");
        worst[2] = whole[9].data.iter().zip(part(9)).map(|(a, b)| (a - b).abs()).fold(worst[2], f64::max);
    }
    println!(
        "attention, {FRAMES} frames: normalization off by at most {:.1e} (bound {:.1e}), softmax by {:.1e} (bound {:.1e}), \
         all else exact; the result, whose quantizers may take another step, by {:.1e} from the floats",
        worst[0],
        1.5 * bound(&notes, "norm"),
        worst[1],
        bound(&notes, "soft"),
        worst[2]
    );
    // At most two steps of the last quantizer.
    assert!(worst[2] <= 0.0625, "{}", worst[2]);
}

/// The four best of 32.
#[test]
fn four_of_thirty_two() {
    let mut graph = Graph::new("four_of_32");
    let x = graph.input("x", &[1, 32]);
    let k = graph.constant("k", Tensor::ints(&[4]));
    let operator = TopK { axis: -1, largest: true, k: None };
    let best = graph.add_all("best", &["values", "indices"], operator, &[x, k]);
    best.into_iter().for_each(|id| graph.output(id));
    let Lowered { program, notes, .. } =
        lowered(&graph, "fixed<8,4>").unwrap_or_else(|found| panic!("{}", found[0]));
    let netlist = compile(&program, 1);
    let (inputs, found) = everywhere(&program);
    for frame in 0..FRAMES {
        let codes = &inputs[0][frame * 32..(frame + 1) * 32];
        let mut order: Vec<usize> = (0..32).collect();
        order.sort_by_key(|&n| (-codes[n], n));
        for (rank, &n) in order[..4].iter().enumerate() {
            assert_eq!(found[0][frame * 4 + rank], codes[n] as f64 / 16.0);
            assert_eq!(found[1][frame * 4 + rank], n as f64);
        }
    }
    let lut = cost::total(&netlist).lut;
    println!(
        "{}; 8 bits: {lut} LUT (estimate), latency {} cycles",
        notes[0], netlist.signature.latency_cycles
    );
    assert!(notes[0].contains("comparators"));
}

/// Inputs of different shapes, one of them unused and one an output itself; a constant output; one tensor listed twice.
#[test]
fn inputs_and_outputs() {
    let mut graph = Graph::new("ports");
    let a = graph.input("a", &[1, 3]);
    let b = graph.input("b", &[1, 2, 3]);
    let _unused = graph.input("unused", &[1, 5]);
    let w = graph.constant("w", Tensor::new(vec![3, 2], vec![1.0, -0.5, 0.25, 2.0, -1.0, 0.5]));
    let y = graph.add("y", MatMul, &[a, w]);
    let z = graph.add("z", Relu, &[b]);
    let fixed = graph.constant("fixed", Tensor::new(vec![1, 2], vec![1.5, -0.25]));
    let constant = graph.add("constant", Identity, &[fixed]);
    for id in [y, a, constant, z, y] {
        graph.output(id);
    }
    let Lowered { program, .. } =
        lowered(&graph, "fixed<5,3>").unwrap_or_else(|found| panic!("{}", found[0]));
    assert_eq!((program.inputs.len(), program.outputs.len()), (3, 4));
    let (inputs, found) = everywhere(&program);
    for frame in 0..FRAMES {
        let value = |n: usize, len: usize| -> Vec<f64> {
            inputs[n][frame * len..(frame + 1) * len].iter().map(|&code| code as f64 / 4.0).collect()
        };
        let part = |n: usize, len: usize| &found[n][frame * len..(frame + 1) * len];
        let y = times(&value(0, 3), &[1.0, -0.5, 0.25, 2.0, -1.0, 0.5], 3);
        assert_eq!(part(0, 2), &y[..]);
        assert_eq!(part(1, 3), value(0, 3));
        assert_eq!(part(2, 2), [1.5, -0.25]);
        let z: Vec<f64> = value(1, 6).iter().map(|x| x.max(0.0)).collect();
        assert_eq!(part(3, 6), z);
    }
}

/// Two scales that meet, a residual, scales by channel, average pooling, a softmax and several outputs in one network; and the scales that
/// have no common grid, as one diagnostic.
#[test]
fn scales_that_meet() {
    let build = |left: f64, right: f64| {
        let mut graph = Graph::new("scales");
        let x = graph.input("x", &[1, 3, 4]);
        let a = quant(&mut graph, "a", x, true, 4.0, Tensor::scalar(left));
        let channels = Tensor::new(vec![1, 3, 1], vec![right, right / 2.0, right * 4.0]);
        let b = quant(&mut graph, "b", x, true, 5.0, channels);
        let sum = graph.add("sum", Add, &[a, b]);
        let y = quant(&mut graph, "y", sum, true, 6.0, Tensor::scalar(0.271_828));
        let residual = graph.add("residual", Add, &[y, y]);
        let soft = graph.add("soft", Softmax { axis: 1, flat: false }, &[y]);
        let windows = Windows { strides: vec![2], pads: vec![1, 0], ..Windows::default() };
        let pool = AveragePool { kernel: vec![3], windows, count_pad: false };
        let average = graph.add("average", pool, &[sum]);
        let pooled = quant(&mut graph, "pooled", average, true, 6.0, Tensor::scalar(0.141_421));
        for id in [sum, y, residual, soft, pooled] {
            graph.output(id);
        }
        graph
    };
    let graph = build(0.375, 0.25);
    let Lowered { program, notes, .. } =
        lowered(&graph, "fixed<7,4>").unwrap_or_else(|found| panic!("{}", found[0]));
    let (inputs, found) = everywhere(&program);
    for frame in 0..FRAMES {
        let x = inputs[0][frame * 12..(frame + 1) * 12].iter().map(|&code| code as f64 / 8.0).collect();
        let expected = graph.evaluate(&[Tensor::new(vec![1, 3, 4], x)]).expect("a reference");
        for (n, expected) in expected.iter().enumerate() {
            let bound = if n == 3 { bound(&notes, "soft") } else { 1e-12 };
            let len = expected.data.len();
            near(&found[n][frame * len..(frame + 1) * len], &expected.data, bound, "scales");
        }
    }
    let problems = lowered(&build(0.1, 0.3), "fixed<7,4>").expect_err("no common grid");
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["scales-differ"]);
    assert_eq!(problems[0].node, "sum");
    assert!(problems[0].help.contains("quantizer"), "{}", problems[0].help);
}
