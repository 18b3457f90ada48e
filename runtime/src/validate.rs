//! Every invariant of a program. All other code may rely on them.

use crate::expr::{Expr, Op};
use crate::format::Interval;
use crate::id::{TableId, ValueId};
use crate::index::Index;
use crate::kernel::{Access, Kernel};
use crate::program::{Block, Call, Program, Step};
use crate::range;

/// The largest number of elements in one tensor, and of body evaluations in one kernel.
pub const ELEMENT_LIMIT: usize = 1 << 28;

/// A broken invariant, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ProgramError {
    /// Block and step or value.
    pub place: String,
    /// What is wrong.
    pub fault: String,
}

/// Checks that
///
/// - every handle names something, every shape and kernel is of bearable size, every format has a legal width;
/// - a block's values are each written once, by a parameter or by one step, before they are read;
/// - index maps have the rank of what they address, table lookups stay within their tables, reads used by
///   `finish` do not depend on the reduction point, run-time indices come from earlier slots;
/// - expressions refer backwards; shift amounts and wrap widths are constants; only `finish` has `Acc`;
/// - no intermediate of any kernel exceeds 64 bits, and every output element fits its value's format;
/// - calls name earlier blocks, with arguments and results whose shapes and formats agree;
/// - inputs and outputs are as many as the main block's parameters and results.
pub fn validate(program: &Program) -> Result<(), ProgramError> {
    if program.blocks.is_empty() {
        return Err(fault(&program.name, "the program has no block"));
    }
    for (number, block) in program.blocks.iter().enumerate() {
        check_block(program, number, block)?;
    }
    let main = program.main();
    if main.params.len() != program.inputs.len() || main.results.len() != program.outputs.len() {
        return Err(fault(&main.name, "inputs or outputs differ in number from the main block's"));
    }
    for (input, &value) in program.inputs.iter().zip(&main.params) {
        input.encoder.check(main.value(value)).map_err(|text| fault(&input.name, text))?;
    }
    for (output, &value) in program.outputs.iter().zip(&main.results) {
        output.decoder.check(main.value(value)).map_err(|text| fault(&output.name, text))?;
    }
    Ok(())
}

fn fault(place: &str, text: impl Into<String>) -> ProgramError {
    ProgramError { place: place.to_owned(), fault: text.into() }
}

fn check_block(program: &Program, number: usize, block: &Block) -> Result<(), ProgramError> {
    for value in &block.values {
        let elements = value.shape.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        if value.shape.len() > 8 || elements.is_none_or(|n| n == 0 || n > ELEMENT_LIMIT) {
            return Err(fault(&value.name, format!("shape {:?} is empty or too large", value.shape)));
        }
        if crate::Format::new(value.format.signed, value.format.width, value.format.frac).is_none() {
            return Err(fault(&value.name, "the format has no legal width"));
        }
    }
    let mut written = vec![false; block.values.len()];
    let mut write = |id: ValueId, place: &str| match written.get_mut(id.index()) {
        None => Err(fault(place, "a value that does not exist is written")),
        Some(true) => Err(fault(place, "a value is written twice")),
        Some(slot) => {
            *slot = true;
            Ok(())
        }
    };
    for &param in &block.params {
        write(param, &block.name)?;
    }
    let mut available: Vec<bool> = vec![false; block.values.len()];
    block.params.iter().for_each(|param| available[param.index()] = true);
    let check_available = |available: &[bool], id: ValueId, place: &str| {
        if available.get(id.index()) == Some(&true) { Ok(()) } else { Err(fault(place, "a value is used before it is written")) }
    };
    for step in &block.steps {
        let place = format!("{}/{}", block.name, step.name());
        for id in step.reads() {
            check_available(&available, id, &place)?;
        }
        for &id in step.writes() {
            write(id, &place)?;
            available[id.index()] = true;
        }
        match step {
            Step::Kernel(kernel) => check_kernel(program, block, kernel).map_err(|text| fault(&place, text))?,
            Step::Call(call) => check_call(program, number, block, call).map_err(|text| fault(&place, text))?,
        }
    }
    for &result in &block.results {
        check_available(&available, result, &block.name)?;
    }
    let (ranges, _) = range::block(program, block)
        .map_err(|(step, error)| fault(&format!("{}/{step}", block.name), error.to_string()))?;
    for (id, elements) in block.value_ids().zip(&ranges) {
        let value = block.value(id);
        if written[id.index()] && !value.format.interval().contains(range::join(elements)) {
            let Interval { lo, hi } = range::join(elements);
            return Err(fault(&value.name, format!("{lo} to {hi} does not fit {}", value.format)));
        }
    }
    Ok(())
}

fn check_call(program: &Program, number: usize, block: &Block, call: &Call) -> Result<(), String> {
    let callee = program.blocks.get(call.block.index()).ok_or("a block that does not exist is called")?;
    if call.block.index() >= number {
        return Err("a block may call earlier blocks only".into());
    }
    if call.args.len() != callee.params.len() || call.results.len() != callee.results.len() {
        return Err("arguments or results differ in number from the block's".into());
    }
    if call.repeat == 0 || call.carried > call.args.len().min(call.results.len()) {
        return Err("the repetition is inconsistent".into());
    }
    let same = |outer: ValueId, inner: ValueId| {
        let (outer, inner) = (block.value(outer), callee.value(inner));
        outer.shape == inner.shape && outer.format == inner.format
    };
    let args = call.args.iter().zip(&callee.params).all(|(&a, &b)| same(a, b));
    let results = call.results.iter().zip(&callee.results).all(|(&a, &b)| same(a, b));
    let carried = (0..call.carried).all(|n| {
        let (from, to) = (callee.value(callee.results[n]), callee.value(callee.params[n]));
        from.shape == to.shape && from.format == to.format
    });
    if args && results && carried { Ok(()) } else { Err("shapes or formats differ at the block's boundary".into()) }
}

