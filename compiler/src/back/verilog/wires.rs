//! The wires of a module, and what bits of them each net is.

use super::adder::Adder;
use super::bits::{Piece, Run, WireId};
use super::fold::fold;
use super::names;
use crate::netlist::{Driver, Module, NetId};

/// A declared vector.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) name: String,
    pub(super) width: u32,
}

/// Wires of a module and its nets as runs of their bits.
pub(super) struct Wires {
    pub(super) wires: Vec<Wire>,
    /// One for each input port.
    pub(super) inputs: Vec<WireId>,
    /// One for each output port of each instance.
    pub(super) instances: Vec<Vec<WireId>>,
    /// The wire that the net itself declares.
    pub(super) own: Vec<Option<WireId>>,
    /// The bits of each live net.
    pub(super) runs: Vec<Run>,
    pub(super) live: Vec<bool>,
}

impl Wires {
    pub(super) fn new(module: &Module, modules: &[Module]) -> Self {
        let live = live(module);
        let mut names = names::Naming::new(module, modules);
        let mut wires: Vec<Wire> = Vec::new();
        let mut declare = |name: String, width: u32| {
            wires.push(Wire { name, width });
            wires.len() - 1
        };
        let inputs = module.inputs.iter().map(|port| declare(port.name.clone(), port.width())).collect();
        let mut instances = Vec::new();
        for instance in &module.instances {
            let ports = &modules[instance.module].outputs;
            let wires = ports.iter().map(|(port, _)| declare(names.output(instance, port), port.width()));
            instances.push(wires.collect());
        }
        let named = names.nets(module, modules, &live);
        let mut this = Self { wires: Vec::new(), inputs, instances, own: Vec::new(), runs: Vec::new(), live };
        // Registers may be read before they are declared as nets, so every declared net comes first.
        let mut widths: Vec<Option<WireId>> = Vec::new();
        for (net, name) in module.nets.iter().zip(&named) {
            widths.push(name.as_ref().map(|name| declare(name.clone(), net.bits.width)));
        }
        this.wires = wires;
        this.own = widths;
        let offsets = Offsets::new(module, modules);
        for index in 0..module.nets.len() {
            let run = if this.live[index] { this.run(module, &offsets, index) } else { Run::default() };
            this.runs.push(run);
        }
        this
    }

    pub(super) fn run_of(&self, id: NetId) -> &Run {
        &self.runs[id.index()]
    }

    fn run(&mut self, module: &Module, offsets: &Offsets, index: usize) -> Run {
        if let Some(run) = fold(module, self, index) {
            return run;
        }
        let net = &module.nets[index];
        let width = net.bits.width;
        let resized = |a: NetId, to: u32| self.runs[a.index()].resize(module.bits(a).signed, to);
        match &net.driver {
            Driver::Input { port, element } => Run::wire(
                self.inputs[*port as usize],
                offsets.inputs[*port as usize][*element as usize],
                width,
            ),
            Driver::Output { instance, port, element } => {
                let (instance, port) = (*instance as usize, *port as usize);
                let lo = offsets.instances[instance][port][*element as usize];
                Run::wire(self.instances[instance][port], lo, width)
            }
            Driver::Const(value) => Run::constant(*value, width),
            Driver::Slice { a, lo } => resized(*a, lo + width).part(*lo, width),
            Driver::Shl { n, .. } if *n >= width => Run::zeros(width),
            Driver::Shl { a, n } => Run::zeros(*n).below(&resized(*a, width - n)),
            Driver::Extend(a) => resized(*a, width),
            Driver::Concat(parts) => {
                let run = parts.iter().fold(Run::default(), |run, &part| run.below(&self.runs[part.index()]));
                run.resize(false, width)
            }
            Driver::Add { .. } => match (Adder::of(module, self, index), self.own[index]) {
                (Adder::Wiring(run), _) => run,
                (Adder::Sum { zeros, width, .. }, Some(wire)) => {
                    self.wires[wire].width = width;
                    Run::zeros(zeros).below(&Run::wire(wire, 0, width))
                }
                (Adder::Sum { .. }, None) => Run::default(),
            },
            _ => self.own[index].map_or_else(Run::default, |wire| Run::wire(wire, 0, width)),
        }
    }

    /// The wire with the net's bits and the first of them.
    pub(super) fn place(&self, id: NetId) -> Option<(String, u32)> {
        match self.run_of(id).pieces.as_slice() {
            &[Piece::Wire { wire, lo, .. }] => Some((self.wires[wire].name.clone(), lo)),
            _ => None,
        }
    }
}

/// First bits of elements.
struct Offsets {
    inputs: Vec<Vec<u32>>,
    instances: Vec<Vec<Vec<u32>>>,
}

impl Offsets {
    fn new(module: &Module, modules: &[Module]) -> Self {
        let offsets = |port: &crate::netlist::Port| {
            port.elements
                .iter()
                .scan(0, |at, bits| {
                    *at += bits.width;
                    Some(*at - bits.width)
                })
                .collect()
        };
        let instances = module.instances.iter();
        Self {
            inputs: module.inputs.iter().map(offsets).collect(),
            instances: instances
                .map(|instance| {
                    modules[instance.module].outputs.iter().map(|(port, _)| offsets(port)).collect()
                })
                .collect(),
        }
    }
}

/// The nets that an output or an instance depends on.
pub(super) fn live(module: &Module) -> Vec<bool> {
    let mut live = vec![false; module.nets.len()];
    let outputs = module.outputs.iter().flat_map(|(_, nets)| nets);
    let inputs = module.instances.iter().flat_map(|instance| instance.inputs.iter().flatten());
    let mut stack: Vec<NetId> = outputs.chain(inputs).copied().collect();
    while let Some(id) = stack.pop() {
        if !std::mem::replace(&mut live[id.index()], true) {
            match module.net(id).driver {
                Driver::Register { d, .. } => stack.push(d),
                ref driver => stack.extend(driver.operands()),
            }
        }
    }
    live
}
