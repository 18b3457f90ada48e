//! Cones of adders over a few one-bit inputs, turned into packed tables where that is cheaper.

use super::builder::Builder;
use super::cost::table_luts;
use super::graph::{Column, Op, TABLE_INPUTS, ValueId};

impl Builder {
    /// Replaces every node that reads at most six one-bit inputs by one table, where the table
    /// costs less than the adders that only this node needs. Values stay what they are.
    pub fn pack_cones(&mut self, outputs: &[Column]) {
        let mut reads = vec![0u32; self.len()];
        outputs.iter().filter_map(|column| column.source).for_each(|s| reads[s.value.index()] += 1);
        let values = (self.inputs().len() as u32..self.len() as u32).map(ValueId);
        for value in values.clone().rev() {
            if reads[value.index()] > 0 {
                self.operands(value).for_each(|operand| reads[operand.index()] += 1);
            }
        }
        for value in values.rev() {
            let row = self.row(value);
            let small = (2..=TABLE_INPUTS).contains(&row.len())
                && row.iter().all(|term| self.inputs()[term.0 as usize].is_one_bit());
            if reads[value.index()] == 0 || !small || matches!(self.op(value), Some(Op::Table(_))) {
                continue;
            }
            let weights: Vec<i64> = row.iter().map(|term| term.1).collect();
            let table = table_luts(&weights, self.range(value));
            let terms = row.iter().map(|&(input, weight)| (ValueId(input), weight)).collect();
            if table < self.release(value, &mut reads) {
                self.replace(value, Op::Table(terms));
                self.operands(value).for_each(|operand| reads[operand.index()] += 1);
            } else {
                self.retain(value, &mut reads);
            }
        }
    }

    /// Takes a value's reads of its operands away; the cost of it and of what is then unread.
    fn release(&self, value: ValueId, reads: &mut [u32]) -> u32 {
        let mut cost = self.cost(value);
        for operand in self.operands(value) {
            reads[operand.index()] -= 1;
            if reads[operand.index()] == 0 {
                cost += self.release(operand, reads);
            }
        }
        cost
    }

    /// Undoes [`Builder::release`].
    fn retain(&self, value: ValueId, reads: &mut [u32]) {
        for operand in self.operands(value) {
            reads[operand.index()] += 1;
            if reads[operand.index()] == 1 {
                self.retain(operand, reads);
            }
        }
    }

    fn operands(&self, value: ValueId) -> impl Iterator<Item = ValueId> {
        self.op(value).into_iter().flat_map(Op::operands)
    }

    fn cost(&self, value: ValueId) -> u32 {
        match self.op(value) {
            None => 0,
            Some(&Op::Add { a, b, subtract }) => {
                let mut addition = self.estimate(a, b, subtract);
                addition.sum = self.range(value);
                addition.luts()
            }
            Some(Op::Negate(_)) => self.range(value).width().saturating_sub(1),
            Some(Op::Table(terms)) => {
                let weights: Vec<i64> = terms.iter().map(|term| term.1).collect();
                table_luts(&weights, self.range(value))
            }
        }
    }
}
