//! Pipeline stages of an engine: each cell as early as its operands and the clock allow.

use super::Delays;
use crate::datapath::{Cell, Datapath};

/// Where each wire of a datapath is in time.
#[derive(Clone, Debug)]
pub struct Stages {
    /// Register ranks between the engine's inputs and the wire.
    pub stage: Vec<u32>,
    /// When the wire is ready within its cycle, in ps.
    pub ready: Vec<f64>,
    /// The stage at which all outputs are delivered together.
    pub output: u32,
}

/// A cell does not fit one clock cycle.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("one operation of {width} bits takes about {delay:.0} ps, longer than the {period:.0} ps of a cycle")]
pub struct TooFast {
    /// Width of the result.
    pub width: u32,
    /// Its delay in ps, registers included.
    pub delay: f64,
    /// The clock's period in ps.
    pub period: f64,
}

impl Stages {
    /// Everything within one stage, whatever its delay.
    pub fn unpipelined(datapath: &Datapath) -> Self {
        let cells = datapath.cells().len();
        Self { stage: vec![0; cells], ready: vec![0.0; cells], output: 0 }
    }
}

/// Assigns stages, with input `n` ready `arrivals[n]` ps into stage 0.
pub fn pipeline(
    datapath: &Datapath,
    arrivals: &[f64],
    period: f64,
    delays: &Delays,
) -> Result<Stages, TooFast> {
    let budget = period - delays.setup;
    let mut stage = vec![0u32; datapath.cells().len()];
    let mut ready = vec![0f64; datapath.cells().len()];
    let live = datapath.live();
    for wire in datapath.wires().filter(|wire| live[wire.index()]) {
        let cell = datapath.cell(wire);
        if let Cell::Input(n) = cell {
            ready[wire.index()] = arrivals[*n as usize];
            continue;
        }
        let delay = delays.of(datapath, wire);
        let operands: Vec<usize> =
            cell.operands().iter().filter(|&&a| datapath.as_const(a).is_none()).map(|a| a.index()).collect();
        let latest = operands.iter().map(|&a| stage[a]).max().unwrap_or(0);
        // An operand from an earlier stage comes out of a register.
        let start = operands
            .iter()
            .map(|&a| if stage[a] == latest { ready[a] } else { delays.clock_to_q })
            .fold(0.0, f64::max);
        (stage[wire.index()], ready[wire.index()]) = if delay == 0.0 || start + delay <= budget {
            (latest, start + delay)
        } else if delays.clock_to_q + delay <= budget {
            (latest + 1, delays.clock_to_q + delay)
        } else {
            let width = datapath.interval(wire).width().1;
            return Err(TooFast { width, delay: delays.clock_to_q + delay + delays.setup, period });
        };
    }
    let output = datapath
        .outputs
        .iter()
        .filter(|&&wire| datapath.as_const(wire).is_none())
        .map(|wire| stage[wire.index()])
        .max()
        .unwrap_or(0);
    Ok(Stages { stage, ready, output })
}
