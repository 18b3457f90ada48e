//! Construction of cells: constants are folded, and what the intervals already decide is not built.

use nn2hdl_runtime::Interval;
use nn2hdl_runtime::expr::wrap;

use super::{Cell, Datapath, WireId};

fn corners(a: Interval, b: Interval, f: impl Fn(i128, i128) -> i128) -> Interval {
    [f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)]
        .into_iter()
        .map(Interval::point)
        .reduce(Interval::join)
        .unwrap_or(a)
}

impl Datapath {
    /// The constant `value`.
    pub fn constant(&mut self, value: i64) -> WireId {
        self.push(Cell::Const(value), Interval::point(value.into()))
    }

    fn emit(&mut self, cell: Cell, interval: Interval) -> WireId {
        if interval.lo == interval.hi { self.constant(interval.lo as i64) } else { self.push(cell, interval) }
    }

    /// `a << n`.
    pub fn shl(&mut self, a: WireId, n: u32) -> WireId {
        match *self.cell(a) {
            _ if n == 0 => a,
            Cell::Shl(inner, m) => self.shl(inner, n + m),
            _ => {
                let Interval { lo, hi } = self.interval(a);
                self.emit(Cell::Shl(a, n), Interval::new(lo << n, hi << n))
            }
        }
    }

    /// `a >> n`, rounding down.
    pub fn shr(&mut self, a: WireId, n: u32) -> WireId {
        match *self.cell(a) {
            _ if n == 0 => a,
            Cell::Shr(inner, m) => self.shr(inner, n + m),
            Cell::Shl(inner, m) if m >= n => self.shl(inner, m - n),
            Cell::Shl(inner, m) => self.shr(inner, n - m),
            _ => {
                let Interval { lo, hi } = self.interval(a);
                self.emit(Cell::Shr(a, n), Interval::new(lo >> n, hi >> n))
            }
        }
    }

    /// The low `width` bits of `a`, read as signed or unsigned.
    pub fn wrap(&mut self, a: WireId, signed: bool, width: u32) -> WireId {
        let from = self.interval(a);
        let (lo, hi) = (wrap(from.lo, signed, width), wrap(from.hi, signed, width));
        if lo == from.lo && hi == from.hi {
            return a;
        }
        let full = if signed {
            Interval::new(-(1 << (width - 1)), (1 << (width - 1)) - 1)
        } else {
            Interval::new(0, (1 << width) - 1)
        };
        let interval = if hi - lo == from.hi - from.lo { Interval::new(lo, hi) } else { full };
        self.emit(Cell::Wrap { a, signed, width }, interval)
    }

    /// `(a << shift_a) + (b << shift_b)`, or minus.
    pub fn add_shifted(&mut self, a: (WireId, u32), b: (WireId, u32), subtract: bool) -> WireId {
        let (ia, ib) = (self.interval(a.0), self.interval(b.0));
        let sign = if subtract { -1 } else { 1 };
        let at = |x: i128, y: i128| (x << a.1) + sign * (y << b.1);
        self.add_within(a, b, subtract, corners(ia, ib, at))
    }

    /// As [`Self::add_shifted`], with a tighter interval that is known from elsewhere.
    pub fn add_within(
        &mut self,
        a: (WireId, u32),
        b: (WireId, u32),
        subtract: bool,
        interval: Interval,
    ) -> WireId {
        if self.as_const(b.0) == Some(0) {
            return self.shl(a.0, a.1);
        }
        if self.as_const(a.0) == Some(0) && !subtract {
            return self.shl(b.0, b.1);
        }
        let (a, b) = (self.unshift(a), self.unshift(b));
        // A factor of two that both have is wiring behind the sum.
        let common = a.1.min(b.1);
        let (mut a, mut b) = ((a.0, a.1 - common), (b.0, b.1 - common));
        if !subtract && (b.0, b.1) < (a.0, a.1) {
            std::mem::swap(&mut a, &mut b);
        }
        let inner = Interval::new(interval.lo >> common, interval.hi >> common);
        let sum = self.emit(Cell::Add { a: a.0, b: b.0, shift_a: a.1, shift_b: b.1, subtract }, inner);
        self.shl(sum, common)
    }

    fn unshift(&self, (wire, shift): (WireId, u32)) -> (WireId, u32) {
        match *self.cell(wire) {
            Cell::Shl(inner, n) => (inner, n + shift),
            _ => (wire, shift),
        }
    }

    /// `a + b`.
    pub fn add(&mut self, a: WireId, b: WireId) -> WireId {
        self.add_shifted((a, 0), (b, 0), false)
    }

    /// `a − b`.
    pub fn sub(&mut self, a: WireId, b: WireId) -> WireId {
        match self.as_const(b).and_then(i64::checked_neg) {
            Some(negative) => {
                let negative = self.constant(negative);
                self.add(a, negative)
            }
            None => self.add_shifted((a, 0), (b, 0), true),
        }
    }

    /// `a × b`, neither constant: constants are adder graphs.
    pub fn mul(&mut self, a: WireId, b: WireId) -> WireId {
        let (a, b) = (a.min(b), a.max(b));
        let interval = if a == b {
            let Interval { lo, hi } = self.interval(a);
            let least = if lo <= 0 && hi >= 0 { 0 } else { (lo * lo).min(hi * hi) };
            Interval::new(least, (lo * lo).max(hi * hi))
        } else {
            corners(self.interval(a), self.interval(b), |x, y| x * y)
        };
        self.emit(Cell::Mul(a, b), interval)
    }

