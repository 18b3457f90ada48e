//! The untimed word-level graph of one engine.
//!
//! Every wire is an integer with the interval of values it can take; widths follow from intervals. The graph is
//! hash-consed and simplified as it grows, so two engines that compute the same thing are equal.

pub mod elaborate;
pub mod form;
pub mod linear;
mod round;
mod simplify;

use nn2hdl_runtime::Interval;
use rustc_hash::FxHashMap;

/// A wire, by position; a cell's operands come earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u32);

impl WireId {
    /// The position in the graph.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What drives a wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// Input `n` of the engine.
    Input(u32),
    /// A constant.
    Const(i64),
    /// `(a << shift_a) ± (b << shift_b)`.
    Add {
        /// First operand.
        a: WireId,
        /// Second operand.
        b: WireId,
        /// Zero bits appended to the first.
        shift_a: u32,
        /// Zero bits appended to the second.
        shift_b: u32,
        /// Whether the second is subtracted.
        subtract: bool,
    },
    /// `a << n`.
    Shl(WireId, u32),
    /// `a >> n`, rounding down.
    Shr(WireId, u32),
    /// The low bits of `a`, read with the wire's own sign and width.
    Wrap {
        /// Operand.
        a: WireId,
        /// Whether the uppermost kept bit is a sign.
        signed: bool,
        /// Bits kept.
        width: u32,
    },
    /// `a × b`.
    Mul(WireId, WireId),
    /// The larger.
    Max(WireId, WireId),
    /// The smaller.
    Min(WireId, WireId),
    /// 1 if `a < b`.
    Lt(WireId, WireId),
    /// `b` if `a` is 1, else `c`.
    Select(WireId, WireId, WireId),
    /// `entries[a − lo]`, where `lo` is the least value of `a`.
    Table {
        /// Operand.
        a: WireId,
        /// One entry for each value of `a`'s interval.
        entries: Vec<i64>,
    },
    /// Bits side by side, the first lowest.
    Concat(Vec<WireId>),
}

impl Cell {
    /// The operands, in order.
    pub fn operands(&self) -> Vec<WireId> {
        match self {
            Self::Input(_) | Self::Const(_) => Vec::new(),
            Self::Shl(a, _) | Self::Shr(a, _) | Self::Wrap { a, .. } | Self::Table { a, .. } => vec![*a],
            Self::Add { a, b, .. } | Self::Mul(a, b) | Self::Max(a, b) | Self::Min(a, b) | Self::Lt(a, b) => {
                vec![*a, *b]
            }
            Self::Select(a, b, c) => vec![*a, *b, *c],
            Self::Concat(parts) => parts.clone(),
        }
    }

    /// Whether the cell is only wiring: no logic, no delay.
    pub fn is_wiring(&self) -> bool {
        matches!(
            self,
            Self::Input(_)
                | Self::Const(_)
                | Self::Shl(..)
                | Self::Shr(..)
                | Self::Wrap { .. }
                | Self::Concat(_)
        )
    }
}

/// The untimed word-level graph of one engine.
#[derive(Clone, Debug, Default)]
pub struct Datapath {
    cells: Vec<Cell>,
    intervals: Vec<Interval>,
    known: FxHashMap<Cell, WireId>,
    inputs: Vec<WireId>,
    /// The wires that leave the engine.
    pub outputs: Vec<WireId>,
}

impl PartialEq for Datapath {
    fn eq(&self, other: &Self) -> bool {
        self.cells == other.cells && self.intervals == other.intervals && self.outputs == other.outputs
    }
}

impl Datapath {
    /// Adds an input with the interval of its values.
    pub fn input(&mut self, interval: Interval) -> WireId {
        let wire = self.push(Cell::Input(self.inputs.len() as u32), interval);
        self.inputs.push(wire);
        wire
    }

    /// The inputs' wires, in order.
    pub fn inputs(&self) -> &[WireId] {
        &self.inputs
    }

    /// Every cell, by wire.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// What drives `wire`.
    pub fn cell(&self, wire: WireId) -> &Cell {
        &self.cells[wire.index()]
    }

    /// What `wire` can be.
    pub fn interval(&self, wire: WireId) -> Interval {
        self.intervals[wire.index()]
    }

    /// The wire's value if it is constant.
    pub fn as_const(&self, wire: WireId) -> Option<i64> {
        let Interval { lo, hi } = self.interval(wire);
        (lo == hi).then_some(lo as i64)
    }

    /// Every wire's handle, in order.
    pub fn wires(&self) -> impl Iterator<Item = WireId> {
        (0..self.cells.len() as u32).map(WireId)
    }

    /// Which wires reach an output.
    pub fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.cells.len()];
        self.outputs.iter().for_each(|wire| live[wire.index()] = true);
        for index in (0..self.cells.len()).rev() {
            if live[index] {
                self.cells[index].operands().iter().for_each(|a| live[a.index()] = true);
            }
        }
        live
    }

    fn push(&mut self, cell: Cell, interval: Interval) -> WireId {
        if let Some(&wire) = self.known.get(&cell) {
            return wire;
        }
        let wire = WireId(self.cells.len() as u32);
        self.known.insert(cell.clone(), wire);
        self.cells.push(cell);
        self.intervals.push(interval);
        wire
    }
}
