//! Registers where they are fewest.
//!
//! The cells before and after each register rank are a cut of the datapath, and what crosses it, each bit once however
//! many read it, are the rank's flip-flops. Between its two neighbours a rank may lie wherever both stages keep to the
//! clock: a cell may be before it if the longest path from the rank before ends in time there, and behind it if the
//! longest path from there ends in time at the next rank. Both are questions to the cell alone, so that the best place
//! of one rank is a least cut of a network (compare Leiserson and Saxe, Algorithmica 6 (1991) 5, whose costs these are).
//! Ranks are moved in turn until none has a better place.

use super::flow::{ENDLESS, Network, SINK, SOURCE};
use super::timing::{Settled, Times, Timing};
use super::wiring::{Bundle, bundles};
use crate::datapath::{Cell, WireId};

/// How often all ranks are gone through at most.
const SWEEPS: usize = 12;

/// Moves cells among the stages 0 to `output`. `prices` are of the inputs' bits in registers, see [`super::pipeline::BIT`]; `budget` is
/// when all must be ready within their cycles; outputs stay as early as they are.
pub fn retime(timing: &Timing<'_>, prices: &[u64], budget: f64, output: u32, times: &mut Times) {
    if output == 0 {
        return;
    }
    let mut ranks = Ranks::new(timing, prices, budget, output, times);
    let mut idle = 0;
    for sweep in 0..SWEEPS {
        // Among equals once the latest and once the earliest, since another rank may gain from it.
        let early = sweep % 2 == 1;
        let mut gained = 0;
        for n in 0..output {
            let rank = if early { n } else { output - 1 - n };
            gained += ranks.place(rank, early, times);
        }
        idle = if gained == 0 { idle + 1 } else { 0 };
        if idle == 2 {
            break;
        }
    }
}

/// What the registers of a datapath cost: the prices of the bits that cross each rank.
pub fn registers(bundles: &[Bundle], stage: &[u32], output: u32) -> u64 {
    let last = |bundle: &Bundle| {
        let readers = bundle.readers.iter().map(|&reader| stage[reader as usize]);
        readers.chain(bundle.leaves.then_some(output)).max()
    };
    let ranks = |bundle: &Bundle| {
        let from = stage[bundle.wire as usize];
        u64::from(last(bundle).unwrap_or(from).saturating_sub(from))
    };
    bundles.iter().map(|bundle| ranks(bundle) * bundle.price).sum()
}

struct Ranks<'a> {
    timing: &'a Timing<'a>,
    budget: f64,
    output: u32,
    /// When each wire must be ready in the last stage; what is not there yet must come out of a register.
    limits: Vec<f64>,
    bundles: Vec<Bundle>,
    /// The bundles that each wire makes or reads.
    touched: Vec<Vec<u32>>,
    /// Wires that can be moved, wiring included, by stage, ascending.
    by_stage: Vec<Vec<WireId>>,
}

impl<'a> Ranks<'a> {
    fn new(timing: &'a Timing<'a>, prices: &[u64], budget: f64, output: u32, times: &Times) -> Self {
        let datapath = timing.datapath;
        let count = datapath.cells().len();
        let mut limits = vec![budget; count];
        for wire in datapath.outputs.iter().map(|wire| wire.index()) {
            let there = times.stage[wire] == output;
            limits[wire] = if there { times.ready[wire] } else { timing.delays.clock_to_q };
        }
        let bundles = bundles(datapath, &timing.wiring, prices);
        let mut touched = vec![Vec::new(); count];
        for (index, bundle) in bundles.iter().enumerate() {
            for &wire in bundle.readers.iter().chain([&bundle.wire]) {
                touched[wire as usize].push(index as u32);
            }
        }
        let mut by_stage = vec![Vec::new(); output as usize + 1];
        let live = datapath.live();
        let moves = |wire: &WireId| {
            let cell = datapath.cell(*wire);
            live[wire.index()] && !matches!(cell, Cell::Input(_)) && datapath.as_const(*wire).is_none()
        };
        // What only leaves through outputs that are constant can be anywhere: it stays out of this.
        for wire in datapath.wires().filter(moves).filter(|wire| times.stage[wire.index()] <= output) {
            by_stage[times.stage[wire.index()] as usize].push(wire);
        }
        Self { timing, budget, output, limits, bundles, touched, by_stage }
    }

    fn is_wiring(&self, wire: WireId) -> bool {
        self.timing.datapath.cell(wire).is_wiring()
    }

    /// Moves the rank between the stages `rank` and `rank + 1` to its best place; says what that saves.
    fn place(&mut self, rank: u32, early: bool, times: &mut Times) -> u64 {
        let (before, behind) = (&self.by_stage[rank as usize], &self.by_stage[rank as usize + 1]);
        let mut members: Vec<WireId> = before.iter().chain(behind).copied().collect();
        members.sort_unstable();
        let Some((sides, saved)) = self.cut(rank, &members, early, times) else { return 0 };
        if saved == 0 && members.iter().zip(&sides).all(|(wire, &side)| times.stage[wire.index()] == side) {
            return 0;
        }
        let old: Vec<_> = members.iter().map(|wire| times.of(*wire)).collect();
        if !self.moved(&members, &sides, times) {
            members.iter().zip(old).for_each(|(wire, old)| times.set(*wire, old));
            return 0;
        }
        let mut stages: [Vec<WireId>; 2] = Default::default();
        for &wire in &members {
            stages[(times.stage[wire.index()] - rank) as usize].push(wire);
        }
        let [before, behind] = stages;
        self.by_stage[rank as usize] = before;
        self.by_stage[rank as usize + 1] = behind;
        saved
    }

