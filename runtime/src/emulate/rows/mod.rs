//! Lanes that are neighbouring columns of one frame, for programs of long lines such as convolutions of images.
//!
//! Every value keeps its place, and its memory the last frame's codes. What a frame of zeros gives is known, so only
//! those parts of lines are computed that read from a part which differs from it.

mod layout;
mod line;
mod mask;
mod plan;
mod run;

pub(super) use layout::{LANES, WHOLE};
pub(super) use plan::{RowPlan, is_possible, is_promising};
pub(super) use run::State;
