//! Columns of an output at which a kernel does the same, one column further each time.

use std::ops::Range;

use crate::expr::Op;
use crate::id::ValueId;
use crate::index::Index;
use crate::kernel::{Access, Kernel};
use crate::program::Block;

/// Neighbouring columns along the last axis of an output: on every line, constants are the same at all of them, and
/// each read is inside the last axis of its value and moves along that axis only.
pub(crate) struct Steady {
    /// The columns.
    pub columns: Range<usize>,
    /// How far every read moves from one column to the next; nothing if they differ.
    pub step: Option<u32>,
}

impl Steady {
    /// The steady columns of `kernel`, if there are any; `inside` are the columns of a value that reads may be at.
    pub fn find(block: &Block, kernel: &Kernel, inside: impl Fn(ValueId) -> Range<i64>) -> Option<Self> {
        let shape = &block.value(kernel.out).shape;
        let axis = u8::try_from(shape.len().checked_sub(1)?).ok()?;
        let extent = shape[usize::from(axis)];
        let fixed = |index: &Index| slope(index, axis) == Some(0);
        let constants = kernel.body.nodes().iter().chain(kernel.finish.nodes());
        let varies = |op: &Op| match op {
            Op::Param { index, .. } => !fixed(index),
            Op::Lut { row, .. } => !fixed(row),
            _ => false,
        };
        if kernel.scatter.is_some() || constants.into_iter().any(varies) {
            return None;
        }
        // All other coordinates, with the column at zero.
        let mut positions = shape.clone();
        positions[usize::from(axis)] = 1;
        let (mut columns, mut steps) = (0..extent, Vec::new());
        for read in &kernel.reads {
            let (last, others) = read.index.split_last()?;
            let still = |access: &Access| match access {
                Access::Affine(index) | Access::Table { index, .. } => fixed(index),
                Access::Runtime(_) => false,
            };
            let Access::Affine(index) = last else { return None };
            let step = usize::try_from(slope(index, axis)?).ok()?;
            if !others.iter().all(still) {
                return None;
            }
            steps.push(u32::try_from(step).ok()?);
            let (lo, hi) = index.bounds(&positions, &kernel.extent)?;
            let inside = inside(read.value);
            let (lo, room) = (lo - inside.start, inside.end - 1 - hi);
            if step == 0 {
                if lo < 0 || room < 0 {
                    return None;
                }
                continue;
            }
            let first = usize::try_from((-lo).max(0)).ok()?.div_ceil(step);
            let past = usize::try_from(room).ok()? / step + 1;
            columns = columns.start.max(first)..columns.end.min(past);
        }
        let step = steps.first().copied().filter(|first| steps.iter().all(|step| step == first));
        Some(Self { columns, step }).filter(|steady| steady.columns.len() > 1)
    }
}

/// The factor of one output coordinate in an index, if it is affine in it.
fn slope(index: &Index, axis: u8) -> Option<i64> {
    match index {
        Index::Const(_) | Index::R(_) => Some(0),
        Index::P(other) => Some(i64::from(*other == axis)),
        Index::Add(a, b) => slope(a, axis)?.checked_add(slope(b, axis)?),
        Index::Mul(a, factor) => slope(a, axis)?.checked_mul(*factor),
        Index::Div(a, _) | Index::Mod(a, _) => slope(a, axis).filter(|&slope| slope == 0 && !moves(a, axis)),
    }
}

/// Whether one output coordinate is anywhere in an index.
fn moves(index: &Index, axis: u8) -> bool {
    match index {
        Index::Const(_) | Index::R(_) => false,
        Index::P(other) => *other == axis,
        Index::Add(a, b) => moves(a, axis) || moves(b, axis),
        Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => moves(a, axis),
    }
}
