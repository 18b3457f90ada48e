//! Elementwise functions on wide accumulators, under a default format, at inputs, and where they have no value.

mod front;

use front::naive;
use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::lower::Mode;
use nn2hdl_compiler::front::{Lowered, Options, compile};
use nn2hdl_compiler::graph::{Graph, Tensor, TensorId};
use nn2hdl_compiler::ops::{Div, Extremum, LeakyRelu, MatMul, Mul, Operator, Quant, Sign, Unary};
use nn2hdl_runtime::{Emulator, Encoder, Op, Program, Rounding, Step};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn stated(format: &str) -> Options {
    Options { input_format: Some(format.parse().expect("a format")), ..Options::default() }
}

fn quant(graph: &mut Graph, x: TensorId, scale: f64, bits: f64) -> TensorId {
    let constants = [("scale", scale), ("zero", 0.0), ("bits", bits)];
    let [scale, zero, bits] = constants.map(|(name, value)| graph.constant(name, Tensor::scalar(value)));
    let mode = Mode::Round(Rounding::RndConv);
    graph.add("quant", Quant { signed: true, narrow: false, mode }, &[x, scale, zero, bits])
}

/// `x → operator`, with a quantizer of scale and bits if they are given.
fn single(
    operator: impl Operator + 'static,
    quantizer: Option<(f64, f64)>,
    options: &Options,
) -> Result<Lowered, Vec<Diagnostic>> {
    let mut graph = Graph::new("single");
    let x = graph.input("x", &[1, 1]);
    let mut y = graph.add("y", operator, &[x]);
    if let Some((scale, bits)) = quantizer {
        y = quant(&mut graph, y, scale, bits);
    }
    graph.output(y);
    compile(&graph, options)
}

fn function(name: &str) -> Unary {
    Unary::named(name).expect("a function of the table")
}

fn has_table(program: &Program) -> bool {
    program.main().steps.iter().any(|step| match step {
        Step::Kernel(kernel) => {
            let nodes = kernel.body.nodes().iter().chain(kernel.finish.nodes());
            nodes.into_iter().any(|op| matches!(op, Op::Lut { .. }))
        }
        Step::Call(_) => false,
    })
}

/// A positive float as `mantissa × 2^exponent`.
fn parts(value: f64) -> (i128, i32) {
    let (mut mantissa, mut exponent) = (value, 0);
    while mantissa.fract() != 0.0 {
        (mantissa, exponent) = (mantissa * 2.0, exponent - 1);
    }
    (mantissa as i128, exponent)
}

/// `numerator ÷ denominator`, half to even.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let (floor, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    match (2 * rest).cmp(&denominator) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Greater => floor + 1,
        std::cmp::Ordering::Equal => floor + (floor & 1),
    }
}

#[test]
fn leaky_relu_of_twenty_one_bits_is_exact_at_every_code() {
    for (alpha, scale) in [(0.1f32, 4000.37f32), (0.37, 9001.7), (1.9, 16_411.3)] {
        let (alpha, scale) = (f64::from(alpha), f64::from(scale));
        let program = single(LeakyRelu { alpha }, Some((scale, 8.0)), &stated("fixed<21,21>"))
            .expect("a program")
            .program;
        assert!(!has_table(&program), "a table of 21 bits");
        let codes: Vec<i64> = (-(1 << 20)..1 << 20).collect();
        let emulator = Emulator::new(&program).expect("a valid program");
        let found = emulator.run(&[&codes], codes.len()).expect("codes in range").swap_remove(0);
        let ((slope, up), (step, down)) = (parts(alpha), parts(scale));
        for (&code, &found) in codes.iter().zip(&found) {
            let value = if code < 0 { i128::from(code) * slope } else { i128::from(code) << -up };
            // Both in units of 2^(up + down).
            let level = rounded(value << -down, step << -up).clamp(-128, 127);
            assert_eq!(i128::from(found), level, "slope {alpha}, scale {scale}, code {code}");
        }
    }
}

