//! A whole design in Verilator against the emulator, frame by frame.
//!
//! Every frame goes through the design three times: back to back, with gaps, and around a reset in mid-stream. Codes,
//! latency and initiation interval must be what the program and the signature say. A difference is explained: the
//! frames around it are replayed with a waveform, and [`Probe`]s name the first layer that went wrong.

mod arrival;
mod check;
mod compare;
mod locate;
mod speed;
mod stimuli;

use std::path::PathBuf;

use nn2hdl_runtime::interface::{Probe, Signature};
use nn2hdl_runtime::{EmulateError, Emulator, Program};
use serde::Serialize;

use crate::stimulus::{Arrival, Fault, Latency, Observation, Plan, Promise, Schedule};
use crate::{
    BuildRequest, Error, Model, Optimization, Port, PowerUp, Progress, Start, Toolchain, Trace, lint,
};
pub use speed::{Buffer, Simulation};
pub use stimuli::random_codes;

/// A design and what it is said to compute.
#[derive(Debug, Clone)]
pub struct Design {
    /// The Verilog files.
    pub sources: Vec<PathBuf>,
    /// The definition of the answer.
    pub program: Program,
    /// How the top module is driven and read.
    pub signature: Signature,
    /// Where values can be seen, in program order.
    pub probes: Vec<Probe>,
    /// Modules with many instances, which Verilator compiles once each.
    pub replicated: Vec<String>,
}

/// How to compare.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The source of gaps, the place of the reset and the data of idle cycles.
    pub seed: u64,
    /// Directories for `cosim.vcd`, which is written on a difference; the first that can be written is taken.
    pub waveforms: Vec<PathBuf>,
}

/// What a comparison is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Verilator's lint.
    Lint,
    /// The emulator computes the answers.
    Emulate,
    /// Verilog becomes machine code.
    Build(Progress),
    /// Frames go through the design.
    Simulate(Arrival),
    /// Verilog becomes machine code that writes a waveform.
    BuildTraced(Progress),
    /// Frames are replayed to find the first difference.
    Locate,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Frames given.
    pub frames: usize,
    /// Frames whose answer was wrong or did not come in time, in any arrival.
    pub mismatches: usize,
    /// Cycles from the first input beat to the first output beat, measured.
    pub latency_cycles: Option<usize>,
    /// Cycles from the first input beat to the last output beat, measured.
    pub latency_last_cycles: Option<usize>,
    /// Cycles between consecutive frames that arrive back to back, measured.
    pub ii_cycles: Option<usize>,
    /// Each arrival pattern.
    pub runs: Vec<ArrivalVerdict>,
    /// What lint says, if it is not content.
    pub lint: Option<String>,
    /// The first value that differs.
    pub first_difference: Option<Difference>,
    /// The waveform of the first difference.
    pub waveform: Option<PathBuf>,
    /// What the reader ought to know.
    pub notes: Vec<String>,
}

/// One arrival pattern.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArrivalVerdict {
    /// The pattern.
    pub arrival: Arrival,
    /// Clock cycles that were run.
    pub cycles: usize,
    /// Frames that went in whole and were due to come out.
    pub sent: usize,
    /// Of these, frames that were wrong or did not come in time.
    pub mismatches: usize,
    /// Departures of `out_valid` from the promised timing, in all.
    pub fault_count: usize,
    /// The first of them.
    pub faults: Vec<Fault>,
}

/// The first value that differs, in program order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The layer that computes it; `output NAME` behind the last layer.
    pub layer: String,
    /// The frame, counted from 0 in the order given.
    pub frame: usize,
    /// The row-major element of the layer's result; nothing if only its timing is wrong.
    pub element: Option<usize>,
    /// The cycle, counted from 0 in the waveform; from power-up if there is no waveform.
    pub cycle: usize,
    /// The same cycle, counted from the frame's first input beat.
    pub cycle_in_frame: usize,
    /// The calls that lead to the layer.
    pub path: Vec<String>,
    /// The wire, below the top module; empty for a constant.
    pub wire: String,
    /// The emulator's code.
    pub expected: Option<i64>,
    /// The design's code.
    pub found: Option<i64>,
}

impl Settings {
    /// Registers wake up with random bits, as in hardware.
    fn power_up(&self) -> PowerUp {
        PowerUp::Random(self.seed as u32)
    }
}

