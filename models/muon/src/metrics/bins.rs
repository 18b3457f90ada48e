//! Bins of transverse momentum.

use serde::Serialize;

/// Bins between ascending edges, in GeV; the last one is closed above.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bins {
    edges: Vec<f64>,
}

impl Bins {
    /// `count` bins of equal ratio from `low` to `high` GeV.
    pub fn logarithmic(low: f64, high: f64, count: usize) -> Self {
        let ratio = high / low;
        let edge = |n: usize| low * ratio.powf(n as f64 / count as f64);
        let mut edges: Vec<f64> = (0..=count).map(edge).collect();
        if let Some(last) = edges.last_mut() {
            *last = high;
        }
        Self { edges }
    }

    /// Number of bins.
    pub fn len(&self) -> usize {
        self.edges.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Edges of bin `n`.
    pub fn range(&self, n: usize) -> (f64, f64) {
        (self.edges[n], self.edges[n + 1])
    }

    /// The bin of a momentum; those outside belong to the nearest.
    pub fn find(&self, pt: f64) -> usize {
        let above = self.edges.partition_point(|&edge| edge <= pt);
        above.saturating_sub(1).min(self.len().saturating_sub(1))
    }
}

impl Default for Bins {
    /// Ten bins from 5 to 100 GeV.
    fn default() -> Self {
        Self::logarithmic(5.0, 100.0, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_momentum_has_its_bin() {
        let bins = Bins::default();
        assert_eq!((bins.len(), bins.range(0).0, bins.range(9).1), (10, 5.0, 100.0));
        for n in 0..bins.len() {
            let (low, high) = bins.range(n);
            assert!((high / low - 20f64.powf(0.1)).abs() < 1e-9);
            assert_eq!([low, (low * high).sqrt()].map(|pt| bins.find(pt)), [n, n]);
        }
        assert_eq!([1.0, 100.0, 1000.0].map(|pt| bins.find(pt)), [0, 9, 9]);
    }
}
