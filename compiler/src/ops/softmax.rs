//! `Softmax`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Expr, Index, Op, Reduction, Rounding};
use num_traits::Signed;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, coordinates, nearest, power_of_two};
use crate::graph::Tensor;

/// `y[…, i, …] = exp(x[…, i, …] − m) ÷ Σ_j exp(x[…, j, …] − m)` with `m = max_j x[…, j, …]`, along an axis.
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
const BITS: i64 = 16;

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let flat = import.opset < 13;
    let axis = import.attributes.or("axis", if flat { 1 } else { -1 })?;
    Ok(Arc::new(Softmax { axis, flat }))
}

impl Softmax {
    fn axis(self, shape: &[usize]) -> Result<usize, Fault> {
        let axis = axis(self.axis, shape.len())?;
        if self.flat && shape[axis + 1..].iter().any(|&extent| extent > 1) {
            return Err(Fault::unsupported(
                "a softmax over several axes",
                "convert the model to operator set 13 or later",
            ));
        }
        Ok(axis)
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
        self.axis(x.shape)?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = self.axis(&x.shape)?;
        if x.framed && axis == 0 {
            return Err(Fault::unsupported("a softmax over frames", "choose another axis"));
        }
        // An offset that is the same everywhere cancels.
        let x = match x.chain.single() {
            Some(link) if link.is_affine() && link.a.is_positive() => {
                let chain = Field::uniform(x.shape.len(), Link::scale(link.a.clone()));
                Quantity { chain, ..x }
            }
            _ => x,
        };
        let x = lower.plain(&x)?;
        let scale = nearest(&x.chain.entries()[0].a);
        let table_bits = lower.options().table_bits.clamp(2, 20);
        let entries = 1i64 << table_bits;
        let value = lower.value(&x)?;
        let range = join(lower.elements(value));
        let spread = range.hi - range.lo;
        let at = x.position();
        let shape = x.value_shape().to_vec();
        let frame = usize::from(x.framed);
        let mut reduced = shape.clone();
        reduced[axis - frame] = 1;
        let mut along = coordinates(x.shape.len(), x.framed);
        along[axis] = Index::r(0);
        let mut first = at.clone();
        first[axis] = Index::Const(0);
        let extent = x.shape[axis];

        let read = lower.read(&x, &along)?;
        let draft = Draft::sum("max", &reduced, vec![extent], vec![read], Expr::read()).frac(x.frac());
        let max = Codes::Value(lower.emit(Draft { reduction: Reduction::Max, ..draft })?);
        let mut shape_of_max = x.shape.clone();
        shape_of_max[axis] = 1;
        let max = Quantity { codes: max, shape: shape_of_max, ..x.clone() };

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
        let id = lower.table("exp", table);
        body.push(Op::Lut {
            table: id,
            row: Index::Const(0),
            len: last as u32 + 1,
            base: -last,
            a: argument,
        });
        let reads = vec![lower.read(&x, &at)?, lower.read(&max, &first)?];
        let exponentials = lower.emit(Draft::elementwise("exp", &shape, reads, body).frac(BITS as i32))?;
        let unit_chain = Field::uniform(x.shape.len(), Link::scale(power_of_two(-BITS)));
        let e = Quantity {
            codes: Codes::Value(exponentials),
            chain: unit_chain.clone(),
            integer: false,
            ..x.clone()
        };

        // The greatest term is 1, so that the sum lies between 1 and the number of terms; 1 is entry 0.
        let most = ((extent as i64) - 1) << BITS;
        let coarse = (0..62).find(|&drop| most >> drop <= entries).unwrap_or(0);
        let count = ((most >> coarse) + 2).min(entries);
        let reciprocal = |n: i64| unit * unit / (unit + (n << coarse) as f64);
        let table: Vec<i64> = (0..count).map(|n| reciprocal(n).round() as i64).collect();
        let read = lower.read(&e, &along)?;
        let draft = Draft::sum("sum", &reduced, vec![extent], vec![read], Expr::read());
        let id = lower.table("reciprocal", table);
        let mut finish = Expr::default();
        let sum = finish.push(Op::Acc);
        let one = finish.constant(1 << BITS);
        let above = finish.push(Op::Sub(sum, one));
        let rounded = quantize::round(&mut finish, above, &Drop::Uniform(coarse), Rounding::Rnd);
        let index = quantize::clamp(&mut finish, rounded, 0, count - 1);
        finish.push(Op::Lut { table: id, row: Index::Const(0), len: count as u32, base: 0, a: index });
        let inverse = lower.emit(Draft { finish, ..draft }.frac(BITS as i32))?;
        let inverse = Quantity { codes: Codes::Value(inverse), ..max };

        let mut body = Expr::default();
        let (numerator, factor) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let product = body.push(Op::Mul(numerator, factor));
        let rounded = quantize::round(&mut body, product, &Drop::Uniform(BITS as i32), Rounding::Rnd);
        let one = body.constant(1 << BITS);
        body.push(Op::Min(rounded, one));
        let reads = vec![lower.read(&e, &at)?, lower.read(&inverse, &first)?];
        let codes = Codes::Value(lower.emit(Draft::elementwise("", &shape, reads, body).frac(BITS as i32))?);
        let errors = Errors {
            argument: if drop == 0 { 0.0 } else { step / 2.0 },
            exponential: 0.5 / unit
                + if last as f64 * step < spread as f64 * scale {
                    (-(last as f64) * step).exp()
                } else {
                    0.0
                },
            reciprocal: if coarse == 0 {
                0.0
            } else {
                2f64.powi(coarse - 1) / unit * (4.0 / extent as f64).max(1.0)
            } + extent as f64 / unit,
            terms: extent as f64,
        };
        let node = lower.node_name().to_owned();
        lower.note(format!(
            "{node}: the tables of the softmax differ from the real function by less than {:.1e}",
            errors.bound()
        ));
        Ok(vec![Quantity { codes, chain: unit_chain, integer: false, ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = self.axis(&x.shape)?;
        let at = |p: &[usize], i: usize| {
            let flat = |flat: usize, (n, (&at, &extent)): (usize, (&usize, &usize))| {
                flat * extent + if n == axis { i } else { at }
            };
            x.data[p.iter().zip(&x.shape).enumerate().fold(0, flat)]
        };
        let data = points(&x.shape)
            .map(|p| {
                let max = (0..x.shape[axis]).map(|i| at(&p, i)).fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = (0..x.shape[axis]).map(|i| (at(&p, i) - max).exp()).sum();
                (at(&p, p[axis]) - max).exp() / sum
            })
            .collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Movement
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [("fixed<6,3>", -1), ("fixed<16,6>", 1)]
        .into_iter()
        .map(|(format, axis)| {
            let made = sample(&[format], |graph| {
                let x = graph.input("x", &[1, 4, 5]);
                let y = graph.add("y", Softmax { axis, flat: false }, &[x]);
                graph.output(y);
            });
            Sample { tolerance: 0.002, ..made }
        })
        .collect()
}
