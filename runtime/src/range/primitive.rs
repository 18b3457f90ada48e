//! Intervals of the primitives.

use super::RangeError;
use crate::expr::{self, ExprId, Op};
use crate::format::Interval;

/// The tightest interval of a primitive that needs no lookup, for operands that vary independently.
#[inline]
pub fn primitive(op: &Op, operand: impl Fn(ExprId) -> Interval) -> Result<Interval, RangeError> {
    let corners = |a: Interval, b: Interval, f: &dyn Fn(i128, i128) -> i128| {
        let all = [f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)];
        all.into_iter().map(Interval::point).reduce(Interval::join).unwrap_or(a)
    };
    let within = |primitive, x: Interval, lo, hi| {
        if Interval::new(lo, hi).contains(x) {
            Ok(x)
        } else {
            Err(RangeError::Domain { primitive, lo: x.lo, hi: x.hi })
        }
    };
    Ok(match *op {
        Op::Const(value) => Interval::point(value.into()),
        Op::Shl(a, n) => {
            corners(operand(a), within("shl", operand(n), 0, 63)?, &|a, n| a.saturating_mul(1 << n))
        }
        Op::Shr(a, n) => corners(operand(a), within("shr", operand(n), 0, 63)?, &|a, n| a >> n),
        Op::Add(a, b) => Interval::new(operand(a).lo + operand(b).lo, operand(a).hi + operand(b).hi),
        Op::Sub(a, b) => Interval::new(operand(a).lo - operand(b).hi, operand(a).hi - operand(b).lo),
        Op::Mul(a, b) => product(operand(a), operand(b)),
        Op::Max(a, b) => Interval::new(operand(a).lo.max(operand(b).lo), operand(a).hi.max(operand(b).hi)),
        Op::Min(a, b) => Interval::new(operand(a).lo.min(operand(b).lo), operand(a).hi.min(operand(b).hi)),
        Op::Lt(a, b) => {
            let (a, b) = (operand(a), operand(b));
            Interval::new(i128::from(a.hi < b.lo), i128::from(a.lo < b.hi))
        }
        Op::Select(c, a, b) => match within("select", operand(c), 0, 1)? {
            Interval { lo: 1, hi: 1 } => operand(a),
            Interval { lo: 0, hi: 0 } => operand(b),
            _ => operand(a).join(operand(b)),
        },
        Op::Wrap { a, signed, width } => {
            let (a, width) = (operand(a), within("wrap", operand(width), 1, 63)?);
            let (lo, hi) =
                (expr::wrap(a.lo, signed, width.lo as u32), expr::wrap(a.hi, signed, width.lo as u32));
            let widest = width.hi as u32;
            // Nothing wraps in between exactly when both ends move by the same multiple.
            if width.lo == width.hi && hi - lo == a.hi - a.lo {
                Interval::new(lo, hi)
            } else if signed {
                Interval::new(-(1 << (widest - 1)), (1 << (widest - 1)) - 1)
            } else {
                Interval::new(0, (1 << widest) - 1)
            }
        }
        Op::Read(_) | Op::Acc | Op::Param { .. } | Op::Lut { .. } => Interval::point(0),
    })
}

fn product(a: Interval, b: Interval) -> Interval {
    // A weight is a point, and codes are narrow: both are worth a shorter way.
    if b.lo == b.hi && a.fits_code() && b.fits_code() {
        let (x, y) = (a.lo * b.lo, a.hi * b.lo);
        return Interval { lo: x.min(y), hi: x.max(y) };
    }
    if a.lo == a.hi && b.lo != b.hi {
        return product(b, a);
    }
    let all = [(a.lo, b.lo), (a.lo, b.hi), (a.hi, b.lo), (a.hi, b.hi)].map(|(x, y)| x.saturating_mul(y));
    let [w, x, y, z] = all;
    Interval { lo: w.min(x).min(y).min(z), hi: w.max(x).max(y).max(z) }
}
