//! `Softmax`.

use std::sync::Arc;

use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Expr, Index, Op, Reduction, Rounding, TableId};

use super::argmax::without_offset;
use super::group::{Group, members, others};
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, nearest, power_of_two};
use crate::graph::Tensor;

/// `y[…, i, …] = exp(x[…, i, …] − m) ÷ Σ_j exp(x[…, j, …] − m)` with `m = max_j x[…, j, …]`, along an axis,
/// or over all axes from it on (before operator set 13).
///
/// Defined by tables: `x − m` is rounded to the finest step whose table has at most 2^`table_bits` entries, the sum
/// likewise before its reciprocal. The report states a bound of the difference to the real function.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    /// The axis.
    pub axis: i64,
    /// Whether all axes from `axis` on are one, as before operator set 13.
    pub flat: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "Softmax", domains: ONNX, import, samples };

/// Fraction bits of the exponentials and of the result.
pub(super) const BITS: i64 = 16;

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let flat = import.opset < 13;
    let axis = import.attributes.or("axis", if flat { 1 } else { -1 })?;
    Ok(Arc::new(Softmax { axis, flat }))
}

impl Softmax {
    fn axes(self, shape: &[usize]) -> Result<Vec<usize>, Fault> {
        let axis = axis(self.axis, shape.len())?;
        Ok((axis..if self.flat { shape.len() } else { axis + 1 }).collect())
    }
}

/// What bounds the difference to the real function.
struct Errors {
    /// Half a step of the exponential's argument.
    argument: f64,
    /// Of one exponential, absolute.
    exponential: f64,
    /// Of the reciprocal, relative.
    reciprocal: f64,
    /// Number of terms.
    terms: f64,
}

impl Errors {
    /// The greatest difference: numerator and other terms err in opposite directions, worst between 0 and 1.
    fn bound(&self) -> f64 {
        let (up, down) = (self.argument.exp(), (-self.argument).exp());
        let worst = (1..1000)
            .map(|n| {
                let y = f64::from(n) / 1000.0;
                let high = y * up / (y * up + (1.0 - y) * down) - y;
                let low = y - y * down / (y * down + (1.0 - y) * up);
                high.max(low)
            })
            .fold(0.0, f64::max);
        worst
            + 1e-3 * self.argument
            + (self.terms + 1.0) * self.exponential
            + self.reciprocal
            + 2f64.powi(-1 - BITS as i32)
    }
}

impl Operator for Softmax {
    fn name(&self) -> &'static str {
        "Softmax"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        self.axes(x.shape)?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let group = Group::new(&x, self.axes(&x.shape)?)?;
        let Exponentials { x, terms: e, error, .. } = Exponentials::new(lower, &x, &group)?;
        let entries = 1i64 << lower.options().table_bits.clamp(2, 20);
        let unit = 2f64.powi(BITS as i32);
        let count = group.count() as i64;

        // The greatest term is 1, so that the sum lies between 1 and the number of terms; 1 is entry 0.
        let most = (count - 1) << BITS;
        let coarse = (0..62).find(|&drop| most >> drop <= entries).unwrap_or(0);
        let len = ((most >> coarse) + 2).min(entries);
        let reciprocal = |n: i64| unit * unit / (unit + (n << coarse) as f64);
        let table: Vec<i64> = (0..len).map(|n| reciprocal(n).round() as i64).collect();
        let id = lower.table("reciprocal", table);
        let finish = above_one(id, coarse, len);
        let read = lower.read(&e, &group.along(&e))?;
        let draft = Draft::sum("sum", &group.reduced(&e), group.extent(), vec![read], Expr::read());
        let inverse = lower.emit(Draft { finish, ..draft }.frac(BITS as i32))?;
        let inverse = group.of(&e, inverse);

