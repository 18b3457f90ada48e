//! `Fixed`: `ap_fixed`'s rounding and overflow.

use std::sync::Arc;

use nn2hdl_runtime::codec::fixed;
use nn2hdl_runtime::{Encoder, Expr, Op, Overflow, Quantizer, Rounding, quantize};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, Operator, Role, Sample, operand};
use crate::front::lower::{
    Codes, Draft, Field, Link, Lower, Mode, Quantity, Quantum, Ratio, Stairs, power_of_two,
};
use crate::graph::Tensor;

/// `y = format(x)`: rounded and brought into range as `ap_fixed` does it. `--default-format` inserts it.
///
/// Saturation closes the pending function exactly, whatever it is; the other overflow modes need dyadic numbers.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// Format and modes.
    pub format: Quantizer,
}

pub(super) const ENTRY: Entry = Entry { name: "Fixed", domains: &["nn2hdl"], import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let text: &str = import.attributes.required("format")?;
    let format = text
        .parse()
        .map_err(|error| Fault::unsupported(format!("{error}"), "write a format such as fixed<16,6>"))?;
    Ok(Arc::new(Fixed { format }))
}

impl Operator for Fixed {
    fn name(&self) -> &'static str {
        "Fixed"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let scale = power_of_two(-i64::from(self.format.format.frac));
        if let Codes::Real(tensor) = &x.codes {
            if tensor.data.iter().any(|value| !value.is_finite()) {
                return Err(Fault::new(
                    "not-finite",
                    "a constant holds NaN or infinity",
                    "train or export the model again",
                ));
            }
            let codes: Vec<i64> = tensor.data.iter().map(|&value| fixed(value, self.format)).collect();
            let chain = Field::uniform(x.shape.len(), Link::scale(scale));
            return Ok(vec![Quantity { codes: Codes::Const(codes.into()), chain, ..x }]);
        }
        let range = self.format.interval();
        let mode = Mode::Round(self.format.rounding);
        // A function that never leaves the format does not wrap, and its table needs no second rounding.
        let saturates = matches!(self.format.overflow, Overflow::Sat | Overflow::SatSym);
        if saturates || lower.curved_within(&x, &scale, mode, range) {
            let quanta = Field::uniform(x.shape.len(), Quantum { scale, zero: 0 });
            return Ok(vec![
                lower.quantize(&x, &Stairs { quanta, mode, lo: range.lo as i64, hi: range.hi as i64 })?,
            ]);
        }
        let chain = Field::uniform(x.shape.len(), Link::scale(scale));
        if let Codes::Host(source, moves) = &x.codes
            && x.plain_scale().is_some_and(|scale| *scale == Ratio::from_integer(1.into()))
        {
            return Ok(vec![lower.encoded(
                &x,
                *source,
                moves,
                Encoder::Fixed(self.format),
                self.format.format,
                chain,
            )?]);
        }
        let plain = lower.plain(&x)?;
        if plain.chain.entries().iter().any(|link| crate::front::lower::fraction_bits(&link.a).is_none()) {
            return Err(Fault::unsupported(
                format!("{} after scales that are not dyadic", self.format.overflow.name()),
                "use saturation: a format such as fixed<16,6,RND,SAT>",
            ));
        }
        // The scale is an odd number times a power of two; the odd number is multiplied in.
        let bits = plain
            .chain
            .entries()
            .iter()
            .filter_map(|link| crate::front::lower::fraction_bits(&link.a))
            .max()
            .unwrap_or(0);
        let odd =
            plain.chain.map(|link| crate::front::lower::to_i64(&(&link.a * power_of_two(bits))).unwrap_or(1));
        let mut body = Expr::default();
        let code = body.push(Op::Read(0));
        let code = lower.scaled(&mut body, code, &odd, &plain);
        let drop = quantize::Drop::Uniform(bits as i32 - self.format.format.frac);
        quantize::round(&mut body, code, &drop, self.format.rounding);
        let rounded = body.clone();
        let last = body.result();
        quantize::overflow(&mut body, last, self.format.format, self.format.overflow);
        let read = lower.read(&plain, &plain.position())?;
        let draft =
            Draft::elementwise("", plain.value_shape(), vec![read], body).frac(self.format.format.frac);
        let codes = lower.emit(draft)?;
        lower.watch_integer(&plain, rounded, range, self.format.overflow == Overflow::Wrap, codes)?;
        Ok(vec![Quantity { codes: Codes::Value(codes), chain, integer: false, ..plain }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let Quantizer { format, rounding, overflow } = self.format;
        let (lo, hi) = (self.format.interval().lo as f64, self.format.interval().hi as f64);
        let span = 2f64.powi(format.width as i32);
        let value = |v: f64| {
            let v = v * 2f64.powi(format.frac);
            let tie = v - v.floor() == 0.5;
            let rounded = match rounding {
                Rounding::Trn => v.floor(),
                Rounding::TrnZero => v.trunc(),
                Rounding::RndConv => v.round_ties_even(),
                Rounding::Rnd if tie => v.ceil(),
                Rounding::RndMinInf if tie => v.floor(),
                Rounding::RndZero if tie => v.trunc(),
                _ => v.round(),
            };
            let code = match overflow {
                Overflow::Sat | Overflow::SatSym => rounded.clamp(lo, hi),
                Overflow::SatZero => {
                    if (lo..=hi).contains(&rounded) {
                        rounded
                    } else {
                        0.0
                    }
                }
                Overflow::Wrap => {
                    let low = rounded.rem_euclid(span);
                    if low > format.interval().hi as f64 { low - span } else { low }
                }
            };
            code * 2f64.powi(-format.frac) + 0.0
        };
        Ok(vec![Tensor::new(x.shape.clone(), x.data.iter().map(|&v| value(v)).collect())])
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
    let mut all = Vec::new();
    for &rounding in Rounding::ALL {
        for &overflow in Overflow::ALL {
            for text in ["fixed<4,2>", "ufixed<3,2>", "fixed<9,4>"] {
                let format =
                    text.parse::<Quantizer>().map(|format| Quantizer { rounding, overflow, ..format });
                let Ok(format) = format else { continue };
                all.push(sample(&["fixed<7,3>"], |graph| {
                    let x = graph.input("x", &[1, 6]);
                    let y = graph.add("y", Fixed { format }, &[x]);
                    graph.output(y);
                }));
            }
        }
    }
    all
}
