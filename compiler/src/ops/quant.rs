//! `Quant` (QONNX).

use std::sync::Arc;

use nn2hdl_runtime::Rounding;
use nn2hdl_runtime::index::points;
use num_traits::Signed;

use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Operator, QONNX, Role, Sample, broadcast, operand};
use crate::front::lower::{Field, Lower, Mode, Quantity, Quantum, Ratio, Stairs, to_i64};
use crate::graph::Tensor;

/// `y = (clamp(round(x ÷ scale + zero), lo, hi) − zero) × scale`; inputs: x, scale, zero, bits.
///
/// Signed: `lo = −2^(bits−1)` (plus 1 if narrow), `hi = 2^(bits−1) − 1`. Unsigned: `lo = 0`, `hi = 2^bits − 1` (minus 1 if
/// narrow). A constant operand becomes exact codes; an activation's pending function is closed exactly.
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

/// QONNX's names of the rounding modes.
const MODES: &[(&str, Mode)] = &[
    ("ROUND", Mode::Round(Rounding::RndConv)),
    ("HALF_EVEN", Mode::Round(Rounding::RndConv)),
    ("FLOOR", Mode::Round(Rounding::Trn)),
    ("CEIL", Mode::Ceil),
    ("ROUND_TO_ZERO", Mode::Round(Rounding::TrnZero)),
    ("DOWN", Mode::Round(Rounding::TrnZero)),
    ("HALF_UP", Mode::Round(Rounding::RndInf)),
    ("HALF_DOWN", Mode::Round(Rounding::RndZero)),
];

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let signed = import.attributes.or("signed", 1i64)? != 0;
    let narrow = import.attributes.or("narrow", 0i64)? != 0;
    let name = import.attributes.or("rounding_mode", "ROUND")?;
    let upper = name.to_uppercase();
    let mode = MODES.iter().find(|(known, _)| *known == upper).map(|(_, mode)| *mode).ok_or_else(|| {
        let names: Vec<&str> = MODES.iter().map(|(known, _)| *known).collect();
        Fault::unsupported(
            format!("the rounding mode {name} is not supported"),
            format!("supported: {}", names.join(", ")),
        )
    })?;
    Ok(Arc::new(Quant { signed, narrow, mode }))
}

impl Quant {
    /// Least and greatest code.
    fn range(self, bits: f64) -> Result<(i64, i64), Fault> {
        let fault = || {
            Fault::unsupported(
                format!("a quantizer of {bits} bits"),
                "bits must be one whole number, 2 to 62 if signed, 1 to 62 if not; one signed bit is BipolarQuant",
            )
        };
        let least = if self.signed { 2.0 } else { 1.0 };
        if bits.fract() != 0.0 || !(least..=62.0).contains(&bits) {
            return Err(fault());
        }
        let narrow = i64::from(self.narrow);
        let power = |n: f64| 1i64 << n as u32;
        Ok(if self.signed {
            (narrow - power(bits - 1.0), power(bits - 1.0) - 1)
        } else {
            (0, power(bits) - 1 - narrow)
        })
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
            "train or export the model again",
        ));
    }
    let zeros: Option<Vec<i64>> = zero.entries().iter().map(to_i64).collect();
    let zeros = zeros
        .filter(|zeros| zeros.iter().all(|zero| zero.unsigned_abs() < 1 << 40))
        .ok_or_else(|| Fault::unsupported("a zero point is not a whole number", "use whole zero points"))?;
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
        let bits = bits.single().ok_or_else(|| {
            Fault::unsupported(
                "the number of bits differs from element to element",
                "use one width per tensor",
            )
        })?;
        let (lo, hi) = self.range(crate::front::lower::nearest(bits))?;
        let quanta = quanta(&scale, &zero, x.shape.len())?;
        Ok(vec![lower.quantize(&x, &Stairs { quanta, mode: self.mode, lo, hi })?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (scale, zero, bits) = (operand(inputs, 1)?, operand(inputs, 2)?, operand(inputs, 3)?);
        let (lo, hi) = self.range(bits.data[0])?;
        let round = |v: f64| match self.mode {
            Mode::Round(Rounding::RndConv) => v.round_ties_even(),
            Mode::Round(Rounding::Trn) => v.floor(),
            Mode::Round(Rounding::TrnZero) => v.trunc(),
            Mode::Round(Rounding::RndInf) => v.round(),
            Mode::Round(Rounding::Rnd) => (v + 0.5).floor(),
            Mode::Round(Rounding::RndMinInf) => (v - 0.5).ceil(),
            Mode::Round(Rounding::RndZero) => v.signum() * (v.abs() - 0.5).ceil(),
            Mode::Ceil => v.ceil(),
            Mode::Sign => f64::from(u8::from(v >= 0.0)),
        };
        let data = points(&x.shape)
            .zip(&x.data)
            .map(|(p, &v)| {
                let (scale, zero) = (broadcast::element(scale, &p), broadcast::element(zero, &p));
                ((round(v / scale + zero).clamp(lo as f64, hi as f64) - zero) * scale) + 0.0
            })
            .collect();
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
        for scale in &scales {
            for (signed, narrow) in [(true, true), (false, false)] {
                let (scale, bits) = (scale.clone(), dice.int(2, 6) as f64);
                let zero = if n % 2 == 0 { 0.0 } else { dice.int(-2, 2) as f64 };
                let inner = Tensor::scalar(2f64.powi(-3));
                all.push(sample(&["fixed<8,4>"], |graph| {
                    let x = graph.input("x", &[1, 3]);
                    let mut quant = |name: &str, x, scale: Tensor, zero: f64, bits: f64, operator: Quant| {
                        let scale = graph.constant(format!("{name}/scale"), scale);
                        let zero = graph.constant(format!("{name}/zero"), Tensor::scalar(zero));
                        let bits = graph.constant(format!("{name}/bits"), Tensor::scalar(bits));
                        graph.add(name, operator, &[x, scale, zero, bits])
                    };
                    let first = quant(
                        "first",
                        x,
                        inner,
                        0.0,
                        7.0,
                        Quant { signed: true, narrow: false, mode: *mode },
                    );
                    let y = quant("y", first, scale, zero, bits, Quant { signed, narrow, mode: *mode });
                    graph.output(y);
                }));
            }
        }
    }
    all
}
