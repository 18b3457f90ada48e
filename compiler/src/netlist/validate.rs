//! What every netlist keeps to. Back ends and the evaluator rely on it.
//!
//! - Modules instantiate earlier modules only, and names of modules are legal and distinct, as are the names of the
//!   ports and instances of one module; `clk` and `rst` are nobody's, since they are implicit.
//! - Every net has 1 to 64 bits, 63 if unsigned; a port's elements too.
//! - Operands are earlier nets of the module; only a register's input may be later.
//! - Input, output and connection nets have exactly the bits of the element that they stand for.
//! - A slice lies within its operand, an extension does not shorten, a concatenation has the bits of its parts, a
//!   condition has one bit, a comparison delivers one, a table has one word for each address, a register has the bits
//!   of its input, a constant fits.
//! - The top's first ports are `in_valid` and `out_valid`, of one bit.
//! - Trace points name instances and nets that exist.

use super::name::Names;
use super::{Bits, Driver, Instance, Module, NetId, Netlist, Port};

/// Where a netlist breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {rule}: this is a bug, please report it")]
pub struct Fault {
    /// The module, and the net or name within.
    pub place: String,
    /// The rule that is broken.
    pub rule: &'static str,
}

/// Every fault of a netlist.
pub fn validate(netlist: &Netlist) -> Result<(), Vec<Fault>> {
    let mut check = Check { modules: &netlist.modules, faults: Vec::new() };
    let mut names = Names::default();
    for (index, module) in netlist.modules.iter().enumerate() {
        check.require(names.reserve(&module.name), &module.name, "module names are legal and distinct");
        check.module(index, module);
    }
    match netlist.modules.last() {
        Some(top) => check.top(top),
        None => check.require(false, "", "there is a top module"),
    }
    for point in &netlist.trace {
        check.trace(&point.scope, point.module, &point.nets);
    }
    if check.faults.is_empty() { Ok(()) } else { Err(check.faults) }
}

