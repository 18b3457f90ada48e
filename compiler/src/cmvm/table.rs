//! One-bit inputs, six to a table.

use super::SolveError;
use super::builder::{Builder, Term};
use super::graph::{Operand, TABLE_INPUTS, ValueId};

/// How one-bit inputs are gathered into tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all: they are added like any other.
    Off,
    /// The same six inputs in every column, so that columns may share tables.
    Aligned,
    /// Each column's own non-zero weights, six at a time.
    Dense,
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