        let mut body = Expr::default();
        let (numerator, factor) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let product = body.push(Op::Mul(numerator, factor));
        let rounded = quantize::round(&mut body, product, &Drop::Uniform(BITS as i32), Rounding::Rnd);
        let one = body.constant(1 << BITS);
        body.push(Op::Min(rounded, one));
        let reads = vec![lower.read(&e, &e.position())?, lower.read(&inverse, &group.first(&e))?];
        let draft = Draft::elementwise("", x.value_shape(), reads, body);
        let codes = Codes::Value(lower.emit(draft.frac(BITS as i32))?);
        let terms = count as f64;
        let errors = Errors {
            argument: error.argument,
            exponential: error.exponential,
            reciprocal: if coarse == 0 { 0.0 } else { 2f64.powi(coarse - 1) / unit * (4.0 / terms).max(1.0) }
                + terms / unit,
            terms,
        };
        let node = lower.node_name().to_owned();
        lower.note(format!(
            "{node}: the tables of the softmax differ from the real function by less than {:.1e}",
            errors.bound()
        ));
        Ok(vec![Quantity { codes, ..e }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axes = self.axes(&x.shape)?;
        let mut data = x.data.clone();
        for group in members(&x.shape, |p| others(p, &axes)) {
            let max = group.iter().map(|&n| x.data[n]).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = group.iter().map(|&n| (x.data[n] - max).exp()).sum();
            group.iter().for_each(|&n| data[n] = (x.data[n] - max).exp() / sum);
        }
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Movement
    }
}

/// `exp(x − max)` over groups of elements, by table.
pub(super) struct Exponentials {
    /// The argument: codes of one positive scale.
    pub x: Quantity,
    /// Its greatest element in each group.
    pub max: Quantity,
    /// The exponentials, with [`BITS`] fraction bits, at most 1.
    pub terms: Quantity,
    /// What they may be off by.
    pub error: TermError,
}

/// How much `exp` may be off.
pub(super) struct TermError {
    /// In its argument: half a step of the table.
    pub argument: f64,
    /// In one term, absolute.
    pub exponential: f64,
}

impl Exponentials {
    /// Of `x`, in the groups of `group`.
    pub(super) fn new(lower: &mut Lower<'_>, x: &Quantity, group: &Group) -> Result<Self, Fault> {
        // An offset that is the same everywhere cancels.
        let x = lower.plain(&without_offset(x))?;
        let scale = nearest(&x.chain.entries()[0].a);
        let entries = 1i64 << lower.options().table_bits.clamp(2, 20);
        let value = lower.value(&x)?;
        let range = join(lower.elements(value));
        let spread = range.hi - range.lo;
        let read = lower.read(&x, &group.along(&x))?;
        let draft = Draft::sum("max", &group.reduced(&x), group.extent(), vec![read], Expr::read());
        let max = lower.emit(Draft { reduction: Reduction::Max, ..draft }.frac(x.frac()))?;
        let max = group.of(&x, max);

        // Beyond the last entry exp is below half a unit of its table.
        let reach =
            (f64::from(BITS as i32 + 2) * std::f64::consts::LN_2 / scale).ceil().min(spread as f64).max(1.0);
        let drop = (0..62).find(|&drop| reach / 2f64.powi(drop) <= (entries - 2) as f64).unwrap_or(0);
        let step = scale * 2f64.powi(drop);
        let last = ((spread + (1 << drop) - 1) >> drop).min(i128::from(entries - 1)) as i64;
        let unit = 2f64.powi(BITS as i32);
        let table: Vec<i64> =
            (0..=last).map(|n| ((n - last) as f64 * step).exp() * unit).map(|e| e.round() as i64).collect();
        let mut body = Expr::default();
        let (code, greatest) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let difference = body.push(Op::Sub(code, greatest));
        let rounded = quantize::round(&mut body, difference, &Drop::Uniform(drop), Rounding::Rnd);
        let argument = quantize::clamp(&mut body, rounded, -last, 0);
        let table = lower.table("exp", table);
        let (row, len) = (Index::Const(0), last as u32 + 1);
        body.push(Op::Lut { table, row, len, base: -last, a: argument });
        let reads = vec![lower.read(&x, &x.position())?, lower.read(&max, &group.first(&x))?];
        let terms = lower.emit(Draft::elementwise("exp", x.value_shape(), reads, body).frac(BITS as i32))?;
        let chain = Field::uniform(x.shape.len(), Link::scale(power_of_two(-BITS)));
        let terms = Quantity { codes: Codes::Value(terms), chain, integer: false, ..x.clone() };
        let beyond = (last as f64) * step < spread as f64 * scale;
        let error = TermError {
            argument: if drop == 0 { 0.0 } else { step / 2.0 },
            exponential: 0.5 / unit + if beyond { (-(last as f64) * step).exp() } else { 0.0 },
        };
        Ok(Self { x, max, terms, error })
    }
}

/// The entry of `table` for a sum from 1 on: entry `n`, the last at most, is for `1 + n × 2^coarse` units.
pub(super) fn above_one(table: TableId, coarse: i32, len: i64) -> Expr {
    let mut finish = Expr::acc();
    let sum = finish.result();
    let one = finish.constant(1 << BITS);
    let above = finish.push(Op::Sub(sum, one));
    let rounded = quantize::round(&mut finish, above, &Drop::Uniform(coarse), Rounding::Rnd);
    let index = quantize::clamp(&mut finish, rounded, 0, len - 1);
    finish.push(Op::Lut { table, row: Index::Const(0), len: len as u32, base: 0, a: index });
    finish
}

fn samples(_seed: u64) -> Vec<Sample> {
    [("fixed<6,3>", -1, false), ("fixed<16,6>", 1, false), ("fixed<6,3>", 1, true)]
        .into_iter()
        .map(|(format, axis, flat)| {
            let made = sample(&[format], |graph| {
                let x = graph.input("x", &[1, 3, 4]);
                let y = graph.add("y", Softmax { axis, flat }, &[x]);
                graph.output(y);
            });
            Sample { tolerance: 0.002, ..made }
        })
        .collect()
}
