//! Where a search starts: which column is written as another one and a difference.

use super::csd::Digits;

/// How columns lean on each other before anything is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Not at all.
    Apart,
    /// A minimum spanning tree of the columns, no path in it longer than this.
    Tree(u32),
    /// The same with one more vertex, the columns' centre of few digits.
    Centre(u32, u32),
}

/// A column as the sum of `sign·2^shift` times another and a rest.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which vertex, the vertex it leans on with shift and sign.
    pub vertex: usize,
    pub parent: Option<(usize, u32, bool)>,
    pub rest: Vec<i64>,
}

fn digits(weight: i64) -> u64 {
    Digits::of(weight).count().into()
}

/// The depth of a tree with so many leaves.
fn depth(leaves: u64) -> u32 {
    if leaves <= 1 { 0 } else { 64 - (leaves - 1).leading_zeros() }
}

/// Row by row the number of at most `most` signed digits that is nearest to the mean.
pub fn centre(columns: &[Vec<i64>], most: u32) -> Vec<i64> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows)
        .map(|row| {
            let sum: i64 = columns.iter().map(|column| column[row]).sum();
            let mut rest = sum / columns.len().max(1) as i64;
            let mut value = 0i64;
            for _ in 0..most {
                if rest == 0 {
                    break;
                }
                let size = rest.unsigned_abs();
                let low = 1i64 << (63 - size.leading_zeros());
                let step = if 2 * (size as i64 - low) > low { 2 * low } else { low };
                let step = step * rest.signum();
                (value, rest) = (value + step, rest - step);
            }
            value
        })
        .collect()
}

/// Prim's algorithm from the vertices in `roots`; a vertex has `limit[v]` levels at most.
/// Returns the columns in an order in which parents come first.
pub fn span(columns: &[Vec<i64>], roots: usize, longest: u32, levels: &[u32], limits: &[u32]) -> Vec<Written> {
    let count = columns.len();
    let leaves = |rest: &[i64]| {
        rest.iter().zip(levels).fold(0u64, |sum, (&w, &level)| sum.saturating_add(digits(w) << level.min(50)))
    };
    let cost = |rest: &[i64]| rest.iter().map(|&w| digits(w)).sum::<u64>();
    let plain = |vertex: usize| Written { vertex, parent: None, rest: columns[vertex].clone() };
    let mut best: Vec<(u64, Written)> = (0..count).map(|v| (cost(&columns[v]), plain(v))).collect();
    let mut inside: Vec<Option<(u32, u32)>> = vec![None; count];
    let mut order = Vec::with_capacity(count);
    for round in 0..count {
        let outside = (0..count).filter(|&v| inside[v].is_none());
        let next = if round < roots { count - 1 - round } else {
            match outside.min_by_key(|&v| best[v].0) { Some(next) => next, None => break }
        };
        let written = best[next].1.clone();
        let under = written.parent.map_or((0, 0), |(p, ..)| inside[p].unwrap_or_default());
        let (path, parent_leaves) = (under.1 + 1, written.parent.map_or(0, |_| 1u64 << under.0.min(60)));
        let level = depth(leaves(&written.rest).saturating_add(parent_leaves));
        inside[next] = Some((level, path));
        order.push(written);
        if path > longest {
            continue;
        }
        for vertex in (0..count).filter(|&v| inside[v].is_none()) {
            for negative in [false, true] {
                for (up, down) in [(0, 0), (1, 0), (0, 1)] {
                    if down > 0 { continue }
                    let rest: Vec<i64> = columns[vertex].iter().zip(&columns[next]).map(|(&x, &y)| {
                        let y = y << up;
                        if negative { x + y } else { x - y }
                    }).collect();
                    let price = cost(&rest) + 1;
                    let taken = leaves(&rest).saturating_add(1 << level.min(60));
                    if price < best[vertex].0 && depth(taken) <= limits[vertex] {
                        best[vertex] = (price, Written { vertex, parent: Some((next, up, negative)), rest });
                    }
                }
            }
        }
    }
    order
}