impl Verdict {
    /// Whether the design is what it is said to be, in every respect.
    pub fn is_equal(&self) -> bool {
        self.mismatches == 0 && self.lint.is_none() && self.first_difference.is_none()
    }
}

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CosimError {
    /// The tools or the design failed.
    #[error(transparent)]
    Bench(#[from] Error),
    /// The emulator refused the program or the frames.
    #[error("emulator: {0}")]
    Emulate(#[from] EmulateError),
    /// Program, signature and probes do not belong together.
    #[error("the design's description is inconsistent: {0}")]
    Inconsistent(String),
}

/// Compares a design with the emulator on `frames` frames; `inputs[i]` holds `frames` × elements codes.
///
/// # Errors
/// If the comparison cannot be made; a difference is a verdict, not an error.
pub fn cosim(
    toolchain: &Toolchain,
    design: &Design,
    inputs: &[Vec<i64>],
    frames: usize,
    settings: &Settings,
    progress: &mut dyn FnMut(Stage),
) -> Result<Verdict, CosimError> {
    check::check(design).map_err(CosimError::Inconsistent)?;
    progress(Stage::Emulate);
    let emulator = Emulator::new(&design.program)?;
    let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    let expected = emulator.run(&slices, frames)?;
    progress(Stage::Lint);
    let lint = match lint(toolchain, &design.sources, &design.signature.top) {
        Ok(()) => None,
        Err(Error::Lint { output, .. }) => Some(output),
        Err(error) => return Err(error.into()),
    };
    let mut verdict = Verdict {
        frames,
        mismatches: 0,
        latency_cycles: None,
        latency_last_cycles: None,
        ii_cycles: None,
        runs: Vec::new(),
        lint,
        first_difference: None,
        waveform: None,
        notes: Vec::new(),
    };
    if frames == 0 {
        return Ok(verdict);
    }

    let stimuli = stimuli::frames(&design.signature, inputs, frames);
    let signature = &design.signature;
    let drain = signature.latency_last_cycles as usize + 2;
    let plan = |arrival| Plan {
        // One cycle of reset must do.
        reset: if arrival == Arrival::ResetMidStream { 1 } else { 2 },
        ..Plan::new(signature.ii_cycles as usize, arrival, settings.seed, drain)
    };
    let promise = Promise {
        beats: signature.outputs.first().map_or(1, |map| map.travel.beats()),
        latency: Some(Latency {
            first: signature.latency_cycles as usize,
            last: signature.latency_last_cycles as usize,
        }),
    };
    let mut request = request(design);
    request.optimization = optimization(design, stimuli.len());
    let mut model = Model::build(toolchain, &request, &mut |step| progress(Stage::Build(step)))?;

    let mut wrong = vec![false; frames];
    let mut trouble = None;
    for arrival in [Arrival::BackToBack, Arrival::Gaps, Arrival::ResetMidStream] {
        progress(Stage::Simulate(arrival));
        let schedule = Schedule::new(model.inputs(), &stimuli, &plan(arrival))?;
        let sent = arrival::arrivals(model.inputs(), &schedule, stimuli[0].beats.len());
        model.start(&Start { power_up: settings.power_up(), waveform: None })?;
        let response = model.run(schedule.rows())?;
        let observation = schedule.observe(model.outputs(), &response, &promise)?;
        let found = compare::compare(signature, &expected, frames, &sent, &observation);
        for (index, _) in &found.wrong {
            wrong[sent[*index].frame % frames] = true;
        }
        note(&mut verdict, arrival, &found, &observation);
        let ii = observation.report.ii.filter(|_| arrival == Arrival::BackToBack);
        let slow = ii.is_some_and(|ii| ii != signature.ii_cycles as usize);
        if trouble.is_none() && (!found.wrong.is_empty() || observation.report.fault_count > 0 || slow) {
            trouble = Some((schedule, sent, found, observation.report));
        }
    }
    drop(model);
    verdict.mismatches = wrong.iter().filter(|&&wrong| wrong).count();
    if let Some((schedule, sent, found, report)) = trouble {
        let at = compare::first(&found, &sent, &report, signature.latency_cycles as usize);
        let answers = locate::Answers { emulator: &emulator, inputs: &slices, expected: &expected, frames };
        let case = locate::Case { design, request: &request, settings, schedule: &schedule, sent: &sent, at };
        locate::locate(toolchain, &case, &answers, &mut verdict, progress)?;
    }
    Ok(verdict)
}

fn note(verdict: &mut Verdict, arrival: Arrival, found: &compare::Found, observation: &Observation) {
    let report = &observation.report;
    if arrival == Arrival::BackToBack {
        verdict.latency_cycles = report.latency.map(|latency| latency.first);
        verdict.latency_last_cycles = report.latency.map(|latency| latency.last);
        verdict.ii_cycles = report.ii;
    }
    verdict.runs.push(ArrivalVerdict {
        arrival,
        cycles: report.cycles,
        sent: found.due,
        mismatches: found.wrong.len(),
        fault_count: report.fault_count,
        faults: report.faults.clone(),
    });
}

fn request(design: &Design) -> BuildRequest {
    let signature = &design.signature;
    let mut ports = vec![Port::input("clk", 1), Port::input("rst", 1), Port::input("in_valid", 1)];
    ports.extend(signature.inputs.iter().map(|map| Port::input(&map.port, map.width())));
    ports.push(Port::output("out_valid", 1));
    ports.extend(signature.outputs.iter().map(|map| Port::output(&map.port, map.width())));
    let blocks = design.replicated.clone();
    BuildRequest {
        trace: Trace::Off,
        blocks,
        ..BuildRequest::new(&signature.top, design.sources.clone(), ports)
    }
}

/// The compiler's extra effort and what it saves in each cycle both grow with the text, so that cycles alone decide.
fn optimization(design: &Design, frames: usize) -> Optimization {
    const WORTH: usize = 400_000;
    let cycles = 4 * frames * design.signature.ii_cycles as usize;
    if cycles > WORTH { Optimization::O1 } else { Optimization::O0 }
}
