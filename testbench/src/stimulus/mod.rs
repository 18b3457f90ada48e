//! Frames into a bare module and out of it again: when they arrive, and when and whether they leave.
//!
//! A bare module has the ports `clk`, `rst`, `in_valid`, data inputs, `out_valid` and data outputs. Beats of
//! one frame are contiguous and gaps come between frames only. While `in_valid` is low the data inputs carry random bits.

mod observe;
mod schedule;

use serde::Serialize;

use crate::{Error, Model};
pub use observe::{Fault, Observation, OutputFrame, Report};
pub use schedule::Schedule;

/// One clock's worth of data: for each data port, in the order of the layout, its words.
pub type Beat = Vec<Vec<u32>>;

/// One input of the network, cut into beats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// The beats, in order of time.
    pub beats: Vec<Beat>,
}

/// The spacing of frames in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// A frame every II cycles.
    BackToBack,
    /// II and a random pause, often none, sometimes long enough to drain the pipeline.
    Gaps,
    /// A frame every II cycles; in the middle of one frame, half-way through the run, `rst` rises with
    /// frames in flight, which are lost; then all frames once more from the first.
    ResetMidStream,
}

/// How frames are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Cycles from the first beat of a frame to the first beat of the next, at least.
    pub ii: usize,
    /// The spacing of the frames.
    pub arrival: Arrival,
    /// The source of all that is random: gaps, the place of the reset, the data of idle cycles.
    pub seed: u64,
    /// Cycles for which `rst` is held, at the beginning and in mid-stream.
    pub reset: usize,
    /// Cycles to run after the last beat went in: at least the latency, or outputs will be missing.
    pub drain: usize,
}

impl Plan {
    /// A plan with a reset of two cycles.
    pub fn new(ii: usize, arrival: Arrival, seed: u64, drain: usize) -> Self {
        Self { ii, arrival, seed, reset: 2, drain }
    }
}

/// The output that a design promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Promise {
    /// Output beats of each frame.
    pub beats: usize,
    /// The latency, if it is to be checked rather than only measured.
    pub latency: Option<Latency>,
}

/// Clock cycles from the edge that samples a frame's first input beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// To the edge at which a consumer samples the frame's first output beat.
    pub first: usize,
    /// To the edge at which it samples the last.
    pub last: usize,
}

/// Sends frames through a model and collects what comes out.
///
/// The model's state is left as it was at the end, so that another call may follow: each begins with a reset.
pub fn simulate(
    model: &mut Model,
    frames: &[Frame],
    plan: &Plan,
    promise: &Promise,
) -> Result<Observation, Error> {
    let schedule = Schedule::new(model.inputs(), frames, plan)?;
    let response = model.run(schedule.rows())?;
    schedule.observe(model.outputs(), &response, promise)
}
