//! Registers, delays and counters of a module: everything that knows the time.
//!
//! A frame begins with a pulse; each stage has the pulse delayed to its own phase and counts on from there, whatever
//! arrives meanwhile. Frames are at least `ii` cycles apart.

use std::collections::BTreeMap;

use nn2hdl_runtime::Interval;
use nn2hdl_runtime::interface::Spread;
use rustc_hash::FxHashMap;

use super::plan::Beats;
use super::{Bits, Driver, Module, NetId};

/// Longer delays are memories, if they have no taps in between.
const LONGEST_CHAIN: u32 = 32;

/// Longer delays of the frame's beginning are counted.
const LONGEST_PULSE: u32 = 12;

/// Where a stage is in its frame.
#[derive(Clone, Copy, Debug)]
struct Counts {
    /// Whether a frame is running.
    active: NetId,
    /// Cycles since the row's beginning; the frame's if there are no rows.
    cycle: NetId,
    /// Rows before this one, if there are rows.
    row: Option<NetId>,
    /// Whether this is the last cycle of a row.
    row_ends: NetId,
}

/// Delays, pulses and counters, made once each and shared.
pub(super) struct Clockwork {
    ii: usize,
    ages: FxHashMap<NetId, BTreeMap<u32, NetId>>,
    /// What a delayed net is a delay of, and by how much.
    roots: FxHashMap<NetId, (NetId, u32)>,
    masks: FxHashMap<(NetId, NetId, i64, Bits), NetId>,
    starts: BTreeMap<u32, NetId>,
    counts: FxHashMap<(u32, Times), Counts>,
    parts: FxHashMap<(u32, usize, Times), NetId>,
    inside: FxHashMap<(u32, Ranges, Times), NetId>,
    kept: FxHashMap<(NetId, u32), NetId>,
    addresses: FxHashMap<(u32, Times), NetId>,
}

/// Beats and intervals by level: what the counters of a way depend on.
type Times = Vec<(usize, usize)>;

/// Beats by level.
type Ranges = Vec<Option<Beats>>;

fn times(way: &[Spread]) -> Times {
    way.iter().map(|spread| (spread.beats, spread.interval)).collect()
}

impl Clockwork {
    pub(super) fn new(ii: usize) -> Self {
        Self {
            ii,
            ages: FxHashMap::default(),
            roots: FxHashMap::default(),
            masks: FxHashMap::default(),
            starts: BTreeMap::new(),
            counts: FxHashMap::default(),
            parts: FxHashMap::default(),
            inside: FxHashMap::default(),
            kept: FxHashMap::default(),
            addresses: FxHashMap::default(),
        }
    }

    /// Sets the net that says that a beat arrives; the first of a frame's `beats` begins it.
    pub(super) fn set_valid(&mut self, module: &mut Module, in_valid: NetId, beats: usize) {
        if beats == 1 {
            self.starts.insert(0, in_valid);
            return;
        }
        let zero = module.constant(0);
        let count = register_of(module, beats);
        let under_way = module.add(Bits::BIT, Driver::Lt(zero, count));
        let start = module.add(Bits::BIT, Driver::Select(under_way, zero, in_valid));
        let next = stepped(module, count, beats);
        let (next, bits) = (next, module.bits(count));
        let next = module.add(bits, Driver::Select(in_valid, next, count));
        module.nets[count.index()].driver = Driver::Register { d: next, reset: true };
        self.starts.insert(0, start);
    }

    /// `net` as it was `cycles` before.
    pub(super) fn delay(&mut self, module: &mut Module, net: NetId, cycles: u32) -> NetId {
        if cycles == 0 || matches!(module.net(net).driver, Driver::Const(_)) {
            return net;
        }
        // What is late already goes on from there, as one row with all other delays of the same.
        let (root, already) = self.roots.get(&net).copied().unwrap_or((net, 0));
        let cycles = cycles + already;
        let ages = self.ages.entry(root).or_default();
        let (mut age, mut held) =
            ages.range(..=cycles).next_back().map_or((0, root), |(&age, &net)| (age, net));
        if cycles - age > LONGEST_CHAIN {
            held = module.add(module.bits(held), Driver::Delay { d: held, cycles: cycles - age });
            ages.insert(cycles, held);
            self.roots.insert(held, (root, cycles));
            return held;
        }
        while age < cycles {
            age += 1;
            held = module.register(held, false);
            ages.insert(age, held);
            self.roots.insert(held, (root, age));
        }
        held
    }

