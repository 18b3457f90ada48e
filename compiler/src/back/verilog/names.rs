//! Names of the wires of a module.

use crate::netlist::name::Names;
use crate::netlist::{Driver, Instance, Module, Port};

/// Names given in one module.
pub(super) struct Naming {
    names: Names,
}

impl Naming {
    pub(super) fn new(module: &Module, modules: &[Module]) -> Self {
        let mut names = Names::default();
        let ports = module.inputs.iter().chain(module.outputs.iter().map(|(port, _)| port));
        let fixed = ["clk", "rst", "unused"].into_iter().chain(ports.map(|port| port.name.as_str()));
        fixed.chain(module.instances.iter().map(|instance| instance.name.as_str())).for_each(|name| {
            names.reserve(name);
        });
        modules.iter().for_each(|module| {
            names.reserve(&module.name);
        });
        Self { names }
    }

    /// The wire at an instance's output port.
    pub(super) fn output(&mut self, instance: &Instance, port: &Port) -> String {
        self.names.claim(&format!("{}_{}", instance.name, port.name))
    }

    /// The names of the live nets that are declared; wiring is not.
    pub(super) fn nets(&mut self, module: &Module, modules: &[Module], live: &[bool]) -> Vec<Option<String>> {
        let mut named: Vec<Option<String>> = Vec::with_capacity(module.nets.len());
        // What a register's name begins with, and how many registers lie before it.
        let mut origin: Vec<(String, u32)> = Vec::with_capacity(module.nets.len());
        for (index, net) in module.nets.iter().enumerate() {
            let kind = match &net.driver {
                _ if !live[index] => None,
                Driver::Input { .. }
                | Driver::Output { .. }
                | Driver::Const(_)
                | Driver::Slice { .. }
                | Driver::Shl { .. }
                | Driver::Extend(_)
                | Driver::Concat(_) => None,
                Driver::Add { subtract: false, .. } => Some("sum"),
                Driver::Add { .. } => Some("diff"),
                Driver::Mul(..) => Some("product"),
                Driver::Max(..) => Some("max"),
                Driver::Min(..) => Some("min"),
                Driver::Lt(..) => Some("less"),
                Driver::Select(..) => Some("mux"),
                Driver::Rom { .. } => Some("lut"),
                Driver::Delay { .. } => Some("late"),
                Driver::Register { d, .. } => {
                    let (base, depth) = match origin.get(d.index()) {
                        Some((base, depth)) => (base.clone(), depth + 1),
                        None => (format!("state_{index}"), 0),
                    };
                    let text = if depth == 0 { base.clone() } else { format!("{base}_q{depth}") };
                    named.push(Some(self.names.claim(&text)));
                    origin.push((base, depth));
                    continue;
                }
            };
            let name = kind.map(|kind| self.names.claim(&format!("{kind}_{index}")));
            let element = |port: &Port, name: &str, element: u32| {
                if port.elements.len() == 1 { name.to_owned() } else { format!("{name}_{element}") }
            };
            let base = match &net.driver {
                Driver::Input { port, element: n } => {
                    let port = &module.inputs[*port as usize];
                    element(port, &port.name, *n)
                }
                Driver::Output { instance, port, element: n } => {
                    let instance = &module.instances[*instance as usize];
                    let port = &modules[instance.module].outputs[*port as usize].0;
                    element(port, &format!("{}_{}", instance.name, port.name), *n)
                }
                _ => name.clone().unwrap_or_else(|| format!("bits_{index}")),
            };
            named.push(name);
            origin.push((base, 0));
        }
        named
    }
}
