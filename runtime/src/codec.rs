//! Between real values and codes: what the host does before and after the hardware.

use serde::{Deserialize, Serialize};

use crate::format::{Format, Interval, Overflow, Quantizer, Rounding};
use crate::program::Value;

/// How the values of one input become codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoder {
    /// `value × 2^frac`, rounded and brought into range as the quantizer says.
    Fixed(Quantizer),
    /// A step function: the exact composition of everything between the input and its first quantizer.
    Steps {
        /// One step function for each channel, used in turn.
        channels: Vec<Steps>,
        /// Number of consecutive elements (row-major) that share a channel.
        inner: usize,
    },
    /// Indices into so many positions: `value`, and the number of positions for what is beyond them.
    Index(u32),
}

/// A monotone step function from real values to codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// The code below the first threshold (above it, if `descending`).
    pub first: i64,
    /// The code changes by one at each threshold: the least value (greatest, if `descending`) that is past it.
    /// Ascending, whichever way the codes go.
    pub thresholds: Vec<f64>,
    /// Whether codes grow as values fall.
    pub descending: bool,
}

impl Steps {
    /// The code of `value`.
    pub fn code(&self, value: f64) -> i64 {
        let passed = if self.descending {
            self.thresholds.len() - self.thresholds.partition_point(|&t| t < value)
        } else {
            self.thresholds.partition_point(|&t| t <= value)
        };
        self.first + passed as i64
    }
}

/// Why a value has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("element {element} of the input {reason}")]
pub struct EncodeError {
    /// Flat position in the array.
    pub element: usize,
    /// What keeps it from having a code.
    pub reason: EncodeReason,
}

/// What keeps a value from having a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeReason {
    /// NaN or infinite.
    #[error("is not a finite number")]
    NotFinite,
    /// An index below 0 or with a fraction.
    #[error("is an index below 0, or not a whole number")]
    Index,
}

impl EncodeReason {
    /// What to do about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::NotFinite => "every value must be a finite number",
            Self::Index => {
                "indices count from 0; add the number of positions to one that counts from the end, and give that \
                 number itself for no position"
            }
        }
    }
}

impl Encoder {
    /// Codes of `values`: whole frames, row-major, `frame` elements each.
    pub fn encode(&self, values: &[f64], frame: usize) -> Result<Vec<i64>, EncodeError> {
        if let Some(element) = values.iter().position(|v| !v.is_finite()) {
            return Err(EncodeError { element, reason: EncodeReason::NotFinite });
        }
        if let Self::Index(_) = self
            && let Some(element) = values.iter().position(|v| *v < 0.0 || v.fract() != 0.0)
        {
            return Err(EncodeError { element, reason: EncodeReason::Index });
        }
        Ok(match self {
            Self::Index(positions) => values.iter().map(|&v| v.min(f64::from(*positions)) as i64).collect(),
            Self::Fixed(quantizer) => values.iter().map(|&v| fixed(v, *quantizer)).collect(),
            Self::Steps { channels, inner } => values
                .iter()
                .enumerate()
                .map(|(n, &v)| channels[n % frame / inner % channels.len()].code(v))
                .collect(),
        })
    }

    /// Checks the encoder against the value it feeds.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        match self {
            Self::Fixed(Quantizer { format, .. }) if !format.is_legal() => {
                Err("the encoder's format has no legal width".into())
            }
            Self::Fixed(quantizer) if value.format.interval().contains(quantizer.interval()) => Ok(()),
            Self::Index(positions) if value.format.holds(i64::from(*positions)) => Ok(()),
            Self::Index(_) | Self::Fixed(_) => Err("the encoder's format does not fit the input's".into()),
            Self::Steps { channels, inner } => {
                let fits = |steps: &Steps| {
                    let last =
                        i64::try_from(steps.thresholds.len()).ok().and_then(|n| steps.first.checked_add(n));
                    value.format.holds(steps.first)
                        && last.is_some_and(|last| value.format.holds(last))
                        && steps.thresholds.iter().all(|t| t.is_finite())
                        && steps.thresholds.is_sorted()
                };
                if !channels.is_empty() && *inner > 0 && channels.iter().all(fits) {
                    Ok(())
                } else {
                    Err("the encoder's steps are malformed".into())
                }
            }
        }
    }
}