    /// `net` where `inside` holds, else `outside`, in `bits`.
    pub(super) fn mask(
        &mut self,
        module: &mut Module,
        inside: NetId,
        net: NetId,
        outside: i64,
        bits: Bits,
    ) -> NetId {
        *self.masks.entry((inside, net, outside, bits)).or_insert_with(|| {
            let outside = module.constant(outside);
            module.add(bits, Driver::Select(inside, net, outside))
        })
    }

    /// The pulse that begins a frame, at `phase`; low after a reset.
    pub(super) fn start(&mut self, module: &mut Module, phase: u32) -> NetId {
        let (&from, &pulse) = self.starts.range(..=phase).next_back().expect("the module has a beginning");
        let gap = phase - from;
        if gap == 0 {
            return pulse;
        }
        let most = u32::try_from(self.ii).unwrap_or(u32::MAX);
        let found = if gap > LONGEST_PULSE && most > LONGEST_PULSE {
            let part = gap.min(most);
            let late = self.late(module, pulse, part as usize);
            self.starts.insert(from + part, late);
            return self.start(module, phase);
        } else {
            let before = self.start(module, phase - 1);
            module.register(before, true)
        };
        self.starts.insert(phase, found);
        found
    }

    /// A pulse `cycles` later, counted: there is at most one on its way.
    fn late(&mut self, module: &mut Module, pulse: NetId, cycles: usize) -> NetId {
        let (zero, one) = (module.constant(0), module.constant(1));
        let count = register_of(module, cycles);
        let counting = module.add(Bits::BIT, Driver::Lt(zero, count));
        let active = module.add(Bits::BIT, Driver::Select(counting, one, pulse));
        let last = module.constant(cycles as i64 - 1);
        let more = module.add(Bits::BIT, Driver::Lt(count, last));
        let done = module.add(Bits::BIT, Driver::Select(more, zero, active));
        let next = stepped(module, count, cycles);
        let bits = module.bits(count);
        let next = module.add(bits, Driver::Select(active, next, zero));
        module.nets[count.index()].driver = Driver::Register { d: next, reset: true };
        module.register(done, true)
    }

    /// Where a stage of the given way is that begins at `phase`.
    fn counts(&mut self, module: &mut Module, phase: u32, way: &[Spread]) -> Counts {
        let key = (phase, times(way));
        if let Some(&counts) = self.counts.get(&key) {
            return counts;
        }
        let start = self.start(module, phase);
        let (zero, one) = (module.constant(0), module.constant(1));
        // The last beat's time belongs to it, since its parts may be delivered one by one.
        let fast = way.last().map_or(1, |fast| fast.beats * fast.interval);
        let (length, rows) = match way {
            [slow, _] => (slow.interval, slow.beats),
            _ => (fast, 1),
        };
        // Time that is left over may run into the next frame, which then has precedence.
        let overlaps = length * rows > self.ii;
        let from = |module: &mut Module, state: NetId| match overlaps {
            true => module.add(module.bits(state), Driver::Select(start, zero, state)),
            false => state,
        };
        let state = register_of(module, length);
        let row_state = (rows > 1).then(|| register_of(module, rows));
        let mut running = module.add(Bits::BIT, Driver::Lt(zero, state));
        if let Some(row) = row_state {
            let later = module.add(Bits::BIT, Driver::Lt(zero, row));
            running = module.add(Bits::BIT, Driver::Select(later, one, running));
        }
        let active = module.add(Bits::BIT, Driver::Select(running, one, start));
        let cycle = from(module, state);
        let row = row_state.map(|row| from(module, row));
        let last = module.constant(length as i64 - 1);
        let within = module.add(Bits::BIT, Driver::Lt(cycle, last));
        let row_ends = module.add(Bits::BIT, Driver::Select(within, zero, active));
        let next = stepped(module, cycle, length);
        let next = module.add(module.bits(cycle), Driver::Select(active, next, zero));
        module.nets[state.index()].driver = Driver::Register { d: next, reset: true };
        if let (Some(row), Some(state)) = (row, row_state) {
            let next = stepped(module, row, rows);
            let next = module.add(module.bits(row), Driver::Select(row_ends, next, row));
            module.nets[state.index()].driver = Driver::Register { d: next, reset: true };
        }
        let counts = Counts { active, cycle, row, row_ends };
        self.counts.insert(key, counts);
        counts
    }

