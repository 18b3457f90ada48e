//! Interval analysis of kernels with their actual constants.

mod classes;
mod elements;
mod evaluate;
mod lut;
mod primitive;

pub use elements::Elements;
pub use primitive::primitive;

use crate::format::Interval;
use crate::id::ValueId;
use crate::index::Index;
use crate::kernel::{Access, Kernel, Read, Reduction};
use crate::program::{Block, Program, Step};
use crate::sweep::{Odometer, Site};
use crate::validate::{WORK_LIMIT, work};
use evaluate::Evaluator;

/// The ranges of one kernel.
#[derive(Clone, Debug)]
pub struct KernelRange {
    /// The output's elements.
    pub out: Elements,
    /// Join over every intermediate of every position, the sum of any subset of a reduction's points included:
    /// the order of summation does not matter.
    pub peak: Interval,
    /// With a scatter, for each position what it has before any point counts toward it, and so what an empty
    /// reduction delivers to `finish`: [`Reduction::identity`] of the join, over all reduction points, of the
    /// body's intervals at that position. Without a scatter, nothing.
    pub empty: Vec<i64>,
    /// Its expressions.
    pub nodes: Nodes,
    /// Scalar operations that the analysis took.
    pub work: u64,
}

/// What the nodes of a kernel's expressions can be: for each the join over all positions and reduction points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// Of `body`, in order.
    pub body: Vec<Interval>,
    /// Of `finish`, in order.
    pub finish: Vec<Interval>,
    /// The reduction, after any subset of its points.
    pub acc: Interval,
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
    /// The analysis would take too long: more than [`WORK_LIMIT`] operations.
    #[error("its positions differ in too many ways to be analysed: {work} operations, at most {WORK_LIMIT}")]
    Large {
        /// Operations needed.
        work: u64,
    },
}

/// What a kernel is analysed against.
pub struct Context<'a> {
    /// For the tables.
    pub program: &'a Program,
    /// For shapes.
    pub block: &'a Block,
    /// Elements of a value that is already known.
    pub elements: &'a dyn Fn(ValueId) -> &'a Elements,
}

/// The intervals of `kernel`'s output and intermediates. Positions that are alike are looked at once.
pub fn kernel(kernel: &Kernel, cx: &Context<'_>) -> Result<KernelRange, RangeError> {
    let shape = &cx.block.value(kernel.out).shape;
    let classes = classes::classes(kernel, cx);
    let first: Vec<Vec<usize>> = classes.iter().map(|of| elements::representatives(of)).collect();
    let counts: Vec<usize> = first.iter().map(Vec::len).collect();
    let positions: usize = counts.iter().product();
    let work = work(cx.program, cx.block, kernel, positions as u64);
    if work > WORK_LIMIT {
        return Err(RangeError::Large { work });
    }
    let mut body = Evaluator::new(kernel, &kernel.body, &kernel.extent, cx);
    let mut finish = Evaluator::new(kernel, &kernel.finish, &[], cx);
    let (mut out, mut empty) = (Vec::with_capacity(positions), Vec::new());
    let mut reduced: Option<Interval> = None;
    // A scattered body is the same all along the scatter's axis.
    let (axis, stride) = match kernel.scatter {
        Some(scatter) => (scatter.axis, shape[scatter.axis + 1..].iter().product()),
        None => (usize::MAX, 0),
    };
    let mut accs: Vec<Interval> = Vec::with_capacity(if kernel.scatter.is_some() { positions } else { 0 });
    let mut p = vec![0; shape.len()];
    let mut odometer = Odometer::new(&counts);
    while let Some(at) = odometer.step() {
        for ((p, &class), first) in p.iter_mut().zip(at).zip(&first) {
            *p = first[class];
        }
        let repeated = p.get(axis).is_some_and(|&coordinate| coordinate > 0);
        let acc = if repeated {
            empty.push(empty[accs.len() - stride]);
            accs[accs.len() - stride]
        } else {
            let total = reduce(kernel, &mut body, &p)?;
            reduced = Some(reduced.map_or(total.subsets, |reduced| reduced.join(total.subsets)));
            if kernel.scatter.is_some() {
                empty.push(kernel.reduction.identity(total.values) as i64);
            }
            total.acc
        };
        if kernel.scatter.is_some() {
            accs.push(acc);
        }
        finish.move_to(&p);
        out.push(finish.run(Site { p: &p, r: &[], number: 0 }, acc)?);
    }
    let acc = reduced.unwrap_or(Interval::point(0));
    let nodes = Nodes { body: body.joins, finish: finish.joins, acc };
    let all = nodes.body.iter().chain(&nodes.finish).chain([&nodes.acc]);
    let peak = all.fold(Interval::point(0), |peak, &interval| peak.join(interval));
    if peak.fits_code() {
        Ok(KernelRange { out: Elements::new(classes, out), peak, empty, nodes, work })
    } else {
        Err(RangeError::Wide { bits: peak.width().1 })
    }
}

