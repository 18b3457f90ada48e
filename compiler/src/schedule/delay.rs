//! The delay model: how long each kind of cell takes.

use serde::{Deserialize, Serialize};

use crate::datapath::{Cell, Datapath, WireId};

/// Delays in ps, average routing included; pairs are a base and an increment. The default table is a rough model of a
/// fast FPGA family, chosen so that about five 8-bit adders fit 3,125 ps; nothing in it was placed and routed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delays {
    /// From the clock edge to a register's output.
    pub clock_to_q: f64,
    /// A register's input before the clock edge.
    pub setup: f64,
    /// Addition or subtraction: base, per bit of the result.
    pub adder: [f64; 2],
    /// Comparison: base, per bit of the wider operand.
    pub compare: [f64; 2],
    /// Two-way choice: base, per bit.
    pub select: [f64; 2],
    /// Maximum or minimum: base, per bit of the wider operand.
    pub extreme: [f64; 2],
    /// Table of up to six input bits, and each further input bit.
    pub table: [f64; 2],
    /// Multiplication in logic: base, per bit of the product.
    pub multiply: [f64; 2],
}

impl Default for Delays {
    fn default() -> Self {
        serde_json::from_str(include_str!("delays.json")).expect("the embedded delay table is well formed")
    }
}

impl Delays {
    /// Delay of an addition by the width of its result.
    pub fn add(&self, width: u32) -> f64 {
        self.adder[0] + self.adder[1] * f64::from(width)
    }

    /// Delay of comparing operands of at most `width` bits.
    pub fn lt(&self, width: u32) -> f64 {
        self.compare[0] + self.compare[1] * f64::from(width)
    }

    /// The width of the widest product that one multiplier delivers between two registers.
    pub fn product_width(&self, period: f64) -> u32 {
        let spare = period - self.clock_to_q - self.setup - self.multiply[0];
        (spare / self.multiply[1]).max(0.0) as u32
    }

    /// Delay of the cell that drives `wire`.
    pub fn of(&self, datapath: &Datapath, wire: WireId) -> f64 {
        let width = |wire: WireId| datapath.interval(wire).width().1;
        let linear = |[base, bit]: [f64; 2], bits: u32| base + bit * f64::from(bits);
        match datapath.cell(wire) {
            cell if cell.is_wiring() => 0.0,
            Cell::Add { .. } => self.add(width(wire)),
            Cell::Lt(a, b) => self.lt(width(*a).max(width(*b))),
            Cell::Max(a, b) | Cell::Min(a, b) => linear(self.extreme, width(*a).max(width(*b))),
            Cell::Select(..) => linear(self.select, width(wire)),
            Cell::Table { a, .. } => linear(self.table, width(*a).saturating_sub(6)),
            Cell::Mul(..) => linear(self.multiply, width(wire)),
            _ => 0.0,
        }
    }
}
