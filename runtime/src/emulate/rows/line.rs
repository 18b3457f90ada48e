//! Expressions on consecutive columns: each instruction runs over all of them before the next.

use crate::emulate::code::{Arg, Binary, Code, Instruction, PINNED};
use crate::emulate::lane::Lane;
use crate::emulate::rows::{LANES, WHOLE};
use crate::kernel::Reduction;

enum Operand<'a, T> {
    Lanes(&'a [T]),
    Scalar(T),
}

/// Where an expression is evaluated: as many columns as `acc` has, a multiple of `WHOLE`.
pub(super) struct Columns<'a, T> {
    pub memory: &'a [T],
    pub tables: &'a [Vec<T>],
    pub words: &'a [i64],
    pub base: u32,
    pub acc: &'a [T],
}

impl<T: Lane> Columns<'_, T> {
    #[inline(always)]
    fn operand<'b>(&'b self, arg: Arg, registers: &'b [T]) -> Operand<'b, T> {
        let len = self.acc.len();
        match arg {
            Arg::Fetch(n) => {
                let word = self.words[n];
                if word & PINNED == 0 {
                    Operand::Lanes(&self.memory[self.base.wrapping_add(word as u32) as usize..][..len])
                } else {
                    Operand::Scalar(self.memory[word as u32 as usize * LANES])
                }
            }
            Arg::Register(n) => Operand::Lanes(&registers[n * len..][..len]),
            Arg::Scalar(n) => Operand::Scalar(T::of(self.words[n])),
            Arg::Acc => Operand::Lanes(self.acc),
        }
    }

    /// Sets `out` to the value of `code`, which gathers nothing.
    #[inline(always)]
    pub fn run(&self, code: &Code, registers: &mut [T], out: &mut [T]) {
        let len = self.acc.len();
        let last = code.instructions.len().wrapping_sub(1);
        for (n, instruction) in code.instructions.iter().enumerate() {
            let (earlier, rest) = registers.split_at_mut(n * len);
            let is_result = n == last && matches!(code.result, Arg::Register(result) if result == n);
            self.step(instruction, earlier, if is_result { &mut *out } else { &mut rest[..len] });
            if is_result {
                return;
            }
        }
        map(out, &self.operand(code.result, registers), |a| a);
    }

    #[inline(always)]
    fn step(&self, instruction: &Instruction, registers: &[T], out: &mut [T]) {
        match *instruction {
            Instruction::Binary(op, a, b) => {
                let (a, b) = (self.operand(a, registers), self.operand(b, registers));
                match op {
                    Binary::Add => zip(out, &a, &b, T::add),
                    Binary::Sub => zip(out, &a, &b, T::sub),
                    Binary::Mul => zip(out, &a, &b, T::mul),
                    Binary::Max => zip(out, &a, &b, T::max),
                    Binary::Min => zip(out, &a, &b, T::min),
                    Binary::Lt => zip(out, &a, &b, |a, b| T::flag(a < b)),
                }
            }
            Instruction::Shl(a, n) => shl(out, &self.operand(a, registers), self.words[n] as u32),
            Instruction::Shr(a, n) => shr(out, &self.operand(a, registers), self.words[n] as u32),
            Instruction::Wrap { a, signed, width } => {
                let (a, width) = (self.operand(a, registers), self.words[width] as u32);
                let spare = (8 * size_of::<T>() as u32).saturating_sub(width);
                if signed && spare > 0 {
                    shl(out, &a, spare);
                    for lane in &mut *out {
                        *lane = lane.shr(spare);
                    }
                } else {
                    // All bits, if the lane has no more.
                    let kept = T::of(-1).wrap(signed, width);
                    map(out, &a, |a| a.and(kept));
                }
            }
            Instruction::Select(c, a, b) => {
                map(out, &self.operand(b, registers), |b| b);
                let a = self.operand(a, registers);
                let zero = T::default();
                for (n, out) in out.iter_mut().enumerate() {
                    let chosen = match self.operand(c, registers) {
                        Operand::Lanes(c) => c[n] != zero,
                        Operand::Scalar(c) => c != zero,
                    };
                    if chosen {
                        *out = match a {
                            Operand::Lanes(a) => a[n],
                            Operand::Scalar(a) => a,
                        };
                    }
                }
            }
            Instruction::Lut { table, a, row } => {
                let (table, row) = (self.tables[table].as_slice(), self.words[row]);
                map(out, &self.operand(a, registers), |a| {
                    table.get(row.wrapping_add(a.code()) as usize).copied().unwrap_or_default()
                });
            }
        }
    }
}

/// Combines `acc` with the values of another reduction point.
#[inline(always)]
pub(super) fn combine<T: Lane>(reduction: Reduction, acc: &mut [T], value: &[T]) {
    for (acc, &value) in acc.iter_mut().zip(value) {
        *acc = match reduction {
            Reduction::Sum => acc.add(value),
            Reduction::Max => (*acc).max(value),
            Reduction::Min => (*acc).min(value),
        };
    }
}

/// `out` and the lanes of operands are whole pieces of `WHOLE` lanes: told so, the compiler leaves no rest.
#[inline(always)]
fn map<T: Lane>(out: &mut [T], a: &Operand<'_, T>, f: impl Fn(T) -> T) {
    let len = out.len() / WHOLE * WHOLE;
    match a {
        Operand::Lanes(a) => {
            for (out, &a) in out[..len].iter_mut().zip(&a[..len]) {
                *out = f(a);
            }
        }
        Operand::Scalar(a) => out.fill(f(*a)),
    }
}

#[inline(always)]
fn zip<T: Lane>(out: &mut [T], a: &Operand<'_, T>, b: &Operand<'_, T>, f: impl Fn(T, T) -> T) {
    match (a, b) {
        (Operand::Lanes(a), Operand::Lanes(b)) => {
            let len = out.len() / WHOLE * WHOLE;
            for ((out, &a), &b) in out[..len].iter_mut().zip(&a[..len]).zip(&b[..len]) {
                *out = f(a, b);
            }
        }
        (a, &Operand::Scalar(b)) => map(out, a, |a| f(a, b)),
        (&Operand::Scalar(a), b) => map(out, b, |b| f(a, b)),
    }
}

/// As a product, which every instruction set has for lanes of every width.
#[inline(always)]
fn shl<T: Lane>(out: &mut [T], a: &Operand<'_, T>, amount: u32) {
    let factor = T::of(1i64.checked_shl(amount).unwrap_or(0));
    map(out, a, |a| a.mul(factor));
}

/// With the amount as a constant, without which the loop stays scalar.
#[inline(always)]
fn shr<T: Lane>(out: &mut [T], a: &Operand<'_, T>, amount: u32) {
    macro_rules! constant {
        ($($n:literal)*) => {
            match amount {
                $($n => map(out, a, |a| a.shr($n)),)*
                _ => map(out, a, |a| a.shr(amount)),
            }
        };
    }
    constant!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}
