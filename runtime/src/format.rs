//! Fixed-point formats, rounding and overflow, as `ap_fixed` defines them, and integer intervals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A closed interval of integers. `i128`, so that a bound beyond the code range can be stated before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Smallest member.
    pub lo: i128,
    /// Largest member.
    pub hi: i128,
}

impl Interval {
    /// The interval `lo..=hi`.
    pub fn new(lo: i128, hi: i128) -> Self {
        debug_assert!(lo <= hi);
        Self { lo, hi }
    }

    /// The interval that holds `value` alone.
    pub fn point(value: i128) -> Self {
        Self { lo: value, hi: value }
    }

    /// The smallest interval that holds both.
    pub fn join(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Whether every member of `other` is a member of this one.
    pub fn contains(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// Whether every member is a legal code (`i64`).
    pub fn fits_code(self) -> bool {
        self.lo >= i128::from(i64::MIN) && self.hi <= i128::from(i64::MAX)
    }

    /// The narrowest width in bits, at least 1, and whether it must be signed.
    pub fn width(self) -> (bool, u32) {
        let signed = self.lo < 0;
        let bits = |v: i128| 128 - v.leading_zeros();
        let width = if signed { 1 + bits(!self.lo).max(bits(self.hi.max(0))) } else { bits(self.hi).max(1) };
        (signed, width)
    }

    /// The narrowest format that holds every member, with `frac` fraction bits.
    pub fn format(self, frac: i32) -> Format {
        let (signed, width) = self.width();
        Format { signed, width, frac }
    }
}

/// How the integer codes of a tensor are to be read: `value = code × 2^−frac`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Format {
    /// Two's complement if set.
    pub signed: bool,
    /// Bits in all, the sign included; 1 to 64, 63 if unsigned.
    pub width: u32,
    /// Fraction bits, −1000 to 1000; may be negative or larger than the width.
    pub frac: i32,
}

impl Format {
    /// A format, or `None` if its codes do not fit `i64` or the point is absurdly far away.
    pub fn new(signed: bool, width: u32, frac: i32) -> Option<Self> {
        Some(Self { signed, width, frac }).filter(|format| format.is_legal())
    }

    /// Whether the fields are within their bounds, as they are in a validated program.
    pub fn is_legal(self) -> bool {
        let widest = if self.signed { 64 } else { 63 };
        (1..=widest).contains(&self.width) && (-1000..=1000).contains(&self.frac)
    }

    /// The codes this format can hold.
    pub fn interval(self) -> Interval {
        if self.signed {
            Interval::new(-(1 << (self.width - 1)), (1 << (self.width - 1)) - 1)
        } else {
            Interval::new(0, (1 << self.width) - 1)
        }
    }

    /// Whether `code` is one of this format's codes.
    pub fn holds(self, code: i64) -> bool {
        self.interval().contains(Interval::point(code.into()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.signed { "fixed" } else { "ufixed" };
        write!(f, "{name}<{},{}>", self.width, i64::from(self.width) - i64::from(self.frac))
    }
}

macro_rules! modes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every mode.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The mode's `ap_fixed` name, without the `AP_`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn from_name(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|mode| mode.name() == text)
            }
        }
    };
}

modes! {
    /// What happens to the bits below the last fraction bit.
    Rounding {
        /// Toward −∞.
        Trn = "TRN",
        /// Toward zero.
        TrnZero = "TRN_ZERO",
        /// To nearest, ties toward +∞.
        Rnd = "RND",
        /// To nearest, ties toward zero.
        RndZero = "RND_ZERO",
        /// To nearest, ties away from zero.
        RndInf = "RND_INF",
        /// To nearest, ties toward −∞.
        RndMinInf = "RND_MIN_INF",
        /// To nearest, ties to even.
        RndConv = "RND_CONV",
    }
}

modes! {
    /// What happens to a value outside the format's range.
    Overflow {
        /// Upper bits are dropped.
        Wrap = "WRAP",
        /// The nearest bound.
        Sat = "SAT",
        /// The nearest bound of the symmetric range.
        SatSym = "SAT_SYM",
        /// Zero.
        SatZero = "SAT_ZERO",
    }
}

