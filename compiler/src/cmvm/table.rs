//! One-bit inputs, six to a table.

use super::SolveError;
use super::builder::{Builder, Term};
use super::cost::table_luts;
use super::graph::{Operand, TABLE_INPUTS, ValueId};
use super::range::Range;

/// How one-bit inputs are gathered into tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all: they are added like any other.
    Off,
    /// The same six inputs in every column, so that columns may share tables.
    Aligned,
    /// Each column's own non-zero weights, six at a time.
    Dense,
    /// The same, gathered so that the tables and the additions behind them are small.
    Gathered,
}

/// An input and its coefficient.
pub type Weight = (ValueId, i64);

/// Terms over tables, and the weights that are in none.
pub type Packed = (Vec<Term>, Vec<Weight>);

/// A column's entries over one-bit inputs, as terms over tables. Entries alone in their table
/// come back in the second list, to be added like any other.
pub fn pack(builder: &mut Builder, weights: &[Weight], packing: Packing) -> Result<Packed, SolveError> {
    let groups: Vec<Vec<Weight>> = match packing {
        Packing::Off => return Ok((Vec::new(), weights.iter().copied().filter(|t| t.1 != 0).collect())),
        Packing::Aligned => weights.chunks(TABLE_INPUTS).map(nonzero).collect(),
        Packing::Dense => nonzero(weights).chunks(TABLE_INPUTS).map(<[_]>::to_vec).collect(),
        Packing::Gathered => gather(nonzero(weights)),
    };
    let (mut terms, mut rest) = (Vec::new(), Vec::new());
    for group in groups {
        match group.len() {
            0 => {}
            1 => rest.extend(group),
            _ => terms.push(table(builder, group)?),
        }
    }
    Ok((terms, rest))
}

/// Exchanges of two weights between tables that are tried for one column, at most.
const EXCHANGES: usize = 20_000;

/// Groups of at most six: at first weights of equal powers of two and size together, then any two weights change places
/// while that makes their tables smaller.
fn gather(mut weights: Vec<Weight>) -> Vec<Vec<Weight>> {
    weights.sort_by_key(|&(value, weight)| {
        (weight.trailing_zeros(), weight.unsigned_abs() >> weight.trailing_zeros(), weight < 0, value)
    });
    let mut groups: Vec<Vec<Weight>> = weights.chunks(TABLE_INPUTS).map(<[_]>::to_vec).collect();
    let mut costs: Vec<u32> = groups.iter().map(|group| price(group)).collect();
    let mut left = EXCHANGES;
    let mut better = true;
    while std::mem::take(&mut better) {
        for (j, i) in (1..groups.len()).flat_map(|j| (0..j).map(move |i| (j, i))) {
            let (width, height) = (groups[i].len(), groups[j].len());
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                if left == 0 {
                    return in_order(groups);
                }
                let (a, b) = (groups[i][x], groups[j][y]);
                if a.1 == b.1 {
                    continue;
                }
                left -= 1;
                (groups[i][x], groups[j][y]) = (b, a);
                let (first, second) = (price(&groups[i]), price(&groups[j]));
                if first + second < costs[i] + costs[j] {
                    (costs[i], costs[j]) = (first, second);
                    better = true;
                } else {
                    (groups[i][x], groups[j][y]) = (a, b);
                }
            }
        }
    }
    in_order(groups)
}

fn in_order(mut groups: Vec<Vec<Weight>>) -> Vec<Vec<Weight>> {
    groups.iter_mut().for_each(|group| group.sort_unstable());
    groups
}

/// The tables for a group's bits, and the addition behind: one for each bit of the sum that is not always 0.
fn price(group: &[Weight]) -> u32 {
    let any = group.iter().fold(0, |any, term| any | term.1).trailing_zeros();
    let weights: Vec<i64> = group.iter().map(|term| term.1 >> any).collect();
    let (lo, hi) = weights.iter().fold((0, 0), |(lo, hi), &weight| (lo + weight.min(0), hi + weight.max(0)));
    let range = Range { lo, hi };
    table_luts(&weights, range) + range.width()
}

fn nonzero(weights: &[Weight]) -> Vec<Weight> {
    weights.iter().copied().filter(|term| term.1 != 0).collect()
}

/// The table up to sign and power of two, so that columns that differ in these share it.
fn table(builder: &mut Builder, mut group: Vec<Weight>) -> Result<Term, SolveError> {
    let shift = group.iter().fold(0, |any, term| any | term.1).trailing_zeros();
    let (plus, minus): (Vec<i64>, Vec<i64>) = group.iter().map(|term| term.1).partition(|&weight| weight > 0);
    let (up, down) = (plus.iter().sum::<i64>(), -minus.iter().sum::<i64>());
    let negative = down > up || down == up && group[0].1 < 0;
    for term in &mut group {
        term.1 = if negative { -(term.1 >> shift) } else { term.1 >> shift };
    }
    Ok(Term { operand: Operand { value: builder.table(group)?, shift }, negative })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_gathered_into_small_tables_in_their_order() {
        // Six of each size, dealt out one by one.
        let weights: Vec<Weight> =
            (0..30).map(|n| (ValueId(n), [1, 12, -3, 20, 7][n as usize % 5])).collect();
        let dealt: u32 = weights.chunks(TABLE_INPUTS).map(price).sum();
        let groups = gather(weights.clone());
        let gathered: u32 = groups.iter().map(|group| price(group)).sum();
        assert!(5 * gathered <= 4 * dealt, "{gathered} {dealt}");
        assert!(groups.iter().all(|group| group.len() <= TABLE_INPUTS && group.is_sorted()));
        let mut all: Vec<Weight> = groups.concat();
        all.sort_unstable();
        assert_eq!(all, weights);
    }
}
