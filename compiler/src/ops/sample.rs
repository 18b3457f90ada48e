//! Seeded material for the operators' samples.

use super::Sample;
use crate::graph::{Graph, Tensor};

/// A small generator (SplitMix64), so that samples are the same everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer of `lo..=hi`.
    pub(super) fn int(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.next() % (hi - lo + 1) as u64) as i64
    }

    /// Signed numbers of `bits` bits, `frac` of them behind the point.
    pub(super) fn tensor(&mut self, shape: &[usize], bits: u32, frac: i32) -> Tensor {
        let top = 1i64 << (bits - 1);
        let data =
            (0..shape.iter().product()).map(|_| self.int(-top, top - 1) as f64 * 2f64.powi(-frac)).collect();
        Tensor::new(shape.to_vec(), data)
    }

    /// Numbers of `0.5..8`, not on a grid.
    pub(super) fn positive(&mut self, shape: &[usize]) -> Tensor {
        let data = (0..shape.iter().product())
            .map(|_| 0.5 + (self.next() >> 11) as f64 / 2f64.powi(53) * 7.5)
            .collect();
        Tensor::new(shape.to_vec(), data)
    }
}

/// A sample whose program must equal its reference exactly. `indices` among the formats stands for an input of indices.
pub(super) fn sample(formats: &[&str], build: impl FnOnce(&mut Graph)) -> Sample {
    let mut graph = Graph::new("sample");
    build(&mut graph);
    let formats = formats.iter().map(|text| text.parse().ok()).collect();
    Sample { graph, formats, tolerance: 0.0 }
}
