//! Crops of the simulated muon chamber.

use nn2hdl_muon::crops::{CropArrays, CropSettings, Crops};
use nn2hdl_muon::simulate::ParameterError;

use crate::recipe::MOST_CROPS;
use crate::source::{Batch, Source};

/// The simulated muon chamber as a [`Source`]: `kind = "chamber"`, and the keys of [`CropSettings`]. Batch `n` begins with crop
/// `n` × 4096.
#[derive(Clone, Debug)]
pub struct Chamber(Crops);

impl Chamber {
    /// Checks the settings.
    ///
    /// # Errors
    /// See [`Crops::new`].
    pub fn new(settings: CropSettings) -> Result<Self, ParameterError> {
        Crops::new(settings).map(Self)
    }
}

impl Source for Chamber {
    fn fill(&self, step: u64, batch: &mut Batch) {
        let Batch { n, x, truth, weight, .. } = batch;
        self.0.fill(step * MOST_CROPS as u64, *n, &mut CropArrays { x, truth, weight });
    }

    fn extents(&self) -> (usize, usize) {
        self.0.extents()
    }

    fn image(&self) -> (usize, usize) {
        self.0.image()
    }
}
