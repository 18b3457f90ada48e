//! An engine's datapath and its stages become a module.

use rustc_hash::FxHashMap;

use super::{Bits, Driver, Module, NetId};
use crate::datapath::{Cell, Datapath, WireId};
use crate::schedule::pipeline::Stages;

/// The module of `datapath`: input port `x`, output port `y`, every element with its own width. Wires that are
/// used in a later stage than they are made pass through registers, shared among their users.
pub fn module(name: &str, datapath: &Datapath, stages: &Stages) -> Module {
    let mut build = Build {
        module: Module::new(name),
        datapath,
        stages,
        nets: FxHashMap::default(),
        shared: FxHashMap::default(),
    };
    let bits = datapath.inputs().iter().map(|&wire| Bits::of(datapath.interval(wire))).collect();
    for (&wire, net) in datapath.inputs().iter().zip(build.module.add_input("x", bits)) {
        build.nets.insert((wire, 0), net);
    }
    let live = datapath.live();
    for wire in datapath.wires().filter(|wire| live[wire.index()]) {
        build.cell(wire);
    }
    let outputs = datapath.outputs.iter().map(|&wire| build.at(wire, stages.output)).collect();
    build.module.add_output("y", outputs);
    build.module
}

struct Build<'a> {
    module: Module,
    datapath: &'a Datapath,
    stages: &'a Stages,
    nets: FxHashMap<(WireId, u32), NetId>,
    shared: FxHashMap<(Driver, Bits), NetId>,
}

impl Build<'_> {
    /// The net that carries `wire` at `stage`.
    fn at(&mut self, wire: WireId, stage: u32) -> NetId {
        if let Some(value) = self.datapath.as_const(wire) {
            return self.share(Bits::of(self.datapath.interval(wire)), Driver::Const(value));
        }
        if let Some(&net) = self.nets.get(&(wire, stage)) {
            return net;
        }
        let before = self.at(wire, stage - 1);
        let net = self.module.register(before, false);
        self.nets.insert((wire, stage), net);
        net
    }

    fn share(&mut self, bits: Bits, driver: Driver) -> NetId {
        if let Some(&net) = self.shared.get(&(driver.clone(), bits)) {
            return net;
        }
        let net = self.module.add(bits, driver.clone());
        self.shared.insert((driver, bits), net);
        net
    }

    /// The low bits of `a` that can reach a result of `width` bits when shifted left by `shift`.
    fn reach(&mut self, a: NetId, shift: u32, width: u32) -> NetId {
        let from = self.module.bits(a);
        let most = width.saturating_sub(shift).max(1);
        if from.width <= most {
            return a;
        }
        self.share(Bits { signed: false, width: most }, Driver::Slice { a, lo: 0 })
    }

    fn cell(&mut self, wire: WireId) {
        let stage = self.stages.stage[wire.index()];
        let bits = Bits::of(self.datapath.interval(wire));
        let driver = match self.datapath.cell(wire) {
            Cell::Input(_) | Cell::Const(_) => return,
            Cell::Add { a, b, shift_a, shift_b, subtract } => {
                let (a, b) = (self.at(*a, stage), self.at(*b, stage));
                let (a, b) = (self.reach(a, *shift_a, bits.width), self.reach(b, *shift_b, bits.width));
                Driver::Add { a, b, shift_a: *shift_a, shift_b: *shift_b, subtract: *subtract }
            }
            Cell::Shl(a, n) => Driver::Shl { a: self.at(*a, stage), n: *n },
            Cell::Shr(a, n) => {
                let a = self.at(*a, stage);
                let from = self.module.bits(a);
                // Beyond the top only the sign is left.
                Driver::Slice { a, lo: (*n).min(from.width - 1) }
            }
            Cell::Wrap { a, signed, width } => {
                let a = self.at(*a, stage);
                let from = self.module.bits(a);
                let kept = Bits { signed: *signed, width: *width };
                let net = if from.width >= *width {
                    self.share(kept, Driver::Slice { a, lo: 0 })
                } else {
                    self.share(kept, Driver::Extend(a))
                };
                let net = self.narrow(net, bits);
                self.nets.insert((wire, stage), net);
                return;
            }
            Cell::Mul(a, b) => Driver::Mul(self.at(*a, stage), self.at(*b, stage)),
            Cell::Max(a, b) => Driver::Max(self.at(*a, stage), self.at(*b, stage)),
            Cell::Min(a, b) => Driver::Min(self.at(*a, stage), self.at(*b, stage)),
            Cell::Lt(a, b) => Driver::Lt(self.at(*a, stage), self.at(*b, stage)),
            Cell::Select(a, b, c) => {
                let (b, c) = (self.at(*b, stage), self.at(*c, stage));
                let a = self.at(*a, stage);
                Driver::Select(a, b, c)
            }
            Cell::Table { a, entries } => {
                let lo = self.datapath.interval(*a).lo;
                let a = self.at(*a, stage);
                let from = self.module.bits(a);
                let data = (0..1i128 << from.width)
                    .map(|pattern| {
                        let at = i128::from(from.read(pattern)) - lo;
                        usize::try_from(at).ok().and_then(|at| entries.get(at)).copied().unwrap_or(0)
                    })
                    .collect();
                Driver::Rom { a, data }
            }
            Cell::Concat(parts) => Driver::Concat(parts.iter().map(|&part| self.at(part, stage)).collect()),
        };
        let net = self.share(bits, driver);
        self.nets.insert((wire, stage), net);
    }

    /// The net `a` in the bits that its value is known to need.
    fn narrow(&mut self, a: NetId, bits: Bits) -> NetId {
        if self.module.bits(a) == bits { a } else { self.share(bits, Driver::Slice { a, lo: 0 }) }
    }
}
