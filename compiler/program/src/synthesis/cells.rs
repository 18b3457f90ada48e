//! What the cells of Xilinx' families are.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::Serialize;

/// Resources of a design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Look-up tables, those used as memory included. Inverters are none: they are absorbed by what they feed.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Carry blocks of 4 or 8 bits.
    pub carry: u64,
    /// DSP blocks.
    pub dsp: u64,
    /// Block memories of 18 kbit; one of 36 kbit counts as two.
    pub bram: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.lut += other.lut;
        self.ff += other.ff;
        self.carry += other.carry;
        self.dsp += other.dsp;
        self.bram += other.bram;
    }
}

impl std::ops::Mul<u64> for Usage {
    type Output = Self;

    fn mul(self, n: u64) -> Self {
        Self {
            lut: self.lut * n,
            ff: self.ff * n,
            carry: self.carry * n,
            dsp: self.dsp * n,
            bram: self.bram * n,
        }
    }
}

/// Look-up tables that a memory primitive occupies (UG574, table 3-2).
fn memory(cell: &str) -> Option<u64> {
    Some(match cell {
        "SRL16E" | "SRLC16E" | "SRLC32E" | "RAM32X1S" | "RAM64X1S" => 1,
        "RAM32X1D" | "RAM64X1D" | "RAM128X1S" => 2,
        "RAM128X1D" | "RAM256X1S" | "RAM32M" | "RAM64M" => 4,
        "RAM256X1D" | "RAM512X1S" | "RAM32M16" | "RAM64M8" => 8,
        _ => return None,
    })
}

/// The usage of `count` cells of a kind; `None` if the kind is not known.
fn usage(cell: &str, count: u64) -> Option<Usage> {
    let mut usage = Usage::default();
    let lut = cell.strip_prefix("LUT").and_then(|inputs| inputs.parse::<u32>().ok());
    if lut.is_some() {
        usage.lut = count;
    } else if let Some(tables) = memory(cell) {
        usage.lut = tables * count;
    } else if cell.starts_with("FD") || cell.starts_with("LD") {
        usage.ff = count;
    } else if cell.starts_with("CARRY") {
        usage.carry = count;
    } else if cell.starts_with("DSP48") {
        usage.dsp = count;
    } else if cell.starts_with("RAMB18") || cell.starts_with("FIFO18") {
        usage.bram = count;
    } else if cell.starts_with("RAMB36") || cell.starts_with("URAM") {
        usage.bram = 2 * count;
    } else if !["INV", "MUXF", "BUFG", "IBUF", "OBUF", "VCC", "GND", "$scopeinfo"]
        .iter()
        .any(|free| cell.starts_with(free))
    {
        return None;
    }
    Some(usage)
}

/// The usage of cells by kind, and the kinds that are none of the family's.
pub fn count(cells: &BTreeMap<String, u64>) -> (Usage, BTreeMap<String, u64>) {
    let mut total = Usage::default();
    let mut others = BTreeMap::new();
    for (cell, &count) in cells {
        match usage(cell, count) {
            Some(usage) => total += usage,
            None => {
                others.insert(cell.clone(), count);
            }
        }
    }
    (total, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_counted_once() {
        let cells = [("LUT3", 2), ("INV", 1), ("FDRE", 5), ("CARRY4", 3), ("RAM64M", 2), ("RAMB36E2", 1)];
        let cells = cells.map(|(cell, n)| (cell.to_owned(), n)).into_iter().chain([("engine".to_owned(), 4)]);
        let (usage, others) = count(&cells.collect());
        assert_eq!(usage, Usage { lut: 10, ff: 5, carry: 3, dsp: 0, bram: 2 });
        assert_eq!(others.into_iter().collect::<Vec<_>>(), [("engine".to_owned(), 4)]);
    }
}
