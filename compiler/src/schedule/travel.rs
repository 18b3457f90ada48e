//! How tensors move.

use serde::{Deserialize, Serialize};

/// How a tensor moves over its wires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    /// Axes from the slowest to the fastest, within a beat.
    pub order: Vec<usize>,
    /// The axis that is spread over beats, if any.
    pub axis: Option<usize>,
    /// Positions of that axis in one beat; without an axis, all elements are one beat of one position.
    pub lanes: usize,
    /// Beats of one frame.
    pub beats: usize,
    /// Cycles from the frame's first input beat to this tensor's first beat.
    pub phase: u32,
}

impl Travel {
    /// A whole tensor of `rank` axes in one beat.
    pub fn whole(rank: usize, phase: u32) -> Self {
        Self { order: (0..rank).collect(), axis: None, lanes: 1, beats: 1, phase }
    }

    /// The shape of one beat of a tensor of `shape`.
    pub fn beat_shape(&self, shape: &[usize]) -> Vec<usize> {
        let mut beat = shape.to_vec();
        if let Some(axis) = self.axis {
            beat[axis] = self.lanes;
        }
        beat
    }

    /// The flat element of the tensor at flat position `n` of beat `beat`, or `None` in the last beat's padding.
    pub fn element(&self, shape: &[usize], beat: usize, n: usize) -> Option<usize> {
        let mut at = nn2hdl_runtime::index::point(n, &self.beat_shape(shape));
        if let Some(axis) = self.axis {
            at[axis] += beat * self.lanes;
            if at[axis] >= shape[axis] {
                return None;
            }
        }
        Some(at.iter().zip(shape).fold(0, |flat, (&coordinate, &extent)| flat * extent + coordinate))
    }
}