struct Check<'a> {
    modules: &'a [Module],
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn require(&mut self, holds: bool, place: impl ToString, rule: &'static str) {
        if !holds {
            self.faults.push(Fault { place: place.to_string(), rule });
        }
    }

    fn top(&mut self, top: &Module) {
        let is_bit = |port: Option<&Port>, name: &str| {
            port.is_some_and(|port| port.name == name && port.elements == [Bits::BIT])
        };
        self.require(
            is_bit(top.inputs.first(), "in_valid"),
            &top.name,
            "the first input of the top is `in_valid`",
        );
        let first = top.outputs.first().map(|(port, _)| port);
        self.require(is_bit(first, "out_valid"), &top.name, "the first output of the top is `out_valid`");
    }

    fn trace(&mut self, scope: &[String], module: usize, nets: &[NetId]) {
        let mut at = self.modules.len() - 1;
        for name in scope {
            match self.modules[at].instances.iter().find(|instance| instance.name == *name) {
                Some(instance) => at = instance.module,
                None => return self.require(false, name, "a trace point's instances exist"),
            }
        }
        let exists = at == module && nets.iter().all(|net| net.index() < self.modules[at].nets.len());
        self.require(
            exists,
            scope.join("."),
            "a trace point's nets exist in the module that its instances lead to",
        );
    }

    fn module(&mut self, index: usize, module: &Module) {
        let place = |name: &str| format!("{}.{name}", module.name);
        let mut names = Names::default();
        names.reserve("clk");
        names.reserve("rst");
        let outputs = module.outputs.iter().map(|(port, _)| port);
        for port in module.inputs.iter().chain(outputs) {
            self.require(names.reserve(&port.name), place(&port.name), "port names are legal and distinct");
        }
        for (port, nets) in &module.outputs {
            let right = self.are(module, nets, &port.elements);
            self.require(right, place(&port.name), "an output's nets have its elements' bits");
        }
        for instance in &module.instances {
            let name = place(&instance.name);
            self.require(names.reserve(&instance.name), &name, "instance names are legal and distinct");
            self.require(instance.module < index, &name, "instances are of earlier modules");
            if instance.module < index {
                self.connections(module, instance, &name);
            }
        }
        for (n, net) in module.nets.iter().enumerate() {
            let name = place(&format!("net {n}"));
            let most = if net.bits.signed { 64 } else { 63 };
            self.require(
                (1..=most).contains(&net.bits.width),
                &name,
                "a net has 1 to 64 bits, 63 if unsigned",
            );
            let earlier = net.driver.operands().iter().all(|operand| operand.index() < n);
            self.require(earlier, &name, "operands come earlier");
            if earlier {
                let rule = self.broken(module, net.bits, &net.driver);
                self.require(rule.is_none(), &name, rule.unwrap_or_default());
            }
        }
    }

    fn connections(&mut self, module: &Module, instance: &Instance, name: &str) {
        let inner = &self.modules[instance.module];
        let needed = inner.inputs.iter().filter(|port| !port.elements.is_empty());
        let given = instance.inputs.iter().filter(|nets| !nets.is_empty());
        let right = needed.clone().count() == given.clone().count()
            && needed.zip(given).all(|(port, nets)| self.are(module, nets, &port.elements));
        self.require(right, name, "an instance's nets have its ports' bits");
    }

    fn are(&self, module: &Module, nets: &[NetId], bits: &[Bits]) -> bool {
        nets.len() == bits.len()
            && nets
                .iter()
                .zip(bits)
                .all(|(net, bits)| module.nets.get(net.index()).is_some_and(|net| net.bits == *bits))
    }

    /// The rule that a net breaks, whose operands are earlier nets.
    fn broken(&self, module: &Module, bits: Bits, driver: &Driver) -> Option<&'static str> {
        let width = |id: NetId| module.bits(id).width;
        let element = |port: Option<&Port>, element: u32| {
            port.and_then(|port| port.elements.get(element as usize)).is_some_and(|of| *of == bits)
        };
        let (holds, rule) = match *driver {
            Driver::Input { port, element: n } => {
                (element(module.inputs.get(port as usize), n), "an input net has its element's bits")
            }
            Driver::Output { instance, port, element: n } => {
                let inner =
                    module.instances.get(instance as usize).and_then(|of| self.modules.get(of.module));
                let port = inner.and_then(|inner| inner.outputs.get(port as usize)).map(|(port, _)| port);
                (element(port, n), "an instance's output net has its element's bits")
            }
            Driver::Const(value) => (bits.read(value.into()) == value, "a constant fits its bits"),
            Driver::Slice { a, lo } => (lo + bits.width <= width(a), "a slice lies within its operand"),
            Driver::Extend(a) => (bits.width >= width(a), "an extension does not shorten"),
            Driver::Concat(ref parts) => (
                !bits.signed && parts.iter().map(|&part| width(part)).sum::<u32>() == bits.width,
                "a concatenation is unsigned and has the bits of its parts",
            ),
            Driver::Lt(..) => (bits == Bits::BIT, "a comparison delivers one bit"),
            Driver::Select(a, ..) => (module.bits(a) == Bits::BIT, "a condition is one bit"),
            Driver::Rom { a, ref data } => {
                (width(a) < 32 && data.len() == 1 << width(a), "a table has one word for each address")
            }
            Driver::Register { d, .. } => (
                module.nets.get(d.index()).is_some_and(|d| d.bits == bits),
                "a register has its input's bits",
            ),
            Driver::Delay { d, cycles } => (
                d.index() < module.nets.len() && module.bits(d) == bits && cycles > 2,
                "a delay has its input's bits and at least 3 cycles",
            ),
            Driver::Shl { .. } | Driver::Add { .. } | Driver::Mul(..) | Driver::Max(..) | Driver::Min(..) => {
                (true, "")
            }
        };
        (!holds).then_some(rule)
    }
}
