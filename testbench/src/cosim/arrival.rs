//! When each frame of a schedule goes in.

use crate::Layout;
use crate::stimulus::Schedule;

/// A frame that went in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrived {
    /// Its place in the list of frames.
    pub frame: usize,
    /// The row of its first beat.
    pub row: usize,
    /// The first row of the reset that follows; later rows no longer belong to the frame.
    pub reset: Option<usize>,
}

/// Reads the rows back: each reset begins the list of frames anew.
pub(super) fn arrivals(inputs: &Layout, schedule: &Schedule, beats: usize) -> Vec<Arrived> {
    let word = |name| inputs.position(name).map(|position| inputs.range(position).start);
    let (Some(rst), Some(in_valid)) = (word("rst"), word("in_valid")) else { return Vec::new() };
    let (mut arrived, mut frame, mut left): (Vec<Arrived>, _, _) = (Vec::new(), 0, 0);
    for row in 0..schedule.rows().len() {
        let words = schedule.rows().row(row);
        if words[rst] != 0 {
            arrived.iter_mut().filter(|one| one.reset.is_none()).for_each(|one| one.reset = Some(row));
            (frame, left) = (0, 0);
        } else if left > 0 {
            left -= 1;
        } else if words[in_valid] != 0 {
            arrived.push(Arrived { frame, row, reset: None });
            frame += 1;
            left = beats - 1;
        }
    }
    arrived
}
