//! Closed integer intervals and the widths they need.

/// All integers from `lo` to `hi`, both included; `lo <= hi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest value.
    pub lo: i64,
    /// Largest value.
    pub hi: i64,
}

impl Range {
    /// Bits that hold every value: two's complement where `lo < 0`, else unsigned. {0} needs none.
    pub fn width(self) -> u32 {
        if self.lo >= 0 {
            64 - self.hi.leading_zeros()
        } else {
            let top = self.hi.max(!self.lo).max(0);
            65 - top.leading_zeros()
        }
    }

    /// Whether both are 0 or 1: one wire, never negative.
    pub fn is_one_bit(self) -> bool {
        self.lo >= 0 && self.hi <= 1
    }

    /// {−v}.
    pub fn negated(self) -> Self {
        Self { lo: self.hi.saturating_neg(), hi: self.lo.saturating_neg() }
    }

    /// The interval sum of `a·2^a_shift ± b·2^b_shift`, saturated: an upper bound on the true
    /// range, reached where the two share no input.
    pub fn combined(a: Self, a_shift: u32, b: Self, b_shift: u32, subtract: bool) -> Self {
        let b = if subtract { b.negated() } else { b };
        let small = |range: Self, shift: u32| {
            (range.lo.unsigned_abs() | range.hi.unsigned_abs()).leading_zeros() > shift + 2
        };
        if small(a, a_shift) && small(b, b_shift) {
            let at = |x: i64, y: i64| (x << a_shift) + (y << b_shift);
            return Self { lo: at(a.lo, b.lo), hi: at(a.hi, b.hi) };
        }
        let at = |x: i64, xs: u32, y: i64, ys: u32| {
            let sum = (i128::from(x) << xs) + (i128::from(y) << ys);
            sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
        };
        Self { lo: at(a.lo, a_shift, b.lo, b_shift), hi: at(a.hi, a_shift, b.hi, b_shift) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        let cases = [(0, 0, 0), (0, 1, 1), (0, 7, 3), (-1, 0, 1), (-8, 7, 4), (-1, 8, 5), (-9, 0, 5)];
        for (lo, hi, width) in cases {
            assert_eq!(Range { lo, hi }.width(), width, "{lo} {hi}");
        }
        assert_eq!(Range { lo: i64::MIN, hi: i64::MAX }.width(), 64);
    }
}
