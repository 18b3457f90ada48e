//! Rounding shifts: `⌊(x + small) / 2^n⌋ = ⌊x / 2^n⌋ + ⌊(x mod 2^n + small) / 2^n⌋`.
//!
//! Where `small` depends on the low bits of `x` alone, as in rounding to nearest with ties to even, the second part is
//! one small table, and the addition is as narrow as the result.

use nn2hdl_runtime::expr::wrap;

use super::form::Form;
use super::{Cell, Datapath, WireId};

/// The most bits that the table looks at: four 6-input tables for each bit of its result.
const TABLE_BITS: u32 = 8;

/// How far behind `x` a wire is looked into.
const REACH: u32 = 12;

impl Datapath {
    /// The wire of `form >> n`, if the form is one wire and something that the wire's low bits decide.
    pub fn rounding_shift(&mut self, form: &Form, n: u32) -> Option<WireId> {
        let (x, rest) = self.split(form)?;
        let reach = rest
            .terms
            .keys()
            .map(|&wire| self.needed(wire, None, x, REACH))
            .try_fold(n, |most, bits| Some(most.max(bits?)))?;
        if reach > TABLE_BITS || n == 0 || (rest.terms.is_empty() && rest.constant == 0) {
            return None;
        }
        let entries: Vec<i64> = (0..1i128 << reach)
            .map(|word| {
                let small: i128 = rest
                    .terms
                    .iter()
                    .map(|(&wire, &factor)| factor * self.residue(wire, None, x, word))
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

    /// How many low bits of `x` decide `wire` modulo 2^`kept`, or all of it; `None` if they do not.
    fn needed(&self, wire: WireId, kept: Option<u32>, x: WireId, reach: u32) -> Option<u32> {
        if let Some(0) = kept {
            return Some(0);
        }
        if wire == x {
            return kept;
        }
        if self.as_const(wire).is_some() {
            return Some(0);
        }
        if wire < x || reach == 0 {
            return None;
        }
        let of = |wire: WireId, kept: Option<u32>| self.needed(wire, kept, x, reach - 1);
        match *self.cell(wire) {
            Cell::Wrap { a, width, .. } => of(a, Some(kept.map_or(width, |kept| kept.min(width)))),
            Cell::Shr(a, n) => of(a, kept.map(|kept| kept + n)),
            Cell::Shl(a, n) => of(a, kept.map(|kept| kept.saturating_sub(n))),
            Cell::Add { a, b, shift_a, shift_b, .. } => {
                let left = |shift: u32| kept.map(|kept| kept.saturating_sub(shift));
                Some(of(a, left(shift_a))?.max(of(b, left(shift_b))?))
            }
            Cell::Table { a, .. } => of(a, None),
            _ => None,
        }
    }

    /// A wire of which the low bits of `x` decide what is kept, given these; its other bits are of no meaning.
    fn residue(&self, wire: WireId, kept: Option<u32>, x: WireId, word: i128) -> i128 {
        if kept == Some(0) {
            return 0;
        }
        if wire == x {
            return word;
        }
        if let Some(value) = self.as_const(wire) {
            return value.into();
        }
        let of = |wire: WireId, kept: Option<u32>| self.residue(wire, kept, x, word);
        match self.cell(wire) {
            Cell::Wrap { a, signed, width } => {
                wrap(of(*a, Some(kept.map_or(*width, |kept| kept.min(*width)))), *signed, *width)
            }
            Cell::Shr(a, n) => of(*a, kept.map(|kept| kept + n)) >> n,
            Cell::Shl(a, n) => of(*a, kept.map(|kept| kept.saturating_sub(*n))) << n,
            Cell::Add { a, b, shift_a, shift_b, subtract } => {
                let left = |shift: u32| kept.map(|kept| kept.saturating_sub(shift));
                let (a, b) = (of(*a, left(*shift_a)) << shift_a, of(*b, left(*shift_b)) << shift_b);
                if *subtract { a - b } else { a + b }
            }
            // What is no value of `a` belongs to no value of `x`.
            Cell::Table { a, entries } => {
                let at = usize::try_from(of(*a, None) - self.interval(*a).lo);
                at.ok().and_then(|at| entries.get(at)).map_or(0, |&entry| entry.into())
            }
            _ => unreachable!("only what `needed` knows is asked for"),
        }
    }
}
