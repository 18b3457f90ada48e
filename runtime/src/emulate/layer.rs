//! The plan of one kernel: what its expressions read and with which constants, at every output position.

use super::code::{Code, PINNED, Places, Resolver, compile};
use super::lane::Lane;
use super::linear::{Linear, is_linear};
use super::store::{Place, Store, UNSTORED};
use crate::expr::Expr;
use crate::format::Interval;
use crate::index::point;
use crate::kernel::{Kernel, Reduction};
use crate::range::{BlockRange, join};
use crate::steady::Steady;
use crate::sweep::{Margin, Odometer, Site};

/// The terms of one linear body: a constant, and addresses with weights.
#[derive(Clone, Debug)]
pub(super) struct Terms<T> {
    pub bias: T,
    pub terms: Vec<(u32, T)>,
    /// Whether every weight and everything read has at most 16 bits.
    pub narrow: bool,
    /// Least and greatest address, as signed distances.
    pub span: (i32, i32),
}

impl<T: Lane> Terms<T> {
    /// From a constant and pairs of address and weight; `narrow` if everything read has at most 16 bits.
    pub fn new(words: &[i64], narrow: bool) -> Self {
        let pairs = words[1..].chunks_exact(2).filter(|pair| pair[1] != 0);
        let narrow = narrow && pairs.clone().all(|pair| i16::try_from(pair[1]).is_ok());
        let terms: Vec<(u32, T)> = pairs.map(|pair| (pair[0] as u32, T::of(pair[1]))).collect();
        let span = terms.iter().fold((0, 0), |(lo, hi), (address, _)| {
            let distance = *address as i32;
            (distance.min(lo), distance.max(hi))
        });
        Self { bias: T::of(words[0]), terms, narrow, span }
    }
}

pub(super) enum Body<T> {
    Linear(Vec<Terms<T>>),
    General { code: Code, lists: Vec<Vec<i64>> },
}

pub(super) struct Layer<T> {
    /// Number of the step in its block.
    pub step: usize,
    pub out: u32,
    /// Reduction points.
    pub points: usize,
    pub reduction: Reduction,
    pub body: Body<T>,
    /// For each position, or with a scatter for each line of positions.
    pub body_places: Vec<Place>,
    /// Absent if it is the reduction's result.
    pub finish: Option<(Code, Vec<Vec<i64>>)>,
    pub finish_places: Vec<Place>,
    pub scatter: Option<Lines<T>>,
}

/// The lines along the axis of a scatter.
pub(super) struct Lines<T> {
    pub extent: usize,
    pub stride: usize,
    /// What each position starts from.
    pub empty: Vec<T>,
}

impl<T> Lines<T> {
    /// The first position of a line.
    pub fn first(&self, line: usize) -> usize {
        line / self.stride * self.stride * self.extent + line % self.stride
    }
}

