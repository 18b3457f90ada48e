//! Pruning without training: a model becomes one that takes less.
//!
//! *Architecture invariant:* no operator is known here; what is asked of one is in [`crate::ops`].

pub mod estimate;
pub mod layer;
pub mod lut;
pub mod magnitude;
pub mod moments;
pub mod report;
mod search;
pub mod solve;
pub mod structured;

pub use lut::{Budget, to_lut};
pub use magnitude::magnitude;
pub use report::{Pruned, Report};
pub use structured::structured;
