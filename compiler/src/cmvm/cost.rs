//! What an adder graph costs: carry chains, look-up tables, levels, arrival times.

use super::graph::{AdderGraph, Op, Operand, ValueId};
use super::range::Range;

/// One addition as its cost sees it: operands' and result's ranges.
#[derive(Clone, Copy, Debug)]
pub struct Addition {
    /// Range of the first operand, before its shift.
    pub a: Range,
    /// Its shift.
    pub a_shift: u32,
    /// Range of the second operand, before its shift.
    pub b: Range,
    /// Its shift; one of the two is 0.
    pub b_shift: u32,
    /// Whether the second is subtracted.
    pub subtract: bool,
    /// Range of the result.
    pub sum: Range,
}

impl Addition {
    /// Whether the result is wires only: the lower operand, never negative, ends below the upper
    /// one, which is not subtracted.
    pub fn is_concatenation(&self) -> bool {
        let below = |low: Range, shift: u32| low.lo >= 0 && low.width() <= shift;
        !self.subtract && (below(self.a, self.b_shift) || below(self.b, self.a_shift))
    }

    /// Bits − 1, where bits is the width of the result less the low bits that pass through from
    /// an operand that is not subtracted; 0 for a concatenation.
    pub fn bits(&self) -> u32 {
        if self.is_concatenation() {
            return 0;
        }
        let passed = if self.subtract { self.b_shift } else { self.a_shift.max(self.b_shift) };
        self.sum.width().saturating_sub(passed + 1)
    }

    /// Look-up tables in front of the carry chain: one for each bit where both operands have one, their sign or not,
    /// though not for a second pair of signs. What only one of them has goes into the chain as it is (measured with
    /// Yosys 0.23, `synth_xilinx -family xcup`).
    pub fn luts(&self) -> u32 {
        let width = self.sum.width();
        let (a, b) = (self.a_shift + self.a.width(), self.b_shift + self.b.width());
        let end = match (self.a.lo < 0, self.b.lo < 0) {
            (true, true) => a.max(b),
            (true, false) => b,
            (false, true) => a,
            (false, false) => a.min(b),
        };
        end.min(width).saturating_sub(self.a_shift.max(self.b_shift))
    }
}

/// Look-up tables for Σ weight · input over one-bit inputs, one per result bit that is neither
/// constant, nor an input itself, nor another bit again.
pub fn table_luts(weights: &[i64], range: Range) -> u32 {
    let patterns = 1u32 << weights.len();
    let mut columns: Vec<u64> = Vec::new();
    let ones = if patterns == 64 { u64::MAX } else { (1 << patterns) - 1 };
    let sums: Vec<i64> = (0..patterns)
        .map(|p| weights.iter().enumerate().map(|(i, w)| w * i64::from(p >> i & 1)).sum())
        .collect();
    let inputs: Vec<u64> = (0..weights.len())
        .map(|i| (0..patterns).fold(0, |truth, p| truth | u64::from(p >> i & 1) << p))
        .collect();
    for bit in 0..range.width() {
        let truth = sums.iter().enumerate().fold(0, |truth, (p, sum)| truth | ((sum >> bit & 1) as u64) << p);
        let free = truth == 0 || truth == ones || inputs.contains(&truth) || columns.contains(&truth);
        if !free {
            columns.push(truth);
        }
    }
    columns.len() as u32
}

impl AdderGraph {
    /// The addition that node number `node` makes, where it is one.
    pub fn addition(&self, node: usize) -> Option<Addition> {
        let at = |operand: Operand| (self.range(operand.value), operand.shift);
        match self.nodes[node].op {
            Op::Add { a: first, b: second, subtract } => {
                let ((a, a_shift), (b, b_shift)) = (at(first), at(second));
                Some(Addition { a, a_shift, b, b_shift, subtract, sum: self.nodes[node].range })
            }
            _ => None,
        }
    }

    /// How many carry chains: additions, subtractions and negations, without pure concatenations.
    pub fn adders(&self) -> usize {
        let is_adder = |&index: &usize| match self.nodes[index].op {
            Op::Add { .. } => self.addition(index).is_some_and(|addition| !addition.is_concatenation()),
            Op::Negate(_) => true,
            Op::Table(_) => false,
        };
        (0..self.nodes.len()).filter(is_adder).count()
    }

