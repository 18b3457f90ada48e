//! Interval analysis of kernels with their actual constants.

use crate::expr::{self, Expr, ExprId, Op};
use crate::format::Interval;
use crate::id::ValueId;
use crate::index::{points, Index};
use crate::kernel::{Access, Kernel, Read, Reduction};
use crate::program::{Block, Program, Step};

/// What the elements of a value can be: one interval for each, row-major.
pub type Elements = Vec<Interval>;

/// The ranges of one kernel.
#[derive(Clone, Debug)]
pub struct KernelRange {
    /// The output's elements.
    pub out: Elements,
    /// Join over every intermediate of every position, the partial sums included.
    pub peak: Interval,
}

/// Why a kernel has no bounded answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// An intermediate does not fit the codes.
    #[error("an intermediate needs {bits} bits, more than the 64 that a code has")]
    Wide {
        /// Width needed.
        bits: u32,
    },
    /// An operand is outside a primitive's domain: a shift amount, a condition, a table index.
    #[error("the operand of {primitive} can be {lo} to {hi}, outside what it accepts")]
    Domain {
        /// The primitive.
        primitive: &'static str,
        /// Least operand.
        lo: i128,
        /// Greatest operand.
        hi: i128,
    },
}

/// What a kernel is analysed against.
pub struct Context<'a> {
    /// For the tables.
    pub program: &'a Program,
    /// For shapes.
    pub block: &'a Block,
    /// Elements of a value that is already known.
    pub elements: &'a dyn Fn(ValueId) -> &'a [Interval],
}

/// The intervals of `kernel`'s output and intermediates.
pub fn kernel(kernel: &Kernel, cx: &Context<'_>) -> Result<KernelRange, RangeError> {
    let shape = &cx.block.value(kernel.out).shape;
    let mut peak = Interval::point(0);
    let mut out = Vec::with_capacity(shape.iter().product());
    let runtime: Vec<Option<Interval>> = kernel.reads.iter().map(|read| runtime_join(read, cx)).collect();
    let slots = |expr: &Expr| {
        let mut used = vec![false; kernel.reads.len()];
        for op in expr.nodes() {
            if let Op::Read(slot) = op {
                used[*slot as usize] = true;
            }
        }
        used
    };
    let (body_slots, finish_slots) = (slots(&kernel.body), slots(&kernel.finish));
    let fetch = |p: &[usize], r: &[usize], used: &[bool]| -> Vec<Interval> {
        kernel
            .reads
            .iter()
            .enumerate()
            .map(|(slot, read)| match (used[slot], runtime[slot]) {
                (false, _) => Interval::point(0),
                (true, Some(join)) => join,
                (true, None) => read_interval(read, p, r, cx),
            })
            .collect()
    };
    for p in points(shape) {
        let mut acc: Option<Interval> = None;
        for r in points(&kernel.extent) {
            let reads = fetch(&p, &r, &body_slots);
            let value = evaluate(&kernel.body, &reads, None, &p, &r, cx.program, &mut peak)?;
            acc = Some(match (acc, kernel.reduction) {
                (None, Reduction::Sum) if kernel.scatter.is_some() => value.join(Interval::point(0)),
                (None, _) => value,
                (Some(acc), Reduction::Sum) if kernel.scatter.is_some() => {
                    Interval::new(acc.lo + value.lo.min(0), acc.hi + value.hi.max(0))
                }
                (Some(acc), Reduction::Sum) => Interval::new(acc.lo + value.lo, acc.hi + value.hi),
                // With a scatter any subset of the points may count, the empty one too.
                (Some(acc), _) if kernel.scatter.is_some() => acc.join(value),
                (Some(acc), Reduction::Max) => Interval::new(acc.lo.max(value.lo), acc.hi.max(value.hi)),
                (Some(acc), Reduction::Min) => Interval::new(acc.lo.min(value.lo), acc.hi.min(value.hi)),
            });
            // Partial sums are summed in any order, so their bound is that of the parts on each side of zero.
            peak = peak.join(acc.unwrap_or(peak));
        }
        let acc = acc.unwrap_or(Interval::point(0));
        let reads = fetch(&p, &[], &finish_slots);
        out.push(evaluate(&kernel.finish, &reads, Some(acc), &p, &[], cx.program, &mut peak)?);
    }
    if peak.fits_code() { Ok(KernelRange { out, peak }) } else { Err(RangeError::Wide { bits: peak.width().1 }) }
}

