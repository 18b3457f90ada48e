//! What a design would take, from the program's constants alone.

use std::collections::BTreeSet;

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_runtime::{Block, Expr, ExprId, Interval, Kernel, Op, Program, Step, TableId};
use serde::Serialize;

/// Adders beyond which a design is refused before any work: several of the largest devices.
const MOST: u64 = 3_000_000;

/// The work of one frame in one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Constants that are multiplied.
    pub weights: BTreeSet<TableId>,
    /// Constants that are added.
    pub added: BTreeSet<TableId>,
    /// Products by constants that are not zero, each as the product of its operands' widths.
    pub bit_operations: u64,
    /// Additions of shifted operands, without any sharing.
    additions: u64,
    /// Bits of their results.
    addition_bits: u64,
}

/// A forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The initiation interval it is made for.
    pub ii: u32,
    /// Additions and subtractions.
    pub adders: u64,
    /// Look-up tables.
    pub lut: u64,
}

/// What the whole program would take at this II.
pub fn forecast(program: &Program, ii: u32) -> Forecast {
    let mut all = Work::default();
    program.main().steps.iter().for_each(|step| all.join(&work(program, step)));
    // Sharing saves about half of the additions.
    let share = 2 * u64::from(ii);
    Forecast { ii, adders: all.additions / share, lut: all.addition_bits / share }
}

impl Forecast {
    /// The refusal of a design that is far too large.
    pub fn refusal(self, model: &str) -> Option<Diagnostic> {
        let ii = self.adders.div_ceil(MOST).saturating_mul(self.ii.into());
        (self.adders > MOST).then(|| {
            let message = format!(
                "at II {} the design would have about {} adders, {} LUT",
                self.ii, self.adders, self.lut
            );
            Diagnostic::new(
                "too-large",
                model,
                message,
                format!("ask for a larger II: at least `--ii {ii}`, or prune and quantize further"),
            )
        })
    }
}

/// The work of one step.
pub fn work(program: &Program, step: &Step) -> Work {
    step_work(program, program.main(), step)
}

fn step_work(program: &Program, block: &Block, step: &Step) -> Work {
    match step {
        Step::Kernel(kernel) => kernel_work(program, block, kernel),
        Step::Call(call) => {
            let called = program.block(call.block);
            let mut work = Work::default();
            called.steps.iter().for_each(|step| work.join(&step_work(program, called, step)));
            let times = u64::from(call.repeat);
            work.bit_operations = work.bit_operations.saturating_mul(times);
            work.additions = work.additions.saturating_mul(times);
            work.addition_bits = work.addition_bits.saturating_mul(times);
            work
        }
    }
}

impl Work {
    /// Adds other work; constants that both use count once.
    pub fn join(&mut self, other: &Self) {
        self.weights.extend(&other.weights);
        self.added.extend(&other.added);
        self.bit_operations = self.bit_operations.saturating_add(other.bit_operations);
        self.additions = self.additions.saturating_add(other.additions);
        self.addition_bits = self.addition_bits.saturating_add(other.addition_bits);
    }

    /// How many constants are multiplied or added, and how many multiplied ones are not zero.
    pub fn parameters(&self, program: &Program) -> (u64, u64) {
        let all = self.weights.union(&self.added).map(|&id| program.table(id).len() as u64).sum();
        let weights = self.weights.iter().flat_map(|&id| program.table(id));
        (all, weights.filter(|&&weight| weight != 0).count() as u64)
    }
}

fn kernel_work(program: &Program, block: &Block, kernel: &Kernel) -> Work {
    let out = block.value(kernel.out);
    let positions = out.len() as u64;
    let points = kernel.extent.iter().map(|&extent| extent as u64).fold(positions, u64::saturating_mul);
    let mut work = Work::default();
    for (expr, times) in [(&kernel.body, points), (&kernel.finish, positions)] {
        for op in expr.nodes() {
            match op {
                Op::Mul(a, b) => {
                    let (a, b) = (
                        operand(program, block, kernel, expr, *a),
                        operand(program, block, kernel, expr, *b),
                    );
                    work.weights.extend([a.table, b.table].into_iter().flatten());
                    let (constant, other) = if a.table.is_some() { (a, b) } else { (b, a) };
                    let products = (times as f64 * constant.nonzero) as u64;
                    work.bit_operations = work
                        .bit_operations
                        .saturating_add(products.saturating_mul((a.width * b.width).into()));
                    let digits = (times as f64 * constant.digits) as u64;
                    work.additions = work.additions.saturating_add(digits);
                    work.addition_bits =
                        work.addition_bits.saturating_add(digits.saturating_mul((other.width + 3).into()));
                }
                Op::Add(a, b) | Op::Sub(a, b) => {
                    work.added.extend([a, b].into_iter().filter_map(|id| table(expr, *id)));
                    work.additions = work.additions.saturating_add(times);
                    work.addition_bits =
                        work.addition_bits.saturating_add(times.saturating_mul(out.format.width.into()));
                }
                _ => {}
            }
        }
    }
    work
}

/// One side of a product.
#[derive(Clone, Copy)]
struct Operand {
    table: Option<TableId>,
    width: u32,
    /// The part of its values that is not zero.
    nonzero: f64,
    /// Signed digits of a constant, on average.
    digits: f64,
}

fn table(expr: &Expr, id: ExprId) -> Option<TableId> {
    match expr.nodes()[id.index()] {
        Op::Param { table, .. } => Some(table),
        _ => None,
    }
}

fn operand(program: &Program, block: &Block, kernel: &Kernel, expr: &Expr, id: ExprId) -> Operand {
    let computed = |width: u32| Operand { table: None, width, nonzero: 1.0, digits: f64::from(width) };
    match &expr.nodes()[id.index()] {
        Op::Param { table, .. } => {
            let data = program.table(*table);
            let part = |count: u64| count as f64 / data.len().max(1) as f64;
            let range = data
                .iter()
                .fold(Interval::point(0), |range, &value| range.join(Interval::point(value.into())));
            Operand {
                table: Some(*table),
                width: range.width().1,
                nonzero: part(data.iter().filter(|&&value| value != 0).count() as u64),
                digits: part(data.iter().map(|&value| u64::from(signed_digits(value))).sum()),
            }
        }
        Op::Read(slot) => {
            computed(kernel.reads.get(*slot as usize).map_or(1, |read| block.value(read.value).format.width))
        }
        _ => computed(block.value(kernel.out).format.width),
    }
}

/// Nonzero digits of the canonical signed-digit form.
fn signed_digits(value: i64) -> u32 {
    let wide = i128::from(value).unsigned_abs();
    (wide ^ (3 * wide)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_canonical() {
        assert_eq!([0, 1, -1, 3, 7, 8, 11, i64::MIN].map(signed_digits), [0, 1, 1, 2, 2, 1, 3, 1]);
    }
}
