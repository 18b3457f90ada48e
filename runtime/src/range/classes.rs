//! Which coordinates of an output are alike: the borders of an image differ, its middle does not.

use std::collections::BTreeMap;

use super::{Context, Elements};
use crate::expr::Op;
use crate::index::{Index, points};
use crate::kernel::{Access, Kernel};

/// Evaluations of index maps after which an axis' coordinates are taken to be all different, at most; looking at every
/// position takes no longer.
const PATIENCE: usize = 1 << 20;

/// What is looked up at an index.
enum Source<'a> {
    /// A coordinate of a value whose coordinates are of these classes.
    Axis(&'a [u32]),
    /// The same, through a table of coordinates.
    Table(&'a [u32], &'a [i64]),
    /// A constant.
    Constant(&'a [i64]),
    /// A row of a table.
    Row,
}

impl Source<'_> {
    /// The same for indices at which the same is found.
    fn at(&self, index: i64) -> i64 {
        let class = |classes: &[u32], at: i64| {
            usize::try_from(at).ok().and_then(|at| classes.get(at)).map_or(-1, |&class| i64::from(class))
        };
        match self {
            Self::Axis(classes) => class(classes, index),
            Self::Table(classes, table) => class(classes, table[index as usize]),
            Self::Constant(table) => table[index as usize],
            Self::Row => index,
        }
    }
}

/// By axis of the output the class of each coordinate: where two coordinates are of one class, the kernel reads
/// elements of the same intervals, and the same constants, at every reduction point and whatever the other coordinates.
pub(super) fn classes(kernel: &Kernel, cx: &Context<'_>) -> Vec<Vec<u32>> {
    let shape = &cx.block.value(kernel.out).shape;
    // A scatter counts what every position of its axis has of its own.
    if kernel.scatter.is_some() {
        return shape.iter().map(|&extent| distinct(extent)).collect();
    }
    let known: Vec<&Elements> = kernel.reads.iter().map(|read| (cx.elements)(read.value)).collect();
    let mut uses: Vec<(&Index, Source<'_>)> = Vec::new();
    for (read, known) in kernel.reads.iter().zip(&known) {
        // The whole axis counts where an index is known at run time only, and with it all other axes.
        for (access, classes) in read.index.iter().zip(known.classes()) {
            match access {
                Access::Affine(index) => uses.push((index, Source::Axis(classes))),
                Access::Table { table, index } => {
                    uses.push((index, Source::Table(classes, cx.program.table(*table))));
                }
                Access::Runtime(_) => {}
            }
        }
    }
    for op in kernel.body.nodes().iter().chain(kernel.finish.nodes()) {
        match op {
            Op::Param { table, index } => uses.push((index, Source::Constant(cx.program.table(*table)))),
            Op::Lut { row, .. } => uses.push((row, Source::Row)),
            _ => {}
        }
    }
    (0..shape.len()).map(|axis| along(kernel, shape, axis, &uses)).collect()
}

fn distinct(extent: usize) -> Vec<u32> {
    (0..extent as u32).collect()
}

fn along(kernel: &Kernel, shape: &[usize], axis: usize, uses: &[(&Index, Source<'_>)]) -> Vec<u32> {
    let extent = shape[axis];
    let (mut classes, mut count, mut spent) = (vec![0u32; extent], 1, 0usize);
    let sites = shape.iter().chain(&kernel.extent).fold(1usize, |n, &extent| n.saturating_mul(extent));
    let patience = sites.min(PATIENCE);
    for (index, source) in uses {
        let (p_axes, r_axes) = axes(index);
        if !p_axes.contains(&axis) {
            continue;
        }
        // Coordinates that the index does not depend on stay at zero.
        let free = |all: &[usize], used: &[usize], fixed: Option<usize>| -> Vec<usize> {
            let wanted = |n: usize| used.contains(&n) && fixed != Some(n);
            all.iter().enumerate().map(|(n, &extent)| if wanted(n) { extent } else { 1 }).collect()
        };
        let others = free(shape, &p_axes, Some(axis));
        let reduced = free(&kernel.extent, &r_axes, None);
        for mut p in points(&others) {
            for r in points(&reduced) {
                spent += extent;
                if count == extent || spent > patience {
                    return distinct(extent);
                }
                let mut numbers: BTreeMap<(u32, i64), u32> = BTreeMap::new();
                for (at, class) in classes.iter_mut().enumerate() {
                    p[axis] = at;
                    let next = numbers.len() as u32;
                    *class = *numbers.entry((*class, source.at(index.at(&p, &r)))).or_insert(next);
                }
                count = numbers.len();
            }
        }
    }
    classes
}

/// The axes of output and reduction that an index depends on.
fn axes(index: &Index) -> (Vec<usize>, Vec<usize>) {
    fn walk(index: &Index, p: &mut Vec<usize>, r: &mut Vec<usize>) {
        match index {
            Index::Const(_) => {}
            Index::P(axis) => p.push(usize::from(*axis)),
            Index::R(axis) => r.push(usize::from(*axis)),
            Index::Add(a, b) => {
                walk(a, p, r);
                walk(b, p, r);
            }
            Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => walk(a, p, r),
        }
    }
    let (mut p, mut r) = (Vec::new(), Vec::new());
    walk(index, &mut p, &mut r);
    (p, r)
}
