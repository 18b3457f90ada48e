//! The integers that lanes are made of. Arithmetic wraps; the interval analysis has shown that nothing does.

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
    fn flag(condition: bool) -> Self;
}

macro_rules! lane {
    ($type:ty) => {
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
                if signed || spare == 0 { self << spare >> spare } else { self & (<$type>::MAX >> (spare - 1)) }
            }

            #[inline(always)]
            fn flag(condition: bool) -> Self {
                condition.into()
            }
        }
    };
}

lane!(i32);
lane!(i64);
