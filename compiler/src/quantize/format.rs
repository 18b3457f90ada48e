//! How a scale is chosen for given values.

use serde::Serialize;

/// Which part of the values a format covers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// All of them.
    MinMax,
    /// All but the outermost; the number is the share that is covered, in percent.
    Percentile(f64),
    /// As much as makes the mean square error least.
    Mse,
}

/// What shares one scale among weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A whole tensor.
    Tensor,
    /// The weights of one output channel.
    Channel,
}

/// Which scales may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleKind {
    /// Powers of two.
    PowerOfTwo,
    /// Numbers of [`MANTISSA`] significant bits, so that products of two are float32s.
    Arbitrary,
}

/// Significant bits of a scale that is not a power of two.
pub const MANTISSA: i32 = 12;

/// Range of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Bits of a code.
    pub bits: u32,
    /// Whether there are negative codes.
    pub signed: bool,
    /// Whether the least code of the signed range is left out.
    pub narrow: bool,
}

impl Codes {
    /// Least and greatest code.
    pub fn range(self) -> (f64, f64) {
        if self.signed {
            let half = 2f64.powi(self.bits as i32 - 1);
            (f64::from(u8::from(self.narrow)) - half, half - 1.0)
        } else {
            (0.0, 2f64.powi(self.bits as i32) - 1.0)
        }
    }

    /// The least scale at which nothing between `lo` and `hi` saturates.
    fn fit(self, lo: f64, hi: f64) -> f64 {
        let (least, greatest) = self.range();
        let below = if least < 0.0 { lo / least } else { 0.0 };
        (hi / greatest).max(below).max(0.0)
    }

    /// The value that `value` becomes.
    pub fn rounded(self, value: f64, scale: f64) -> f64 {
        let (lo, hi) = self.range();
        (value / scale).round_ties_even().clamp(lo, hi) * scale
    }

    /// Chooses a scale for `values`.
    pub fn choose(self, values: &[f64], method: Method, kind: ScaleKind) -> f64 {
        let bounds = |values: &[f64]| {
            values.iter().fold((0f64, 0f64), |(lo, hi), &value| (lo.min(value), hi.max(value)))
        };
        let (lo, hi) = bounds(values);
        let widest = kind.up(self.fit(lo, hi));
        match method {
            Method::MinMax => widest,
            Method::Percentile(share) => {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                let last = sorted.len().saturating_sub(1);
                let left = ((1.0 - share / 100.0) / 2.0 * last as f64).round() as usize;
                let (lo, hi) =
                    bounds(&[sorted.get(left), sorted.get(last - left)].map(|v| v.copied().unwrap_or(0.0)));
                kind.up(self.fit(lo, hi))
            }
            Method::Mse => {
                let candidates: Vec<f64> = match kind {
                    ScaleKind::PowerOfTwo => (0..8).map(|n| widest * 2f64.powi(-n)).collect(),
                    ScaleKind::Arbitrary => (0..60).map(|n| kind.up(widest * 0.96f64.powi(n))).collect(),
                };
                let error = |scale: f64| -> f64 {
                    values.iter().map(|&value| (value - self.rounded(value, scale)).powi(2)).sum()
                };
                let best = candidates.into_iter().map(|scale| (error(scale), scale));
                best.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(widest, |(_, scale)| scale)
            }
        }
    }
}

impl ScaleKind {
    /// The least allowed scale that is not below `scale`; 1 if that is zero.
    pub fn up(self, scale: f64) -> f64 {
        // A normal float32, whatever the data is.
        if scale < 2f64.powi(-60) {
            return if scale > 0.0 { 2f64.powi(-60) } else { 1.0 };
        }
        match self {
            Self::PowerOfTwo => 2f64.powi(exponent(scale)),
            Self::Arbitrary => {
                let unit = 2f64.powi(exponent(scale) - MANTISSA);
                (scale / unit).ceil() * unit
            }
        }
    }
}

