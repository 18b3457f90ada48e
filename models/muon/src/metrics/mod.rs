//! Physics metrics: what a network, or the road finder, makes of simulated events.
//!
//! - *Mask at a threshold t*: the hits with a score of at least t. A voxel without a hit is never marked.
//! - A muon is *matched* if the share of its own voxels that are marked exceeds [`MATCHED`]; a muon that left no hit is not.
//! - *Efficiency*: matched muons / generated muons, per bin of p_T.
//! - A muon-free image is a *fake* if [`crate::segments::any`] finds a segment in its mask. *Fake rate*: fakes / muon-free
//!   images, or that times [`CROSSINGS`] in kHz per chamber.
//! - *Foreign share*: of the marked voxels of images with one muon, those that no muon fired, by that muon's p_T.
//! - *Voxel ROC*: over all hits of a sample, the share of muons' hits that are marked against the share of other hits
//!   that are, for every threshold.
//! - Thresholds are chosen on *calibration samples* of muon-free images with a seed of their own, never on what is tested.
//!
//! All of it depends on the threshold monotonically, so each muon and each image is reduced to one number: the highest
//! threshold at which the muon is matched, or the image a fake ([`reduce`]).

pub mod bins;
pub mod evaluate;
pub mod gallery;
pub mod interval;
pub mod observe;
pub mod paired;
pub mod reduce;
pub mod roc;
pub mod sample;
pub mod scorer;
pub mod threshold;

pub use crate::offline::MATCHED;
pub use bins::Bins;
pub use evaluate::{Condition, Evaluation, evaluate};
pub use gallery::Gallery;
pub use interval::Proportion;
pub use observe::{Observed, calibrate, observe};
pub use paired::Paired;
pub use roc::Roc;
pub use sample::Sample;
pub use scorer::{Roads, ScoreError, Scorer};

/// Bunch crossings per second, in kHz: 40 MHz.
pub const CROSSINGS: f64 = 40_000.0;
