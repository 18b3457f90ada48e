//! Pipeline stages of an engine: each cell as early as its operands and the clock allow, then registers where they are
//! fewest.

use super::Delays;
use super::retime::retime;
use super::timing::{Times, Timing};
use crate::datapath::{Cell, Datapath};

/// Where each wire of a datapath is in time.
#[derive(Clone, Debug)]
pub struct Stages {
    /// Register ranks between the engine's inputs and the wire; wiring is wherever it is read.
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

/// The price of a bit in a register of the engine's own.
pub const BIT: u64 = 1 << 10;

/// Assigns stages, with input `n` ready `arrivals[n]` ps into stage 0: the fewest that the clock allows. With prices,
/// cells are then moved to where the registers between them are cheapest, a bit of input `n` for `prices[n]`; no
/// output is ready later for that.
pub fn pipeline(
    datapath: &Datapath,
    arrivals: &[f64],
    period: f64,
    delays: &Delays,
    prices: Option<&[u64]>,
) -> Result<Stages, TooFast> {
    let timing = Timing::new(datapath, delays);
    let budget = period - delays.setup;
    let mut times = Times::new(datapath.cells().len());
    let live = datapath.live();
    for wire in datapath.wires().filter(|wire| live[wire.index()]) {
        let cell = datapath.cell(wire);
        if let Cell::Input(n) = cell {
            times.ready[wire.index()] = arrivals[*n as usize];
            continue;
        }
        let known = cell.operands().into_iter().filter(|&a| datapath.as_const(a).is_none());
        let mut at = known.map(|a| times.stage[a.index()]).max().unwrap_or(0);
        let mut found = timing.settle(wire, at, &times);
        if found.delay > 0.0 && found.ready > budget {
            at += 1;
            found = timing.settle(wire, at, &times);
            if found.ready > budget {
                let width = datapath.interval(wire).width().1;
                return Err(TooFast { width, delay: found.ready + delays.setup, period });
            }
        }
        times.set(wire, (at, found.ready, found.cone));
    }
    let changing = datapath.outputs.iter().filter(|&&wire| datapath.as_const(wire).is_none());
    let output = changing.map(|wire| times.stage[wire.index()]).max().unwrap_or(0);
    if let Some(prices) = prices {
        retime(&timing, prices, budget, output, &mut times);
    }
    Ok(Stages { stage: times.stage, ready: times.ready, output })
}