#[test]
fn leaky_relu_before_the_first_quantizer_is_encoded_exactly() {
    let (alpha, scale) = (f64::from(0.1f32), f64::from(0.37f32));
    let program =
        single(LeakyRelu { alpha }, Some((scale, 5.0)), &Options::default()).expect("a program").program;
    let encoder = &program.inputs[0].encoder;
    let Encoder::Steps { channels, .. } = encoder else { panic!("an encoder of steps") };
    let edges = channels.iter().flat_map(|steps| &steps.thresholds);
    let values: Vec<f64> =
        edges.flat_map(|&t| [t.next_down(), t, t.next_up()]).chain([1e300, -1e300]).collect();
    assert_eq!(values.len(), 31 * 3 + 2);
    let exact = |x: f64| num_rational::BigRational::from_float(x).expect("a finite float");
    for value in values {
        let code = encoder.encode(&[value], 1).expect("a finite value")[0];
        let slope = if value < 0.0 { exact(alpha) } else { exact(1.0) };
        let scaled = exact(value) * slope / exact(scale);
        let half = exact(0.5);
        let (low, high) = (exact(code as f64) - &half, exact(code as f64) + &half);
        assert!(scaled >= low || code == -16, "{value} is encoded as {code}");
        assert!(scaled <= high || code == 15, "{value} is encoded as {code}");
    }
}

/// The number behind "at most" in the note that holds `text`.
fn stated_error(notes: &[String], text: &str) -> f64 {
    let note = notes.iter().find(|note| note.contains(text)).unwrap_or_else(|| panic!("{text}: {notes:?}"));
    note.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number at the end of the note")
}

#[test]
fn float_models_with_smooth_functions_stay_within_the_stated_error() {
    let mut rng = StdRng::seed_from_u64(11);
    for format in ["fixed<16,6>", "fixed<16,6,RND,SAT>"] {
        let mut graph = Graph::new("float");
        let x = graph.input("x", &[1, 6]);
        for name in ["Sigmoid", "Tanh", "Gelu"] {
            let data = (0..18).map(|_| f64::from(rng.random_range(-2048i32..2048)) / 1024.0).collect();
            let weights = graph.constant(format!("{name}/w"), Tensor::new(vec![6, 3], data));
            let sum = graph.add(format!("{name}/sum"), MatMul, &[x, weights]);
            let y = graph.add(name, function(name), &[sum]);
            graph.output(y);
        }
        let options = Options { default_format: format.parse().ok(), ..stated(format) };
        let Lowered { program, notes, .. } = compile(&graph, &options).expect("a program");
        let errors =
            ["Sigmoid", "Tanh", "Gelu"].map(|name| stated_error(&notes, &format!("input of {name}")));
        assert!(errors[0] < 4e-3 && errors[1] < 8e-3, "{notes:#?}");
        let mut worst = [0f64; 3];
        for frame in 0..500 {
            // Small and large accumulators.
            let most = if frame % 2 == 0 { 1024 } else { 4096 };
            let codes: Vec<i64> = (0..6).map(|_| rng.random_range(-most..most)).collect();
            let values = codes.iter().map(|&code| code as f64 / 1024.0).collect();
            let wanted = graph.evaluate(&[Tensor::new(vec![1, 6], values)]).expect("a reference");
            for (n, found) in naive(&program, &[codes]).iter().enumerate() {
                for (code, wanted) in found.iter().zip(&wanted[n].data) {
                    worst[n] = worst[n].max((*code as f64 / 1024.0 - wanted).abs());
                }
            }
        }
        for n in 0..3 {
            // The format's own step, and the 16 fraction bits of a table that no saturating format follows.
            assert!(
                worst[n] <= errors[n] + 1.0 / 1024.0 + 2f64.powi(-17),
                "{format}, output {n}: {worst:?} {errors:?}"
            );
        }
        eprintln!("{format}: largest errors {worst:?}, stated {errors:?}");
    }
}

fn code(found: Result<Lowered, Vec<Diagnostic>>) -> (&'static str, String, String) {
    let problem = found.expect_err("a problem").swap_remove(0);
    (problem.code, problem.message, problem.help)
}

