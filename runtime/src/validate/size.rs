//! How large a program may be. Everything is counted before any memory is taken for it.

use super::{ProgramError, fault, too_large};
use crate::expr::{Expr, Op};
use crate::kernel::{Access, Kernel};
use crate::program::{Block, Program, Step};

/// Elements of all tensors of a program: an emulated frame has 8 bytes for each at most, a gigabyte in all.
pub const ELEMENT_LIMIT: usize = 1 << 27;
/// Scalar operations (primitives and index maps) that one analysis of a program takes, where positions that are alike
/// count once: about a minute.
pub const WORK_LIMIT: u64 = 1 << 34;
/// Scalar operations (primitives and index maps) that one frame takes: some minutes in the emulator.
pub const FRAME_LIMIT: u64 = 1 << 36;
/// Values and steps of a program.
pub const LIST_LIMIT: usize = 1 << 18;
/// Read slots of a kernel.
pub const READ_LIMIT: usize = 256;
/// Nodes of an expression.
pub const EXPR_LIMIT: usize = 1 << 12;
/// Depth of calls within calls.
pub const CALL_LIMIT: usize = 64;

/// What the blocks seen so far have used up.
pub(super) struct Budget {
    analysis: u64,
    /// For each block the work of one frame, and the depth of its calls.
    frames: Vec<(u64, usize)>,
}

impl Budget {
    /// Checks what is known without looking into the kernels.
    pub fn new(program: &Program) -> Result<Self, ProgramError> {
        let lists: usize = program.blocks.iter().map(|block| block.values.len() + block.steps.len()).sum();
        if lists > LIST_LIMIT {
            return Err(fault(
                &program.name,
                format!("it has {lists} values and steps, at most {LIST_LIMIT} are allowed"),
            ));
        }
        let mut total = 0usize;
        for value in program.blocks.iter().flat_map(|block| &block.values) {
            let elements =
                value.shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent)).unwrap_or(usize::MAX);
            total = total.saturating_add(elements);
            let shape = &value.shape;
            if shape.len() > 8 || elements == 0 {
                return Err(fault(&value.name, format!("shape {shape:?} is empty or of more than 8 axes")));
            }
            if total > ELEMENT_LIMIT {
                let text = format!("shape {shape:?} is too large: at most {ELEMENT_LIMIT} elements in all");
                return Err(too_large(&value.name, text));
            }
        }
        Ok(Self { analysis: 0, frames: Vec::new() })
    }

    /// Counts the work of a block, whose steps have been checked otherwise.
    pub fn spend(&mut self, program: &Program, block: &Block) -> Result<(), ProgramError> {
        let (mut frame, mut depth) = (0u64, 0);
        for step in &block.steps {
            let work = match step {
                Step::Kernel(kernel) => {
                    kernel_work(program, block, kernel, block.value(kernel.out).len() as u64)
                }
                Step::Call(call) => {
                    let (callee, inner) = self.frames[call.block.index()];
                    depth = depth.max(inner + 1);
                    let moved: usize = step
                        .reads()
                        .chain(step.writes().iter().copied())
                        .map(|id| block.value(id).len())
                        .sum();
                    callee.saturating_add(moved as u64 + 1).saturating_mul(call.repeat.into())
                }
            };
            frame = frame.saturating_add(work);
            if frame > FRAME_LIMIT || depth > CALL_LIMIT {
                let place = format!("{}/{}", block.name, step.name());
                let text =
                    format!("the computation is too large: at most {FRAME_LIMIT} operations for a frame");
                return Err(too_large(&place, text));
            }
        }
        self.frames.push((frame, depth));
        Ok(())
    }

    /// Counts the work of a block's analysis.
    pub fn look_through(&mut self, block: &str, work: u64) -> Result<(), ProgramError> {
        self.analysis = self.analysis.saturating_add(work);
        let many = self.analysis > WORK_LIMIT;
        if many { Err(too_large(block, "the analysis is too large a computation")) } else { Ok(()) }
    }
}

/// Checks what must hold before a kernel is looked at more closely.
pub(super) fn check_kernel(kernel: &Kernel) -> Result<(), String> {
    let points = kernel.extent.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
    if kernel.extent.len() > 8 || points.is_none_or(|n| n == 0) {
        return Err(format!("the reduction {:?} is empty or too large", kernel.extent));
    }
    let nodes = kernel.body.nodes().len().max(kernel.finish.nodes().len());
    if kernel.reads.len() > READ_LIMIT || nodes > EXPR_LIMIT {
        return Err(format!("it has more than {READ_LIMIT} reads or {EXPR_LIMIT} nodes"));
    }
    Ok(())
}

/// Scalar operations of `positions` of a kernel, and what its analysis looks through besides.
pub(crate) fn kernel_work(program: &Program, block: &Block, kernel: &Kernel, positions: u64) -> u64 {
    let shape = &block.value(kernel.out).shape;
    let lines = kernel.scatter.map_or(positions, |scatter| positions / shape[scatter.axis] as u64);
    let points = kernel.extent.iter().fold(1u64, |n, &extent| n.saturating_mul(extent as u64));
    let of_access = |access: &Access| match access {
        Access::Affine(index) | Access::Table { index, .. } => index.size(),
        Access::Runtime(_) => 1,
    };
    let of_op = |op: &Op| match op {
        Op::Param { index, .. } | Op::Lut { row: index, .. } => 1 + index.size(),
        _ => 1,
    };
    let maps: usize = kernel.reads.iter().flat_map(|read| &read.index).map(of_access).sum();
    let each = |expr: &Expr| (expr.nodes().iter().map(of_op).sum::<usize>() + maps + 1) as u64;
    let bodies = lines.saturating_mul(points).saturating_mul(each(&kernel.body));
    let joined = kernel
        .reads
        .iter()
        .filter(|read| read.index.iter().any(|access| matches!(access, Access::Runtime(_))));
    let joined: usize = joined.map(|read| block.value(read.value).len()).sum();
    let tables: usize = kernel
        .body
        .nodes()
        .iter()
        .chain(kernel.finish.nodes())
        .map(|op| match op {
            Op::Lut { table, .. } => program.table(*table).len(),
            _ => 0,
        })
        .sum();
    bodies
        .saturating_add(positions.saturating_mul(each(&kernel.finish)))
        .saturating_add((joined + tables) as u64)
}
