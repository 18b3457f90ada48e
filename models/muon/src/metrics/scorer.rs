//! What is measured: anything that gives every hit a score.

use rayon::prelude::*;

use crate::event::Image;
use crate::roads::RoadFinder;

/// A scorer that could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{scorer}: {problem}")]
pub struct ScoreError {
    /// The scorer's name.
    pub scorer: String,
    /// What went wrong.
    pub problem: String,
}

/// Gives every hit of an image a score; the higher, the more it looks like a muon's.
pub trait Scorer {
    /// Its name in tables and reports.
    fn name(&self) -> &str;

    /// For each image the scores of its hits, in the order of [`Image::voxels`]; integers up to 2²⁴ are exact.
    ///
    /// # Errors
    /// If the scorer fails; that ends the measurement.
    fn score(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError>;

    /// The threshold of a scorer that only marks: none is chosen for it.
    fn fixed(&self) -> Option<f32> {
        None
    }

    /// The threshold that a network was shipped with, as far as what was scored so far tells.
    fn shipped(&self) -> Option<f32> {
        None
    }
}

/// The road finder: 1 for hits on a road, 0 for others.
#[derive(Clone, Debug)]
pub struct Roads {
    finder: RoadFinder,
    name: String,
}

impl Roads {
    /// Roads with hits in at least `majority` layers.
    pub fn new(majority: usize) -> Self {
        Self { finder: RoadFinder::new(majority), name: format!("road finder, {majority} of 6") }
    }
}

impl Scorer for Roads {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let score = |image: &Image| {
            let mask = self.finder.mark(image);
            image.voxels().map(|voxel| f32::from(u8::from(mask.get(voxel)))).collect()
        };
        Ok(images.par_iter().map(score).collect())
    }

    fn fixed(&self) -> Option<f32> {
        Some(1.0)
    }
}
