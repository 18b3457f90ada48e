//! The bits that the trees of a network take.

use super::cost::Addition;
use super::net::Net;
use super::range::Range;

impl Net {
    /// Brings the bits up to date.
    pub fn price(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.bits.resize(self.nodes.len(), 0);
        for &node in &dirty {
            let now = self.tree_bits(node);
            let here = &mut self.bits[node as usize];
            self.kept.push((node, *here));
            self.total_bits += i64::from(now) - i64::from(*here);
            *here = now;
            self.nodes[node as usize].dirty = false;
        }
        self.dirty = dirty;
        self.dirty.clear();
    }

    pub(super) fn tree_bits(&self, node: u32) -> u32 {
        let terms = &self.nodes[node as usize].terms;
        if terms.len() < 2 {
            return 0;
        }
        let mut list: Vec<(Range, u32, bool)> =
            terms.iter().map(|t| (self.ranges[t.value() as usize], t.shift(), t.negative())).collect();
        let mut total = 0;

        while list.len() > 1 {
            let mut best = (u32::MAX, u32::MAX, 0, 0, Range { lo: 0, hi: 0 }, 0, false);
            let n = list.len().min(12);
            for j in 1..n {
                for i in 0..j {
                    let (x, y) = (list[i], list[j]);
                    let (a, b) = if y.1 < x.1 { (y, x) } else { (x, y) };
                    let subtract = a.2 != b.2;
                    let sum = Range::combined(a.0, 0, b.0, b.1 - a.1, subtract);
                    let bits =
                        Addition { a: a.0, a_shift: 0, b: b.0, b_shift: b.1 - a.1, subtract, sum }.luts();
                    let width = sum.width();
                    if (bits, width) < (best.0, best.1) {
                        best = (bits, width, i, j, sum, a.1, a.2);
                    }
                }
            }
            total += best.0;
            list.swap_remove(best.3);
            list.swap_remove(best.2);
            list.push((best.4, best.5, best.6));
            let last = list.len() - 1;
            if last > 12 {
                list.swap(0, last);
            }
        }
        total
    }

    pub(super) fn exact(&mut self, node: u32) -> Range {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.resize(self.inputs as usize, 0);
        self.expand(node, 1, &mut row);
        let (mut lo, mut hi) = (0, 0);
        for (&weight, range) in row.iter().zip(&self.ranges) {
            let ends = (weight * range.lo, weight * range.hi);
            lo += ends.0.min(ends.1);
            hi += ends.0.max(ends.1);
        }
        self.row = row;
        Range { lo, hi }
    }
}
