//! The tree that sums what is left of one column.

use super::SolveError;
use super::builder::{Builder, Term};
use super::graph::Operand;

/// Only this many of the earliest terms compete for the next addition.
const WINDOW: usize = 48;

/// 2^level, the share that a value of that level takes of a tree's 2^depth leaves.
pub fn leaves(level: u32) -> u128 {
    1 << level.min(120)
}

/// How many more leaves the sum of two values takes than they do.
pub fn growth(levels: [u32; 2]) -> u128 {
    let sum = leaves(levels[0].max(levels[1]) + 1);
    sum.saturating_sub(leaves(levels[0])).saturating_sub(leaves(levels[1]))
}

/// The least depth of a tree over terms that take `total` leaves.
pub fn least_depth(total: u128) -> u32 {
    total.max(1).next_power_of_two().trailing_zeros()
}

/// Sums `terms` in at most `depth` levels where that is possible (else in the fewest), cheapest
/// addition first. The result is positive if any term is.
pub fn sum_terms(
    builder: &mut Builder,
    mut terms: Vec<Term>,
    depth: u32,
) -> Result<Option<Term>, SolveError> {
    let mut total =
        terms.iter().fold(0u128, |sum, t| sum.saturating_add(leaves(builder.level(t.operand.value))));
    let budget = leaves(depth.max(least_depth(total)));
    let key = |builder: &Builder, t: &Term| {
        (builder.level(t.operand.value), builder.range(t.operand.value).width() + t.operand.shift, *t)
    };
    terms.sort_by_key(|term| key(builder, term));
    while terms.len() > 1 {
        let window = terms.len().min(WINDOW);
        let mut best = None;
        for j in 1..window {
            for i in 0..j {
                let (x, y) = (terms[i], terms[j]);
                let levels = [builder.level(x.operand.value), builder.level(y.operand.value)];
                let growth = growth(levels);
                if (i, j) != (0, 1) && total.saturating_add(growth) > budget {
                    continue;
                }
                let subtract = x.negative != y.negative;
                let (a, b) = order(x.operand, y.operand);
                let cost = builder.estimate(a, b, subtract);
                let rank = (cost.luts(), cost.sum.width(), levels[0].max(levels[1]), i, j);
                if best.is_none_or(|(found, _)| rank < found) {
                    best = Some((rank, growth));
                }
            }
        }
        let Some(((.., i, j), growth)) = best else { break };
        total = total.saturating_add(growth);
        let (y, x) = (terms.remove(j), terms.remove(i));
        let others_positive = terms.iter().any(|term| !term.negative);
        let merged = merge(builder, x, y, others_positive)?;
        let at = terms.partition_point(|term| key(builder, term) < key(builder, &merged));
        terms.insert(at, merged);
    }
    Ok(terms.pop())
}

/// The operand with fewer zeros on the right first.
fn order(x: Operand, y: Operand) -> (Operand, Operand) {
    if (y.shift, y.value) < (x.shift, x.value) { (y, x) } else { (x, y) }
}

fn merge(builder: &mut Builder, x: Term, y: Term, others_positive: bool) -> Result<Term, SolveError> {
    if x.negative == y.negative {
        return Ok(Term { operand: builder.add(x.operand, y.operand, false)?, negative: x.negative });
    }
    let (low, high) = if order(x.operand, y.operand).0 == x.operand { (x, y) } else { (y, x) };
    let same_shift = low.operand.shift == high.operand.shift;
    let turned = low.negative && (same_shift || !others_positive);
    let (a, b) = if turned { (high, low) } else { (low, high) };
    Ok(Term { operand: builder.add(a.operand, b.operand, true)?, negative: a.negative })
}