/// The code of a finite value under `quantizer`.
pub fn fixed(value: f64, quantizer: Quantizer) -> i64 {
    let Quantizer { format, overflow, .. } = quantizer;
    let range = quantizer.interval();
    let rounded = rounded(value, quantizer);
    let (lo, hi) = (range.lo as i64, range.hi as i64);
    match overflow {
        Overflow::Wrap => wrap(rounded, format),
        // `as` saturates at the bounds of the integer.
        Overflow::SatZero if !range.contains(Interval::point(rounded as i128)) => 0,
        Overflow::Sat | Overflow::SatSym | Overflow::SatZero => (rounded as i64).clamp(lo, hi),
    }
}

/// −1 if a finite value is rounded to less than the least code of `quantizer`, 1 if to more than the greatest, else 0:
/// whether [`fixed`] saturates or wraps.
pub fn side(value: f64, quantizer: Quantizer) -> i8 {
    // `as` saturates at the bounds of the integer, beyond which no code is.
    let (rounded, range) = (rounded(value, quantizer) as i128, quantizer.interval());
    i8::from(rounded > range.hi) - i8::from(rounded < range.lo)
}

/// `value` in units of the last place of `quantizer`, rounded.
fn rounded(value: f64, quantizer: Quantizer) -> f64 {
    let Quantizer { format, rounding, .. } = quantizer;
    let scaled = scale(value, format.frac);
    let (whole, negative) = (scaled.trunc(), scaled < 0.0);
    // Exact, unlike the distance to the floor.
    let part = (scaled - whole).abs();
    let away = whole + 1f64.copysign(scaled);
    match rounding {
        Rounding::Trn if negative && part > 0.0 => away,
        Rounding::Trn | Rounding::TrnZero => whole,
        _ if part < 0.5 => whole,
        _ if part > 0.5 => away,
        Rounding::Rnd if negative => whole,
        Rounding::Rnd => away,
        Rounding::RndMinInf if negative => away,
        Rounding::RndMinInf | Rounding::RndZero => whole,
        Rounding::RndInf => away,
        Rounding::RndConv if whole % 2.0 == 0.0 => whole,
        Rounding::RndConv => away,
    }
}

/// `value × 2^frac`, exact except beyond f64's range: there infinite, or the least value of its sign.
fn scale(value: f64, frac: i32) -> f64 {
    let half = frac / 2;
    let scaled = value * 2f64.powi(half) * 2f64.powi(frac - half);
    if scaled == 0.0 && value != 0.0 { f64::MIN_POSITIVE.copysign(value) } else { scaled }
}

fn wrap(rounded: f64, format: Format) -> i64 {
    // Beyond i128 every f64 is a multiple of 2^64, so nothing is left of it.
    let low = if rounded.abs() < 2f64.powi(120) { rounded as i128 } else { 0 };
    crate::expr::wrap(low, format.signed, format.width) as i64
}

/// How the codes of one output become values: `(code × scale + offset)` by channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoder {
    /// One affine function for each channel, used in turn.
    pub channels: Vec<Affine>,
    /// Number of consecutive elements (row-major) that share a channel.
    pub inner: usize,
}

/// `code × scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Factor.
    pub scale: f64,
    /// Summand.
    pub offset: f64,
}

impl Decoder {
    /// The decoder of plain fixed-point codes.
    pub fn fixed(frac: i32) -> Self {
        Self { channels: vec![Affine { scale: 2f64.powi(-frac), offset: 0.0 }], inner: 1 }
    }

    /// Values of `codes`: whole frames, row-major, `frame` elements each.
    pub fn decode(&self, codes: &[i64], frame: usize) -> Vec<f64> {
        codes
            .iter()
            .enumerate()
            .map(|(n, &code)| {
                let Affine { scale, offset } = self.channels[n % frame / self.inner % self.channels.len()];
                (code as f64).mul_add(scale, offset)
            })
            .collect()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if self.channels.is_empty() || self.inner == 0 {
            return Err("the decoder has no channels".into());
        }
        let finite = self.channels.iter().all(|affine| affine.scale.is_finite() && affine.offset.is_finite());
        if finite { Ok(()) } else { Err("the decoder is not finite".into()) }
    }
}
