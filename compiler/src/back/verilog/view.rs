//! A module with every width, name, order and expression settled.

use std::collections::BTreeSet;

use askama::Template;

use super::Control;
use super::adder::{Adder, Operand};
use super::bits::Run;
use super::compare::less;
use super::fold::fold;
use super::text::{COLUMNS, Tables, Text, constant, range, wrap};
use super::wires::Wires;
use crate::netlist::{Driver, Module, NetId};

/// Address bits up to which a table is a parameter.
const SMALL_TABLE: u32 = 6;

/// What `module.v` substitutes.
#[derive(Template)]
#[template(path = "module.v")]
pub(super) struct ModuleView {
    doc: Vec<String>,
    name: String,
    ports: Vec<String>,
    declared: Vec<Declared>,
    cells: Vec<Cell>,
    instances: Vec<InstanceView>,
    has_registers: bool,
    registers: Vec<(String, String)>,
    has_resets: bool,
    resets: Vec<(String, String, String)>,
    outputs: Vec<(String, String)>,
    has_unused: bool,
    unused: String,
}

impl ModuleView {
    pub(super) fn print(&self) -> String {
        // The template's last newline is not part of what it renders.
        self.render().expect("a template that only substitutes cannot fail") + "\n"
    }
}

struct Declared {
    kind: &'static str,
    range: String,
    name: String,
}

enum Cell {
    Expression { range: String, name: String, value: String },
    Block { range: String, name: String, instance: InstanceView },
}

#[derive(Template)]
#[template(path = "instance.v")]
struct InstanceView {
    module: String,
    has_parameters: bool,
    parameters: String,
    name: String,
    connections: String,
}

impl InstanceView {
    fn new(module: &str, parameters: &[(&str, String)], name: String, ports: &[(&str, String)]) -> Self {
        let parameters: Vec<String> =
            parameters.iter().map(|(key, value)| format!(".{key}({value})")).collect();
        let parameters = wrap(&parameters);
        let connections: Vec<String> =
            ports.iter().map(|(port, value)| format!(".{port}({value})")).collect();
        let line = connections.join(", ");
        let length = module.len() + parameters.len() + name.len() + line.len();
        Self {
            module: module.to_owned(),
            has_parameters: !parameters.is_empty(),
            parameters,
            name,
            connections: if length < COLUMNS && !line.contains('\n') {
                line
            } else {
                format!("\n        {}\n    ", connections.join(",\n        "))
            },
        }
    }
}

/// Lines with a comma behind each but the last.
fn separated(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.map(|line| line + ",").collect();
    if let Some(last) = lines.last_mut() {
        last.pop();
    }
    lines
}

/// The view of `module`; notes the blocks it uses. `control` is of the modules up to this one.
pub(super) fn module(
    module: &Module,
    modules: &[Module],
    control: &[Control],
    tables: &mut Tables,
    used: &mut BTreeSet<&'static str>,
) -> ModuleView {
    let wires = Wires::new(module, modules);
    let mut view = View { module, wires: &wires, text: Text::new(&wires), tables, used };
    let own_control = control.last().copied().unwrap_or_default();

    let mut declared = Vec::new();
    let mut cells = Vec::new();
    let (mut registers, mut resets) = (Vec::new(), Vec::new());
    let mut own = Vec::new();
    for (instance, ports) in module.instances.iter().zip(&wires.instances) {
        let connected =
            ports.iter().zip(&modules[instance.module].outputs).filter(|(_, (port, _))| port.width() > 0);
        for (&wire, _) in connected {
            own.push(wire);
        }
    }
    declared.extend(own.iter().map(|&wire| view.declare("wire", wire)));
    for (index, net) in module.nets.iter().enumerate() {
        let Some(wire) = wires.own[index] else { continue };
        if let Driver::Register { d, reset } = net.driver {
            let value = view.text.of(&wires.run_of(d).clone());
            let name = wires.wires[wire].name.clone();
            declared.push(view.declare("reg", wire));
            match reset {
                true => resets.push((name, constant(0, net.bits.width), value)),
                false => registers.push((name, value)),
            }
            own.push(wire);
        } else if let Some(cell) = view.cell(index, &wires.wires[wire].name.clone()) {
            cells.push(cell);
            own.push(wire);
        }
    }
    let instances = (0..module.instances.len()).map(|n| view.instance(n, modules, control)).collect();
    let outputs = module.outputs.iter().filter(|(port, _)| port.width() > 0);
    let outputs: Vec<(String, String)> =
        outputs.map(|(port, nets)| (port.name.clone(), view.side_by_side(nets))).collect();
    let ports_in = wires.inputs.iter().copied().filter(|&wire| wires.wires[wire].width > 0);
    let mut unused = view.text.unread(ports_in.chain(own));
    if own_control.top && !own_control.clk {
        unused.push("clk".to_owned());
    }
    if own_control.top && !own_control.rst {
        unused.push("rst".to_owned());
    }
    ModuleView {
        doc: module.doc.iter().map(|line| line.replace(|c: char| c.is_control() || c == '\\', " ")).collect(),
        name: module.name.clone(),
        ports: ports(module, own_control),
        declared,
        cells,
        instances,
        has_registers: !registers.is_empty() || !resets.is_empty(),
        registers,
        has_resets: !resets.is_empty(),
        resets,
        outputs,
        has_unused: !unused.is_empty(),
        // The zero settles the value, so that tools drop the wire.
        unused: format!("{{1'b0, {}}}", wrap(&unused)),
    }
}

