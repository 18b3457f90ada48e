//! When the wires of a datapath are ready within their cycles, given the stages of what they read.

use super::Delays;
use super::cone::{Support, Word, all, choice, resize};
use super::wiring::{BITS, CONSTANT, Wiring};
use crate::datapath::{Cell, Datapath, WireId};

/// What the times of a datapath depend on.
pub struct Timing<'a> {
    /// The datapath.
    pub datapath: &'a Datapath,
    /// Delays of its cells.
    pub delays: &'a Delays,
    /// Where bits come from.
    pub wiring: Wiring,
}

/// Where wires are in time, as far as is known.
#[derive(Clone, Debug)]
pub struct Times {
    /// Register ranks before the wire.
    pub stage: Vec<u32>,
    /// When it is ready within its cycle, in ps.
    pub ready: Vec<f64>,
    /// What its bits depend on within its cycle, if each is one look-up table.
    pub cones: Vec<Option<Word>>,
}

impl Times {
    /// Everything at the beginning.
    pub fn new(cells: usize) -> Self {
        Self { stage: vec![0; cells], ready: vec![0.0; cells], cones: vec![None; cells] }
    }

    /// Stage, time and cone of a wire.
    pub fn of(&self, wire: WireId) -> (u32, f64, Option<Word>) {
        let n = wire.index();
        (self.stage[n], self.ready[n], self.cones[n].clone())
    }

    /// Sets them.
    pub fn set(&mut self, wire: WireId, (stage, ready, cone): (u32, f64, Option<Word>)) {
        let n = wire.index();
        (self.stage[n], self.ready[n], self.cones[n]) = (stage, ready, cone);
    }
}

/// A wire in a certain stage.
pub struct Settled {
    /// When it is ready.
    pub ready: f64,
    /// How long its own table, or its cell, takes.
    pub delay: f64,
    /// The wires that its table, or its cell, reads.
    pub leaves: Vec<u32>,
    /// See [`Times::cones`].
    pub cone: Option<Word>,
}

impl<'a> Timing<'a> {
    /// Of a datapath.
    pub fn new(datapath: &'a Datapath, delays: &'a Delays) -> Self {
        Self { datapath, delays, wiring: Wiring::new(datapath) }
    }

    /// `wire` in stage `at`, which is not before any of its operands': earlier ones come out of registers, and look-up
    /// tables begin there.
    pub fn settle(&self, wire: WireId, at: u32, times: &Times) -> Settled {
        let cell = self.datapath.cell(wire);
        let mut operands = cell.operands();
        operands.retain(|&a| self.datapath.as_const(a).is_none());
        let when = |a: usize| if times.stage[a] == at { times.ready[a] } else { self.delays.clock_to_q };
        let latest = operands.iter().map(|a| when(a.index())).fold(0.0, f64::max);
        let cone = self.cone(wire, at, times);
        if cell.is_wiring() {
            let leaves = operands.iter().map(|a| a.0).collect();
            return Settled { ready: latest, delay: 0.0, leaves, cone };
        }
        let (delay, mut leaves) = match &cone {
            // One look-up table with what it reads.
            Some(cone) => {
                let bits = cone.iter().flat_map(Support::bits);
                (self.delays.table[0], bits.map(|bit| bit / BITS).collect())
            }
            None => (self.delays.of(self.datapath, wire), operands.iter().map(|a| a.0).collect::<Vec<u32>>()),
        };
        leaves.sort_unstable();
        leaves.dedup();
        let start = leaves.iter().map(|&a| when(a as usize)).fold(0.0, f64::max);
        // Never before what it is written in terms of, though the table may not need all of that.
        Settled { ready: (start + delay).max(latest), delay, leaves, cone }
    }

    /// How long a cell takes whose operands all come out of registers.
    pub fn alone(&self, wire: WireId) -> f64 {
        let operand = |a: WireId| self.registered(a);
        match self.cone_of(wire, &operand) {
            Some(_) => self.delays.table[0],
            None => self.delays.of(self.datapath, wire),
        }
    }

    fn registered(&self, a: WireId) -> Word {
        let of = |&bit: &u32| if bit == CONSTANT { Support::default() } else { Support::of(bit) };
        self.wiring.bits(a).iter().map(of).collect()
    }

    fn cone(&self, wire: WireId, at: u32, times: &Times) -> Option<Word> {
        let operand = |a: WireId| match &times.cones[a.index()] {
            Some(cone) if times.stage[a.index()] == at => cone.clone(),
            _ => self.registered(a),
        };
        self.cone_of(wire, &operand)
    }

    /// What the bits of a wire depend on, if each is one look-up table; `None`: the wire is where such tables begin.
    fn cone_of(&self, wire: WireId, operand: &dyn Fn(WireId) -> Word) -> Option<Word> {
        let bits = |wire: WireId| self.datapath.interval(wire).width();
        let (_, width) = bits(wire);
        let word = |a: WireId| match self.datapath.as_const(a) {
            Some(_) => vec![Support::default()],
            None => operand(a),
        };
        let resized = |a: WireId, width: u32| resize(word(a), bits(a).0, width);
        match *self.datapath.cell(wire) {
            Cell::Shl(a, n) => {
                let mut shifted = vec![Support::default(); n as usize];
                shifted.append(&mut word(a));
                Some(resize(shifted, bits(a).0, width))
            }
            Cell::Shr(a, n) => Some(resized(a, width + n).split_off(n as usize)),
            Cell::Wrap { a, signed, width: kept } => Some(resize(resized(a, kept), signed, width)),
            Cell::Concat(ref parts) => Some(resize(
                parts.iter().flat_map(|&part| resized(part, bits(part).1)).collect(),
                false,
                width,
            )),
            Cell::Select(a, b, c) => choice(&word(a), &resized(b, width), &resized(c, width)),
            Cell::Lt(a, b) => Some(vec![all([&word(a), &word(b)])?]),
            Cell::Table { a, .. } => Some(vec![all([&word(a)])?; width as usize]),
            _ => None,
        }
    }
}
