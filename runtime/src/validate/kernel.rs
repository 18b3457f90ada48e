//! Invariants of one kernel.

use super::size;
use crate::expr::{Expr, Op};
use crate::id::TableId;
use crate::index::{DEPTH_LIMIT, INDEX_LIMIT, Index};
use crate::kernel::{Access, Kernel};
use crate::program::{Block, Program};

/// Checks one kernel, whose values exist.
pub(super) fn check(program: &Program, block: &Block, kernel: &Kernel) -> Result<(), String> {
    size::check_kernel(kernel)?;
    let shape = &block.value(kernel.out).shape;
    for (slot, read) in kernel.reads.iter().enumerate() {
        if read.index.len() != block.value(read.value).shape.len() {
            return Err(format!("read {slot} has the wrong number of indices"));
        }
        for access in &read.index {
            match access {
                Access::Affine(index) => check_index(index, shape, &kernel.extent).map(|_| ())?,
                Access::Table { table, index } => {
                    check_lookup(program, *table, index, 1, shape, &kernel.extent)?
                }
                Access::Runtime(from) if (*from as usize) < slot => {}
                Access::Runtime(_) => return Err(format!("read {slot} takes its index from a later slot")),
            }
        }
    }
    check_expr(program, kernel, &kernel.body, shape, &kernel.extent, false)?;
    check_expr(program, kernel, &kernel.finish, shape, &[], true)?;
    let moving = spread(kernel, Index::uses_r);
    for op in kernel.finish.nodes() {
        if let Op::Read(slot) = op
            && moving[*slot as usize]
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
    let moving = spread(kernel, by_axis);
    let in_body = kernel.body.nodes().iter().any(|op| match op {
        Op::Read(slot) => moving[*slot as usize],
        Op::Param { index, .. } | Op::Lut { row: index, .. } => by_axis(index),
        _ => false,
    });
    if in_body || moving[slot as usize] {
        Err("a scattered body depends on the axis it is scattered over".into())
    } else {
        Ok(())
    }
}

/// For each read slot whether `has` is true of one of its index maps or of those of a slot that it takes an index from.
fn spread(kernel: &Kernel, has: impl Fn(&Index) -> bool) -> Vec<bool> {
    let mut found: Vec<bool> = Vec::with_capacity(kernel.reads.len());
    for read in &kernel.reads {
        let any = read.index.iter().any(|access| match access {
            Access::Affine(index) | Access::Table { index, .. } => has(index),
            Access::Runtime(from) => found[*from as usize],
        });
        found.push(any);
    }
    found
}

fn uses_p(index: &Index, axis: usize) -> bool {
    match index {
        Index::Const(_) | Index::R(_) => false,
        Index::P(p) => usize::from(*p) == axis,
        Index::Add(a, b) => uses_p(a, axis) || uses_p(b, axis),
        Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => uses_p(a, axis),
    }
}

fn check_index(index: &Index, p: &[usize], r: &[usize]) -> Result<(i64, i64), String> {
    if index.size() > INDEX_LIMIT || index.depth() > DEPTH_LIMIT {
        return Err("an index map is too large: too many moves of data follow each other".into());
    }
    index.bounds(p, r).ok_or_else(|| "an index map is malformed or overflows".to_owned())
}

fn check_lookup(
    program: &Program,
    table: TableId,
    index: &Index,
    len: u32,
    p: &[usize],
    r: &[usize],
) -> Result<(), String> {
    let table = program.tables.get(table.index()).ok_or("a table that does not exist is read")?;
    let (lo, hi) = check_index(index, p, r)?;
    let end = usize::try_from(hi).ok().and_then(|hi| hi.checked_add(len as usize));
    if lo < 0 || len == 0 || end.is_none_or(|end| end > table.data.len()) {
        return Err(format!("table {} is read outside its {} entries", table.name, table.data.len()));
    }
    Ok(())
}

fn check_expr(
    program: &Program,
    kernel: &Kernel,
    expr: &Expr,
    p: &[usize],
    r: &[usize],
    finish: bool,
) -> Result<(), String> {
    if expr.nodes().is_empty() {
        return Err("an expression is empty".into());
    }
    for (number, op) in expr.nodes().iter().enumerate() {
        if op.operands().any(|a| a.index() >= number) {
            return Err("an expression refers forwards".into());
        }
        let constant =
            |id: crate::ExprId| matches!(expr.nodes()[id.index()], Op::Const(_) | Op::Param { .. });
        match op {
            Op::Read(slot) if *slot as usize >= kernel.reads.len() => {
                return Err("an expression reads a slot that does not exist".into());
            }
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
