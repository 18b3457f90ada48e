//! `Quant` (QONNX).

use std::sync::Arc;

use nn2hdl_runtime::Rounding;
use nn2hdl_runtime::index::points;
use num_traits::Signed;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Operator, QONNX, Role, Sample, broadcast, operand};
use crate::front::lower::{Field, Lower, Mode, Quantity, Quantum, Ratio, Stairs, nearest, to_i64};
use crate::graph::{Graph, Tensor, TensorId};

/// `y = (clamp(round(x ÷ scale + zero), lo, hi) − zero) × scale`; inputs: x, scale, zero, bits.
///
/// Signed: `lo = −2^(bits−1)` (plus 1 if narrow), `hi = 2^(bits−1) − 1`. Unsigned: `lo = 0`, `hi = 2^bits − 1` (minus 1 if
/// narrow). One signed bit is a sign: its codes are −1 and 1. A constant operand becomes exact codes; an activation's
/// pending function is closed exactly. `IntQuant` is its newer name.
#[derive(Clone, Copy, Debug)]
pub struct Quant {
    /// Whether codes have a sign.
    pub signed: bool,
    /// Whether the range is one code shorter.
    pub narrow: bool,
    /// Rounding.
    pub mode: Mode,
}

pub(super) const ENTRY: Entry = Entry { name: "Quant", domains: QONNX, import, samples };

/// The name since QONNX 1.0.
pub(super) const INT_QUANT: Entry =
    Entry { name: "IntQuant", domains: QONNX, import, samples: |_| vec![example()] };

/// QONNX's names of the rounding modes, in any case of letters.
const MODES: &[(&str, Mode)] = &[
    ("ROUND", Mode::Round(Rounding::RndConv)),
    ("HALF_EVEN", Mode::Round(Rounding::RndConv)),
    ("ROUND_HALF_EVEN", Mode::Round(Rounding::RndConv)),
    ("FLOOR", Mode::Round(Rounding::Trn)),
    ("CEIL", Mode::Ceil),
    ("UP", Mode::Up),
    ("DOWN", Mode::Round(Rounding::TrnZero)),
    ("ROUND_TO_ZERO", Mode::Round(Rounding::TrnZero)),
    ("HALF_UP", Mode::Round(Rounding::RndInf)),
    ("HALF_DOWN", Mode::Round(Rounding::RndZero)),
];

/// The rounding mode that a node states.
pub(super) fn rounding_mode(import: &mut Import<'_>, default: &'static str) -> Result<Mode, Fault> {
    let name = import.attributes.or("rounding_mode", default)?;
    let upper = name.to_uppercase();
    MODES.iter().find(|(known, _)| *known == upper).map(|(_, mode)| *mode).ok_or_else(|| {
        let names: Vec<&str> = MODES.iter().map(|(known, _)| *known).collect();
        Fault::unsupported(
            format!("the rounding mode {name} is not supported"),
            format!("supported: {}", names.join(", ")),
        )
    })
}

/// `v` rounded, for references.
pub(super) fn rounded(v: f64, mode: Mode) -> f64 {
    match mode {
        Mode::Round(Rounding::RndConv) => v.round_ties_even(),
        Mode::Round(Rounding::Trn) => v.floor(),
        Mode::Round(Rounding::TrnZero) => v.trunc(),
        Mode::Round(Rounding::RndInf) => v.round(),
        Mode::Round(Rounding::Rnd) => (v + 0.5).floor(),
        Mode::Round(Rounding::RndMinInf) => (v - 0.5).ceil(),
        Mode::Round(Rounding::RndZero) => v.signum() * (v.abs() - 0.5).ceil(),
        Mode::Ceil => v.ceil(),
        Mode::Up => v.signum() * v.abs().ceil(),
        Mode::Sign => f64::from(u8::from(v >= 0.0)),
    }
}

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let signed = import.attributes.or("signed", 1i64)? != 0;
    let narrow = import.attributes.or("narrow", 0i64)? != 0;
    let mode = rounding_mode(import, "ROUND")?;
    Ok(Arc::new(Quant { signed, narrow, mode }))
}

/// Least and greatest code of `bits` bits.
pub(super) fn range(bits: f64, signed: bool, narrow: bool) -> Result<(i64, i64), Fault> {
    let least = if signed { 2.0 } else { 1.0 };
    if bits.fract() != 0.0 || !(least..=62.0).contains(&bits) {
        return Err(Fault::new(
            "bad-bit-width",
            format!("a quantizer of {bits} bits"),
            "bits must be a whole number: 2 to 62 if signed, 1 to 62 if not; one signed bit must be that of all elements",
        ));
    }
    let shorter = i64::from(narrow);
    let power = |n: f64| 1i64 << n as u32;
    Ok(if signed {
        (shorter - power(bits - 1.0), power(bits - 1.0) - 1)
    } else {
        (0, power(bits) - 1 - shorter)
    })
}

impl Quant {
    /// Whether `bits` makes it the sign function.
    fn is_sign(self, bits: f64) -> bool {
        self.signed && bits == 1.0
    }
}

