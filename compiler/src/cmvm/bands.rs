//! Sharing in bands of inputs, so that time and memory stay linear in the matrix.

use super::SolveError;
use super::builder::{Builder, Term};
use super::csd::Digits;
use super::graph::ValueId;
use super::share::{Sharing, Taste};
use super::sum::leaves;

/// Pairs of digits that one round of sharing may look at; larger matrices are shared in bands of
/// rows.
const BAND_PAIRS: u64 = 20_000_000;

/// Shares among the digits of one band of inputs after another; what remains joins `terms`.
pub fn share_in_bands(
    builder: &mut Builder,
    digits: Vec<Vec<(ValueId, Digits)>>,
    terms: &mut [Vec<Term>],
    limits: Option<&[u32]>,
    taste: Taste,
) -> Result<(), SolveError> {
    let value_leaves = |value: ValueId| leaves(builder.level(value));
    let mut taken: Vec<u128> = digits
        .iter()
        .zip(terms.iter())
        .map(|(cells, terms)| {
            let digits = cells.iter().map(|&(value, d)| u128::from(d.count()) * value_leaves(value));
            let tables = terms.iter().map(|term| value_leaves(term.operand.value));
            digits.chain(tables).fold(0, u128::saturating_add)
        })
        .collect();
    let bounds: Option<Vec<u128>> = limits.map(|limits| limits.iter().map(|&depth| leaves(depth)).collect());
    for band in bands(&digits) {
        let part: Vec<Vec<(ValueId, Digits)>> = digits
            .iter()
            .map(|cells| cells.iter().copied().filter(|cell| band.contains(&cell.0.0)).collect())
            .collect();
        let sharing = Sharing::new(builder, &part, taken, bounds.clone(), taste);
        let (rest, now_taken) = sharing.run()?;
        taken = now_taken;
        for (column, rest) in terms.iter_mut().zip(rest) {
            column.extend(rest);
        }
    }
    Ok(())
}

/// Ranges of inputs, each with at most [`BAND_PAIRS`] pairs of digits.
fn bands(digits: &[Vec<(ValueId, Digits)>]) -> Vec<std::ops::Range<u32>> {
    let end = digits.iter().flatten().map(|cell| cell.0.0 + 1).max().unwrap_or(0);
    let mut by_input = vec![Vec::new(); end as usize];
    for (column, cells) in digits.iter().enumerate() {
        for (value, digits) in cells {
            by_input[value.index()].push((column, u64::from(digits.count())));
        }
    }
    let mut bands = Vec::new();
    let (mut from, mut pairs, mut held) = (0, 0, vec![0u64; digits.len()]);
    for (input, cells) in (0..end).zip(&by_input) {
        let added: u64 = cells.iter().map(|&(column, count)| count * held[column]).sum();
        if pairs + added > BAND_PAIRS {
            bands.push(from..input);
            (from, pairs) = (input, 0);
            held.fill(0);
        } else {
            pairs += added;
        }
        cells.iter().for_each(|&(column, count)| held[column] += count);
    }
    bands.push(from..end);
    bands
}
