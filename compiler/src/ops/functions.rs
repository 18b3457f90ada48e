//! The table of smooth functions of one variable.
//!
//! Each entry states its formula twice: as the definition, and in other words for the reference.

use std::f64::consts::{E, FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

use super::unary::{Spec, entries};
use crate::front::lower::Function;

type Map = fn(&[f64], f64) -> f64;

const WIDE: (&str, f64) = ("fixed<6,3>", 0.0);

const fn spec(name: &'static str, rising: fn(&[f64]) -> bool, value: Map, reference: Map) -> Spec {
    let function = Function { name, value, defined: |_, _| true, rising };
    Spec { function, attributes: &[], reference, domain: WIDE }
}

const fn within(spec: Spec, defined: fn(&[f64], f64) -> bool, domain: (&'static str, f64)) -> Spec {
    let Spec { function: Function { name, value, rising, .. }, attributes, reference, .. } = spec;
    Spec { function: Function { name, value, defined, rising }, attributes, reference, domain }
}

const fn with(spec: Spec, attributes: &'static [(&'static str, f64)]) -> Spec {
    let Spec { function, reference, domain, .. } = spec;
    Spec { function, attributes, reference, domain }
}

const RISING: fn(&[f64]) -> bool = |_| true;
const UNEVEN: fn(&[f64]) -> bool = |_| false;

/// The error function by its power series, for small arguments.
fn erf_series(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    FRAC_2_SQRT_PI * sum
}

/// `1 ÷ (1 + e^−x)`.
static SIGMOID_SPEC: Spec =
    spec("Sigmoid", RISING, |_, x| 1.0 / (1.0 + libm::exp(-x)), |_, x| 0.5 + 0.5 * (0.5 * x).tanh());

/// The hyperbolic tangent.
static TANH_SPEC: Spec =
    spec("Tanh", RISING, |_, x| libm::tanh(x), |_, x| 1.0 - 2.0 / ((2.0 * x).exp() + 1.0));

/// `ln(1 + e^x)`.
static SOFTPLUS_SPEC: Spec =
    spec("Softplus", RISING, |_, x| softplus(x), |_, x| x / 2.0 + (2.0 * (x / 2.0).cosh()).ln());

fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

/// `x ÷ (1 + |x|)`.
static SOFTSIGN_SPEC: Spec =
    spec(
        "Softsign",
        RISING,
        softsign,
        |_, x| {
            if x < 0.0 { 1.0 / (1.0 - x) - 1.0 } else { 1.0 - 1.0 / (1.0 + x) }
        },
    );

fn softsign(_: &[f64], x: f64) -> f64 {
    if x.is_infinite() { x.signum() } else { x / (1.0 + x.abs()) }
}

/// `x × tanh(ln(1 + e^x))`.
static MISH_SPEC: Spec = spec(
    "Mish",
    UNEVEN,
    |_, x| x * libm::tanh(softplus(x)),
    |_, x| {
        let square = (1.0 + x.exp()).powi(2);
        x * (square - 1.0) / (square + 1.0)
    },
);

/// `x` from 0 upwards, else `α × (e^x − 1)`.
static ELU_SPEC: Spec = with(
    spec(
        "Elu",
        |p| p[0] >= 0.0,
        |p, x| if x < 0.0 { p[0] * libm::expm1(x) } else { x },
        |p, x| x.max(0.0) + p[0] * (x.min(0.0).exp() - 1.0),
    ),
    &[("alpha", 1.0)],
);

/// `γ × x` above 0, else `γ × α × (e^x − 1)`.
static SELU_SPEC: Spec = with(
    spec(
        "Selu",
        |p| p[0] >= 0.0 && p[1] >= 0.0,
        |p, x| p[1] * if x > 0.0 { x } else { p[0] * libm::expm1(x) },
        |p, x| p[1] * (x.max(0.0) + p[0] * x.min(0.0).exp() - p[0]),
    ),
    &[("alpha", 1.673_263_192_176_818_8), ("gamma", 1.050_701_022_148_132_3)],
);

/// `max(x, 0) + min(α × (e^(x ÷ α) − 1), 0)`.
static CELU_SPEC: Spec = within(
    with(
        spec(
            "Celu",
            |p| p[0] > 0.0,
            |p, x| x.max(0.0) + (p[0] * libm::expm1(x / p[0])).min(0.0),
            |p, x| if x > 0.0 { x } else { p[0] * (E.powf(x / p[0]) - 1.0) },
        ),
        &[("alpha", 1.0)],
    ),
    |p, _| p[0] > 0.0,
    WIDE,
);

/// `x ÷ 2 × (1 + erf(x ÷ √2))`.
pub(super) static GELU_EXACT: Spec = spec(
    "Gelu",
    UNEVEN,
    |_, x| 0.5 * x * (1.0 + libm::erf(x * FRAC_1_SQRT_2)),
    |_, x| 0.5 * x + 0.5 * x * erf_series(x / 2f64.sqrt()),
);

