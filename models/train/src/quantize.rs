//! Weights, biases and activations as codes, with the runtime's own rounding and saturation.

use nn2hdl_runtime::codec::fixed;
use nn2hdl_runtime::{Format, Overflow, Quantizer, Rounding};

use crate::recipe::Activation;

/// The digit limit of a weight that has none.
pub(crate) const FREE: u8 = u8::MAX;
/// Fraction bits that a weight's step may have.
const FRACTIONS: std::ops::RangeInclusive<i32> = -16..=24;
/// Width of a bias, in the layer's accumulator's steps.
pub(crate) const BIAS_BITS: u32 = 24;

/// Nonzero digits of a code in canonical signed-digit form.
pub fn digits(code: i32) -> u8 {
    let magnitude = code.unsigned_abs();
    (magnitude ^ (3 * magnitude)).count_ones() as u8
}

/// The fraction bits that a learned, real number of them stands for.
pub(crate) fn whole(fraction: f32) -> i32 {
    (fraction.round_ties_even() as i32).clamp(*FRACTIONS.start(), *FRACTIONS.end())
}

/// The codes of a layer's weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Codes {
    bits: u32,
    /// For each number of digits, the magnitudes with at most as many, ascending.
    magnitudes: Vec<Vec<i32>>,
}

impl Codes {
    pub fn new(bits: u32) -> Self {
        let greatest = (1 << (bits - 1)) - 1;
        let most = (0..=greatest).map(digits).max().unwrap_or(0);
        let of = |limit| (0..=greatest).filter(|&code| digits(code) <= limit).collect();
        Self { bits, magnitudes: (0..=most).map(of).collect() }
    }

    /// The greatest code.
    pub fn greatest(&self) -> i32 {
        (1 << (self.bits - 1)) - 1
    }

    /// The code of a weight: rounded to even and saturated, or where that has more than `limit` digits the nearest that
    /// has not, the smaller one of two.
    pub fn code(&self, weight: f32, fraction: i32, limit: u8) -> i32 {
        if limit == 0 {
            return 0;
        }
        let format = Format { signed: true, width: self.bits, frac: fraction };
        let quantizer = Quantizer { format, rounding: Rounding::RndConv, overflow: Overflow::SatSym };
        let code = fixed(f64::from(weight), quantizer) as i32;
        if digits(code) <= limit {
            return code;
        }
        let magnitude = f64::from(weight).abs() * 2f64.powi(fraction);
        let allowed = &self.magnitudes[usize::from(limit)];
        let above = allowed.partition_point(|&code| f64::from(code) <= magnitude);
        let low = allowed[above.saturating_sub(1)];
        let nearest = match allowed.get(above) {
            Some(&high) if f64::from(high) - magnitude < magnitude - f64::from(low) => high,
            _ => low,
        };
        if weight < 0.0 { -nearest } else { nearest }
    }

    /// Whether the weight is beyond the codes.
    pub fn saturates(&self, weight: f32, fraction: i32) -> bool {
        f64::from(weight).abs() * 2f64.powi(fraction) > f64::from(self.greatest()) + 0.5
    }

    /// The fraction bits with the least squared error, the smallest of equals.
    pub fn best_fraction(&self, weights: &[f32], limits: &[u8]) -> i32 {
        let greatest = weights.iter().fold(0f32, |greatest, w| greatest.max(w.abs()));
        if greatest == 0.0 || !greatest.is_finite() {
            return 0;
        }
        let top = (f64::from(self.greatest()) / f64::from(greatest)).log2().floor() as i32;
        let error = |fraction: i32| -> f64 {
            let step = 2f64.powi(-fraction);
            let square = |(&w, &limit): (&f32, &u8)| {
                (f64::from(self.code(w, fraction, limit)) * step - f64::from(w)).powi(2)
            };
            weights.iter().zip(limits).map(square).sum()
        };
        let candidates = (top - 2..=top + 4).filter(|fraction| FRACTIONS.contains(fraction));
        candidates.min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(0)
    }
}