/// The least `n` with `value ≤ 2^n`.
fn exponent(value: f64) -> i32 {
    let mut n = value.log2().ceil() as i32;
    while 2f64.powi(n) < value {
        n += 1;
    }
    while 2f64.powi(n - 1) >= value {
        n -= 1;
    }
    n
}

/// What rounding does to a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Loss {
    /// Values looked at.
    pub samples: u64,
    /// Values beyond the range of codes.
    pub saturated: u64,
    /// Sum of the squares of the values.
    #[serde(skip)]
    pub signal: f64,
    /// Sum of the squares of the errors.
    #[serde(skip)]
    pub noise: f64,
}

impl Loss {
    /// Adds a value and what it has become.
    pub fn add(&mut self, value: f64, rounded: f64) {
        self.samples += 1;
        self.signal += value * value;
        self.noise += (value - rounded).powi(2);
    }

    /// Adds the value that becomes a code.
    pub fn quantized(&mut self, value: f64, scale: f64, codes: Codes) {
        let (lo, hi) = codes.range();
        self.saturated += u64::from(!(lo..=hi).contains(&(value / scale).round_ties_even()));
        self.add(value, codes.rounded(value, scale));
    }

    /// Signal-to-quantization-noise ratio in dB; `None` if there is no noise or no signal.
    pub fn sqnr_db(&self) -> Option<f64> {
        (self.noise > 0.0 && self.signal > 0.0).then(|| 10.0 * (self.signal / self.noise).log10())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: Codes = Codes { bits: 4, signed: true, narrow: false };

    #[test]
    fn scales_cover_what_the_method_says() {
        let values: Vec<f64> = (-700..=700).map(|n| f64::from(n) / 100.0).collect();
        assert_eq!(SIGNED.choose(&values, Method::MinMax, ScaleKind::PowerOfTwo), 1.0);
        assert_eq!(SIGNED.choose(&values, Method::MinMax, ScaleKind::Arbitrary), 1.0);
        let half = SIGNED.choose(&values, Method::Percentile(50.0), ScaleKind::Arbitrary);
        assert!((half - 0.5).abs() < 1e-3, "{half}");
        // An outlier is worth less than the resolution of everything else.
        let mut values: Vec<f64> = (-500..500).map(|n| f64::from(n) * 7e-4).collect();
        values.push(2.0);
        let codes = Codes { bits: 4, signed: true, narrow: true };
        let (all, best) = (
            codes.choose(&values, Method::MinMax, ScaleKind::Arbitrary),
            codes.choose(&values, Method::Mse, ScaleKind::Arbitrary),
        );
        let error = |scale| values.iter().map(|&v| (v - codes.rounded(v, scale)).powi(2)).sum::<f64>();
        assert!(best < all && error(best) < error(all) / 2.0, "{best} {all}");
    }

    #[test]
    fn a_scale_is_never_below_what_is_needed() {
        for kind in [ScaleKind::PowerOfTwo, ScaleKind::Arbitrary] {
            for n in 1..2000 {
                let scale = f64::from(n) * 1.7e-3;
                let up = kind.up(scale);
                assert!(up >= scale && kind.up(up) == up, "{scale} {up}");
                assert_eq!(f64::from((up * up) as f32), up * up);
            }
        }
        assert_eq!(ScaleKind::Arbitrary.up(0.0), 1.0);
    }

    #[test]
    fn losses_are_counted() {
        let mut loss = Loss::default();
        [0.5, 7.0, 7.4, 9.0, -8.4, -9.0].iter().for_each(|&v| loss.quantized(v, 1.0, SIGNED));
        assert_eq!((loss.samples, loss.saturated), (6, 2));
        let noise = 0.25 + 0.16 + 4.0 + 0.16 + 1.0;
        assert!((loss.noise - noise).abs() < 1e-12, "{}", loss.noise);
    }
}