    /// The larger.
    pub fn max(&mut self, a: WireId, b: WireId) -> WireId {
        let (ia, ib) = (self.interval(a), self.interval(b));
        if ia.lo >= ib.hi || a == b {
            return a;
        }
        if ib.lo >= ia.hi {
            return b;
        }
        for (a, limit) in [(a, b), (b, a)] {
            if let Some(found) = self.as_const(limit).and_then(|value| self.limited(a, value, false)) {
                return found;
            }
        }
        self.emit(Cell::Max(a, b), Interval::new(ia.lo.max(ib.lo), ia.hi.max(ib.hi)))
    }

    /// The smaller.
    pub fn min(&mut self, a: WireId, b: WireId) -> WireId {
        let (ia, ib) = (self.interval(a), self.interval(b));
        if ia.hi <= ib.lo || a == b {
            return a;
        }
        if ib.hi <= ia.lo {
            return b;
        }
        for (a, limit) in [(a, b), (b, a)] {
            if let Some(found) = self.as_const(limit).and_then(|value| self.limited(a, value, true)) {
                return found;
            }
        }
        self.emit(Cell::Min(a, b), Interval::new(ia.lo.min(ib.lo), ia.hi.min(ib.hi)))
    }

    /// 1 if `a < b`.
    pub fn lt(&mut self, a: WireId, b: WireId) -> WireId {
        let (ia, ib) = (self.interval(a), self.interval(b));
        if ia.hi < ib.lo {
            return self.constant(1);
        }
        if ia.lo >= ib.hi || a == b {
            return self.constant(0);
        }
        // The sign bit alone, or its opposite, decides a comparison with zero.
        if ib.lo == 0 && ib.hi == 0 {
            let width = ia.width().1;
            let sign = self.shr(a, width - 1);
            return self.wrap(sign, false, 1);
        }
        // The low bits of `a` do not matter where `b` has none.
        if let Some(limit) = self.as_const(b)
            && limit.trailing_zeros() > 0
        {
            let n = limit.trailing_zeros();
            let (a, limit) = (self.shr(a, n), self.constant(limit >> n));
            return self.lt(a, limit);
        }
        // limit < b is the same as ⌊limit / 2^n⌋ < ⌊b / 2^n⌋ where limit + 1 is a multiple of 2^n.
        if let Some(limit) = self.as_const(a)
            && limit.trailing_ones() > 0
            && limit != -1
        {
            let n = limit.trailing_ones();
            let (limit, b) = (self.constant(limit >> n), self.shr(b, n));
            return self.lt(limit, b);
        }
        self.emit(Cell::Lt(a, b), Interval::new(0, 1))
    }

    /// The smaller of `a` and `limit`, or the larger, as a choice: all that it takes is the bits of `a` above the zeros
    /// of `limit`, or of `limit + 1`, at which `a` is on the one side or the other.
    fn limited(&mut self, a: WireId, limit: i64, above: bool) -> Option<WireId> {
        let next = limit.checked_add(1)?;
        let edge = if next.trailing_zeros() > limit.trailing_zeros() { next } else { limit };
        let from = self.interval(a);
        let edge = self.constant(edge);
        let below = self.lt(a, edge);
        let value = self.constant(limit);
        let limit = i128::from(limit);
        let (b, c, interval) = if above {
            (a, value, Interval::new(from.lo.min(limit), from.hi.min(limit)))
        } else {
            (value, a, Interval::new(from.lo.max(limit), from.hi.max(limit)))
        };
        Some(match self.as_const(below) {
            Some(0) => c,
            Some(_) => b,
            None => self.emit(Cell::Select(below, b, c), interval),
        })
    }

    /// `b` if `a` is 1, else `c`.
    pub fn select(&mut self, a: WireId, b: WireId, c: WireId) -> WireId {
        match self.as_const(a) {
            Some(0) => return c,
            Some(_) => return b,
            None if b == c => return b,
            None => {}
        }
        if (self.as_const(b), self.as_const(c)) == (Some(1), Some(0)) {
            return a;
        }
        let interval = self.interval(b).join(self.interval(c));
        self.emit(Cell::Select(a, b, c), interval)
    }

    /// `entries[a − lo]`, one entry for each value from the least of `a` on.
    pub fn table(&mut self, a: WireId, entries: Vec<i64>) -> WireId {
        let from = self.interval(a);
        debug_assert_eq!(entries.len() as i128, from.hi - from.lo + 1);
        let (lo, hi) = entries.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        if entries.iter().enumerate().all(|(n, &v)| i128::from(v) == from.lo + n as i128) {
            return a;
        }
        self.emit(Cell::Table { a, entries }, Interval::new(lo.into(), hi.into()))
    }

    /// Unsigned wires side by side, the first lowest.
    pub fn concat(&mut self, parts: Vec<WireId>) -> WireId {
        if let [only] = parts.as_slice() {
            return *only;
        }
        let width: u32 = parts.iter().map(|&part| self.interval(part).width().1).sum();
        self.push(Cell::Concat(parts), Interval::new(0, (1 << width) - 1))
    }
}
