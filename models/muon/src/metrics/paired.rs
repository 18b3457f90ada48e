//! Two scorers on the same muons.

use serde::Serialize;

/// Muons that only one of two scorers matched. Both see the same muons, so that the difference of their efficiencies
/// is that of these counts, and its significance follows from them alone (McNemar's test in its exact form: under
/// equal efficiencies either count is binomial with probability ½).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Paired {
    /// Muons.
    pub muons: u64,
    /// Matched by the first alone.
    pub first_only: u64,
    /// Matched by the second alone.
    pub second_only: u64,
}

impl Paired {
    /// Counts a muon.
    pub fn add(&mut self, first: bool, second: bool) {
        self.muons += 1;
        self.first_only += u64::from(first && !second);
        self.second_only += u64::from(second && !first);
    }

    /// Counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            muons: self.muons + other.muons,
            first_only: self.first_only + other.first_only,
            second_only: self.second_only + other.second_only,
        }
    }

    /// Efficiency of the first minus that of the second, and its standard error.
    pub fn difference(&self) -> (f64, f64) {
        let n = self.muons.max(1) as f64;
        let (first, second) = (self.first_only as f64 / n, self.second_only as f64 / n);
        let difference = first - second;
        (difference, ((first + second - difference * difference).max(0.0) / n).sqrt())
    }

    /// Two-sided probability of counts at least as unequal if both were equally efficient.
    pub fn p_value(&self) -> f64 {
        let n = self.first_only + self.second_only;
        let more = self.first_only.max(self.second_only);
        // Terms C(n, k) / 2ⁿ for k = n down to `more`, in logarithms.
        let (mut log, mut sum) = (-(n as f64) * std::f64::consts::LN_2, 0.0);
        for k in (more..=n).rev() {
            sum += log.exp();
            log += (k as f64).ln() - ((n - k + 1) as f64).ln();
        }
        (2.0 * sum).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_probabilities() {
        let p = |first_only, second_only| Paired { muons: 100, first_only, second_only }.p_value();
        assert!((p(0, 5) - 2.0 / 32.0).abs() < 1e-12);
        assert!((p(8, 2) - 2.0 * (45.0 + 10.0 + 1.0) / 1024.0).abs() < 1e-12);
        assert_eq!((p(0, 0), p(3, 3)), (1.0, 1.0));
        assert!(p(600, 400) < 1e-9);
    }

    #[test]
    fn differences_count_discordant_muons() {
        let mut paired = Paired::default();
        [(true, true), (true, false), (true, false), (false, true)]
            .into_iter()
            .for_each(|(a, b)| paired.add(a, b));
        assert_eq!(paired.difference().0, 0.25);
    }
}