    /// The stages of the members at the least cost, and what is saved; `None` if nothing better is found.
    fn cut(&self, rank: u32, members: &[WireId], early: bool, times: &Times) -> Option<(Vec<u32>, u64)> {
        let (may_stay, may_leave) = self.sides(rank, members, times);
        let mut network = Network::default();
        let mut node = vec![0u32; times.stage.len()];
        let mut nets: Vec<u32> = Vec::new();
        for (n, &wire) in members.iter().enumerate().filter(|(_, wire)| !self.is_wiring(**wire)) {
            let here = network.node();
            node[wire.index()] = here;
            nets.extend(&self.touched[wire.index()]);
            match (may_stay[n], may_leave[n]) {
                (true, true) => {}
                (true, false) => network.edge(SOURCE, here, ENDLESS),
                (false, true) => network.edge(here, SINK, ENDLESS),
                // Look-up tables that only as they are now keep to the clock.
                (false, false) if times.stage[wire.index()] == rank => network.edge(SOURCE, here, ENDLESS),
                (false, false) => network.edge(here, SINK, ENDLESS),
            }
        }
        nets.sort_unstable();
        nets.dedup();
        let mut cost = 0;
        for bundle in nets.iter().map(|&net| &self.bundles[net as usize]) {
            let at = |wire: u32| times.stage[wire as usize];
            let source = node[bundle.wire as usize];
            // Both the wire and a reader may be fixed, on this side or on the other.
            if source == 0 && at(bundle.wire) > rank {
                continue;
            }
            let fixed = bundle.leaves
                || bundle.readers.iter().any(|&reader| node[reader as usize] == 0 && at(reader) > rank);
            let crosses =
                at(bundle.wire) <= rank && (fixed || bundle.readers.iter().any(|&reader| at(reader) > rank));
            let free = bundle.readers.iter().map(|&reader| node[reader as usize]).filter(|&node| node != 0);
            if source != 0 {
                free.clone().for_each(|reader| network.edge(reader, source, ENDLESS));
            }
            match (source, fixed) {
                (0, true) => continue,
                (_, true) => network.edge(source, SINK, bundle.price),
                (_, false) => {
                    let net = network.node();
                    network.edge(source, net, bundle.price);
                    free.for_each(|reader| network.edge(net, reader, ENDLESS));
                }
            }
            cost += if crosses { bundle.price } else { 0 };
        }
        let saved = cost.checked_sub(network.fill())?;
        let inside = network.side(early);
        let mut stage: Vec<u32> = Vec::with_capacity(members.len());
        for &wire in members {
            let side = node[wire.index()];
            // Wiring goes with what drives it; see `moved`.
            stage.push(if side != 0 && inside[side as usize] { rank } else { rank + 1 });
        }
        Some((stage, saved))
    }

    /// Which members may be in the stage `rank`, and which in the next.
    fn sides(&self, rank: u32, members: &[WireId], times: &Times) -> (Vec<bool>, Vec<bool>) {
        let mut all = Times { stage: times.stage.clone(), ..Times::new(times.stage.len()) };
        if rank == 0 {
            for &wire in self.timing.datapath.inputs() {
                all.ready[wire.index()] = times.ready[wire.index()];
            }
        }
        members.iter().for_each(|wire| all.stage[wire.index()] = rank);
        let mut found: Vec<Settled> = Vec::with_capacity(members.len());
        for &wire in members {
            let mut settled = self.timing.settle(wire, rank, &all);
            all.ready[wire.index()] = settled.ready;
            all.cones[wire.index()] = settled.cone.take();
            found.push(settled);
        }
        let mut due = vec![self.budget; times.stage.len()];
        let last = rank + 1 == self.output;
        let mut may_leave = vec![false; members.len()];
        for (n, (&wire, settled)) in members.iter().zip(&found).enumerate().rev() {
            let limit = if last { self.limits[wire.index()] } else { self.budget };
            let limit = due[wire.index()].min(limit);
            let alone = if self.is_wiring(wire) { 0.0 } else { self.timing.alone(wire).max(settled.delay) };
            may_leave[n] = self.timing.delays.clock_to_q + alone <= limit;
            for operand in self.timing.datapath.cell(wire).operands() {
                due[operand.index()] = due[operand.index()].min(limit);
            }
            for &leaf in &settled.leaves {
                due[leaf as usize] = due[leaf as usize].min(limit - settled.delay);
            }
        }
        let may_stay = found.iter().map(|settled| settled.ready <= self.budget).collect();
        (may_stay, may_leave)
    }

    /// Puts the members into the given stages, wiring with what drives it; says whether all are ready in time then.
    fn moved(&self, members: &[WireId], sides: &[u32], times: &mut Times) -> bool {
        for (&wire, &side) in members.iter().zip(sides) {
            let operands = self.timing.datapath.cell(wire).operands().into_iter();
            let known = operands.filter(|&a| self.timing.datapath.as_const(a).is_none());
            let latest = known.map(|a| times.stage[a.index()]).max().unwrap_or(0);
            let at = if self.is_wiring(wire) { latest } else { side };
            let settled = self.timing.settle(wire, at, times);
            let limit = if at == self.output { self.limits[wire.index()] } else { self.budget };
            if latest > at || settled.ready > limit && !(self.is_wiring(wire) && at == 0) {
                return false;
            }
            times.set(wire, (at, settled.ready, settled.cone));
        }
        true
    }
}
