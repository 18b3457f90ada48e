//! Plain synthesisable Verilog-2005, one file for each module.
//!
//! Vectors are unsigned in the text; a sign is a parameter of a block or an explicit extension. `clk` and `rst`
//! are ports of the modules that need them, and of the top.

mod adder;
mod bits;
mod compare;
mod fold;
mod names;
mod text;
mod view;
mod wires;

use std::collections::{BTreeMap, BTreeSet};

use nn2hdl_runtime::interface::{Place, Probe};

use crate::netlist::{Driver, Module, NetId, Netlist};

/// A file of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The parametric blocks that emitted modules use.
const BLOCKS: &[(&str, &str)] = &[
    ("nn2hdl_delay", include_str!("../../../../hdl/nn2hdl_delay.v")),
    ("nn2hdl_mul", include_str!("../../../../hdl/nn2hdl_mul.v")),
    ("nn2hdl_rom", include_str!("../../../../hdl/nn2hdl_rom.v")),
];

/// The files of a valid netlist: blocks, then modules, each after those it instantiates, then `files.f`, which
/// lists them in that order.
pub fn print(netlist: &Netlist) -> Vec<File> {
    let mut tables = text::Tables::new(netlist);
    let mut used = BTreeSet::new();
    let mut modules = Vec::new();
    let ports = control_ports(netlist);
    for (index, module) in netlist.modules.iter().enumerate() {
        let view = view::module(module, &netlist.modules, &ports[..=index], &mut tables, &mut used);
        modules.extend(tables.take());
        modules.push(File { name: format!("{}.v", module.name), text: view.print() });
    }
    let blocks = BLOCKS.iter().filter(|(name, _)| used.contains(name));
    let mut files: Vec<File> =
        blocks.map(|(name, text)| File { name: format!("{name}.v"), text: (*text).to_owned() }).collect();
    files.extend(modules);
    let list = files.iter().flat_map(|file| [file.name.as_str(), "\n"]).collect();
    files.push(File { name: "files.f".to_owned(), text: list });
    files
}

/// Which of `clk` and `rst` a module has.
#[derive(Clone, Copy, Debug, Default)]
struct Control {
    clk: bool,
    rst: bool,
    /// Whether it is the top, which has both even if it does not need them.
    top: bool,
}

fn control_ports(netlist: &Netlist) -> Vec<Control> {
    let mut ports: Vec<Control> = Vec::new();
    for module in &netlist.modules {
        let mut found = Control::default();
        for (net, _) in module.nets.iter().zip(wires::live(module)).filter(|(_, live)| *live) {
            match net.driver {
                Driver::Register { reset, .. } => {
                    found = Control { clk: true, rst: found.rst || reset, top: false };
                }
                Driver::Delay { .. } => found.clk = true,
                _ => {}
            }
        }
        for instance in &module.instances {
            let inner = ports[instance.module];
            found = Control { clk: found.clk || inner.clk, rst: found.rst || inner.rst, top: false };
        }
        ports.push(found);
    }
    if let Some(top) = ports.last_mut() {
        top.top = true;
    }
    ports
}

/// Where the netlist's trace points are in the text that [`print()`] makes of it. Elements that nothing uses, or
/// that are put together from several wires, leave their probe out.
pub fn probes(netlist: &Netlist) -> Vec<Probe> {
    let mut places: BTreeMap<usize, Places<'_>> = BTreeMap::new();
    let found = netlist.trace.iter().map(|point| {
        let module = &netlist.modules[point.module];
        let places = places.entry(point.module).or_insert_with(|| Places::new(module, &netlist.modules));
        let place = |&net: &NetId| {
            let mut place = places.place(net)?;
            if place.constant.is_none() {
                place.wire =
                    point.scope.iter().chain([&place.wire]).map(String::as_str).collect::<Vec<_>>().join(".");
            }
            Some(place)
        };
        let elements: Option<Vec<Place>> = point.nets.iter().map(place).collect();
        Some(Probe {
            path: point.path.clone(),
            value: point.value,
            name: point.name.clone(),
            layer: point.layer.clone(),
            shape: point.shape.clone(),
            travel: point.travel.clone(),
            elements: elements?,
        })
    });
    found.flatten().collect()
}

/// Where nets of one module are in the text that [`print()`] makes of it.
pub struct Places<'a> {
    module: &'a Module,
    wires: wires::Wires,
}

impl<'a> Places<'a> {
    /// The places of `module`'s nets; `modules` are the netlist's.
    pub fn new(module: &'a Module, modules: &[Module]) -> Self {
        Self { module, wires: wires::Wires::new(module, modules) }
    }

    /// The bits of the net `id`, within the module; `None` if nothing uses the net or it is not in one piece.
    pub fn place(&self, id: NetId) -> Option<Place> {
        let net = self.module.net(id);
        let constant =
            if let Driver::Const(value) = net.driver { Some(net.bits.read(value.into())) } else { None };
        let (wire, lo) = match constant {
            Some(_) => (String::new(), 0),
            None => self.wires.place(id)?,
        };
        Some(Place { wire, lo, signed: net.bits.signed, width: net.bits.width, constant })
    }
}