    /// Whether a beat of the way is there: `valid` of a stage that begins at `phase`.
    pub(super) fn beat(&mut self, module: &mut Module, phase: u32, way: &[Spread]) -> NetId {
        let Some(fast) = way.last() else { return self.start(module, phase) };
        let counts = self.counts(module, phase, way);
        let mut beat = counts.active;
        let zero = module.constant(0);
        let length = if way.len() == 2 { way[0].interval } else { fast.beats * fast.interval };
        if fast.reach() + 1 < length {
            let end = module.constant(fast.reach() as i64 + 1);
            let early = module.add(Bits::BIT, Driver::Lt(counts.cycle, end));
            beat = module.add(Bits::BIT, Driver::Select(early, beat, zero));
        }
        if fast.interval > 1 {
            let part = self.part(module, phase, way, fast.interval);
            let off = module.add(Bits::BIT, Driver::Lt(zero, part));
            beat = module.add(Bits::BIT, Driver::Select(off, zero, beat));
        }
        beat
    }

    /// Cycles since the beginning of a period of `length` cycles, counted from the beginning of each row.
    fn part(&mut self, module: &mut Module, phase: u32, way: &[Spread], length: usize) -> NetId {
        let key = (phase, length, times(way));
        if let Some(&part) = self.parts.get(&key) {
            return part;
        }
        let counts = self.counts(module, phase, way);
        let zero = module.constant(0);
        let start = self.start(module, phase);
        let state = register_of(module, length);
        let bits = module.bits(state);
        let part = module.add(bits, Driver::Select(start, zero, state));
        let next = stepped(module, part, length);
        let next = module.add(bits, Driver::Select(counts.row_ends, zero, next));
        let next = module.add(bits, Driver::Select(counts.active, next, zero));
        module.nets[state.index()].driver = Driver::Register { d: next, reset: true };
        self.parts.insert(key, part);
        part
    }

    /// `net` as it is in the frame's first beat, which is at `phase`, until the next frame's.
    pub(super) fn keep(&mut self, module: &mut Module, net: NetId, phase: u32) -> NetId {
        if let Some(&kept) = self.kept.get(&(net, phase)) {
            return kept;
        }
        let start = self.start(module, phase);
        let bits = module.bits(net);
        let register = module.add(bits, Driver::Register { d: NetId(0), reset: false });
        let kept = module.add(bits, Driver::Select(start, net, register));
        module.nets[register.index()].driver = Driver::Register { d: kept, reset: false };
        self.kept.insert((net, phase), kept);
        kept
    }

    /// The number of the beat that is at `phase`, counted over all axes.
    pub(super) fn address(&mut self, module: &mut Module, phase: u32, way: &[Spread]) -> NetId {
        let key = (phase, times(way));
        if let Some(&address) = self.addresses.get(&key) {
            return address;
        }
        let beats: usize = way.iter().map(|spread| spread.beats).product();
        let beat = self.beat(module, phase, way);
        let address = register_of(module, beats);
        let next = stepped(module, address, beats);
        let next = module.add(module.bits(address), Driver::Select(beat, next, address));
        module.nets[address.index()].driver = Driver::Register { d: next, reset: true };
        self.addresses.insert(key, address);
        address
    }

