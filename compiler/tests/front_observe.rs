//! Watched quantizers: the flags are those of exact rationals, for every code of the input and every channel.

use nn2hdl_compiler::front::lower::{Mode, Ratio};
use nn2hdl_compiler::front::observe::{Counted, Limits, Observation, observe};
use nn2hdl_compiler::front::{Lowered, Options, compile};
use nn2hdl_compiler::graph::{Graph, Tensor, TensorId};
use nn2hdl_compiler::ops::{Add, Fixed, LeakyRelu, Mul, Quant, Relu};
use nn2hdl_runtime::{Emulator, Rounding};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, Zero};

const CHANNELS: usize = 3;
const CODES: std::ops::Range<i64> = -256..256;
const MODE: Mode = Mode::Round(Rounding::RndConv);

fn real(value: f64) -> Ratio {
    BigRational::from_f64(value).expect("finite")
}

/// `x × factor + summand` by channel, followed by what `then` adds and a quantizer.
fn network(
    factors: [f64; CHANNELS],
    summands: [f64; CHANNELS],
    then: impl FnOnce(&mut Graph, TensorId) -> TensorId,
) -> Graph {
    let mut graph = Graph::new("watched");
    let x = graph.input("x", &[1, CHANNELS]);
    let factor = graph.constant("factor", Tensor::new(vec![CHANNELS], factors.to_vec()));
    let summand = graph.constant("summand", Tensor::new(vec![CHANNELS], summands.to_vec()));
    let y = graph.add("scaled", Mul, &[x, factor]);
    let y = graph.add("moved", Add, &[y, summand]);
    let y = then(&mut graph, y);
    graph.output(y);
    graph
}

fn quant(graph: &mut Graph, y: TensorId, scales: &[f64], bits: f64, signed: bool) -> TensorId {
    let scale = graph.constant("scale", Tensor::new(vec![scales.len()], scales.to_vec()));
    let zero = graph.constant("zero", Tensor::scalar(0.0));
    let bits = graph.constant("bits", Tensor::scalar(bits));
    graph.add("y", Quant { signed, narrow: false, mode: MODE }, &[y, scale, zero, bits])
}

fn watched(graph: &Graph, input: Option<&str>) -> Lowered {
    let input_format = input.map(|text| text.parse().expect("a format"));
    let options = Options { input_format, observe: true, ..Options::default() };
    compile(graph, &options).expect("a program")
}

/// The flags of the only quantizer for one code at every channel; its codes leave the program as the network's do.
fn flags(lowered: &Lowered, code: i64) -> Vec<i64> {
    let [one] = lowered.quantizers.as_slice() else { panic!("{:?}", lowered.quantizers) };
    let codes = vec![code; CHANNELS];
    let answers = Emulator::new(&lowered.program).expect("a program").run(&[&codes], 1).expect("a frame");
    assert_eq!(answers[one.codes], answers[0]);
    match one.overflow {
        Counted::Never => vec![0; CHANNELS],
        Counted::Unknown => panic!("not counted"),
        Counted::Flags(output) => answers[output].clone(),
    }
}

fn side(value: &Ratio, scale: f64, mode: Mode, lo: i64, hi: i64) -> i64 {
    let level = mode.apply(&(value / real(scale)));
    if level < BigInt::from(lo) { 1 } else { 2 * i64::from(level > BigInt::from(hi)) }
}

/// A rectifier's zeros are no overflow; scales, and the directions of the function, differ from channel to channel.
#[test]
fn saturated_elements_are_those_beyond_the_range() {
    let scales = [0.5, 0.3, 7.0];
    let (factors, summands) = ([0.25, -0.7, 1.0], [1.25, 0.1, -3.0]);
    let mut counts = [0; 4];
    for relu in [false, true] {
        for signed in [false, true] {
            let graph = network(factors, summands, |graph, y| {
                let y = if relu { graph.add("relu", Relu, &[y]) } else { y };
                quant(graph, y, &scales, 5.0, signed)
            });
            let lowered = watched(&graph, Some("fixed<9,9>"));
            let (lo, hi) = if signed { (-16, 15) } else { (0, 31) };
            for code in CODES {
                let expected: Vec<i64> = (0..CHANNELS)
                    .map(|channel| {
                        let value = real(code as f64) * real(factors[channel]) + real(summands[channel]);
                        let value = if relu && value.is_negative() { Ratio::zero() } else { value };
                        side(&value, scales[channel], MODE, lo, hi)
                    })
                    .collect();
                assert_eq!(flags(&lowered, code), expected, "relu {relu}, signed {signed}, code {code}");
                for flag in expected {
                    counts[2 * usize::from(relu) + usize::from(flag == 1)] += i32::from(flag > 0);
                }
            }
        }
    }
    assert!(counts[0] > 0 && counts[1] > 0 && counts[2] > 0 && counts[3] == 0, "{counts:?}");
}