struct Total {
    /// The reduction's result.
    acc: Interval,
    /// The sum of any subset of the points; for other reductions, the values.
    subsets: Interval,
    /// Join of the body's values.
    values: Interval,
}

fn reduce(kernel: &Kernel, body: &mut Evaluator<'_>, p: &[usize]) -> Result<Total, RangeError> {
    let zero = Interval::point(0);
    body.move_to(p);
    let mut total: Option<Total> = None;
    let mut number = 0;
    let mut odometer = Odometer::new(&kernel.extent);
    while let Some(r) = odometer.step() {
        let value = body.run(Site { p, r, number }, zero)?;
        number += 1;
        let Some(Total { acc, subsets, values }) = &mut total else {
            total = Some(Total { acc: value, subsets: value.join(zero), values: value });
            continue;
        };
        *values = values.join(value);
        match kernel.reduction {
            Reduction::Sum => {
                *acc = Interval { lo: acc.lo + value.lo, hi: acc.hi + value.hi };
                *subsets = Interval { lo: subsets.lo + value.lo.min(0), hi: subsets.hi + value.hi.max(0) };
            }
            Reduction::Max => *acc = Interval { lo: acc.lo.max(value.lo), hi: acc.hi.max(value.hi) },
            Reduction::Min => *acc = Interval { lo: acc.lo.min(value.lo), hi: acc.hi.min(value.hi) },
        }
    }
    let mut total = total.unwrap_or(Total { acc: zero, subsets: zero, values: zero });
    if kernel.reduction != Reduction::Sum {
        total.subsets = total.values;
    }
    if kernel.scatter.is_some() {
        // Any subset of the points may count, the empty one too.
        total.acc = total.subsets;
    }
    Ok(total)
}

/// The interval that holds every element.
pub fn join(elements: &Elements) -> Interval {
    elements.join()
}

/// The ranges of one block.
#[derive(Clone, Debug)]
pub struct BlockRange {
    /// For every value the intervals of its elements.
    pub elements: Vec<Elements>,
    /// Join over all intermediates of the block's own kernels.
    pub peak: Interval,
    /// For every step [`KernelRange::empty`]; of a call, nothing.
    pub empty: Vec<Vec<i64>>,
    /// For every step [`KernelRange::nodes`]; of a call, nothing.
    pub nodes: Vec<Option<Nodes>>,
    /// Scalar operations that the analysis took.
    pub work: u64,
}

/// The ranges of a block, with the parameters and the results of calls at their formats' ranges. On failure, the
/// name of the step and the reason. The answer of an empty `Max` or `Min` scatter is defined by this analysis.
pub fn analyse(program: &Program, block: &Block) -> Result<BlockRange, (String, RangeError)> {
    let mut known: Vec<Option<Elements>> = vec![None; block.values.len()];
    let full = |id: ValueId| Elements::uniform(&block.value(id).shape, block.value(id).format.interval());
    let (nothing, mut work) = (Elements::default(), 0u64);
    for &param in &block.params {
        known[param.index()] = Some(full(param));
    }
    let mut peak = Interval::point(0);
    let mut empty = Vec::with_capacity(block.steps.len());
    let mut nodes = Vec::with_capacity(block.steps.len());
    for step in &block.steps {
        match step {
            Step::Kernel(step) => {
                let elements = |id: ValueId| known[id.index()].as_ref().unwrap_or(&nothing);
                let found = kernel(step, &Context { program, block, elements: &elements })
                    .map_err(|error| (step.name.clone(), error))?;
                work = work.saturating_add(found.work);
                if work > WORK_LIMIT {
                    return Err((step.name.clone(), RangeError::Large { work }));
                }
                peak = peak.join(found.peak);
                known[step.out.index()] = Some(found.out);
                empty.push(found.empty);
                nodes.push(Some(found.nodes));
            }
            Step::Call(call) => {
                for &result in &call.results {
                    known[result.index()] = Some(full(result));
                }
                empty.push(Vec::new());
                nodes.push(None);
            }
        }
    }
    let elements = block.value_ids().map(|id| known[id.index()].take().unwrap_or_else(|| full(id))).collect();
    Ok(BlockRange { elements, peak, empty, nodes, work })
}

/// [`analyse`], without what empty scatters deliver.
pub fn block(program: &Program, block: &Block) -> Result<(Vec<Elements>, Interval), (String, RangeError)> {
    analyse(program, block).map(|found| (found.elements, found.peak))
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

/// The flat position of a table row at a point.
pub fn lut_row(row: &Index, p: &[usize], r: &[usize]) -> usize {
    row.at(p, r) as usize
}
