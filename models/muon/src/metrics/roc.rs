//! The voxel ROC from two histograms of bounded size.

use std::collections::BTreeMap;

use serde::Serialize;

/// Hits by score, muons' own and others. Scores are told apart to 2⁻¹¹ of their size; integers below 4096 exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roc {
    /// By score: muons' hits and others.
    counts: BTreeMap<i32, (u64, u64)>,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Share of other hits that are marked.
    pub others: f64,
    /// Share of muons' hits that are marked.
    pub muons: f64,
}

/// Bits of a score's fraction that are left out.
const DROPPED: u32 = 12;

/// A number that orders as scores do.
fn key(score: f32) -> i32 {
    let bits = (score + 0.0).to_bits() as i32;
    let ordered = if bits < 0 { i32::MIN.wrapping_sub(bits) } else { bits };
    ordered >> DROPPED
}

impl Roc {
    /// Adds a hit.
    pub fn add(&mut self, score: f32, muon: bool) {
        let count = self.counts.entry(key(score)).or_default();
        if muon { count.0 += 1 } else { count.1 += 1 }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        for (key, (muons, others)) in other.counts {
            let count = self.counts.entry(key).or_default();
            *count = (count.0 + muons, count.1 + others);
        }
    }

    /// Hits: muons' and others.
    pub fn totals(&self) -> (u64, u64) {
        self.counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    }

    /// From no hit marked to every hit marked.
    pub fn curve(&self) -> Vec<Point> {
        let (muons, others) = self.totals();
        let (mut seen, mut points) = ((0, 0), vec![Point { others: 0.0, muons: 0.0 }]);
        for count in self.counts.values().rev() {
            seen = (seen.0 + count.0, seen.1 + count.1);
            let share = |part: u64, all: u64| part as f64 / all.max(1) as f64;
            points.push(Point { others: share(seen.1, others), muons: share(seen.0, muons) });
        }
        points
    }

    /// Area under the curve: the probability that a muon's hit scores higher than another, ties counting half.
    pub fn area(&self) -> f64 {
        let curve = self.curve();
        curve.windows(2).map(|w| (w[1].others - w[0].others) * (w[1].muons + w[0].muons) / 2.0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_scores_do() {
        let scores = [f32::NEG_INFINITY, -1e9, -2.0, -1.0, -0.001, 0.0, 0.001, 1.0, 2.0, 4095.0, 1e9];
        assert!(scores.windows(2).all(|pair| key(pair[0]) < key(pair[1])), "{:?}", scores.map(key));
        assert_eq!(key(0.0), key(-0.0));
        assert!((-4095..4095).all(|n| key(n as f32) < key((n + 1) as f32)));
    }

    #[test]
    fn the_area_counts_pairs() {
        let mut roc = Roc::default();
        let (muons, others) = ([3.0, 2.0, 2.0, 5.0], [1.0, 2.0, 4.0]);
        muons.iter().for_each(|&score| roc.add(score, true));
        others.iter().for_each(|&score| roc.add(score, false));
        let pairs = muons.iter().flat_map(|m| others.iter().map(move |o| (m, o)));
        let won: f64 = pairs
            .map(|(m, o)| {
                if m > o {
                    1.0
                } else if m == o {
                    0.5
                } else {
                    0.0
                }
            })
            .sum();
        assert!((roc.area() - won / 12.0).abs() < 1e-12);
        assert_eq!(roc.totals(), (4, 3));
    }
}