/// What a rectifier leaves of the range cannot overflow.
#[test]
fn what_no_input_can_overflow_is_known() {
    let graph = network([0.25; CHANNELS], [0.0; CHANNELS], |graph, y| quant(graph, y, &[0.5], 12.0, true));
    assert_eq!(watched(&graph, Some("fixed<9,9>")).quantizers[0].overflow, Counted::Never);
}

/// A slope below zero makes a function that falls and rises: of two branches the greater.
#[test]
fn functions_that_turn_are_watched() {
    for (input, step) in [("fixed<9,9>", 1), ("fixed<30,30>", 1 << 19)] {
        let graph = network([1.0, 0.5, 2.0], [3.0, -8.0, 0.5], |graph, y| {
            let y = graph.add("leaky", LeakyRelu { alpha: -0.5 }, &[y]);
            quant(graph, y, &[0.25], 8.0, false)
        });
        let lowered = watched(&graph, Some(input));
        for code in CODES.map(|code| code * step) {
            let expected: Vec<i64> = [(1.0, 3.0), (0.5, -8.0), (2.0, 0.5)]
                .iter()
                .map(|&(factor, summand)| {
                    let value = real(code as f64) * real(factor) + real(summand);
                    let value = if value.is_negative() { value * real(-0.5) } else { value };
                    side(&value, 0.25, MODE, 0, 255)
                })
                .collect();
            assert_eq!(flags(&lowered, code), expected, "{input}, code {code}");
        }
    }
}

/// Formats that wrap, and those that saturate to zero, after whatever a rectifier leaves.
#[test]
fn wrapped_elements_are_those_that_change() {
    for (format, wraps) in [("fixed<5,3,RND,WRAP>", true), ("ufixed<4,2,TRN,SAT_ZERO>", false)] {
        let format: nn2hdl_runtime::Quantizer = format.parse().expect("a format");
        let graph = network([0.375, -0.125, 1.0], [0.5, 0.0, -0.25], |graph, y| {
            let y = graph.add("relu", Relu, &[y]);
            graph.add("y", Fixed { format }, &[y])
        });
        let lowered = watched(&graph, Some("fixed<9,9>"));
        assert_eq!(lowered.quantizers[0].wraps, wraps);
        let range = format.interval();
        let mut seen = 0;
        for code in CODES {
            let expected: Vec<i64> = [(0.375, 0.5), (-0.125, 0.0), (1.0, -0.25)]
                .iter()
                .map(|&(factor, summand)| {
                    let value = (real(code as f64) * real(factor) + real(summand)).max(Ratio::zero());
                    let mode = Mode::Round(format.rounding);
                    side(&value, 0.25, mode, range.lo as i64, range.hi as i64)
                })
                .collect();
            assert_eq!(flags(&lowered, code), expected, "{format}, code {code}");
            seen += expected.iter().filter(|&&flag| flag > 0).count();
        }
        assert!(seen > 100, "{seen}");
    }
}

/// The encoder of an input that meets its first quantizer behind a function.
#[test]
fn encoders_of_steps_know_what_they_keep() {
    let (factors, scales) = ([0.25, -0.7, 3.0], [0.5, 0.3, 7.0]);
    let graph = network(factors, [0.1; CHANNELS], |graph, y| {
        let y = graph.add("relu", Relu, &[y]);
        quant(graph, y, &scales, 4.0, false)
    });
    let lowered = watched(&graph, None);
    let bounds = lowered.bounds[0].clone().expect("steps");
    let edges = bounds.channels.iter().flat_map(|&Limits { least, greatest, .. }| [least, greatest]);
    let mut values: Vec<f64> = edges.flat_map(|t| [t.next_down(), t, t.next_up()]).collect();
    values.retain(|value| value.is_finite());
    values.extend([0.0, 1.0, -1.0, 1e9, -1e9, 1e300]);
    let mut sides = [0; 3];
    for value in values {
        for channel in 0..CHANNELS {
            let exact = (real(value) * real(factors[channel]) + real(0.1)).max(Ratio::zero());
            let expected = match side(&exact, scales[channel], MODE, 0, 15) {
                0 => 0,
                1 => -1,
                _ => 1,
            };
            assert_eq!(bounds.side(channel, value), expected, "value {value}, channel {channel}");
            sides[(expected + 1) as usize] += 1;
        }
    }
    assert!(sides[0] == 0 && sides[1] > 0 && sides[2] > 0, "{sides:?}");
}

#[test]
fn an_observation_is_read_back_and_checked() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tracers/tracer_graph.onnx");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let options = Options { input_format: "fixed<5,3>".parse().ok(), ..Options::default() };
    let observation = observe(&bytes, &options).expect("an observation");
    assert!(observation.quantizers.iter().any(|one| one.layer.contains('/')), "quantizers of called blocks");
    let read = Observation::from_bytes(&observation.to_bytes()).expect("what was written");
    assert_eq!(
        (read.program, read.quantizers),
        (observation.program.clone(), observation.quantizers.clone())
    );
    let mut broken = observation;
    broken.quantizers[0].codes = 99;
    assert!(Observation::from_bytes(&broken.to_bytes()).is_err());
    assert!(Observation::from_bytes(b"{}").is_err());
}