    /// Σ over adders of (bits − 1), where bits is the width of the result less the low bits that
    /// pass through unchanged; nothing for a pure concatenation (see [`Addition::bits`]).
    pub fn adder_bits(&self) -> u64 {
        (0..self.nodes.len())
            .map(|index| match self.nodes[index].op {
                Op::Negate(_) => u64::from(self.nodes[index].range.width().saturating_sub(1)),
                _ => self.addition(index).map_or(0, |addition| u64::from(addition.bits())),
            })
            .sum()
    }

    /// An estimate of look-up tables: those of the adders (see [`Addition::luts`]), and one for each bit of a packed
    /// table that is not free.
    pub fn lut_estimate(&self) -> u64 {
        let of = |index: usize| match &self.nodes[index].op {
            Op::Table(terms) => {
                let weights: Vec<i64> = terms.iter().map(|term| term.1).collect();
                u64::from(table_luts(&weights, self.nodes[index].range))
            }
            Op::Negate(_) => u64::from(self.nodes[index].range.width().saturating_sub(1)),
            Op::Add { .. } => self.addition(index).map_or(0, |addition| u64::from(addition.luts())),
        };
        (0..self.nodes.len()).map(of).sum()
    }

    /// The largest number of nodes between an input and an output.
    pub fn depth(&self) -> u32 {
        let ready = self.arrivals(&vec![0.0; self.inputs.len()], &|_| 1.0);
        let output = |value: ValueId| ready.get(value.index()).copied().unwrap_or(0.0) as u32;
        self.outputs.iter().filter_map(|c| c.source).map(|s| output(s.value)).max().unwrap_or(0)
    }

    /// When each value (inputs, then nodes) is ready, given when each input is and the delay of a
    /// node by the width of its result.
    pub fn arrivals(&self, inputs: &[f64], delay: &dyn Fn(u32) -> f64) -> Vec<f64> {
        let mut ready = inputs.to_vec();
        for node in &self.nodes {
            let latest = node.op.operands().map(|v| ready[v.index()]).fold(f64::NEG_INFINITY, f64::max);
            ready.push(latest + delay(node.range.width()));
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_cost_what_carries() {
        let byte = Range { lo: -128, hi: 127 };
        let cost = |a_shift, b_shift, subtract| {
            let sum = Range::combined(byte, a_shift, byte, b_shift, subtract);
            Addition { a: byte, a_shift, b: byte, b_shift, subtract, sum }.bits()
        };
        assert_eq!(cost(0, 0, false), 8);
        assert_eq!(cost(0, 3, false), 8);
        assert_eq!(cost(0, 3, true), 8);
        assert_eq!(cost(3, 0, true), 11);
        let unsigned = Range { lo: 0, hi: 255 };
        let sum = Range::combined(unsigned, 0, byte, 8, false);
        let wires = Addition { a: unsigned, a_shift: 0, b: byte, b_shift: 8, subtract: false, sum };
        assert_eq!((wires.bits(), wires.is_concatenation()), (0, true));
    }

    #[test]
    fn tables_of_an_addition_are_where_both_have_bits() {
        // Operands, their shifts, whether subtracted, tables by Yosys 0.23.
        let range = |signed: bool, width: u32| match signed {
            true => Range { lo: -(1 << (width - 1)), hi: (1 << (width - 1)) - 1 },
            false => Range { lo: 0, hi: (1 << width) - 1 },
        };
        for ((a_signed, a), (b_signed, b), subtract, luts) in [
            ((true, 8), (true, 8), false, 8),
            ((true, 8), (true, 8), true, 8),
            ((false, 8), (false, 8), true, 8),
            ((true, 12), (true, 8), false, 12),
            ((true, 12), (false, 8), false, 8),
            ((false, 12), (true, 8), false, 12),
            ((true, 12), (false, 1), false, 1),
        ] {
            let (a, b) = (range(a_signed, a), range(b_signed, b));
            let sum = Range::combined(a, 0, b, 0, subtract);
            let addition = Addition { a, a_shift: 0, b, b_shift: 0, subtract, sum };
            assert_eq!(addition.luts(), luts, "{addition:?}");
        }
    }

    #[test]
    fn table_bits_that_are_wires_are_free() {
        assert_eq!(table_luts(&[5], Range { lo: 0, hi: 5 }), 0);
        assert_eq!(table_luts(&[1, 2], Range { lo: 0, hi: 3 }), 0);
        assert_eq!(table_luts(&[1, 1], Range { lo: 0, hi: 2 }), 2);
        assert_eq!(table_luts(&[1; 6], Range { lo: 0, hi: 6 }), 3);
    }
}