/// The join of every element of a list.
pub fn join(elements: &[Interval]) -> Interval {
    elements.iter().copied().reduce(Interval::join).unwrap_or(Interval::point(0))
}

/// For every value of a block the intervals of its elements, with the parameters at their formats' ranges, and
/// the join over all intermediates of the block's own kernels.
pub fn block(program: &Program, block: &Block) -> Result<(Vec<Elements>, Interval), (String, RangeError)> {
    let mut known: Vec<Option<Elements>> = vec![None; block.values.len()];
    let full = |id: ValueId| vec![block.value(id).format.interval(); block.value(id).len()];
    for &param in &block.params {
        known[param.index()] = Some(full(param));
    }
    let mut peak = Interval::point(0);
    for step in &block.steps {
        match step {
            Step::Kernel(step) => {
                let found = kernel(
                    step,
                    &Context {
                        program,
                        block,
                        elements: &|id| known[id.index()].as_deref().unwrap_or_default(),
                    },
                )
                .map_err(|error| (step.name.clone(), error))?;
                peak = peak.join(found.peak);
                known[step.out.index()] = Some(found.out);
            }
            Step::Call(call) => {
                for &result in &call.results {
                    known[result.index()] = Some(full(result));
                }
            }
        }
    }
    let all = block.value_ids().map(|id| known[id.index()].take().unwrap_or_else(|| full(id))).collect();
    Ok((all, peak))
}

fn runtime_join(read: &Read, cx: &Context<'_>) -> Option<Interval> {
    read.index
        .iter()
        .any(|access| matches!(access, Access::Runtime(_)))
        .then(|| join((cx.elements)(read.value)).join(Interval::point(read.outside.into())))
}

fn read_interval(read: &Read, p: &[usize], r: &[usize], cx: &Context<'_>) -> Interval {
    match locate(read, &cx.block.value(read.value).shape, p, r, cx.program) {
        Some(flat) => (cx.elements)(read.value)[flat],
        None => Interval::point(read.outside.into()),
    }
}

/// The flat element that a read without run-time index addresses at a point, or `None` if it is outside.
pub fn locate(read: &Read, shape: &[usize], p: &[usize], r: &[usize], program: &Program) -> Option<usize> {
    let mut flat = 0usize;
    for (access, &extent) in read.index.iter().zip(shape) {
        let at = match access {
            Access::Affine(index) => index.at(p, r),
            Access::Table { table, index } => program.table(*table)[index.at(p, r) as usize],
            Access::Runtime(_) => return None,
        };
        if at < 0 || at as usize >= extent {
            return None;
        }
        flat = flat * extent + at as usize;
    }
    Some(flat)
}

fn evaluate(
    expr: &Expr,
    reads: &[Interval],
    acc: Option<Interval>,
    p: &[usize],
    r: &[usize],
    program: &Program,
    peak: &mut Interval,
) -> Result<Interval, RangeError> {
    let mut values: Vec<Interval> = Vec::with_capacity(expr.nodes().len());
    for op in expr.nodes() {
        let value = match op {
            Op::Read(slot) => reads[*slot as usize],
            Op::Acc => acc.unwrap_or(Interval::point(0)),
            Op::Param { table, index } => Interval::point(program.table(*table)[index.at(p, r) as usize].into()),
            Op::Lut { table, row, len, base, a } => {
                let x = values[a.index()];
                let (first, last) = (x.lo - i128::from(*base), x.hi - i128::from(*base));
                if first < 0 || last >= i128::from(*len) {
                    return Err(RangeError::Domain { primitive: "lut", lo: x.lo, hi: x.hi });
                }
                let row = lut_row(row, p, r);
                let entries = &program.table(*table)[row + first as usize..=row + last as usize];
                let (lo, hi) = entries.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &v| (lo.min(v), hi.max(v)));
                Interval::new(lo.into(), hi.into())
            }
            op => primitive(op, |id| values[id.index()])?,
        };
        if value.lo.unsigned_abs().max(value.hi.unsigned_abs()) > 1 << 100 {
            return Err(RangeError::Wide { bits: value.width().1 });
        }
        *peak = peak.join(value);
        values.push(value);
    }
    Ok(*values.last().expect("an expression is never empty"))
}