    /// `words[address]`, from a register: a cycle after the address.
    pub(super) fn memory(&mut self, module: &mut Module, address: NetId, words: &[i64]) -> NetId {
        let range = words.iter().map(|&word| Interval::point(word.into())).reduce(Interval::join);
        let bits = Bits::of(range.unwrap_or(Interval::point(0)));
        let mut data = words.to_vec();
        data.resize(1 << module.bits(address).width, 0);
        let word = module.add(bits, Driver::Rom { a: address, data });
        self.delay(module, word, 1)
    }

    /// Whether the cycle is before cycle `limit` of its period: the time between two beats of `level`.
    pub(super) fn before(
        &mut self,
        module: &mut Module,
        phase: u32,
        way: &[Spread],
        level: usize,
        limit: usize,
    ) -> NetId {
        let position = if level + 1 == way.len() {
            self.part(module, phase, way, way[level].interval)
        } else {
            self.counts(module, phase, way).cycle
        };
        let limit = module.constant(limit as i64);
        module.add(Bits::BIT, Driver::Lt(position, limit))
    }

    /// Whether the beat at `phase` is within `ranges`, given by level.
    pub(super) fn inside(
        &mut self,
        module: &mut Module,
        phase: u32,
        way: &[Spread],
        ranges: &[Option<Beats>],
    ) -> NetId {
        let key = (phase, ranges.to_vec(), times(way));
        if let Some(&inside) = self.inside.get(&key) {
            return inside;
        }
        // Compared some cycles before, where the counters are or may be, so that a register hides the comparison.
        let times = times(way);
        let counted = (phase.saturating_sub(LONGEST_PULSE)..phase).rev();
        let at = counted.clone().find(|&at| self.counts.contains_key(&(at, times.clone())));
        let at = at.unwrap_or(phase.saturating_sub(1));
        let compared = self.compare(module, at, way, ranges);
        let inside = self.delay(module, compared, phase - at);
        self.inside.insert(key, inside);
        inside
    }

    fn compare(
        &mut self,
        module: &mut Module,
        phase: u32,
        way: &[Spread],
        ranges: &[Option<Beats>],
    ) -> NetId {
        let counts = self.counts(module, phase, way);
        let zero = module.constant(0);
        let mut inside = module.constant(1);
        for (level, (spread, range)) in way.iter().zip(ranges).enumerate() {
            let &Some((first, end)) = range else { continue };
            let (position, scale) = if level + 1 == way.len() {
                (counts.cycle, spread.interval as i64)
            } else {
                (counts.row.unwrap_or(zero), 1)
            };
            if first > 0 {
                let limit = module.constant(first * scale);
                let early = module.add(Bits::BIT, Driver::Lt(position, limit));
                inside = module.add(Bits::BIT, Driver::Select(early, zero, inside));
            }
            if end < spread.beats as i64 {
                let limit = module.constant(end * scale);
                let in_time = module.add(Bits::BIT, Driver::Lt(position, limit));
                inside = module.add(Bits::BIT, Driver::Select(in_time, inside, zero));
            }
        }
        inside
    }
}

/// A register that counts to `length`, its input yet to be set.
fn register_of(module: &mut Module, length: usize) -> NetId {
    let bits = Bits::of(Interval::new(0, length.max(2) as i128 - 1));
    module.add(bits, Driver::Register { d: NetId(0), reset: true })
}

/// `count + 1`, or 0 after `length − 1`.
fn stepped(module: &mut Module, count: NetId, length: usize) -> NetId {
    let bits = module.bits(count);
    let (zero, one, last) = (module.constant(0), module.constant(1), module.constant(length as i64 - 1));
    let more = module.add(Bits::BIT, Driver::Lt(count, last));
    let next = module.add(bits, Driver::Add { a: count, b: one, shift_a: 0, shift_b: 0, subtract: false });
    module.add(bits, Driver::Select(more, next, zero))
}