/// The code of a bias in steps of `2^−fraction`.
pub(crate) fn bias_code(bias: f32, fraction: i32) -> i64 {
    let format = Format { signed: true, width: BIAS_BITS, frac: fraction };
    let quantizer = Quantizer { format, rounding: Rounding::RndConv, overflow: Overflow::SatSym };
    fixed(f64::from(bias), quantizer)
}

/// An activation's quantizer as a table of the runtime's own answers.
///
/// Rounding can change at multiples of half a step only, so the answer at each multiple and between each two is all there is to know.
pub(crate) struct Stairs {
    /// Values from 0 in half steps: at the multiple, then beyond it.
    values: Vec<f32>,
    /// Half steps in one.
    scale: f32,
    /// The multiple from which all saturates.
    top: f32,
}

impl Stairs {
    pub fn new(activation: Activation) -> Self {
        let quantizer = activation.quantizer();
        let step = 2f64.powi(-activation.fraction);
        let value = |halves: f64| (fixed(halves * step / 2.0, quantizer) as f64 * step) as f32;
        let top = 2u32 << activation.bits;
        let values = (0..=2 * top).map(|n| value(f64::from(n) / 2.0)).collect();
        Self { values, scale: (2.0 / step) as f32, top: top as f32 }
    }

    /// Quantizes in place; what is below zero saturates there.
    pub fn apply(&self, values: &mut [f32]) {
        for value in values {
            let halves = (*value * self.scale).clamp(0.0, self.top);
            let whole = halves as usize;
            *value = self.values[2 * whole + usize::from(whole as f32 != halves)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_canonical() {
        let known =
            [(0, 0), (1, 1), (2, 1), (3, 2), (5, 2), (7, 2), (11, 3), (15, 2), (-7, 2), (43, 4), (85, 4)];
        known.iter().for_each(|&(code, count)| assert_eq!(digits(code), count, "{code}"));
    }

    #[test]
    fn codes_are_the_nearest_allowed() {
        for bits in 2..=8 {
            let codes = Codes::new(bits);
            let greatest = codes.greatest();
            for limit in [0, 1, 2, 3, FREE] {
                for n in -600..=600 {
                    let weight = n as f32 / 4.0;
                    let code = codes.code(weight, 0, limit);
                    assert!(digits(code) <= limit && code.abs() <= greatest);
                    let distance = |code: i32| (weight - code as f32).abs();
                    let best = (-greatest..=greatest).filter(|&c| digits(c) <= limit).map(distance);
                    assert_eq!(distance(code), best.fold(f32::INFINITY, f32::min), "{weight} {limit} {bits}");
                }
            }
        }
        let codes = Codes::new(4);
        assert_eq!([0.5, 1.5, 2.5, -0.5, 99.0].map(|w| codes.code(w, 0, FREE)), [0, 2, 2, 0, 7]);
    }

    #[test]
    fn stairs_are_the_quantizer() {
        for (bits, fraction) in [(1, 0), (2, 3), (4, -2), (8, 7)] {
            for &rounding in Rounding::ALL {
                let activation = Activation { bits, fraction, rounding };
                let step = 2f64.powi(-fraction) as f32;
                let mut values: Vec<f32> = (-40..(20 << bits)).map(|n| n as f32 * step / 16.0).collect();
                values.extend([1e30, -1e30, f32::MIN_POSITIVE, f32::INFINITY, 0.499_999_97 * step]);
                let exact = |&v: &f32| fixed(f64::from(v).min(1e35), activation.quantizer()) as f32 * step;
                let expected: Vec<f32> = values.iter().map(exact).collect();
                Stairs::new(activation).apply(&mut values);
                assert_eq!(values, expected, "{activation:?}");
            }
        }
    }

    #[test]
    fn the_best_fraction_is_the_best() {
        let weights = [0.24, -0.9, 0.51, 0.02];
        let codes = Codes::new(4);
        let error = |fraction: i32| -> f32 {
            let of = |&w: &f32| (codes.code(w, fraction, FREE) as f32 * 2f32.powi(-fraction) - w).powi(2);
            weights.iter().map(of).sum()
        };
        let best = codes.best_fraction(&weights, &[FREE; 4]);
        assert!((-16..=24).all(|fraction| error(best) <= error(fraction)));
    }
}
