//! The integers that lanes are made of. Arithmetic wraps; the interval analysis has shown that nothing does.

use super::layer::Terms;
use super::rows::LANES;
use super::simd::Level;

/// An integer wide enough for every intermediate of a program.
pub(super) trait Lane: Copy + Default + Ord + Send + Sync + 'static {
    fn of(value: i64) -> Self;
    fn code(self) -> i64;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// Zero if all bits leave: only zero can be shifted so far.
    fn shl(self, amount: u32) -> Self;
    fn shr(self, amount: u32) -> Self;
    /// The low bits as signed or unsigned; unchanged if the lane is no wider.
    fn wrap(self, signed: bool, width: u32) -> Self;
    fn and(self, other: Self) -> Self;
    fn flag(condition: bool) -> Self;
    /// The sum of `terms`, with addresses relative to `base`.
    fn sum<const L: usize>(level: Level, values: &[[Self; L]], base: u32, terms: &Terms<Self>) -> [Self; L];
    /// Rows of `LANES` columns that are best summed together.
    const TOGETHER: usize;
    /// The sums of `terms`, with addresses relative to `base`, at consecutive columns: up to `TOGETHER` rows.
    fn sum_line(level: Level, values: &[Self], base: u32, terms: &Terms<Self>, out: &mut [Self]);
    /// Whether a few lanes are the same.
    fn are_equal(a: &[Self], b: &[Self]) -> bool;
}

#[inline(always)]
fn sum_line<T: Lane>(values: &[T], base: u32, terms: &Terms<T>, out: &mut [T]) {
    for (row, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut acc = [terms.bias; LANES];
        for &(address, weight) in &terms.terms {
            let start = base.wrapping_add(address) as usize + row * LANES;
            let x = &values[start..start + LANES];
            for lane in 0..LANES {
                acc[lane] = acc[lane].add(x[lane].mul(weight));
            }
        }
        *out = acc;
    }
}

#[inline(always)]
fn sum<T: Lane, const L: usize>(values: &[[T; L]], base: u32, terms: &Terms<T>) -> [T; L] {
    let mut acc = [terms.bias; L];
    for &(address, weight) in &terms.terms {
        let x = &values[base.wrapping_add(address) as usize];
        for lane in 0..L {
            acc[lane] = acc[lane].add(x[lane].mul(weight));
        }
    }
    acc
}

macro_rules! lane {
    ($type:ty, $together:expr, $sum:expr, $line:expr) => {
        impl Lane for $type {
            #[inline(always)]
            fn of(value: i64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn code(self) -> i64 {
                self.into()
            }

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }

            #[inline(always)]
            fn shl(self, amount: u32) -> Self {
                if amount < Self::BITS { self << amount } else { 0 }
            }

            #[inline(always)]
            fn shr(self, amount: u32) -> Self {
                self >> amount.min(Self::BITS - 1)
            }

            #[inline(always)]
            fn wrap(self, signed: bool, width: u32) -> Self {
                let spare = Self::BITS.saturating_sub(width).min(Self::BITS - 1);
                if signed || spare == 0 {
                    self << spare >> spare
                } else {
                    self & (<$type>::MAX >> (spare - 1))
                }
            }

            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }

            #[inline(always)]
            fn flag(condition: bool) -> Self {
                condition.into()
            }

            #[inline(always)]
            fn sum<const L: usize>(
                level: Level,
                values: &[[Self; L]],
                base: u32,
                terms: &Terms<Self>,
            ) -> [Self; L] {
                $sum(level, values, base, terms)
            }

            const TOGETHER: usize = $together;

            #[inline(always)]
            fn sum_line(level: Level, values: &[Self], base: u32, terms: &Terms<Self>, out: &mut [Self]) {
                $line(level, values, base, terms, out)
            }

            #[inline(always)]
            fn are_equal(a: &[Self], b: &[Self]) -> bool {
                let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
                let same = |a: &[Self; LANES], b: &[Self; LANES]| {
                    (0..LANES).fold(0, |any, lane| any | (a[lane] ^ b[lane])) == 0
                };
                a.iter().zip(b).all(|(a, b)| same(a, b)) && a_rest == b_rest
            }
        }
    };
}

lane!(
    i16,
    12,
    |_, values, base, terms| sum(values, base, terms),
    |level: Level, values, base, terms, out: &mut [i16]| {
        if !level.sum_line_16(values, base, terms, out) {
            sum_line(values, base, terms, out);
        }
    }
);
lane!(
    i32,
    8,
    |level: Level, values, base, terms| {
        level.sum(values, base, terms).unwrap_or_else(|| sum(values, base, terms))
    },
    |level: Level, values, base, terms, out: &mut [i32]| {
        if !level.sum_line_32(values, base, terms, out) {
            sum_line(values, base, terms, out);
        }
    }
);
lane!(i64, 4, |_, values, base, terms| sum(values, base, terms), |_, values, base, terms, out| sum_line(
    values, base, terms, out
));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr;

    fn check<T: Lane>(value: i64) {
        let lane = T::of(value);
        let wide = i128::from(value);
        let fits = |result: i128| i64::try_from(result).is_ok_and(|code| T::of(code).code() == code);
        for amount in 0..64 {
            let (left, right) = (wide << amount, wide >> amount);
            assert!(!fits(left) || i128::from(lane.shl(amount).code()) == left, "{value} << {amount}");
            assert_eq!(i128::from(lane.shr(amount).code()), right, "{value} >> {amount}");
        }
        for (signed, width) in (1..64).flat_map(|width| [(false, width), (true, width)]) {
            let kept = expr::wrap(wide, signed, width);
            assert!(
                !fits(kept) || i128::from(lane.wrap(signed, width).code()) == kept,
                "{value}, {width} bits"
            );
        }
    }

    #[test]
    fn shifts_and_wraps_of_every_amount() {
        for value in [0, 1, -1, 5, -6, 0x5555_5555, i32::MAX.into(), i32::MIN.into()] {
            check::<i32>(value);
            check::<i16>(i64::from(value as i16));
            check::<i64>(value);
        }
        [i64::MIN, i64::MAX, 1 << 40, -3 << 50].into_iter().for_each(check::<i64>);
    }
}
