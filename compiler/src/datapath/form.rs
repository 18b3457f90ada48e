//! Affine forms over wires.

use std::collections::BTreeMap;

use super::WireId;

/// `Σ coefficient · wire + constant`, with no zero coefficient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Coefficients by wire.
    pub terms: BTreeMap<WireId, i128>,
    /// The constant.
    pub constant: i128,
}

impl Form {
    /// The form of a constant.
    pub fn constant(value: i64) -> Self {
        Self { terms: BTreeMap::new(), constant: value.into() }
    }

    /// The form of one wire.
    pub fn wire(wire: WireId) -> Self {
        Self { terms: BTreeMap::from([(wire, 1)]), constant: 0 }
    }

    /// The value if there are no wires.
    pub fn as_const(&self) -> Option<i64> {
        if self.terms.is_empty() { i64::try_from(self.constant).ok() } else { None }
    }

    /// `self += factor × other`; `None` when a coefficient leaves the range of codes.
    pub fn accumulate(&mut self, other: &Self, factor: i64) -> Option<()> {
        let factor = i128::from(factor);
        let bounded = |v: i128| (v.unsigned_abs() < 1 << 63).then_some(v);
        self.constant = bounded(self.constant + bounded(other.constant.checked_mul(factor)?)?)?;
        for (&wire, &coefficient) in &other.terms {
            let entry = self.terms.entry(wire).or_insert(0);
            *entry = bounded(*entry + bounded(coefficient.checked_mul(factor)?)?)?;
            if *entry == 0 {
                self.terms.remove(&wire);
            }
        }
        Some(())
    }
}
