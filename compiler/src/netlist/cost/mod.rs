//! What a design takes, estimated from its netlist.

mod logic;
mod mapping;
mod registers;
mod sum;
mod tables;

use std::ops::{AddAssign, Mul};

use serde::Serialize;

use super::{Driver, Module, Net, Netlist};

/// Counts of a module with everything below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Additions and subtractions.
    pub adders: u64,
    /// Bits of their results, less one each and less low bits that only pass through.
    pub adder_bits: u64,
    /// Look-up tables: a model of a synthesis, by the formulas at the head of `cost/logic.rs`.
    pub lut: u64,
    /// Flip-flops; registers in a row are shift registers in look-up tables.
    pub ff: u64,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.adders += other.adders;
        self.adder_bits += other.adder_bits;
        self.lut += other.lut;
        self.ff += other.ff;
    }
}

impl Mul<u64> for Cost {
    type Output = Self;

    fn mul(self, n: u64) -> Self {
        Self { adders: self.adders * n, adder_bits: self.adder_bits * n, lut: self.lut * n, ff: self.ff * n }
    }
}

/// What one layer takes.
#[derive(Clone, Debug, Serialize)]
pub struct LayerCost {
    /// The instances' module.
    pub module: String,
    /// How many instances the top has.
    pub instances: u64,
    /// Of all instances together.
    #[serde(flatten)]
    pub cost: Cost,
}

/// The cost of each module with everything below it, by position.
pub fn modules(netlist: &Netlist) -> Vec<Cost> {
    let mut costs: Vec<Cost> = Vec::with_capacity(netlist.modules.len());
    for module in &netlist.modules {
        let mut cost = own(module);
        module.instances.iter().for_each(|instance| cost += costs[instance.module]);
        costs.push(cost);
    }
    costs
}

/// The cost of the whole design.
pub fn total(netlist: &Netlist) -> Cost {
    modules(netlist).pop().unwrap_or_default()
}

/// The cost of what the top instantiates, and of the top's own cells.
pub fn layers(netlist: &Netlist) -> Vec<LayerCost> {
    let costs = modules(netlist);
    let top = netlist.top();
    let mut layers: Vec<(usize, u64)> = Vec::new();
    for instance in &top.instances {
        match layers.iter_mut().find(|(module, _)| *module == instance.module) {
            Some((_, count)) => *count += 1,
            None => layers.push((instance.module, 1)),
        }
    }
    let own = LayerCost { module: top.name.clone(), instances: 1, cost: own(top) };
    layers
        .into_iter()
        .map(|(module, instances)| LayerCost {
            module: netlist.modules[module].name.clone(),
            instances,
            cost: costs[module] * instances,
        })
        .chain([own])
        .collect()
}

/// The cost of a module's own cells.
pub(super) fn own(module: &Module) -> Cost {
    let (lut, ff) = logic::count(module);
    let mut cost = Cost { lut, ff, ..Cost::default() };
    module.nets.iter().for_each(|net| cost += adder(module, net));
    cost
}

/// What a net counts as an adder.
fn adder(module: &Module, net: &Net) -> Cost {
    let Driver::Add { a, b, shift_a, shift_b, subtract } = net.driver else { return Cost::default() };
    let width = |id| module.bits(id).width;
    // The bits below the other operand pass through; those of a subtrahend do not.
    let through = match subtract {
        _ if shift_b > shift_a => shift_b,
        true => 0,
        false => shift_a,
    };
    let disjoint = !subtract
        && (shift_b >= width(a) + shift_a && !module.bits(a).signed
            || shift_a >= width(b) + shift_b && !module.bits(b).signed);
    let bits = if disjoint { 0 } else { net.bits.width.saturating_sub(through) };
    Cost { adders: 1, adder_bits: bits.saturating_sub(1).into(), ..Cost::default() }
}
