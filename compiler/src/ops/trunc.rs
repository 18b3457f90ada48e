//! `Trunc` (QONNX).

use std::sync::Arc;

use nn2hdl_runtime::Rounding;
use nn2hdl_runtime::index::points;
use num_traits::One;

use super::quant::{quanta, range, rounded, rounding_mode};
use super::sample::sample;
use super::{Entry, Fault, Import, Known, Operator, QONNX, Quant, Role, Sample, broadcast, operand};
use crate::front::lower::{
    Codes, Field, Link, Lower, Mode, Quantity, Quantum, Ratio, Stairs, nearest, power_of_two, to_i64, whole,
};
use crate::graph::Tensor;

/// `y = (round'(clamp(round(x ÷ scale + zero) ÷ t)) − zero ÷ t) × scale × t`: the lowest bits of a code are removed.
///
/// Inputs of version 2: x, scale, zero, bits, scale', zero', bits'; `t` is the power of two next to `scale' ÷ scale`, the
/// clamp is to codes of `bits'` bits, and the result has `scale'`; zero' is computed. Of version 1: x, scale, zero, bits,
/// bits'; `t = 2^(bits − bits')`, there is no clamp, and `y = (round'(…) − zero) × scale`, as QONNX defines it.
#[derive(Clone, Copy, Debug)]
pub struct Trunc {
    /// Whether codes have a sign.
    pub signed: bool,
    /// Whether the range is one code shorter.
    pub narrow: bool,
    /// Rounding of what is removed.
    pub mode: Mode,
}

pub(super) const ENTRY: Entry = Entry { name: "Trunc", domains: QONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let mode = rounding_mode(import, "FLOOR")?;
    let signed = import.attributes.or("signed", 1i64)? != 0;
    let narrow = import.attributes.or("narrow", 0i64)? != 0;
    let inputs = import.node.inputs.len();
    if inputs != 5 && inputs != 7 {
        return Err(Fault::unsupported(
            format!("Trunc has {inputs} inputs"),
            "version 1 has 5 inputs (x, scale, zero, bits, new bits), version 2 has 7",
        ));
    }
    Ok(Arc::new(Trunc { signed, narrow, mode }))
}

/// Least and greatest code where nothing is clamped.
const UNBOUNDED: (i64, i64) = (-(1 << 60), 1 << 60);

