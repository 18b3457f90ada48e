//! Index maps and reads, prepared for visiting every reduction point of many output positions.

use crate::id::TableId;
use crate::index::Index;
use crate::kernel::{Access, Read};
use crate::program::Program;

/// The points of a rectangular domain in row-major order, without an allocation for each.
pub(crate) struct Odometer<'a> {
    shape: &'a [usize],
    at: Vec<usize>,
    left: usize,
    fresh: bool,
}

impl<'a> Odometer<'a> {
    /// Before the first point of `shape`.
    pub fn new(shape: &'a [usize]) -> Self {
        Self { shape, at: vec![0; shape.len()], left: shape.iter().product(), fresh: true }
    }

    /// Steps to the next point.
    pub fn step(&mut self) -> Option<&[usize]> {
        self.left = self.left.checked_sub(1)?;
        if !std::mem::take(&mut self.fresh) {
            for (coordinate, &extent) in self.at.iter_mut().zip(self.shape).rev() {
                *coordinate += 1;
                if *coordinate < extent {
                    break;
                }
                *coordinate = 0;
            }
        }
        Some(&self.at)
    }
}

/// Where a sweep is: output position, reduction point, and the latter's number.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    /// Output position.
    pub p: &'a [usize],
    /// Reduction point.
    pub r: &'a [usize],
    /// Row-major number of the reduction point.
    pub number: usize,
}

/// Largest reduction for which the part of an index that depends on the point is tabulated.
const TABULATED: usize = 1 << 12;

enum Moving {
    /// The index does not depend on the reduction point.
    Nothing,
    /// Its part by point, to which the part of the position is added.
    Tabulated(Vec<i64>),
    /// The parts do not separate, or there are too many points.
    Entangled,
}

/// An index map; its part that depends on the output position only is evaluated once for each position.
pub(crate) struct Sweep<'a> {
    index: &'a Index,
    fixed_terms: Vec<(&'a Index, i64)>,
    fixed: i64,
    moving: Moving,
}

impl<'a> Sweep<'a> {
    pub fn new(index: &'a Index, extent: &[usize]) -> Self {
        let mut terms = Vec::new();
        split(index, 1, &mut terms);
        let points: usize = extent.iter().product();
        let (moving_terms, fixed_terms): (Vec<_>, Vec<_>) =
            terms.into_iter().partition(|(term, _)| term.uses_r());
        let moving = if moving_terms.is_empty() {
            Moving::Nothing
        } else if points > TABULATED || moving_terms.iter().any(|(term, _)| term.uses_p()) {
            Moving::Entangled
        } else {
            let mut parts = Vec::with_capacity(points);
            let mut odometer = Odometer::new(extent);
            while let Some(r) = odometer.step() {
                parts.push(total(&moving_terms, &[], r));
            }
            Moving::Tabulated(parts)
        };
        Self { index, fixed_terms, fixed: 0, moving }
    }

    pub fn move_to(&mut self, p: &[usize]) {
        self.fixed = total(&self.fixed_terms, p, &[]);
    }

    #[inline]
    pub fn at(&self, site: Site<'_>) -> i64 {
        match &self.moving {
            Moving::Nothing => self.fixed,
            Moving::Tabulated(parts) => self.fixed.wrapping_add(parts[site.number]),
            Moving::Entangled => self.index.at(site.p, site.r),
        }
    }
}

fn split<'a>(index: &'a Index, factor: i64, terms: &mut Vec<(&'a Index, i64)>) {
    match index {
        Index::Add(a, b) => {
            split(a, factor, terms);
            split(b, factor, terms);
        }
        Index::Mul(a, by) => split(a, factor.wrapping_mul(*by), terms),
        other => terms.push((other, factor)),
    }
}

fn total(terms: &[(&Index, i64)], p: &[usize], r: &[usize]) -> i64 {
    terms.iter().fold(0i64, |sum, (term, factor)| sum.wrapping_add(term.at(p, r).wrapping_mul(*factor)))
}

/// A table lookup at a swept index.
pub(crate) struct Lookup<'a> {
    data: &'a [i64],
    index: Sweep<'a>,
}

impl<'a> Lookup<'a> {
    pub fn new(program: &'a Program, table: TableId, index: &'a Index, extent: &[usize]) -> Self {
        Self { data: program.table(table), index: Sweep::new(index, extent) }
    }

    pub fn move_to(&mut self, p: &[usize]) {
        self.index.move_to(p);
    }

    #[inline]
    pub fn at(&self, site: Site<'_>) -> i64 {
        self.data[self.index.at(site) as usize]
    }
}

enum Axis<'a> {
    Affine(Sweep<'a>),
    Table(Lookup<'a>),
    Runtime(u32),
}

/// A read slot.
pub(crate) struct ReadSweep<'a> {
    axes: Vec<(Axis<'a>, usize)>,
    margin: Margin,
}

/// Elements before and after every line of a value's last axis that hold what is delivered outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Margin {
    pub before: usize,
    pub after: usize,
}

impl<'a> ReadSweep<'a> {
    /// A slot that reads a value of `shape`.
    pub fn new(program: &'a Program, read: &'a Read, shape: &[usize], extent: &[usize]) -> Self {
        let axis = |access: &'a Access| match access {
            Access::Affine(index) => Axis::Affine(Sweep::new(index, extent)),
            Access::Table { table, index } => Axis::Table(Lookup::new(program, *table, index, extent)),
            Access::Runtime(slot) => Axis::Runtime(*slot),
        };
        let axes = read.index.iter().map(axis).zip(shape.iter().copied()).collect();
        Self { axes, margin: Margin::default() }
    }

    /// The same slot of a value that is stored with margins. They are not counted as outside.
    pub fn with_margin(mut self, margin: Margin) -> Self {
        self.margin = margin;
        self
    }

    /// The axes addressed at run time: the slot that delivers the index, the extent and the stride.
    pub fn runtime(&self) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        let mut stride = 1;
        for (axis, extent) in self.axes.iter().rev() {
            if let Axis::Runtime(slot) = axis {
                found.push((*slot as usize, *extent, stride));
            }
            stride *= extent;
        }
        found
    }

    pub fn move_to(&mut self, p: &[usize]) {
        for (axis, _) in &mut self.axes {
            match axis {
                Axis::Affine(index) => index.move_to(p),
                Axis::Table(lookup) => lookup.move_to(p),
                Axis::Runtime(_) => {}
            }
        }
    }

    /// The flat element addressed, with every run-time index taken as zero; `None` if another one is outside.
    #[inline]
    pub fn locate(&self, site: Site<'_>) -> Option<usize> {
        let mut flat = 0;
        let Margin { before, after } = self.margin;
        let last = self.axes.len().wrapping_sub(1);
        for (number, (axis, extent)) in self.axes.iter().enumerate() {
            let at = match axis {
                Axis::Affine(index) => index.at(site),
                Axis::Table(lookup) => lookup.at(site),
                Axis::Runtime(_) => 0,
            };
            let (at, extent) = if number == last {
                (at.wrapping_add(before as i64), before + extent + after)
            } else {
                (at, *extent)
            };
            if at as u64 >= extent as u64 {
                return None;
            }
            flat = flat * extent + at as usize;
        }
        Some(flat)
    }
}
