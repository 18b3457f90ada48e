//! Rounding shifts: `⌊(x + small) / 2^n⌋ = ⌊x / 2^n⌋ + ⌊(x mod 2^n + small) / 2^n⌋`.
//!
//! Where `small` depends on the low bits of `x` alone, as in rounding to nearest with ties to even, the second part is
//! one small table, and the addition is as narrow as the result.

use super::form::Form;
use super::{Cell, Datapath, WireId};

/// The most bits that the table looks at: four 6-input tables for each bit of its result.
const TABLE_BITS: u32 = 8;

impl Datapath {
    /// The wire of `form >> n`, if the form is one wire and something that the wire's low bits decide.
    pub fn rounding_shift(&mut self, form: &Form, n: u32) -> Option<WireId> {
        let (x, rest) = self.split(form)?;
        let reach = rest
            .terms
            .keys()
            .map(|&wire| self.low_bits(wire, x))
            .try_fold(n, |most, bits| Some(most.max(bits?.1)))?;
        if reach > TABLE_BITS || n == 0 || (rest.terms.is_empty() && rest.constant == 0) {
            return None;
        }
        let places: Vec<(u32, u32, i128)> = rest
            .terms
            .iter()
            .map(|(&wire, &factor)| self.low_bits(wire, x).map(|(lo, end)| (lo, end, factor)))
            .collect::<Option<_>>()?;
        let entries: Vec<i64> = (0..1i128 << reach)
            .map(|word| {
                let small: i128 = places
                    .iter()
                    .map(|&(lo, end, factor)| factor * (word >> lo & ((1 << (end - lo)) - 1)))
                    .sum();
                (((word & ((1 << n) - 1)) + small + rest.constant) >> n) as i64
            })
            .collect();
        let low = self.wrap(x, false, reach);
        let interval = self.interval(low);
        let entries = entries[interval.lo as usize..=interval.hi as usize].to_vec();
        let carry = self.table(low, entries);
        let floor = self.shr(x, n);
        Some(self.add(floor, carry))
    }

    /// The widest wire of a form, where its coefficient is one, and the rest.
    fn split(&self, form: &Form) -> Option<(WireId, Form)> {
        let widest = |wire: &WireId| (self.interval(*wire).width().1, std::cmp::Reverse(*wire));
        let x = *form.terms.keys().max_by_key(|wire| widest(wire))?;
        let mut rest = form.clone();
        (rest.terms.remove(&x) == Some(1)).then_some((x, rest))
    }

    /// The bits of `source` that `wire` is, as first and end, if it is nothing else.
    fn low_bits(&self, wire: WireId, source: WireId) -> Option<(u32, u32)> {
        match *self.cell(wire) {
            Cell::Wrap { a, signed: false, width } if a == source => Some((0, width)),
            Cell::Wrap { a, signed: false, width } => match *self.cell(a) {
                Cell::Shr(inner, lo) if inner == source => Some((lo, lo + width)),
                _ => None,
            },
            _ => None,
        }
    }
}