impl<T: Lane> Layer<T> {
    /// Plans `kernel`, the step `step` of a block with the ranges `range`; `room` is what is left for words.
    pub fn new(
        places: &Places<'_>,
        kernel: &Kernel,
        step: usize,
        range: &BlockRange,
        room: &mut usize,
    ) -> Self {
        let shape = &places.block.value(kernel.out).shape;
        let positions: usize = shape.iter().product();
        let scatter = kernel.scatter.map(|scatter| Lines {
            extent: shape[scatter.axis],
            stride: shape[scatter.axis + 1..].iter().product(),
            empty: range.empty[step].iter().map(|&value| T::of(value)).collect(),
        });
        let mut planner = Planner::default();
        let lines = scatter.as_ref().map_or(positions, |lines| positions / lines.extent);
        let starts = (0..lines).map(|line| scatter.as_ref().map_or(line, |lines| lines.first(line)));
        let steady = Steady::find(places.block, kernel, |id| {
            let Margin { before, after } = places.margins.get(id.index()).copied().unwrap_or_default();
            let extent = places.block.value(id).shape.last().copied().unwrap_or(1);
            -(before as i64)..(extent + after) as i64
        });
        let steady = steady.and_then(|steady| Some((steady.columns, steady.step?)));
        let width = shape.last().copied().unwrap_or(1).max(1);
        // What follows from the position before: the same list, further on.
        let next = |position: usize, places: &[Place]| {
            let (columns, step) = steady.as_ref()?;
            let column = position % width;
            let last = places.last().filter(|last| last.list != UNSTORED)?;
            (column > columns.start && column < columns.end)
                .then(|| Place { base: last.base.wrapping_add(*step), ..*last })
        };
        let mut sites = BodySites::new(places, kernel);
        let mut body_places = Vec::with_capacity(lines);
        for position in starts {
            if let Some(place) = next(position, &body_places) {
                body_places.push(place);
                continue;
            }
            sites.words(&point(position, shape), &mut planner.words);
            body_places.push(planner.place(sites.code.as_ref(), room));
        }
        let short = Interval::new(i16::MIN.into(), i16::MAX.into());
        let narrow = kernel.reads.iter().all(|read| {
            let inside = join(&range.elements[read.value.index()]);
            short.contains(inside.join(Interval::point(read.outside.into())))
        });
        let body = match sites.code {
            None => Body::Linear(planner.store.lists().map(|words| Terms::new(words, narrow)).collect()),
            Some(code) => Body::General { code, lists: planner.store.lists().map(<[i64]>::to_vec).collect() },
        };

        let mut planner = Planner::default();
        let mut finish_places = Vec::new();
        let finish = (kernel.finish != Expr::acc()).then(|| {
            let (code, mut resolver) = compile(places, kernel, &kernel.finish, &[], None);
            let mut odometer = Odometer::new(shape);
            while let Some(p) = odometer.step() {
                if let Some(place) = next(finish_places.len(), &finish_places) {
                    finish_places.push(place);
                    continue;
                }
                finish_words(&mut resolver, p, &mut planner.words);
                finish_places.push(planner.place(Some(&code), room));
            }
            (code, planner.store.lists().map(<[i64]>::to_vec).collect())
        });
        Self {
            step,
            out: places.values[kernel.out.index()],
            points: kernel.extent.iter().product(),
            reduction: kernel.reduction,
            body,
            body_places,
            finish,
            finish_places,
            scatter,
        }
    }

    /// Whether some site must be resolved while running.
    pub fn is_partial(&self) -> bool {
        self.body_places.iter().chain(&self.finish_places).any(|place| place.list == UNSTORED)
    }
}

/// Sets `words` to what `finish` needs at position `p`.
pub(super) fn finish_words(resolver: &mut Resolver<'_>, p: &[usize], words: &mut Vec<i64>) {
    words.clear();
    resolver.move_to(p);
    resolver.words(Site { p, r: &[], number: 0 }, words);
}

/// Finds the words of a kernel's body at each position.
pub(super) struct BodySites<'a> {
    kernel: &'a Kernel,
    linear: Option<Linear<'a>>,
    general: Option<Resolver<'a>>,
    pub code: Option<Code>,
}

impl<'a> BodySites<'a> {
    pub fn new(places: &Places<'a>, kernel: &'a Kernel) -> Self {
        if is_linear(kernel) {
            return Self { kernel, linear: Some(Linear::new(places, kernel)), general: None, code: None };
        }
        let selector = kernel.scatter.map(|scatter| scatter.slot as usize);
        let (code, resolver) = compile(places, kernel, &kernel.body, &kernel.extent, selector);
        Self { kernel, linear: None, general: Some(resolver), code: Some(code) }
    }

    /// Sets `words` for position `p`, with absolute addresses.
    pub fn words(&mut self, p: &[usize], words: &mut Vec<i64>) {
        if let Some(linear) = &mut self.linear {
            linear.words(p, words);
        }
        if let Some(resolver) = &mut self.general {
            words.clear();
            resolver.move_to(p);
            let mut odometer = Odometer::new(&self.kernel.extent);
            let mut number = 0;
            while let Some(r) = odometer.step() {
                resolver.words(Site { p, r, number }, words);
                number += 1;
            }
        }
    }
}

#[derive(Default)]
struct Planner {
    store: Store,
    words: Vec<i64>,
}

impl Planner {
    /// Stores the words, made relative to their first address; `code` tells which are addresses, without it
    /// they are terms.
    fn place(&mut self, code: Option<&Code>, room: &mut usize) -> Place {
        let (first, period, fetches) = code.map_or((1, 2, 1), |code| (0, code.words, code.fetches));
        let mut base = None;
        for site in self.words[first..].chunks_exact_mut(period.max(1)) {
            for word in site[..fetches].iter_mut().filter(|word| **word & PINNED == 0) {
                let base = *base.get_or_insert(*word as u32);
                *word = (*word as u32).wrapping_sub(base).into();
            }
        }
        match self.store.intern(&self.words, room) {
            UNSTORED => Place { base: 0, list: UNSTORED },
            list => Place { base: base.unwrap_or(0), list },
        }
    }
}
