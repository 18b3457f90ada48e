//! An engine's datapath and its stages become a module.

use rustc_hash::FxHashMap;

use super::{Bits, Driver, Module, NetId, Port};
use crate::datapath::{Cell, Datapath, WireId};
use crate::schedule::pipeline::Stages;

/// An element of an engine's input port: an input of the datapath some cycles late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The input.
    pub input: usize,
    /// Cycles after it is there.
    pub late: u32,
}

/// The module of `datapath`, and what the elements of its input port `x` are; the output port is `y`, every element
/// with its own width. Wires that are used in a later stage than they are made pass through registers, shared among
/// their users; wiring is behind them. Inputs come once for each stage that reads them, so that engines that read the
/// same share the registers.
pub fn module(name: &str, datapath: &Datapath, stages: &Stages) -> (Module, Vec<Element>) {
    let mut build = Build {
        module: Module::new(name),
        datapath,
        stages,
        nets: FxHashMap::default(),
        shared: FxHashMap::default(),
        elements: Vec::new(),
    };
    let live = datapath.live();
    for wire in datapath.wires().filter(|wire| live[wire.index()]) {
        if datapath.as_const(wire).is_none() && !datapath.cell(wire).is_wiring() {
            build.at(wire, stages.stage[wire.index()]);
        }
    }
    let outputs = datapath.outputs.iter().map(|&wire| build.at(wire, stages.output)).collect();
    build.module.add_output("y", outputs);
    let elements = build.sorted();
    let bits = |element: &Element| Bits::of(datapath.interval(datapath.inputs()[element.input]));
    let port = Port { name: "x".into(), elements: elements.iter().map(bits).collect() };
    build.module.inputs.push(port);
    (build.module, elements)
}

struct Build<'a> {
    module: Module,
    datapath: &'a Datapath,
    stages: &'a Stages,
    nets: FxHashMap<(WireId, u32), NetId>,
    shared: FxHashMap<(Driver, Bits), NetId>,
    elements: Vec<Element>,
}

impl Build<'_> {
    /// The elements of the input port in the order of stages and inputs rather than of use.
    fn sorted(&mut self) -> Vec<Element> {
        let mut elements = self.elements.clone();
        elements.sort_unstable_by_key(|element| (element.late, element.input));
        for net in &mut self.module.nets {
            if let Driver::Input { element, .. } = &mut net.driver {
                let here = self.elements[*element as usize];
                let at = elements.binary_search_by_key(&(here.late, here.input), |to| (to.late, to.input));
                *element = at.unwrap_or_default() as u32;
            }
        }
        elements
    }

    /// The net that carries `wire` at `stage`.
    fn at(&mut self, wire: WireId, stage: u32) -> NetId {
        if let Some(value) = self.datapath.as_const(wire) {
            return self.share(Bits::of(self.datapath.interval(wire)), Driver::Const(value));
        }
        if let Some(&net) = self.nets.get(&(wire, stage)) {
            return net;
        }
        let cell = self.datapath.cell(wire);
        let net = if let Cell::Input(n) = cell {
            let element = self.elements.len() as u32;
            self.elements.push(Element { input: *n as usize, late: stage });
            self.module.add(Bits::of(self.datapath.interval(wire)), Driver::Input { port: 0, element })
        } else if cell.is_wiring() || self.stages.stage[wire.index()] == stage {
            self.cell(wire, stage)
        } else {
            let before = self.at(wire, stage - 1);
            self.module.register(before, false)
        };
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

    /// The net of a cell, at a stage in which it is made.
    fn cell(&mut self, wire: WireId, stage: u32) -> NetId {
        let bits = Bits::of(self.datapath.interval(wire));
        let driver = match self.datapath.cell(wire) {
            Cell::Input(_) | Cell::Const(_) => unreachable!("inputs are ports and constants are shared"),
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
                return self.narrow(net, bits);
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
        self.share(bits, driver)
    }

    /// The net `a` in the bits that its value is known to need.
    fn narrow(&mut self, a: NetId, bits: Bits) -> NetId {
        if self.module.bits(a) == bits { a } else { self.share(bits, Driver::Slice { a, lo: 0 }) }
    }
}