#[test]
fn wide_inputs_of_tables_are_refused_by_name() {
    let wide = stated("fixed<16,6>");
    let (kind, message, help) = code(single(function("Sigmoid"), Some((0.01, 8.0)), &stated("fixed<20,4>")));
    assert_eq!(kind, "table-too-wide");
    assert!(message.contains("Sigmoid (node `y`)") && help.contains("--table-bits"), "{message} {help}");
    assert_eq!(code(single(function("Gelu"), None, &wide)).0, "table-too-wide");
    let more = Options { table_bits: 16, ..wide.clone() };
    assert!(single(function("Gelu"), None, &more).is_ok());
    // Few levels are thresholds, whatever the width.
    let few = single(function("Tanh"), Some((0.3, 3.0)), &wide).expect("thresholds").program;
    assert!(!has_table(&few));
    for code in (-32_768..32_768i64).step_by(7) {
        let wanted = ((code as f64 / 1024.0).tanh() / 0.3).round_ties_even().clamp(-4.0, 3.0) as i64;
        assert_eq!(naive(&few, &[vec![code]])[0], [wanted], "code {code}");
    }
}

#[test]
fn a_table_covers_only_the_codes_where_its_result_changes() {
    // 16 bits in, but tanh is flat to 7 bits beyond ±3.5.
    let program =
        single(function("Tanh"), Some((1.0 / 64.0, 7.0)), &stated("fixed<16,8>")).expect("a table").program;
    assert!(has_table(&program));
    for code in (-32_768..32_768i64).step_by(5) {
        let wanted = ((code as f64 / 256.0).tanh() * 64.0).round_ties_even().clamp(-64.0, 63.0) as i64;
        assert_eq!(naive(&program, &[vec![code]])[0], [wanted], "code {code}");
    }
}

#[test]
fn functions_are_refused_where_they_have_no_value() {
    for (name, format) in [("Log", "ufixed<4,2>"), ("Sqrt", "fixed<4,2>"), ("Reciprocal", "fixed<4,2>")] {
        for quantizer in [None, Some((0.1, 6.0))] {
            let (kind, message, help) = code(single(function(name), quantizer, &stated(format)));
            assert_eq!(kind, "outside-domain");
            assert!(message.starts_with(name) && message.contains("node `y`"), "{message}");
            assert!(help.contains("Clip"), "{help}");
        }
    }
    assert_eq!(code(single(function("Log"), Some((0.5, 2.0)), &stated("fixed<24,12>"))).0, "outside-domain");
    assert_eq!(code(single(function("Exp"), None, &stated("fixed<8,8>"))).0, "code-too-wide");
    assert!(
        single(function("Exp"), Some((0.5, 4.0)), &stated("fixed<8,8>")).is_ok(),
        "a quantizer bounds it"
    );
    let mut graph = Graph::new("quotient");
    let (a, b) = (graph.input("a", &[1, 1]), graph.input("b", &[1, 1]));
    let y = graph.add("y", Div, &[a, b]);
    graph.output(y);
    assert_eq!(code(compile(&graph, &stated("ufixed<4,2>"))).0, "outside-domain");
}

#[test]
fn what_has_no_exact_form_is_said() {
    assert_eq!(code(single(Sign::Abs, Some((0.1, 6.0)), &Options::default())).0, "missing-input-format");
    let mut graph = Graph::new("two scales");
    let (a, b) = (graph.input("a", &[1, 1]), graph.input("b", &[1, 1]));
    let factor = graph.constant("factor", Tensor::scalar(0.1));
    let scaled = graph.add("scaled", Mul, &[a, factor]);
    let y = graph.add("y", Extremum::Max, &[scaled, b]);
    graph.output(y);
    assert_eq!(code(compile(&graph, &stated("fixed<6,3>"))).0, "scales-differ");
}

#[test]
fn many_rectifiers_in_a_row_end() {
    let mut graph = Graph::new("chain");
    let mut y = graph.input("x", &[1, 1]);
    for n in 0..40 {
        y = graph.add(format!("leaky{n}"), LeakyRelu { alpha: 0.5 }, &[y]);
    }
    graph.output(y);
    let program = compile(&graph, &stated("fixed<4,2>")).expect("40 more fraction bits").program;
    let found = naive(&program, &[vec![-3]]);
    assert_eq!(program.outputs[0].decoder.decode(&found[0], 1)[0], -0.75 * 2f64.powi(-40));
}