/// The flat position of a table row at a point.
pub fn lut_row(row: &Index, p: &[usize], r: &[usize]) -> usize {
    row.at(p, r) as usize
}

/// The tightest interval of a primitive that needs no lookup, for operands that vary independently.
pub fn primitive(op: &Op, operand: impl Fn(ExprId) -> Interval) -> Result<Interval, RangeError> {
    let corners = |a: Interval, b: Interval, f: &dyn Fn(i128, i128) -> i128| {
        let all = [f(a.lo, b.lo), f(a.lo, b.hi), f(a.hi, b.lo), f(a.hi, b.hi)];
        all.into_iter().map(Interval::point).reduce(Interval::join).unwrap_or(a)
    };
    let within = |primitive, x: Interval, lo, hi| {
        if Interval::new(lo, hi).contains(x) { Ok(x) } else { Err(RangeError::Domain { primitive, lo: x.lo, hi: x.hi }) }
    };
    Ok(match *op {
        Op::Const(value) => Interval::point(value.into()),
        Op::Shl(a, n) => corners(operand(a), within("shl", operand(n), 0, 63)?, &|a, n| a.saturating_mul(1 << n)),
        Op::Shr(a, n) => corners(operand(a), within("shr", operand(n), 0, 63)?, &|a, n| a >> n),
        Op::Add(a, b) => Interval::new(operand(a).lo + operand(b).lo, operand(a).hi + operand(b).hi),
        Op::Sub(a, b) => Interval::new(operand(a).lo - operand(b).hi, operand(a).hi - operand(b).lo),
        Op::Mul(a, b) => corners(operand(a), operand(b), &i128::saturating_mul),
        Op::Max(a, b) => Interval::new(operand(a).lo.max(operand(b).lo), operand(a).hi.max(operand(b).hi)),
        Op::Min(a, b) => Interval::new(operand(a).lo.min(operand(b).lo), operand(a).hi.min(operand(b).hi)),
        Op::Lt(a, b) => {
            let (a, b) = (operand(a), operand(b));
            Interval::new(i128::from(a.hi < b.lo), i128::from(a.lo < b.hi))
        }
        Op::Select(c, a, b) => match within("select", operand(c), 0, 1)? {
            Interval { lo: 1, hi: 1 } => operand(a),
            Interval { lo: 0, hi: 0 } => operand(b),
            _ => operand(a).join(operand(b)),
        },
        Op::Wrap { a, signed, width } => {
            let (a, width) = (operand(a), within("wrap", operand(width), 1, 63)?);
            let (lo, hi) = (expr::wrap(a.lo, signed, width.lo as u32), expr::wrap(a.hi, signed, width.lo as u32));
            let widest = width.hi as u32;
            // Nothing wraps in between exactly when both ends move by the same multiple.
            if width.lo == width.hi && hi - lo == a.hi - a.lo {
                Interval::new(lo, hi)
            } else if signed {
                Interval::new(-(1 << (widest - 1)), (1 << (widest - 1)) - 1)
            } else {
                Interval::new(0, (1 << widest) - 1)
            }
        }
        Op::Read(_) | Op::Acc | Op::Param { .. } | Op::Lut { .. } => Interval::point(0),
    })
}
