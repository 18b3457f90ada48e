//! A float network of a training as a scorer of hits.

use nn2hdl_models::ZooModel;
use nn2hdl_muon::Image;
use nn2hdl_muon::geometry::{PARTITIONS, STRIPS};
use nn2hdl_muon::metrics::{ScoreError, Scorer};
use nn2hdl_train::{Batch, Trained};
use rayon::prelude::*;

use crate::failure::Failure;

/// Images that one thread takes at a time.
const CHUNK: usize = 8;

/// The float stage of a zoo network's recipe.
pub struct Float {
    name: String,
    trained: Trained,
}

impl Float {
    /// The float network behind a zoo model, if it has one.
    pub fn of(model: &ZooModel) -> Option<Result<Self, Failure>> {
        let read = |bytes| {
            let trained = Trained::from_bytes(bytes).map_err(|reason| {
                Failure::new("parameters", model.name, reason, "train the network again")
            })?;
            Ok(Self { name: format!("{}, float", model.name), trained })
        };
        model.float.map(read)
    }

    fn chunk(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let failed = |problem: String| ScoreError { scorer: self.name.clone(), problem };
        let mut batch = Batch::new(images.len(), PARTITIONS, STRIPS);
        let plane = PARTITIONS * STRIPS;
        let at = |image: usize, voxel: usize| (voxel / plane * images.len() + image) * plane + voxel % plane;
        for (n, image) in images.iter().enumerate() {
            image.voxels().for_each(|voxel| batch.x[at(n, voxel)] = 1.0);
        }
        let logits = self.trained.forward(&batch).map_err(|error| failed(error.to_string()))?;
        let scores = |(n, image): (usize, &Image)| image.voxels().map(|voxel| logits[at(n, voxel)]).collect();
        Ok(images.iter().enumerate().map(scores).collect())
    }
}

impl Scorer for Float {
    fn name(&self) -> &str {
        &self.name
    }

    fn score(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
        let chunks: Vec<_> =
            images.par_chunks(CHUNK).map(|chunk| self.chunk(chunk)).collect::<Result<_, _>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }
}
