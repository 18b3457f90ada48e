//! Where batches come from.

use serde::Deserialize;

use nn2hdl_muon::geometry::{PARTITIONS, STRIPS};

use crate::random::Random;
use crate::recipe::LAYERS;

/// Makes batches. The same seed and batch number give the same batch, whichever were made before.
pub trait Source: Send + Sync {
    /// Fills `batch` (of the extents that it states) with batch number `step`. Training counts from 0,
    /// validation from [`Validation::FIRST`](crate::recipe::Validation::FIRST).
    fn fill(&self, step: u64, batch: &mut Batch);

    /// Partitions and strips of a crop.
    fn extents(&self) -> (usize, usize);

    /// Partitions and strips of a whole image.
    fn image(&self) -> (usize, usize) {
        (PARTITIONS, STRIPS)
    }
}

/// Crops of chamber images with what is known about each voxel. Arrays are `[layer][crop][partition][strip]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of crops.
    pub n: usize,
    /// Partitions.
    pub height: usize,
    /// Strips.
    pub width: usize,
    /// 1 where the voxel has a hit, else 0.
    pub x: Vec<f32>,
    /// 1 where the hit is a muon's, else 0.
    pub truth: Vec<f32>,
    /// Weight in the loss; 0 where the voxel does not count (no hit, border of a crop).
    pub weight: Vec<f32>,
}

impl Batch {
    /// An empty batch.
    pub fn new(n: usize, height: usize, width: usize) -> Self {
        let zeros = || vec![0.0; LAYERS * n * height * width];
        Self { n, height, width, x: zeros(), truth: zeros(), weight: zeros() }
    }

    /// Whether the arrays have the stated extents.
    pub(crate) fn is_whole(&self) -> bool {
        let size = LAYERS * self.n * self.height * self.width;
        [&self.x, &self.truth, &self.weight].iter().all(|array| array.len() == size)
    }
}

/// `[channel][image]` planes in the order `[image][channel]`.
pub(crate) fn by_image(planes: &[f32], images: usize, plane: usize) -> Vec<f32> {
    transpose(planes, images, plane)
}

/// `[image][channel]` planes in the order `[channel][image]`.
pub(crate) fn by_channel(planes: &[f32], channels: usize, plane: usize) -> Vec<f32> {
    transpose(planes, channels, plane)
}

fn transpose(planes: &[f32], inner: usize, plane: usize) -> Vec<f32> {
    let outer = planes.len() / (inner * plane).max(1);
    let mut out = Vec::with_capacity(planes.len());
    for i in 0..inner {
        for o in 0..outer {
            out.extend_from_slice(&planes[(o * inner + i) * plane..][..plane]);
        }
    }
    out
}

/// A toy for tests: straight tracks across the six layers, among hits of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synthetic {
    /// Seed of everything.
    pub seed: u64,
    /// Partitions of a crop.
    pub height: usize,
    /// Strips of a crop.
    pub width: usize,
}

impl Source for Synthetic {
    fn fill(&self, step: u64, batch: &mut Batch) {
        let Batch { n, height, width, .. } = *batch;
        let mut random = Random::new(self.seed).split(step);
        for value in batch.x.iter_mut() {
            *value = f32::from(u8::from(random.uniform() < 0.03));
        }
        batch.truth.fill(0.0);
        for crop in 0..n {
            let row = (random.uniform() * height as f64) as usize;
            let (at, slope) = (random.uniform() * width as f64, random.uniform() * 4.0 - 2.0);
            for layer in 0..LAYERS {
                let strip = (at + slope * (layer as f64 - 2.5)).floor();
                if strip >= 0.0 && strip < width as f64 && random.uniform() < 0.95 {
                    let voxel = ((layer * n + crop) * height + row) * width + strip as usize;
                    (batch.x[voxel], batch.truth[voxel]) = (1.0, 1.0);
                }
            }
        }
        batch.weight.copy_from_slice(&batch.x);
    }

    fn extents(&self) -> (usize, usize) {
        (self.height, self.width)
    }
}
