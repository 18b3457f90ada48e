//! Requantization: whatever form was chosen, the program's code equals the quotient of exact rationals, for every code of
//! the input and every channel.

mod front;

use front::naive;
use nn2hdl_compiler::front::lower::Mode;
use nn2hdl_compiler::front::{Options, compile};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::ops::{Add, BipolarQuant, Mul, Quant, Relu};
use nn2hdl_runtime::{Encoder, Op, Program, Rounding, Step};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use proptest::prelude::*;

const CHANNELS: usize = 3;
const HARDWARE: Option<&str> = Some("fixed<9,9>");

#[derive(Clone, Debug)]
struct Case {
    factors: Vec<f64>,
    summands: Vec<f64>,
    relu: bool,
    negated: bool,
    scale: f64,
    zero: i64,
    bits: u32,
    signed: bool,
    mode: Mode,
}

fn number(dyadic: bool) -> BoxedStrategy<f64> {
    if dyadic {
        (-40i64..40, 0i32..6).prop_map(|(m, e)| m as f64 * 2f64.powi(-e)).boxed()
    } else {
        (-1000i64..1000).prop_map(|m| m as f64 / 97.0).boxed()
    }
}

fn mode() -> impl Strategy<Value = Mode> {
    let rounding = [Rounding::RndConv, Rounding::Trn, Rounding::TrnZero, Rounding::RndInf, Rounding::RndZero];
    prop_oneof![Just(Mode::Ceil), proptest::sample::select(rounding.to_vec()).prop_map(Mode::Round)]
}

fn case() -> impl Strategy<Value = Case> {
    (any::<bool>(), any::<bool>(), any::<bool>(), mode(), 2u32..9, any::<bool>(), -3i64..4).prop_flat_map(
        |(dyadic, relu, negated, mode, bits, signed, zero)| {
            let list = || proptest::collection::vec(number(dyadic), CHANNELS);
            let scale = if dyadic {
                (-4i32..5).prop_map(|e| 2f64.powi(e)).boxed()
            } else {
                (1i64..500).prop_map(|m| m as f64 / 89.0).boxed()
            };
            (list(), list(), scale).prop_map(move |(factors, summands, scale)| Case {
                factors,
                summands,
                relu,
                negated,
                scale,
                zero,
                bits,
                signed,
                mode,
            })
        },
    )
}

fn program(
    case: &Case,
    input: Option<&str>,
) -> Result<Program, Vec<nn2hdl_compiler::diagnostic::Diagnostic>> {
    let mut graph = Graph::new("case");
    let mut y = graph.input("x", &[1, CHANNELS]);
    let factor = graph.constant("factor", Tensor::new(vec![CHANNELS], case.factors.clone()));
    let summand = graph.constant("summand", Tensor::new(vec![CHANNELS], case.summands.clone()));
    y = graph.add("scaled", Mul, &[y, factor]);
    y = graph.add("moved", Add, &[y, summand]);
    if case.relu {
        y = graph.add("relu", Relu, &[y]);
    }
    if case.negated {
        let minus = graph.constant("minus", Tensor::scalar(-1.0));
        y = graph.add("negated", Mul, &[y, minus]);
    }
    let mut parameter = |name: &str, value: f64| graph.constant(name, Tensor::scalar(value));
    let inputs = [
        y,
        parameter("scale", case.scale),
        parameter("zero", case.zero as f64),
        parameter("bits", case.bits.into()),
    ];
    let y = graph.add("y", Quant { signed: case.signed, narrow: false, mode: case.mode }, &inputs);
    graph.output(y);
    let options = Options { input_format: input.and_then(|text| text.parse().ok()), ..Options::default() };
    compile(&graph, &options).map(|lowered| lowered.program)
}

