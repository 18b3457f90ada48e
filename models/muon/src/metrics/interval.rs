//! Proportions with their intervals.

use serde::Serialize;

/// `passed` of `total`, with the Wilson score interval at z = 1 (68.3 %).
///
/// E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209: the proportions p with (p̂ − p)² ≤ z² p (1 − p) / n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Proportion {
    /// Successes.
    pub passed: u64,
    /// Trials.
    pub total: u64,
    /// Their ratio; 0 without trials.
    pub value: f64,
    /// Lower end of the interval; 0 without trials.
    pub low: f64,
    /// Upper end of the interval; 1 without trials.
    pub high: f64,
}

impl Proportion {
    /// `passed` of `total`.
    pub fn new(passed: u64, total: u64) -> Self {
        if total == 0 {
            return Self { passed, total, value: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, p) = (total as f64, passed as f64 / total as f64);
        let middle = (p + 0.5 / n) / (1.0 + 1.0 / n);
        let half = (p * (1.0 - p) / n + 0.25 / (n * n)).sqrt() / (1.0 + 1.0 / n);
        // At either end the exact bound is 0 or 1, which rounding may miss.
        let low = if passed == 0 { 0.0 } else { middle - half };
        let high = if passed == total { 1.0 } else { middle + half };
        Self { passed, total, value: p, low, high }
    }
}

impl FromIterator<bool> for Proportion {
    fn from_iter<I: IntoIterator<Item = bool>>(trials: I) -> Self {
        let (passed, total) =
            trials.into_iter().fold((0, 0), |(passed, total), holds| (passed + u64::from(holds), total + 1));
        Self::new(passed, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_solve_wilsons_equation() {
        for (passed, total) in [(0, 10), (3, 10), (10, 10), (970, 1000), (1, 1)] {
            let Proportion { value, low, high, .. } = Proportion::new(passed, total);
            assert!(0.0 <= low && low <= value && value <= high && high <= 1.0);
            for end in [low, high] {
                let left = (value - end).powi(2) - end * (1.0 - end) / total as f64;
                let bound = end == 0.0 || end == 1.0;
                assert!(bound || left.abs() < 1e-12, "{passed} of {total}: {left}");
            }
        }
        assert_eq!(Proportion::new(0, 0).high, 1.0);
    }
}