/// `x ÷ 2 × (1 + tanh(√(2 ÷ π) × (x + 0.044715 x³)))`.
pub(super) static GELU_TANH: Spec = spec(
    "Gelu",
    UNEVEN,
    |_, x| 0.5 * x * (1.0 + libm::tanh(libm::sqrt(2.0 / PI) * (x + 0.044_715 * x * x * x))),
    |_, x| x / (1.0 + (-2.0 * (2.0 / PI).sqrt() * x * (1.0 + 0.044_715 * x.powi(2))).exp()),
);

/// `x ÷ (1 + e^−αx)`.
static SWISH_SPEC: Spec = with(
    spec(
        "Swish",
        UNEVEN,
        |p, x| x / (1.0 + libm::exp(-p[0] * x)),
        |p, x| x * (0.5 + 0.5 * (0.5 * p[0] * x).tanh()),
    ),
    &[("alpha", 1.0)],
);

/// `x × max(0, min(1, x ÷ 6 + ½))`.
static HARD_SWISH_SPEC: Spec = spec(
    "HardSwish",
    UNEVEN,
    |_, x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
    |_, x| {
        if x <= -3.0 {
            0.0
        } else if x >= 3.0 {
            x
        } else {
            x * (x + 3.0) / 6.0
        }
    },
);

/// The error function.
static ERF_SPEC: Spec = spec("Erf", RISING, |_, x| libm::erf(x), |_, x| erf_series(x));

/// `e^x`.
static EXP_SPEC: Spec = spec("Exp", RISING, |_, x| libm::exp(x), |_, x| x.exp());

/// The natural logarithm, of positive numbers.
static LOG_SPEC: Spec =
    within(spec("Log", RISING, |_, x| libm::log(x), |_, x| x.ln()), |_, x| x > 0.0, ("ufixed<6,3>", 0.125));

/// The square root, of numbers that are not negative.
pub(super) static SQRT_SPEC: Spec = within(
    spec("Sqrt", RISING, |_, x| libm::sqrt(x), |_, x| x.sqrt()),
    |_, x| x >= 0.0,
    ("ufixed<6,3>", 0.0),
);

/// `1 ÷ x`, of numbers that are not 0.
pub(super) static RECIPROCAL_SPEC: Spec = within(
    spec("Reciprocal", UNEVEN, |_, x| 1.0 / x, |_, x| x.powi(-1)),
    |_, x| x != 0.0,
    ("fixed<6,3>", 4.0625),
);

/// `x^e`, of positive numbers, and of others as far as it is defined.
pub(super) static POWER_SPEC: Spec = within(
    with(spec("Pow", UNEVEN, |p, x| libm::pow(x, p[0]), |p, x| x.powf(p[0])), &[("exponent", 1.0)]),
    |p, x| x > 0.0 || (x == 0.0 && p[0] >= 0.0) || (x < 0.0 && p[0].fract() == 0.0),
    WIDE,
);

/// The sine.
static SIN_SPEC: Spec =
    spec("Sin", UNEVEN, |_, x| libm::sin(x), |_, x| 2.0 * (x / 2.0).sin() * (x / 2.0).cos());

/// The cosine.
static COS_SPEC: Spec = spec("Cos", UNEVEN, |_, x| libm::cos(x), |_, x| 1.0 - 2.0 * (x / 2.0).sin().powi(2));

/// The arc tangent.
static ATAN_SPEC: Spec = spec("Atan", RISING, |_, x| libm::atan(x), |_, x| (x / (1.0 + x * x).sqrt()).asin());

/// The hyperbolic sine.
static SINH_SPEC: Spec = spec("Sinh", RISING, |_, x| libm::sinh(x), |_, x| (x.exp() - (-x).exp()) / 2.0);

/// The hyperbolic cosine.
static COSH_SPEC: Spec = spec("Cosh", UNEVEN, |_, x| libm::cosh(x), |_, x| (x.exp() + (-x).exp()) / 2.0);

/// The inverse hyperbolic sine.
static ASINH_SPEC: Spec =
    spec("Asinh", RISING, |_, x| libm::asinh(x), |_, x| (x + (x * x + 1.0).sqrt()).ln());

entries! {
    SIGMOID = SIGMOID_SPEC;
    TANH = TANH_SPEC;
    SOFTPLUS = SOFTPLUS_SPEC;
    SOFTSIGN = SOFTSIGN_SPEC;
    MISH = MISH_SPEC;
    ELU = ELU_SPEC;
    SELU = SELU_SPEC;
    CELU = CELU_SPEC;
    SWISH = SWISH_SPEC;
    HARD_SWISH = HARD_SWISH_SPEC;
    ERF = ERF_SPEC;
    EXP = EXP_SPEC;
    LOG = LOG_SPEC;
    SQRT = SQRT_SPEC;
    RECIPROCAL = RECIPROCAL_SPEC;
    SIN = SIN_SPEC;
    COS = COS_SPEC;
    ATAN = ATAN_SPEC;
    SINH = SINH_SPEC;
    COSH = COSH_SPEC;
    ASINH = ASINH_SPEC;
}
