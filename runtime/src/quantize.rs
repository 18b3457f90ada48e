//! Rounding and saturation, built from primitives. This is the only place where they are spelled out.

use crate::expr::{Expr, ExprId, Op};
use crate::format::{Format, Overflow, Quantizer, Rounding};

/// How many bits a quantizer drops: one number for all positions, or one for each.
#[derive(Clone, Debug)]
pub enum Drop {
    /// The same everywhere; negative if bits are appended.
    Uniform(i32),
    /// By position. Each operand is a `Param` node's recipe: the amounts, 0 to 63, and two tables derived from
    /// them by [`Drop::halves`] and [`Drop::alive`].
    Varying {
        /// Bits dropped.
        amount: Op,
        /// `⌊2^amount / 2⌋`.
        half: Op,
        /// 0 where nothing is dropped, else 1.
        alive: Op,
    },
}

impl Drop {
    /// `⌊2^amount / 2⌋` for each amount.
    pub fn halves(amounts: &[i64]) -> Vec<i64> {
        amounts.iter().map(|&n| if n == 0 { 0 } else { 1i64 << (n - 1) }).collect()
    }

    /// 0 for each amount that is zero, else 1.
    pub fn alive(amounts: &[i64]) -> Vec<i64> {
        amounts.iter().map(|&n| i64::from(n != 0)).collect()
    }
}

/// Appends to `expr` what brings `x`, an integer with `frac` fraction bits, into `to`.
pub fn quantize(expr: &mut Expr, x: ExprId, frac: i32, to: Quantizer) -> ExprId {
    let rounded = round(expr, x, &Drop::Uniform(frac - to.format.frac), to.rounding);
    overflow(expr, rounded, to.format, to.overflow)
}

/// Appends `x / 2^drop`, rounded.
pub fn round(expr: &mut Expr, x: ExprId, drop: &Drop, mode: Rounding) -> ExprId {
    let (amount, half, alive) = match drop {
        Drop::Uniform(0) => return x,
        Drop::Uniform(n) if *n < 0 => {
            let amount = expr.constant(i64::from(-n));
            return expr.push(Op::Shl(x, amount));
        }
        Drop::Uniform(n) if *n > 63 => return round_away(expr, x, *n, mode),
        Drop::Uniform(n) => (Op::Const((*n).into()), Op::Const(1i64 << (n - 1)), Op::Const(1)),
        Drop::Varying { amount, half, alive } => (amount.clone(), half.clone(), alive.clone()),
    };
    let amount = expr.push(amount);
    if mode == Rounding::Trn {
        return expr.push(Op::Shr(x, amount));
    }
    let (half, alive) = (expr.push(half), expr.push(alive));
    let offset = match mode {
        Rounding::Trn | Rounding::Rnd => half,
        Rounding::RndMinInf => expr.push(Op::Sub(half, alive)),
        Rounding::TrnZero => {
            // 2^amount − 1 if negative, else 0.
            let twice = expr.push(Op::Add(half, half));
            let most = expr.push(Op::Sub(twice, alive));
            let zero = expr.constant(0);
            select_negative(expr, x, most, zero)
        }
        Rounding::RndZero => {
            let less = expr.push(Op::Sub(half, alive));
            select_negative(expr, x, half, less)
        }
        Rounding::RndInf => {
            let less = expr.push(Op::Sub(half, alive));
            select_negative(expr, x, less, half)
        }
        Rounding::RndConv => {
            let less = expr.push(Op::Sub(half, alive));
            let floor = expr.push(Op::Shr(x, amount));
            let one = expr.constant(1);
            let odd = expr.push(Op::Wrap { a: floor, signed: false, width: one });
            let odd = expr.push(Op::Mul(odd, alive));
            expr.push(Op::Add(less, odd))
        }
    };
    let moved = expr.push(Op::Add(x, offset));
    expr.push(Op::Shr(moved, amount))
}

/// `x / 2^drop` for more bits than a code has: at most a half, and that only for −2^63 and 64 bits.
fn round_away(expr: &mut Expr, x: ExprId, drop: i32, mode: Rounding) -> ExprId {
    let below = match mode {
        Rounding::Trn => 0,
        Rounding::RndInf | Rounding::RndMinInf if drop == 64 => i64::MIN + 1,
        _ => i64::MIN,
    };
    let (zero, below) = (expr.constant(0), expr.constant(below));
    let is_below = expr.push(Op::Lt(x, below));
    expr.push(Op::Sub(zero, is_below))
}

/// Appends what brings the integer `x` into the range of `format`.
pub fn overflow(expr: &mut Expr, x: ExprId, format: Format, mode: Overflow) -> ExprId {
    let range = Quantizer { format, rounding: Rounding::Trn, overflow: mode }.interval();
    let (lo, hi) = (range.lo as i64, range.hi as i64);
    match mode {
        Overflow::Wrap if format.width == 64 => x,
        Overflow::Wrap => {
            let width = expr.constant(format.width.into());
            expr.push(Op::Wrap { a: x, signed: format.signed, width })
        }
        Overflow::Sat | Overflow::SatSym => clamp(expr, x, lo, hi),
        Overflow::SatZero if format.width == 64 => x,
        Overflow::SatZero => {
            // Within the bounds nothing is wrapped: this shows the interval analysis that the result fits.
            let width = expr.constant(format.width.into());
            let kept = expr.push(Op::Wrap { a: x, signed: format.signed, width });
            let (lo, hi, zero) = (expr.constant(lo), expr.constant(hi), expr.constant(0));
            let below = expr.push(Op::Lt(x, lo));
            let above = expr.push(Op::Lt(hi, x));
            let outside = expr.push(Op::Max(below, above));
            expr.push(Op::Select(outside, zero, kept))
        }
    }
}

/// Appends `min(max(x, lo), hi)`.
pub fn clamp(expr: &mut Expr, x: ExprId, lo: i64, hi: i64) -> ExprId {
    let (lo, hi) = (expr.constant(lo), expr.constant(hi));
    let raised = expr.push(Op::Max(x, lo));
    expr.push(Op::Min(raised, hi))
}

fn select_negative(expr: &mut Expr, x: ExprId, negative: ExprId, other: ExprId) -> ExprId {
    let zero = expr.constant(0);
    let is_negative = expr.push(Op::Lt(x, zero));
    expr.push(Op::Select(is_negative, negative, other))
}
