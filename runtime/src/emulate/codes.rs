//! Codes as callers hold them: integers of any width that the format fits.

/// Codes of one input: frames × elements, row-major.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// 64 bits, signed.
    I64(&'a [i64]),
    /// 32 bits, signed.
    I32(&'a [i32]),
    /// 16 bits, signed.
    I16(&'a [i16]),
    /// 8 bits, signed.
    I8(&'a [i8]),
    /// 8 bits, unsigned.
    U8(&'a [u8]),
}

/// Room for the codes of one output: frames × elements, row-major. The integers must hold the output's format.
#[derive(Debug)]
pub enum CodesMut<'a> {
    /// 64 bits, signed.
    I64(&'a mut [i64]),
    /// 32 bits, signed.
    I32(&'a mut [i32]),
    /// 16 bits, signed.
    I16(&'a mut [i16]),
    /// 8 bits, signed.
    I8(&'a mut [i8]),
    /// 8 bits, unsigned.
    U8(&'a mut [u8]),
}

/// An integer that codes are held in.
pub(super) trait Code: Copy + Ord + Send + Sync + 'static {
    fn widen(self) -> i64;
    fn narrow(code: i64) -> Self;
    /// Whether all of a few codes are zero.
    fn are_zero(codes: &[Self]) -> bool;
}

/// Runs an expression with the slice of whatever type it is.
macro_rules! each {
    ($kind:ident, $codes:expr, $slice:ident => $body:expr) => {
        match $codes {
            $kind::I64($slice) => $body,
            $kind::I32($slice) => $body,
            $kind::I16($slice) => $body,
            $kind::I8($slice) => $body,
            $kind::U8($slice) => $body,
        }
    };
}
pub(super) use each;

macro_rules! code {
    ($($type:ty => $name:ident),*) => {$(
        impl Code for $type {
            #[inline(always)]
            fn widen(self) -> i64 {
                self.into()
            }

            #[inline(always)]
            fn narrow(code: i64) -> Self {
                code as $type
            }

            #[inline(always)]
            fn are_zero(codes: &[Self]) -> bool {
                let (eights, rest) = codes.as_chunks::<8>();
                eights.iter().all(|eight| *eight == [0; 8]) && rest.iter().all(|&code| code == 0)
            }
        }

        impl<'a> From<&'a [$type]> for Codes<'a> {
            fn from(codes: &'a [$type]) -> Self {
                Self::$name(codes)
            }
        }

        impl<'a> From<&'a mut [$type]> for CodesMut<'a> {
            fn from(codes: &'a mut [$type]) -> Self {
                Self::$name(codes)
            }
        }
    )*};
}
code!(i64 => I64, i32 => I32, i16 => I16, i8 => I8, u8 => U8);

impl<'a> Codes<'a> {
    /// Number of codes.
    pub fn len(&self) -> usize {
        each!(Self, self, codes => codes.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn split_at(self, at: usize) -> (Self, Self) {
        each!(Self, self, codes => {
            let (head, tail) = codes.split_at(at);
            (head.into(), tail.into())
        })
    }

    /// The first code outside `lo..=hi`, and where it is.
    pub(super) fn stray(&self, lo: i64, hi: i64) -> Option<(usize, i64)> {
        fn find<C: Code>(codes: &[C], lo: i64, hi: i64) -> Option<(usize, i64)> {
            // Whole pieces without an early end are compared many at a time.
            let good = |code: &C| (lo <= code.widen()) & (code.widen() <= hi);
            let piece =
                codes.chunks(1 << 12).position(|piece| !piece.iter().fold(true, |all, c| all & good(c)));
            let start = piece? << 12;
            let at = start + codes[start..].iter().position(|code| !good(code))?;
            Some((at, codes[at].widen()))
        }
        each!(Self, self, codes => find(codes, lo, hi))
    }
}

impl CodesMut<'_> {
    /// Number of codes.
    pub fn len(&self) -> usize {
        each!(Self, self, codes => codes.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Least and greatest code that there is room for.
    pub(super) fn bounds(&self) -> (i64, i64) {
        match self {
            Self::I64(_) => (i64::MIN, i64::MAX),
            Self::I32(_) => (i32::MIN.into(), i32::MAX.into()),
            Self::I16(_) => (i16::MIN.into(), i16::MAX.into()),
            Self::I8(_) => (i8::MIN.into(), i8::MAX.into()),
            Self::U8(_) => (0, u8::MAX.into()),
        }
    }

    pub(super) fn split_at(self, at: usize) -> (Self, Self) {
        each!(Self, self, codes => {
            let (head, tail) = codes.split_at_mut(at);
            (head.into(), tail.into())
        })
    }
}
