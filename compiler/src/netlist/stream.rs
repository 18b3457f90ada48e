//! Registers, `valid` and beat counters of a module.

use rustc_hash::FxHashMap;

use super::{Bits, Driver, Module, NetId};

/// Delays of nets and of `valid`, made once each and shared.
pub(super) struct Clockwork {
    beats: usize,
    delayed: FxHashMap<NetId, NetId>,
    valid: Vec<NetId>,
    counters: FxHashMap<u32, NetId>,
    before: FxHashMap<(u32, i64), NetId>,
}

impl Clockwork {
    pub(super) fn new(beats: usize) -> Self {
        Self {
            beats,
            delayed: FxHashMap::default(),
            valid: Vec::new(),
            counters: FxHashMap::default(),
            before: FxHashMap::default(),
        }
    }

    /// Sets the net that says that a beat arrives.
    pub(super) fn set_valid(&mut self, in_valid: NetId) {
        self.valid = vec![in_valid];
    }

    /// `net` as it was `cycles` before.
    pub(super) fn delay(&mut self, module: &mut Module, net: NetId, cycles: u32) -> NetId {
        if cycles == 0 || matches!(module.net(net).driver, Driver::Const(_)) {
            return net;
        }
        let next = match self.delayed.get(&net) {
            Some(&next) => next,
            None => {
                let next = module.register(net, false);
                self.delayed.insert(net, next);
                next
            }
        };
        self.delay(module, next, cycles - 1)
    }

    /// `in_valid` as it was `phase` cycles before; false after a reset.
    pub(super) fn valid(&mut self, module: &mut Module, phase: u32) -> NetId {
        while self.valid.len() <= phase as usize {
            let last = self.valid[self.valid.len() - 1];
            self.valid.push(module.register(last, true));
        }
        self.valid[phase as usize]
    }

    /// The number of the beat that is at `phase`, counted where it is: frames are contiguous.
    fn counter(&mut self, module: &mut Module, phase: u32) -> NetId {
        if let Some(&counter) = self.counters.get(&phase) {
            return counter;
        }
        let valid = self.valid(module, phase);
        let last = self.beats as i64 - 1;
        let bits = Bits::of(nn2hdl_runtime::Interval::new(0, last.into()));
        let count = module.add(bits, Driver::Register { d: NetId(0), reset: true });
        let (zero, one, last) = (module.constant(0), module.constant(1), module.constant(last));
        let more = module.add(Bits::BIT, Driver::Lt(count, last));
        let next =
            module.add(bits, Driver::Add { a: count, b: one, shift_a: 0, shift_b: 0, subtract: false });
        let next = module.add(bits, Driver::Select(more, next, zero));
        let next = module.add(bits, Driver::Select(valid, next, count));
        module.nets[count.index()].driver = Driver::Register { d: next, reset: true };
        self.counters.insert(phase, count);
        count
    }

    /// Whether the beat at `phase` comes before beat `limit`.
    fn before(&mut self, module: &mut Module, phase: u32, limit: i64) -> NetId {
        if let Some(&net) = self.before.get(&(phase, limit)) {
            return net;
        }
        let count = self.counter(module, phase);
        let limit_net = module.constant(limit);
        let net = module.add(Bits::BIT, Driver::Lt(count, limit_net));
        self.before.insert((phase, limit), net);
        net
    }

    /// `net` in beats `inside.0..inside.1`, `outside` in the others; both in `bits`.
    pub(super) fn mask(
        &mut self,
        module: &mut Module,
        net: NetId,
        bits: Bits,
        outside: i64,
        phase: u32,
        inside: (i64, i64),
    ) -> NetId {
        let outside = module.constant(outside);
        let mut masked = net;
        if inside.0 > 0 {
            let early = self.before(module, phase, inside.0);
            masked = module.add(bits, Driver::Select(early, outside, masked));
        }
        if inside.1 < self.beats as i64 {
            let in_time = self.before(module, phase, inside.1);
            masked = module.add(bits, Driver::Select(in_time, masked, outside));
        }
        masked
    }
}
