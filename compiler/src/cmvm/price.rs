//! The bits that the trees of a network take.

use super::cost::Addition;
use super::net::Net;
use super::range::Range;

/// Only so many terms compete for the next addition of a tree.
const WINDOW: usize = 12;

/// One term of a tree that is priced.
#[derive(Clone, Copy)]
struct Part {
    range: Range,
    shift: u32,
    negative: bool,
}

impl Default for Part {
    fn default() -> Self {
        Self { range: Range { lo: 0, hi: 0 }, shift: 0, negative: false }
    }
}

impl Part {
    /// The addition of two: look-up tables in the upper half, then the width of the sum; and the sum.
    fn with(self, other: Self) -> (u64, Self) {
        let (a, b) = if other.shift < self.shift { (other, self) } else { (self, other) };
        let (b_shift, subtract) = (b.shift - a.shift, a.negative != b.negative);
        let sum = Range::combined(a.range, 0, b.range, b_shift, subtract);
        let luts = Addition { a: a.range, a_shift: 0, b: b.range, b_shift, subtract, sum }.luts();
        (u64::from(luts) << 32 | u64::from(sum.width()), Self { range: sum, ..a })
    }
}

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

    /// The look-up tables of a tree over the node's terms, the cheapest addition first, of the first [`WINDOW`].
    fn tree_bits(&self, node: u32) -> u32 {
        let terms = &self.nodes[node as usize].terms;
        let mut waiting = terms.iter().map(|term| Part {
            range: self.ranges[term.value() as usize],
            shift: term.shift(),
            negative: term.negative(),
        });
        let mut parts = [Part::default(); WINDOW];
        let mut costs = [[u64::MAX; WINDOW]; WINDOW];
        let mut count = 0;
        for part in waiting.by_ref().take(WINDOW) {
            parts[count] = part;
            (0..count).for_each(|i| costs[count][i] = parts[i].with(part).0);
            count += 1;
        }
        let mut total = 0;
        while count > 1 {
            let (mut least, mut i, mut j) = (u64::MAX, 0, 1);
            for (y, row) in costs[..count].iter().enumerate() {
                for (x, &cost) in row[..y].iter().enumerate() {
                    if cost < least {
                        (least, i, j) = (cost, x, y);
                    }
                }
            }
            total += (least >> 32) as u32;
            let sum = parts[i].with(parts[j]).1;
            // The sum takes one place; the other is for a term that waits, or for the last one.
            let other = waiting.next().unwrap_or_else(|| {
                count -= 1;
                parts[count]
            });
            for (place, part) in [(i, sum), (j, other)] {
                if place < count {
                    parts[place] = part;
                    (0..place).for_each(|x| costs[place][x] = parts[x].with(part).0);
                    (place + 1..count).for_each(|y| costs[y][place] = parts[y].with(part).0);
                }
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
