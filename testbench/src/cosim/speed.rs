//! A design in Verilator that is fed buffers of frames, for measurements of speed.

use nn2hdl_runtime::interface::Signature;

use super::{CosimError, Design, arrival, check, compare, request, stimuli};
use crate::stimulus::{Arrival, Latency, Plan, Promise, Schedule};
use crate::{Error, Model, Optimization, PowerUp, Progress, Rows, Start, Toolchain};

/// A design, compiled for speed and started. It is no comparison: [`cosim`](super::cosim) is one.
#[derive(Debug)]
pub struct Simulation {
    model: Model,
    signature: Signature,
}

/// Frames laid out in time, back to back behind a reset of two cycles, with the cycles that the last one needs to come out.
#[derive(Debug, Clone)]
pub struct Buffer {
    schedule: Schedule,
    frames: usize,
    beats: usize,
}

impl Simulation {
    /// Compiles a design.
    ///
    /// # Errors
    /// The design's description is inconsistent, or the tools fail.
    pub fn build(
        toolchain: &Toolchain,
        design: &Design,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, CosimError> {
        check::check(design).map_err(CosimError::Inconsistent)?;
        let mut request = request(design);
        request.optimization = Optimization::O1;
        let mut model = Model::build(toolchain, &request, progress)?;
        model.start(&Start { power_up: PowerUp::Zeros, waveform: None })?;
        Ok(Self { model, signature: design.signature.clone() })
    }

    /// A buffer of `count` frames, taken in turn from the `frames` frames of `inputs`, each `frames` × elements codes.
    ///
    /// # Errors
    /// The frames do not fit the design's ports.
    pub fn buffer(&self, inputs: &[Vec<i64>], frames: usize, count: usize) -> Result<Buffer, Error> {
        let stimuli = stimuli::repeated(&self.signature, inputs, frames, count);
        let drain = self.signature.latency_last_cycles as usize + 2;
        let plan = Plan::new(self.signature.ii_cycles as usize, Arrival::BackToBack, 1, drain);
        let schedule = Schedule::new(self.model.inputs(), &stimuli, &plan)?;
        let beats = stimuli.first().map_or(1, |frame| frame.beats.len());
        Ok(Buffer { schedule, frames: count, beats })
    }

    /// Sends a buffer through the design; the result holds one row of outputs for each cycle.
    ///
    /// # Errors
    /// The simulation failed.
    pub fn run(&mut self, buffer: &Buffer) -> Result<Rows, Error> {
        self.model.run(buffer.schedule.rows())
    }

    /// How many frames of a buffer did not come out as the emulator says, whose answers are `frames` × elements codes of
    /// each output.
    ///
    /// # Errors
    /// The rows are no answer to the buffer.
    pub fn mismatches(
        &self,
        buffer: &Buffer,
        rows: &Rows,
        expected: &[Vec<i64>],
        frames: usize,
    ) -> Result<usize, Error> {
        let promise = Promise {
            beats: self.signature.outputs.first().map_or(1, |map| map.travel.beats()),
            latency: Some(Latency {
                first: self.signature.latency_cycles as usize,
                last: self.signature.latency_last_cycles as usize,
            }),
        };
        let observation = buffer.schedule.observe(self.model.outputs(), rows, &promise)?;
        let sent = arrival::arrivals(self.model.inputs(), &buffer.schedule, buffer.beats);
        let found = compare::compare(&self.signature, expected, frames, &sent, &observation);
        Ok(found.wrong.len() + buffer.frames.abs_diff(found.due))
    }
}