/// A format with the modes that bring a value into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantizer {
    /// Format of the result.
    pub format: Format,
    /// Rounding mode.
    pub rounding: Rounding,
    /// Overflow mode.
    pub overflow: Overflow,
}

impl Quantizer {
    /// The codes this quantizer can answer with.
    pub fn interval(self) -> Interval {
        let all = self.format.interval();
        match self.overflow {
            Overflow::SatSym if self.format.signed => Interval::new(-all.hi, all.hi),
            _ => all,
        }
    }
}

impl From<Format> for Quantizer {
    /// `ap_fixed`'s defaults: `TRN`, `WRAP`.
    fn from(format: Format) -> Self {
        Self { format, rounding: Rounding::Trn, overflow: Overflow::Wrap }
    }
}

impl fmt::Display for Quantizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.format.to_string();
        write!(f, "{},{},{}>", text.trim_end_matches('>'), self.rounding.name(), self.overflow.name())
    }
}

/// A format that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a format: write `fixed<16,6>`, `ufixed<8,0,RND_CONV,SAT>` (width 1 to 64, unsigned 1 to 63; {reason})"
)]
pub struct FormatError {
    text: String,
    reason: &'static str,
}

impl FromStr for Quantizer {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let fail = |reason| FormatError { text: text.to_owned(), reason };
        let trimmed = text.trim();
        let (signed, rest) = match (trimmed.strip_prefix("ufixed<"), trimmed.strip_prefix("fixed<")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(fail("it must begin with `fixed<` or `ufixed<`")),
        };
        let inner = rest.strip_suffix('>').ok_or_else(|| fail("the closing `>` is missing"))?;
        let parts: Vec<&str> = inner.split(',').map(str::trim).collect();
        if !(2..=4).contains(&parts.len()) {
            return Err(fail("between two and four parts are expected"));
        }
        let width: u32 = parts[0].parse().map_err(|_| fail("the width is not a number"))?;
        let integer: i32 = parts[1].parse().map_err(|_| fail("the integer bits are not a number"))?;
        let frac = i32::try_from(i64::from(width) - i64::from(integer)).map_err(|_| fail("out of range"))?;
        let format = Format::new(signed, width, frac).ok_or_else(|| fail("out of range"))?;
        let mut quantizer = Self::from(format);
        if let Some(name) = parts.get(2) {
            quantizer.rounding = Rounding::from_name(name).ok_or_else(|| fail("unknown rounding mode"))?;
        }
        if let Some(name) = parts.get(3) {
            quantizer.overflow = Overflow::from_name(name).ok_or_else(|| fail("unknown overflow mode"))?;
        }
        Ok(quantizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_read_back() {
        for text in ["fixed<16,6,TRN,WRAP>", "ufixed<8,0,RND_CONV,SAT>", "fixed<4,-2,TRN_ZERO,SAT_SYM>"] {
            assert_eq!(text.parse::<Quantizer>().unwrap().to_string(), text);
        }
        assert_eq!(
            "fixed<16,6>".parse::<Quantizer>().unwrap().format,
            Format { signed: true, width: 16, frac: 10 }
        );
        for text in [
            "",
            "fixed",
            "fixed<>",
            "fixed<65,1>",
            "ufixed<64,1>",
            "fixed<0,0>",
            "fixed<8,4,X>",
            "fixed<8,4,TRN,SAT,1>",
        ] {
            assert!(text.parse::<Quantizer>().is_err(), "{text}");
        }
    }

    #[test]
    fn widths_are_minimal() {
        for (lo, hi, signed, width) in [
            (0, 0, false, 1),
            (0, 1, false, 1),
            (0, 8, false, 4),
            (-1, 0, true, 1),
            (-1, 1, true, 2),
            (-8, 7, true, 4),
            (-9, 7, true, 5),
            (-3, -2, true, 3),
        ] {
            assert_eq!(Interval::new(lo, hi).width(), (signed, width), "{lo}..={hi}");
        }
    }
}
