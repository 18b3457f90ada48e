//! How index maps answer a step along one axis of the output.

use nn2hdl_runtime::{Expr, ExprId, Index, Kernel, Op};

/// How far `index` moves when coordinate `axis` of the output grows by `by`, wherever it is; `None` if that depends on
/// where it is.
pub(super) fn shift(index: &Index, axis: usize, by: i64) -> Option<i64> {
    match index {
        Index::Const(_) | Index::R(_) => Some(0),
        Index::P(p) => Some(if usize::from(*p) == axis { by } else { 0 }),
        Index::Add(a, b) => shift(a, axis, by)?.checked_add(shift(b, axis, by)?),
        Index::Mul(a, factor) => shift(a, axis, by)?.checked_mul(*factor),
        Index::Div(a, divisor) => {
            let moved = shift(a, axis, by)?;
            (moved % divisor == 0).then(|| moved / divisor)
        }
        Index::Mod(a, divisor) => (shift(a, axis, by)? % divisor == 0).then_some(0),
    }
}

/// Whether `index` is the same after the step.
pub(super) fn stays(index: &Index, axis: usize, by: i64) -> bool {
    shift(index, axis, by) == Some(0)
}

/// Output positions of a layer whose constants come from memories, at most.
pub(super) const REMEMBERED: usize = 1 << 16;

/// Whether the constants that `kernel` looks up are the same after the step.
pub(super) fn constants_stay(kernel: &Kernel, axis: usize, by: i64) -> bool {
    [&kernel.body, &kernel.finish].iter().all(|expr| constant(expr, axis, by))
}

/// Whether the constants that `kernel` looks up may come from memories that the beats address.
pub(super) fn constants_move(kernel: &Kernel, shape: &[usize], axis: usize) -> bool {
    let amount = |expr: &Expr, id: &ExprId| matches!(expr.nodes()[id.index()], Op::Param { .. });
    let fixed = |expr: &Expr| {
        expr.nodes().iter().all(|op| match op {
            Op::Lut { row, .. } => stays(row, axis, 1),
            Op::Shl(_, n) | Op::Shr(_, n) | Op::Wrap { width: n, .. } => !amount(expr, n),
            _ => true,
        })
    };
    shape.iter().product::<usize>() <= REMEMBERED
        && fixed(&kernel.finish)
        && if kernel.extent.is_empty() { fixed(&kernel.body) } else { constant(&kernel.body, axis, 1) }
}

fn constant(expr: &Expr, axis: usize, by: i64) -> bool {
    expr.nodes().iter().all(|op| match op {
        Op::Param { index, .. } | Op::Lut { row: index, .. } => stays(index, axis, by),
        _ => true,
    })
}