fn exact(case: &Case, channel: usize, input: f64) -> i64 {
    let real = |v: f64| BigRational::from_f64(v).expect("finite");
    let mut value = real(input) * real(case.factors[channel]) + real(case.summands[channel]);
    if case.relu && value.is_negative() {
        value = BigRational::zero();
    }
    if case.negated {
        value = -value;
    }
    let scaled = value / real(case.scale) + BigRational::from_integer(case.zero.into());
    let floor = scaled.floor().to_integer();
    let half = BigRational::new(1.into(), 2.into());
    let rest = &scaled - BigRational::from_integer(floor.clone());
    let up = &floor + BigInt::from(1);
    let even = if (&floor % BigInt::from(2)).is_zero() { floor.clone() } else { up.clone() };
    let negative = scaled.is_negative();
    let tie = match case.mode {
        Mode::Round(Rounding::RndConv) => even,
        Mode::Round(Rounding::RndInf) => {
            if negative {
                floor.clone()
            } else {
                up.clone()
            }
        }
        _ => {
            if negative {
                up.clone()
            } else {
                floor.clone()
            }
        }
    };
    let level = match case.mode {
        Mode::Ceil => {
            if rest.is_zero() {
                floor
            } else {
                up
            }
        }
        Mode::Round(Rounding::Trn) => floor,
        Mode::Round(Rounding::TrnZero) => {
            if negative && !rest.is_zero() {
                up
            } else {
                floor
            }
        }
        _ if rest < half => floor,
        _ if rest > half => up,
        _ => tie,
    };
    let (lo, hi) = if case.signed {
        (-(1i64 << (case.bits - 1)), (1i64 << (case.bits - 1)) - 1)
    } else {
        (0, (1 << case.bits) - 1)
    };
    level.clamp(lo.into(), hi.into()).to_i64().expect("a code")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_form_is_exact(case in case()) {
        let program = program(&case, HARDWARE).expect("nine bits fit a table at the worst");
        for code in -256..256i64 {
            let found = naive(&program, &[vec![code; CHANNELS]]);
            let wanted: Vec<i64> = (0..CHANNELS).map(|channel| exact(&case, channel, code as f64)).collect();
            prop_assert_eq!(&found[0], &wanted, "code {}", code);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn encoders_are_exact_to_the_last_bit(case in case()) {
        let program = program(&case, None).expect("an encoder");
        let encoder = &program.inputs[0].encoder;
        let mut values = vec![0.0, 1.0, -1.0, 37.25, -1e9, 1e9];
        if let Encoder::Steps { channels, .. } = encoder {
            let edges = channels.iter().flat_map(|steps| &steps.thresholds);
            values.extend(edges.flat_map(|&t| [t.next_down(), t, t.next_up()]));
        }
        for value in values {
            let codes = encoder.encode(&[value; CHANNELS], CHANNELS).expect("a finite value");
            let found = naive(&program, &[codes]);
            let wanted: Vec<i64> = (0..CHANNELS).map(|channel| exact(&case, channel, value)).collect();
            prop_assert_eq!(&found[0], &wanted, "value {}", value);
        }
    }
}

/// What a form looks like in the kernel that was made.
fn uses(program: &Program, wanted: impl Fn(&Op) -> bool) -> bool {
    program.main().steps.iter().any(|step| match step {
        Step::Kernel(kernel) => kernel.body.nodes().iter().chain(kernel.finish.nodes()).any(&wanted),
        Step::Call(_) => false,
    })
}

#[test]
fn each_form_is_chosen_where_it_should_be() {
    let base = Case {
        factors: vec![0.5; CHANNELS],
        summands: vec![1.25; CHANNELS],
        relu: true,
        negated: false,
        scale: 0.25,
        zero: 0,
        bits: 6,
        signed: false,
        mode: Mode::Round(Rounding::RndConv),
    };
    let shifted = program(&base, HARDWARE).expect("a program");
    assert!(!uses(&shifted, |op| matches!(op, Op::Lut { .. } | Op::Mul(..))));
    let few = program(&Case { scale: 11.3, bits: 3, ..base.clone() }, HARDWARE).expect("a program");
    assert!(uses(&few, |op| matches!(op, Op::Lt(..))) && !uses(&few, |op| matches!(op, Op::Mul(..))));
    let many = program(&Case { scale: 0.7, bits: 8, ..base }, HARDWARE).expect("a program");
    assert!(uses(&many, |op| matches!(op, Op::Mul(..))) && uses(&many, |op| matches!(op, Op::Shr(..))));
}

#[test]
fn bipolar_codes_are_one_bit() {
    let mut graph = Graph::new("bipolar");
    let x = graph.input("x", &[1, 2]);
    let scale = graph.constant("scale", Tensor::scalar(0.5));
    let y = graph.add("y", BipolarQuant, &[x, scale]);
    graph.output(y);
    let program = compile(&graph, &Options::default()).expect("a program").program;
    assert_eq!(program.output_value(0).format.width, 1);
    assert_eq!(front::answers(&program, &[vec![-1e-300, 0.0]], 1)[0], [-0.5, 0.5]);
}
