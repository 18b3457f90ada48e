//! `LogSoftmax`.

use std::sync::Arc;

use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::{Expr, Op, Rounding};

use super::group::{Group, members, others};
use super::sample::sample;
use super::softmax::{BITS, Exponentials, above_one};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity, power_of_two, to_i64, whole};
use crate::graph::Tensor;

/// `y[…, i, …] = x[…, i, …] − m − ln Σ_j exp(x[…, j, …] − m)` with `m = max_j x[…, j, …]`, along an axis, or over all
/// axes from it on (before operator set 13).
///
/// Defined by tables, as `Softmax`: the sum is rounded to the finest step whose table of logarithms has at most
/// 2^`table_bits` entries. The report states a bound of the difference to the real function.
#[derive(Clone, Copy, Debug)]
pub struct LogSoftmax {
    /// The axis.
    pub axis: i64,
    /// Whether all axes from `axis` on are one, as before operator set 13.
    pub flat: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "LogSoftmax", domains: ONNX, import, samples };

/// Fraction bits of the factor where the argument's scale has more than the result.
const FACTOR_BITS: i64 = 14;

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let flat = import.opset < 13;
    let axis = import.attributes.or("axis", if flat { 1 } else { -1 })?;
    Ok(Arc::new(LogSoftmax { axis, flat }))
}

impl LogSoftmax {
    fn axes(self, shape: &[usize]) -> Result<Vec<usize>, Fault> {
        let axis = axis(self.axis, shape.len())?;
        Ok((axis..if self.flat { shape.len() } else { axis + 1 }).collect())
    }
}

impl Operator for LogSoftmax {
    fn name(&self) -> &'static str {
        "LogSoftmax"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        self.axes(x.shape)?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let group = Group::new(&x, self.axes(&x.shape)?)?;
        let Exponentials { x, max, terms: e, error } = Exponentials::new(lower, &x, &group)?;
        let entries = 1i64 << lower.options().table_bits.clamp(2, 20);
        let unit = 2f64.powi(BITS as i32);
        let count = group.count() as i64;
        let most = (count - 1) << BITS;
        let coarse = (0..62).find(|&drop| most >> drop <= entries).unwrap_or(0);
        let len = ((most >> coarse) + 2).min(entries);
        let logarithm = |n: i64| ((n << coarse) as f64 / unit).ln_1p() * unit;
        let id = lower.table("logarithm", (0..len).map(|n| logarithm(n).round() as i64).collect());
        let finish = above_one(id, coarse, len);
        let read = lower.read(&e, &group.along(&e))?;
        let draft = Draft::sum("sum", &group.reduced(&e), group.extent(), vec![read], Expr::read());
        let logarithm = lower.emit(Draft { finish, ..draft }.frac(BITS as i32))?;
        let logarithm = group.of(&e, logarithm);

        // The argument in units of the result: exactly, or by a factor of more bits.
        let ratio = &x.chain.entries()[0].a * power_of_two(BITS);
        let exact = to_i64(&ratio).filter(|factor| *factor < 1 << 40);
        let (factor, drop) = match exact {
            Some(factor) => (factor, 0),
            None => {
                let factor = to_i64(&(&ratio * power_of_two(FACTOR_BITS)).round()).filter(|n| *n < 1 << 40);
                (factor.ok_or_else(too_coarse)?, FACTOR_BITS as i32)
            }
        };
        let mut body = Expr::default();
        let (code, greatest) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let difference = body.push(Op::Sub(code, greatest));
        let factor_id = body.constant(factor);
        let product = body.push(Op::Mul(difference, factor_id));
        let rounded = quantize::round(&mut body, product, &Drop::Uniform(drop), Rounding::Rnd);
        let subtrahend = body.push(Op::Read(2));
        body.push(Op::Sub(rounded, subtrahend));
        let first = group.first(&x);
        let reads =
            vec![lower.read(&x, &x.position())?, lower.read(&max, &first)?, lower.read(&logarithm, &first)?];
        let draft = Draft::elementwise("", x.value_shape(), reads, body);
        let value = lower.emit(draft.frac(BITS as i32))?;
        let reach = crate::front::lower::nearest(&(&ratio - whole(factor) * power_of_two(-i64::from(drop))));
        let argument = lower.value(&x)?;
        let range = nn2hdl_runtime::range::join(lower.elements(argument));
        let bound = error.argument
            + count as f64 * error.exponential
            + if coarse == 0 { 0.0 } else { 2f64.powi(coarse - 1) / unit }
            + reach.abs() * (range.hi - range.lo) as f64 / unit
            + 1.0 / unit;
        let node = lower.node_name().to_owned();
        lower.note(format!(
            "{node}: the tables of the logarithm of the softmax differ from the real function by less than {bound:.1e}"
        ));
        Ok(vec![Quantity { codes: Codes::Value(value), ..e }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axes = self.axes(&x.shape)?;
        let mut data = x.data.clone();
        for group in members(&x.shape, |p| others(p, &axes)) {
            let max = group.iter().map(|&n| x.data[n]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = group.iter().map(|&n| (x.data[n] - max).exp()).sum();
            group.iter().for_each(|&n| data[n] = x.data[n] - max - sum.ln());
        }
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }
}

fn too_coarse() -> Fault {
    Fault::new(
        "scales-differ",
        "the input's scale is too large for the logarithm of a softmax",
        "put a quantizer with a smaller scale before it",
    )
}

fn samples(_seed: u64) -> Vec<Sample> {
    [("fixed<6,3>", -1, false, 1.0), ("fixed<12,6>", 1, false, 0.3), ("fixed<6,3>", 1, true, 1.0)]
        .into_iter()
        .map(|(format, axis, flat, factor)| {
            let made = sample(&[format], |graph| {
                let x = graph.input("x", &[1, 3, 4]);
                let factor = graph.constant("factor", Tensor::scalar(factor));
                let scaled = graph.add("scaled", super::Mul, &[x, factor]);
                let y = graph.add("y", LogSoftmax { axis, flat }, &[scaled]);
                graph.output(y);
            });
            Sample { tolerance: 0.004, ..made }
        })
        .collect()
}