impl Operator for Trunc {
    fn name(&self) -> &'static str {
        "Trunc"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        for n in 1..inputs.len() {
            if broadcast::shape(x.shape, operand(inputs, n)?.shape)? != x.shape {
                return Err(Fault::shape("a parameter has more elements than the tensor"));
            }
        }
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        if matches!(x.codes, Codes::Host(..)) {
            return Err(Fault::unsupported("an input of the model is truncated", "put Quant before Trunc"));
        }
        let rank = x.shape.len();
        let parameter = |n: usize| -> Result<Field<Ratio>, Fault> {
            Ok(broadcast::aligned(&operand(inputs, n)?.values()?, rank))
        };
        let uneven = || {
            Fault::unsupported(
                "widths or ratios of scales differ from element to element",
                "use one for the tensor",
            )
        };
        let (scale, zero) = (parameter(1)?, parameter(2)?);
        let quanta = quanta(&scale, &zero, rank)?;
        let (bits, last) = (parameter(3)?, parameter(inputs.len() - 1)?);
        let bits = nearest(bits.single().ok_or_else(uneven)?);
        let last = nearest(last.single().ok_or_else(uneven)?);
        let (least, greatest) = range(last, self.signed, self.narrow)?;
        let second = inputs.len() == 7;
        let (exponent, (lo, hi), out) = if second {
            let out = parameter(4)?;
            let ratio = out.zip(&scale, |out, scale| nearest(&(out / scale)).log2().round());
            let exponent = ratio.as_ref().and_then(|ratio| ratio.single().copied()).ok_or_else(uneven)?;
            (exponent, (least, greatest), out)
        } else {
            (bits - last, UNBOUNDED, scale)
        };
        if !(0.0..=62.0).contains(&exponent) || exponent.fract() != 0.0 {
            return Err(Fault::new(
                "bad-bit-width",
                format!("{exponent} bits are to be removed"),
                "Trunc removes 0 to 62 whole bits: check its bit widths and scales",
            ));
        }
        let step = power_of_two(exponent as i64);
        // The codes themselves, as values: with their zero point, on the grid of 1.
        let codes = broadcast::extend(&x, &quanta, |link, quantum| {
            link.then(&(Ratio::one() / &quantum.scale), &whole(quantum.zero))
        })?;
        let on_grid =
            |link: &Link| to_i64(&link.a).is_some() && to_i64(&link.b).is_some() && link.is_affine();
        let codes = if codes.chain.entries().iter().all(on_grid) {
            codes
        } else {
            let one = Field::uniform(rank, Quantum { scale: Ratio::one(), zero: 0 });
            let mode = Mode::Round(Rounding::RndConv);
            lower.quantize(&codes, &Stairs { quanta: one, mode, lo: UNBOUNDED.0, hi: UNBOUNDED.1 })?
        };
        let coarse = Field::uniform(rank, Quantum { scale: step.clone(), zero: 0 });
        let y = lower.quantize(&codes, &Stairs { quanta: coarse, mode: self.mode, lo, hi })?;
        let rest = if second { step } else { Ratio::one() };
        let offset = out.zip(&zero, |out, zero| (out.clone(), -zero / &rest));
        let offset = offset.ok_or_else(uneven)?;
        let chain = offset.map(|(out, zero)| Link { b: zero * out, ..Link::scale(out.clone()) });
        Ok(vec![Quantity { chain, integer: false, ..y }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let second = inputs.len() == 7;
        let (lo, hi) = range(operand(inputs, inputs.len() - 1)?.data[0], self.signed, self.narrow)?;
        let at = |p: &[usize], v: f64| -> Result<f64, Fault> {
            let get = |n: usize| Ok::<f64, Fault>(broadcast::element(operand(inputs, n)?, p));
            let (scale, zero) = (get(1)?, get(2)?);
            let code = (v / scale + zero).round_ties_even();
            Ok(if second {
                let step = (get(4)? / scale).log2().round().exp2();
                let kept = rounded((code / step).clamp(lo as f64, hi as f64), self.mode);
                (kept - zero / step) * get(4)?
            } else {
                let step = (get(3)? - get(4)?).exp2();
                (rounded(code / step, self.mode) - zero) * scale
            } + 0.0)
        };
        let data = points(&x.shape).zip(&x.data).map(|(p, &v)| at(&p, v)).collect::<Result<_, _>>()?;
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

fn samples(_seed: u64) -> Vec<Sample> {
    let floor = Mode::Round(Rounding::Trn);
    let cases: [(&[f64], Trunc); 5] = [
        (&[0.25, 0.0, 6.0, 4.0], Trunc { signed: true, narrow: false, mode: floor }),
        (&[0.25, 4.0, 6.0, 3.0], Trunc { signed: true, narrow: false, mode: Mode::Ceil }),
        (&[0.25, 0.0, 6.0, 1.0, 0.0, 4.0], Trunc { signed: true, narrow: true, mode: floor }),
        (&[0.25, 2.0, 6.0, 1.0, 0.5, 3.0], Trunc { signed: false, narrow: false, mode: Mode::Up }),
        // The input is not on the grid of the scale.
        (
            &[0.375, 0.0, 6.0, 0.75, 0.0, 4.0],
            Trunc { signed: true, narrow: false, mode: Mode::Round(Rounding::RndConv) },
        ),
    ];
    cases
        .into_iter()
        .map(|(parameters, operator)| {
            sample(&["fixed<8,4>"], |graph| {
                let mut inputs = vec![graph.input("x", &[1, 4])];
                let mut constant =
                    |n: usize, value: f64| graph.constant(format!("c{n}"), Tensor::scalar(value));
                let first = [constant(90, 0.25), constant(91, 0.0), constant(92, 6.0)];
                let rest: Vec<_> =
                    parameters.iter().enumerate().map(|(n, &value)| constant(n, value)).collect();
                let mode = Mode::Round(Rounding::RndConv);
                let quant = Quant { signed: true, narrow: false, mode };
                inputs[0] = graph.add("q", quant, &[inputs[0], first[0], first[1], first[2]]);
                inputs.extend(rest);
                let y = graph.add("y", operator, &inputs);
                graph.output(y);
            })
        })
        .collect()
}