fn check_kernel(program: &Program, block: &Block, kernel: &Kernel) -> Result<(), String> {
    let shape = &block.value(kernel.out).shape;
    let evaluations =
        shape.iter().chain(&kernel.extent).try_fold(1usize, |n, &extent| n.checked_mul(extent));
    if kernel.extent.len() > 8 || evaluations.is_none_or(|n| n == 0 || n > ELEMENT_LIMIT) {
        return Err("the kernel is empty or too large".into());
    }
    for (slot, read) in kernel.reads.iter().enumerate() {
        if read.index.len() != block.value(read.value).shape.len() {
            return Err(format!("read {slot} has the wrong number of indices"));
        }
        for access in &read.index {
            match access {
                Access::Affine(index) => check_index(index, shape, &kernel.extent).map(|_| ())?,
                Access::Table { table, index } => check_lookup(program, *table, index, 1, shape, &kernel.extent)?,
                Access::Runtime(from) if (*from as usize) < slot => {}
                Access::Runtime(_) => return Err(format!("read {slot} takes its index from a later slot")),
            }
        }
    }
    check_expr(program, kernel, &kernel.body, shape, &kernel.extent, false)?;
    check_expr(program, kernel, &kernel.finish, shape, &[], true)?;
    for op in kernel.finish.nodes() {
        if let Op::Read(slot) = op
            && depends_on_r(kernel, *slot as usize)
        {
            return Err(format!("read {slot} is used after the reduction but depends on its point"));
        }
    }
    match kernel.scatter {
        Some(scatter) if scatter.axis >= shape.len() || scatter.slot as usize >= kernel.reads.len() => {
            Err("the scatter names an axis or a read that does not exist".into())
        }
        Some(scatter) => check_scatter(kernel, scatter.axis, scatter.slot),
        None => Ok(()),
    }
}

fn check_scatter(kernel: &Kernel, axis: usize, slot: u32) -> Result<(), String> {
    let by_axis = |index: &Index| uses_p(index, axis);
    let in_reads = |slot: u32| {
        kernel.reads[slot as usize].index.iter().any(|access| match access {
            Access::Affine(index) | Access::Table { index, .. } => by_axis(index),
            Access::Runtime(_) => false,
        })
    };
    let in_body = kernel.body.nodes().iter().any(|op| match op {
        Op::Read(slot) => in_reads(*slot),
        Op::Param { index, .. } | Op::Lut { row: index, .. } => by_axis(index),
        _ => false,
    });
    if in_body || in_reads(slot) { Err("a scattered body depends on the axis it is scattered over".into()) } else { Ok(()) }
}

fn uses_p(index: &Index, axis: usize) -> bool {
    match index {
        Index::Const(_) | Index::R(_) => false,
        Index::P(p) => usize::from(*p) == axis,
        Index::Add(a, b) => uses_p(a, axis) || uses_p(b, axis),
        Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => uses_p(a, axis),
    }
}

fn depends_on_r(kernel: &Kernel, slot: usize) -> bool {
    kernel.reads[slot].index.iter().any(|access| match access {
        Access::Affine(index) | Access::Table { index, .. } => index.uses_r(),
        Access::Runtime(from) => depends_on_r(kernel, *from as usize),
    })
}

fn check_index(index: &Index, p: &[usize], r: &[usize]) -> Result<(i64, i64), String> {
    index.bounds(p, r).ok_or_else(|| "an index map is malformed or overflows".to_owned())
}

fn check_lookup(program: &Program, table: TableId, index: &Index, len: u32, p: &[usize], r: &[usize]) -> Result<(), String> {
    let table = program.tables.get(table.index()).ok_or("a table that does not exist is read")?;
    let (lo, hi) = check_index(index, p, r)?;
    let end = usize::try_from(hi).ok().and_then(|hi| hi.checked_add(len as usize));
    if lo < 0 || len == 0 || end.is_none_or(|end| end > table.data.len()) {
        return Err(format!("table {} is read outside its {} entries", table.name, table.data.len()));
    }
    Ok(())
}

fn check_expr(program: &Program, kernel: &Kernel, expr: &Expr, p: &[usize], r: &[usize], finish: bool) -> Result<(), String> {
    if expr.nodes().is_empty() {
        return Err("an expression is empty".into());
    }
    for (number, op) in expr.nodes().iter().enumerate() {
        if op.operands().any(|a| a.index() >= number) {
            return Err("an expression refers forwards".into());
        }
        let constant = |id: crate::ExprId| matches!(expr.nodes()[id.index()], Op::Const(_) | Op::Param { .. });
        match op {
            Op::Read(slot) if *slot as usize >= kernel.reads.len() => return Err("an expression reads a slot that does not exist".into()),
            Op::Acc if !finish => return Err("only `finish` may use the reduction's result".into()),
            Op::Shl(_, n) | Op::Shr(_, n) | Op::Wrap { width: n, .. } if !constant(*n) => {
                return Err("a shift amount or width is not a constant".into());
            }
            Op::Param { table, index } => check_lookup(program, *table, index, 1, p, r)?,
            Op::Lut { table, row, len, .. } => check_lookup(program, *table, row, *len, p, r)?,
            _ => {}
        }
    }
    Ok(())
}