/// The positive scale and its zero point at every element.
pub(super) fn quanta(
    scale: &Field<Ratio>,
    zero: &Field<Ratio>,
    rank: usize,
) -> Result<Field<Quantum>, Fault> {
    if scale.shape().len() > rank || zero.shape().len() > rank {
        return Err(Fault::shape("the scale has more axes than the tensor"));
    }
    if !scale.entries().iter().all(Signed::is_positive) {
        return Err(Fault::new(
            "bad-scale",
            "a scale is zero or negative",
            "scales must be positive: train or export the model again",
        ));
    }
    let zeros: Option<Vec<i64>> = zero.entries().iter().map(to_i64).collect();
    let zeros =
        zeros.filter(|zeros| zeros.iter().all(|zero| zero.unsigned_abs() < 1 << 40)).ok_or_else(|| {
            Fault::new(
                "bad-zero-point",
                "a zero point is not a whole number, or beyond 2^40",
                "use whole zero points, within the range of the codes",
            )
        })?;
    let zero = Field::new(
        zero.shape().to_vec(),
        zeros.into_iter().map(|zero| Ratio::from_integer(zero.into())).collect(),
    );
    let (scale, zero) = (broadcast::aligned(scale, rank), broadcast::aligned(&zero, rank));
    let quantum =
        |scale: &Ratio, zero: &Ratio| Quantum { scale: scale.clone(), zero: to_i64(zero).unwrap_or(0) };
    scale.zip(&zero, quantum).ok_or_else(|| Fault::shape("scale and zero point do not fit each other"))
}

impl Operator for Quant {
    fn name(&self) -> &'static str {
        "Quant"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        for n in 1..4 {
            let parameter = operand(inputs, n)?;
            if broadcast::shape(x.shape, parameter.shape)? != x.shape {
                return Err(Fault::shape("a parameter of the quantizer has more elements than the tensor"));
            }
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (scale, zero, bits) =
            (operand(inputs, 1)?.values()?, operand(inputs, 2)?.values()?, operand(inputs, 3)?.values()?);
        let quanta = quanta(&scale, &zero, x.shape.len())?;
        let bits = broadcast::aligned(&bits, x.shape.len());
        if bits.single().is_some_and(|bits| self.is_sign(nearest(bits))) {
            return Ok(vec![lower.quantize(&x, &Stairs { quanta, mode: Mode::Sign, lo: 0, hi: 1 })?]);
        }
        let ranges: Vec<(i64, i64)> = bits
            .entries()
            .iter()
            .map(|bits| range(nearest(bits), self.signed, self.narrow))
            .collect::<Result<_, _>>()?;
        let lo = ranges.iter().map(|range| range.0).min().unwrap_or(0);
        let hi = ranges.iter().map(|range| range.1).max().unwrap_or(0);
        let ranges = Field::new(bits.shape().to_vec(), ranges);
        Ok(vec![lower.quantize_within(&x, &Stairs { quanta, mode: self.mode, lo, hi }, &ranges)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (scale, zero, bits) = (operand(inputs, 1)?, operand(inputs, 2)?, operand(inputs, 3)?);
        let at = |v: f64, p: &[usize]| {
            let (scale, zero) = (broadcast::element(scale, p), broadcast::element(zero, p));
            let bits = broadcast::element(bits, p);
            let level = v / scale + zero;
            let code = if self.is_sign(bits) {
                if level >= 0.0 { 1.0 } else { -1.0 }
            } else {
                let (lo, hi) = range(bits, self.signed, self.narrow)?;
                rounded(level, self.mode).clamp(lo as f64, hi as f64)
            };
            Ok((code - zero) * scale + 0.0)
        };
        let data = points(&x.shape).zip(&x.data).map(|(p, &v)| at(v, &p)).collect::<Result<_, Fault>>()?;
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        false
    }

    fn role(&self) -> Role {
        Role::Quantizer
    }
}

/// A quantizer with its parameters as constants.
fn quantizer(
    graph: &mut Graph,
    name: &str,
    x: TensorId,
    parameters: [Tensor; 3],
    operator: Quant,
) -> TensorId {
    let mut inputs = vec![x];
    for (part, value) in ["scale", "zero", "bits"].iter().zip(parameters) {
        inputs.push(graph.constant(format!("{name}/{part}"), value));
    }
    graph.add(name, operator, &inputs)
}

fn example() -> Sample {
    let operator = Quant { signed: true, narrow: false, mode: Mode::Round(Rounding::RndConv) };
    sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 2]);
        let y = quantizer(
            graph,
            "y",
            x,
            [Tensor::scalar(0.75), Tensor::scalar(1.0), Tensor::scalar(3.0)],
            operator,
        );
        graph.output(y);
    })
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let scales = [
        Tensor::scalar(0.25),
        Tensor::scalar(0.3001),
        Tensor::new(vec![1, 3], vec![0.5, 0.3001, 1.7003]),
        Tensor::scalar(0.011),
    ];
    let mut all = Vec::new();
    for (n, (_, mode)) in MODES.iter().enumerate() {
        let (signed, mode) = (n % 2 == 0, *mode);
        let scale = scales[(n + seed as usize) % scales.len()].clone();
        let zero = Tensor::scalar(if n % 3 == 0 { dice.int(-2, 2) as f64 } else { 0.0 });
        // In turn one width for all, one for each channel, and one bit.
        let bits = match n % 4 {
            1 => Tensor::new(vec![1, 3], (2..5).map(f64::from).collect()),
            2 if seed == 0 => Tensor::scalar(1.0),
            _ => Tensor::scalar(dice.int(2, 6) as f64),
        };
        let first = Quant { signed: true, narrow: false, mode };
        let second = Quant { signed, narrow: n % 4 < 2, mode };
        all.push(sample(&["fixed<8,4>"], |graph| {
            let x = graph.input("x", &[1, 3]);
            let inner = [Tensor::scalar(2f64.powi(-3)), Tensor::scalar(0.0), Tensor::scalar(7.0)];
            let x = quantizer(graph, "first", x, inner, first);
            let y = quantizer(graph, "y", x, [scale, zero, bits], second);
            graph.output(y);
        }));
    }
    all
}
