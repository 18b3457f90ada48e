//! Where a search starts: which column is written as another one and a difference.

use super::csd::Digits;
use super::net::{depth, leaf};

/// How columns lean on each other before anything is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Not at all.
    Apart,
    /// By a minimum spanning tree of the columns.
    Tree,
    /// The same with one more vertex as root, the columns' centre.
    Centre,
}

/// A column as a multiple of another and a rest.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which column.
    pub vertex: usize,
    /// The column it leans on, with shift and sign.
    pub parent: Option<(usize, u32, bool)>,
    /// Weights of the rest.
    pub rest: Vec<i64>,
}

/// The columns in an order in which those that others lean on come first. One more column may
/// join them, with its limit; of `limits`, each column keeps its own.
pub fn written(columns: &[Vec<i64>], start: Start, levels: &[u32], limits: &mut Vec<u32>) -> Vec<Written> {
    let plain = |vertex: usize| Written { vertex, parent: None, rest: columns[vertex].clone() };
    let apart = || (0..columns.len()).map(plain).collect();
    match start {
        Start::Apart => apart(),
        Start::Tree => span(columns, false, levels, limits),
        Start::Centre => {
            let centre = centre(columns);
            let taken = centre.iter().filter(|&&weight| weight != 0).count() < 2
                || columns.iter().any(|column| parallel(column, &centre));
            if taken {
                return apart();
            }
            limits.push(u32::MAX);
            let columns: Vec<Vec<i64>> = columns.iter().cloned().chain([centre]).collect();
            span(&columns, true, levels, limits)
        }
    }
}

/// Whether two columns differ by a sign and a power of two only.
fn parallel(x: &[i64], y: &[i64]) -> bool {
    let shift = |row: &[i64]| row.iter().fold(0, |any, weight| any | weight).trailing_zeros();
    let (a, b) = (shift(x), shift(y));
    let equal = |sign: i64| x.iter().zip(y).all(|(&x, &y)| x >> a == sign * (y >> b));
    a < 64 && b < 64 && (equal(1) || equal(-1))
}

/// Row by row the signed power of two that is nearest to the mean.
fn centre(columns: &[Vec<i64>]) -> Vec<i64> {
    let rows = columns.first().map_or(0, Vec::len);
    let nearest = |row: usize| {
        let sum: i64 = columns.iter().map(|column| column[row]).sum();
        let mean = sum / columns.len().max(1) as i64;
        let size = mean.abs();
        if size == 0 {
            return 0;
        }
        let low = 1i64 << size.ilog2();
        mean.signum() * if 2 * (size - low) > low { 2 * low } else { low }
    };
    (0..rows).map(nearest).collect()
}

/// Prim's algorithm, from the last column where that is the `root`. A column leans on another
/// only where its tree stays within its limit.
fn span(columns: &[Vec<i64>], root: bool, levels: &[u32], limits: &[u32]) -> Vec<Written> {
    let count = columns.len();
    let digits = |weight: i64| u64::from(Digits::of(weight).count());
    let cost = |rest: &[i64]| rest.iter().map(|&weight| digits(weight)).sum::<u64>();
    let leaves = |rest: &[i64]| {
        let taken =
            rest.iter().zip(levels).map(|(&weight, &level)| digits(weight).saturating_mul(leaf(level)));
        taken.fold(0, u64::saturating_add)
    };
    let plain = |vertex: usize| Written { vertex, parent: None, rest: columns[vertex].clone() };
    let mut best: Vec<(u64, Written)> = (0..count).map(|v| (cost(&columns[v]), plain(v))).collect();
    let mut inside: Vec<Option<u32>> = vec![None; count];
    let mut order = Vec::with_capacity(count);
    for round in 0..count {
        let cheapest = (0..count).filter(|&v| inside[v].is_none()).min_by_key(|&v| best[v].0);
        let Some(next) = (if root && round == 0 { Some(count - 1) } else { cheapest }) else { break };
        let written = best[next].1.clone();
        let parent = written.parent.and_then(|parent| inside[parent.0]).map_or(0, leaf);
        let level = depth(leaves(&written.rest).saturating_add(parent));
        inside[next] = Some(level);
        order.push(written);
        for vertex in (0..count).filter(|&v| inside[v].is_none()) {
            for (negative, shift) in [(false, 0), (true, 0), (false, 1), (true, 1)] {
                let sign = if negative { 1 } else { -1 };
                let pairs = columns[vertex].iter().zip(&columns[next]);
                let rest: Vec<i64> = pairs.map(|(&x, &y)| x + sign * (y << shift)).collect();
                let price = cost(&rest) + 1;
                let taken = leaves(&rest).saturating_add(leaf(level));
                if price < best[vertex].0 && depth(taken) <= limits[vertex] {
                    best[vertex] = (price, Written { vertex, parent: Some((next, shift, negative)), rest });
                }
            }
        }
    }
    order
}
