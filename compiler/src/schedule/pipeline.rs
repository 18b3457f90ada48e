//! Pipeline stages of an engine: each cell as early as its operands and the clock allow.

use super::Delays;
use super::cone::{Support, Word, all, choice, resize};
use crate::datapath::{Cell, Datapath, WireId};

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
    let mut cones: Vec<Option<Word>> = vec![None; datapath.cells().len()];
    let live = datapath.live();
    for wire in datapath.wires().filter(|wire| live[wire.index()]) {
        let cell = datapath.cell(wire);
        if let Cell::Input(n) = cell {
            ready[wire.index()] = arrivals[*n as usize];
            continue;
        }
        let mut delay = delays.of(datapath, wire);
        let mut operands: Vec<usize> = cell.operands().iter().map(|a| a.index()).collect();
        if let Some(cone) = cone_of(datapath, wire, &cones) {
            if !cell.is_wiring() {
                // One look-up table with what it reads.
                delay = delays.table[0];
                operands = cone.iter().flat_map(Support::bits).map(|&bit| bit as usize / BITS).collect();
            }
            cones[wire.index()] = Some(cone);
        }
        operands.retain(|&a| datapath.as_const(WireId(a as u32)).is_none());
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
        // Never before what it is written in terms of, though the table may not need all of that.
        for a in cell.operands().into_iter().filter(|&a| datapath.as_const(a).is_none()) {
            let at = (stage[a.index()], ready[a.index()]);
            if at > (stage[wire.index()], ready[wire.index()]) {
                (stage[wire.index()], ready[wire.index()]) = at;
            }
        }
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

/// Bits that each wire has a number for.
const BITS: usize = 64;

/// What the bits of a wire depend on, if each is one look-up table; `None`: the wire is where such tables begin.
fn cone_of(datapath: &Datapath, wire: WireId, cones: &[Option<Word>]) -> Option<Word> {
    let bits = |wire: WireId| datapath.interval(wire).width();
    let (_, width) = bits(wire);
    let word = |a: WireId| -> Word {
        if datapath.as_const(a).is_some() {
            return vec![Support::default()];
        }
        match &cones[a.index()] {
            Some(cone) => cone.clone(),
            None => (0..bits(a).1).map(|bit| Support::of(a.0 * BITS as u32 + bit)).collect(),
        }
    };
    let resized = |a: WireId, width: u32| resize(word(a), bits(a).0, width);
    match *datapath.cell(wire) {
        Cell::Shl(a, n) => {
            let mut shifted = vec![Support::default(); n as usize];
            shifted.append(&mut word(a));
            Some(resize(shifted, bits(a).0, width))
        }
        Cell::Shr(a, n) => Some(resized(a, width + n).split_off(n as usize)),
        Cell::Wrap { a, signed, width: kept } => Some(resize(resized(a, kept), signed, width)),
        Cell::Concat(ref parts) => {
            Some(resize(parts.iter().flat_map(|&part| resized(part, bits(part).1)).collect(), false, width))
        }
        Cell::Select(a, b, c) => choice(&word(a), &resized(b, width), &resized(c, width)),
        Cell::Lt(a, b) => Some(vec![all([&word(a), &word(b)])?]),
        Cell::Table { a, .. } => Some(vec![all([&word(a)])?; width as usize]),
        _ => None,
    }
}