fn ports(module: &Module, control: Control) -> Vec<String> {
    let control = [("clk", control.clk || control.top), ("rst", control.rst || control.top)]
        .into_iter()
        .filter(|(_, present)| *present);
    let inputs = module.inputs.iter().map(|port| ("input", port));
    let data = inputs.chain(module.outputs.iter().map(|(port, _)| ("output", port)));
    let data = data.filter(|(_, port)| port.width() > 0);
    separated(control.map(|(name, _)| format!("input wire {name}")).chain(
        data.map(|(direction, port)| format!("{direction} wire {}{}", range(port.width()), port.name)),
    ))
}

struct View<'a> {
    module: &'a Module,
    wires: &'a Wires,
    text: Text<'a>,
    tables: &'a mut Tables,
    used: &'a mut BTreeSet<&'static str>,
}

impl View<'_> {
    fn declare(&self, kind: &'static str, wire: usize) -> Declared {
        let wire = &self.wires.wires[wire];
        Declared { kind, range: range(wire.width), name: wire.name.clone() }
    }

    fn side_by_side(&mut self, nets: &[NetId]) -> String {
        let run = nets.iter().fold(Run::default(), |run, &net| run.below(self.wires.run_of(net)));
        self.text.of(&run)
    }

    fn operand(&self, id: NetId) -> Operand {
        Operand { run: self.wires.run_of(id).clone(), signed: self.module.bits(id).signed }
    }

    fn resized(&mut self, id: NetId, width: u32) -> String {
        let run = self.wires.run_of(id).resize(self.module.bits(id).signed, width);
        self.text.of(&run)
    }

    /// The net's declaration with what drives it; `None` if it is only wiring.
    fn cell(&mut self, index: usize, name: &str) -> Option<Cell> {
        if fold(self.module, self.wires, index).is_some() {
            return None;
        }
        let net = &self.module.nets[index];
        let width = net.bits.width;
        let value = match &net.driver {
            Driver::Add { .. } => return self.adder(index, name),
            Driver::Mul(a, b) => return Some(self.multiplier(*a, *b, width, name)),
            Driver::Rom { a, data } => return Some(self.table(*a, data, width, name)),
            Driver::Delay { d, cycles } => return Some(self.delay(*d, *cycles, width, name)),
            Driver::Lt(a, b) => self.less(*a, *b),
            Driver::Max(a, b) => self.extreme(*a, *b, (*b, *a), width),
            Driver::Min(a, b) => self.extreme(*a, *b, (*a, *b), width),
            Driver::Select(a, b, c) => {
                let condition = self.text.of(&self.wires.run_of(*a).part(0, 1));
                format!("{condition} ? {} : {}", self.resized(*b, width), self.resized(*c, width))
            }
            _ => return None,
        };
        Some(Cell::Expression { range: range(width), name: name.to_owned(), value })
    }

    fn less(&mut self, a: NetId, b: NetId) -> String {
        let (a, b) = (self.operand(a), self.operand(b));
        less(&mut self.text, &a, &b)
    }

    /// The first of `choice` if `a < b`, else the second.
    fn extreme(&mut self, a: NetId, b: NetId, choice: (NetId, NetId), width: u32) -> String {
        let condition = self.less(a, b);
        format!("{condition} ? {} : {}", self.resized(choice.0, width), self.resized(choice.1, width))
    }

    fn block(
        &mut self,
        block: &'static str,
        parameters: &[(&str, String)],
        ports: &[(&str, String)],
        width: u32,
        name: &str,
    ) -> Cell {
        self.used.insert(block);
        let instance = InstanceView::new(block, parameters, format!("u_{name}"), ports);
        Cell::Block { range: range(width), name: name.to_owned(), instance }
    }

    fn adder(&mut self, index: usize, name: &str) -> Option<Cell> {
        let Adder::Sum { width, a, b, shift_b, subtract, .. } = Adder::of(self.module, self.wires, index)
        else {
            return None;
        };
        let upper = width - shift_b;
        let wide = a.run.resize(a.signed, width);
        let low = wide.part(0, shift_b);
        let sign = if subtract { "-" } else { "+" };
        let sum = format!(
            "{} {sign} {}",
            self.text.of(&wide.part(shift_b, upper)),
            self.text.of(&b.run.resize(b.signed, upper))
        );
        let value = if shift_b == 0 { sum } else { format!("{{{sum}, {}}}", self.text.of(&low)) };
        Some(Cell::Expression { range: range(width), name: name.to_owned(), value })
    }

    fn multiplier(&mut self, a: NetId, b: NetId, width: u32, name: &str) -> Cell {
        let mut parameters = Vec::new();
        let mut ports = Vec::new();
        for (id, [w, s], port) in [(a, ["WA", "SA"], "a"), (b, ["WB", "SB"], "b")] {
            let bits = self.module.bits(id);
            let kept = bits.width.min(width);
            parameters.push((w, kept.to_string()));
            parameters.push((s, u32::from(bits.signed && kept < width).to_string()));
            ports.push((port, self.resized(id, kept)));
        }
        parameters.push(("WY", width.to_string()));
        ports.push(("y", name.to_owned()));
        self.block("nn2hdl_mul", &parameters, &ports, width, name)
    }

    fn delay(&mut self, d: NetId, cycles: u32, width: u32, name: &str) -> Cell {
        let last = cycles - 2;
        let address = u32::BITS - last.leading_zeros();
        let parameters =
            [("W", width.to_string()), ("WA", address.to_string()), ("LAST", format!("{address}'d{last}"))];
        let d = self.text.of(&self.wires.run_of(d).clone());
        let ports = [("clk", "clk".to_owned()), ("d", d), ("q", name.to_owned())];
        self.block("nn2hdl_delay", &parameters, &ports, width, name)
    }

    fn table(&mut self, a: NetId, data: &[i64], width: u32, name: &str) -> Cell {
        let address = self.module.bits(a).width;
        let words: Vec<u64> = data.iter().map(|&word| word as u64 & (u64::MAX >> (64 - width))).collect();
        let ports = [("a", self.text.of(&self.wires.run_of(a).clone())), ("y", name.to_owned())];
        if address > SMALL_TABLE {
            let module = self.tables.module(&format!("{}_{name}", self.module.name), address, width, words);
            let instance = InstanceView::new(&module, &[], format!("u_{name}"), &ports);
            return Cell::Block { range: range(width), name: name.to_owned(), instance };
        }
        let mut digits = String::new();
        let mut nibble = (0u8, 0u32);
        for bit in (0..width).flat_map(|bit| words.iter().map(move |word| (word >> bit & 1) as u8)) {
            nibble = (nibble.0 | bit << nibble.1, nibble.1 + 1);
            if nibble.1 == 4 {
                digits.insert(0, char::from_digit(nibble.0.into(), 16).unwrap_or('0'));
                nibble = (0, 0);
            }
        }
        if nibble.1 > 0 {
            digits.insert(0, char::from_digit(nibble.0.into(), 16).unwrap_or('0'));
        }
        let data = format!("{}'h{digits}", u64::from(width) << address);
        let parameters = [("WA", address.to_string()), ("WY", width.to_string()), ("DATA", data)];
        self.block("nn2hdl_rom", &parameters, &ports, width, name)
    }

    fn instance(&mut self, n: usize, modules: &[Module], control: &[Control]) -> InstanceView {
        let instance = &self.module.instances[n];
        let inner = &modules[instance.module];
        let mut ports: Vec<(&str, String)> = Vec::new();
        for (name, present) in [("clk", control[instance.module].clk), ("rst", control[instance.module].rst)]
        {
            if present {
                ports.push((name, name.to_owned()));
            }
        }
        for (port, nets) in inner.inputs.iter().zip(&instance.inputs).filter(|(port, _)| port.width() > 0) {
            ports.push((&port.name, self.side_by_side(nets)));
        }
        for ((port, _), &wire) in inner.outputs.iter().zip(&self.wires.instances[n]) {
            if port.width() > 0 {
                ports.push((&port.name, self.wires.wires[wire].name.clone()));
            }
        }
        InstanceView::new(&inner.name, &[], instance.name.clone(), &ports)
    }
}
