//! Where the values of one frame are: every value in its own place, every line with its margins.

use super::mask::Piece;
use crate::kernel::{Access, Read};
use crate::program::{Block, Step};
use crate::sweep::Margin;

/// Elements that are read and written together.
pub(in crate::emulate) const LANES: usize = 32;
/// Lanes that the expressions on them are evaluated for together; those too many are ignored.
pub(in crate::emulate) const WHOLE: usize = 4 * LANES;

/// One line along the last axis of a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// First column.
    pub address: usize,
    pub extent: usize,
    pub piece: Piece,
    pub margin: Margin,
    /// What its margins hold.
    pub outside: i64,
}

/// The places of a block's values.
pub(super) struct Layout {
    /// First element of each value, with its first margin.
    pub starts: Vec<u32>,
    pub margins: Vec<Margin>,
    /// The lines of all values, ascending.
    pub lines: Vec<Line>,
    /// The first line of each value.
    pub first: Vec<usize>,
    pub elements: usize,
}

impl Layout {
    /// Places the values of `block` behind `constants` rows of lanes; `None` if they cannot be addressed.
    pub fn new(block: &Block, constants: usize) -> Option<Self> {
        let mut layout = Self {
            starts: Vec::new(),
            margins: Vec::new(),
            lines: Vec::new(),
            first: Vec::new(),
            elements: constants * LANES,
        };
        for id in block.value_ids() {
            let value = block.value(id);
            let extent = value.shape.last().copied().unwrap_or(1);
            let (margin, outside) = margin(block, id, extent);
            layout.starts.push(u32::try_from(layout.elements).ok()?);
            layout.margins.push(margin);
            layout.first.push(layout.lines.len());
            for _ in 0..value.len() / extent.max(1) {
                let address = layout.elements + margin.before;
                layout.lines.push(Line { address, extent, piece: Piece::of(extent), margin, outside });
                layout.elements = address + extent + margin.after;
            }
        }
        layout.elements += WHOLE;
        u32::try_from(layout.elements).ok().filter(|_| layout.lines.len() < 1 << 31)?;
        Some(layout)
    }

    /// The line that an address is in, with its margins, and the column there.
    pub fn find(&self, address: usize) -> (usize, i32) {
        let line = self.lines.partition_point(|line| line.address - line.margin.before <= address) - 1;
        (line, (address as i64 - self.lines[line].address as i64) as i32)
    }
}

/// The margin that all reads of a value can share, and what is in it.
fn margin(block: &Block, id: crate::ValueId, extent: usize) -> (Margin, i64) {
    let mut margin = Margin::default();
    let mut outside = None;
    for step in &block.steps {
        let Step::Kernel(kernel) = step else { continue };
        let shape = &block.value(kernel.out).shape;
        for Read { index, outside: delivered, .. } in kernel.reads.iter().filter(|read| read.value == id) {
            let span = match index.last() {
                None => continue,
                Some(Access::Affine(index)) => index.bounds(shape, &kernel.extent),
                Some(_) => None,
            };
            let span = span.map(|(lo, hi)| ((-lo).max(0) as usize, (hi - extent as i64 + 1).max(0) as usize));
            if span == Some((0, 0)) {
                continue;
            }
            if outside.is_some_and(|other| other != *delivered) {
                return (Margin::default(), 0);
            }
            outside = Some(*delivered);
            // Wide margins would cost more than the borders that they save.
            if let Some((before, after)) = span.filter(|(before, after)| before + after <= extent.max(LANES))
            {
                margin = Margin { before: margin.before.max(before), after: margin.after.max(after) };
            }
        }
    }
    (margin, outside.unwrap_or(0))
}
