//! The plan of a program whose lanes are neighbouring columns of one frame.

use std::collections::BTreeMap;

use super::layout::{LANES, Layout, Line};
use super::mask::Reach;
use super::run::State;
use crate::emulate::code::{Code, PINNED, Places};
use crate::emulate::lane::Lane;
use crate::emulate::layer::{Body, Layer};
use crate::emulate::plan::outside;
use crate::emulate::simd::Level;
use crate::emulate::store::Place;
use crate::id::ValueId;
use crate::kernel::{Access, Kernel, Reduction};
use crate::program::{Block, Program, Step};
use crate::range::BlockRange;

/// Consecutive columns of a line that read at the same distances, with the same constants.
pub(super) struct Run {
    pub start: usize,
    pub len: usize,
    pub body: Place,
    pub finish: Place,
}

/// Output lines that read about the same lines.
pub(super) struct Group {
    /// The lines, with their runs.
    pub lines: Vec<(usize, std::ops::Range<usize>)>,
    pub reaches: Vec<Reach>,
    /// Whether a run reads across the ends of lines, so that no part of it is ever left out.
    pub always: bool,
}

pub(super) struct RowLayer<T> {
    pub body: Body<T>,
    pub points: usize,
    pub reduction: Reduction,
    pub finish: Option<(Code, Vec<Vec<i64>>)>,
    pub runs: Vec<Run>,
    pub groups: Vec<Group>,
    /// Whether another kernel reads the result.
    pub is_read: bool,
}

/// A program of one block, planned line by line.
pub(in crate::emulate) struct RowPlan<T> {
    pub(super) layers: Vec<RowLayer<T>>,
    pub(super) layout: Layout,
    pub(super) inputs: Vec<(usize, usize)>,
    pub(super) outputs: Vec<(usize, usize)>,
    pub(super) tables: Vec<Vec<T>>,
    pub(super) level: Level,
    /// All that the memory holds after a frame of zeros.
    pub(super) empty: Vec<T>,
}

/// Whether a program is one block in which nothing is addressed at run time.
pub(in crate::emulate) fn is_possible(program: &Program) -> bool {
    let [block] = program.blocks.as_slice() else { return false };
    block.steps.iter().all(|step| match step {
        Step::Kernel(kernel) => kernel.scatter.is_none() && is_static(kernel),
        Step::Call(_) => false,
    })
}

/// Whether most of the work is also on long lines, so that a plan by lines is worth making.
pub(in crate::emulate) fn is_promising(program: &Program) -> bool {
    let (mut long, mut short) = (0usize, 0usize);
    if !is_possible(program) {
        return false;
    }
    for step in &program.main().steps {
        let Step::Kernel(kernel) = step else { return false };
        let value = program.main().value(kernel.out);
        let work = value.len().saturating_mul(kernel.extent.iter().product::<usize>().max(1));
        let is_long = value.shape.last().is_some_and(|&extent| extent >= LANES / 2);
        let sum = if is_long { &mut long } else { &mut short };
        *sum = sum.saturating_add(work);
    }
    long > short
}

/// Whether every place that is read is known before any frame is seen.
fn is_static(kernel: &Kernel) -> bool {
    let runtime = |access: &Access| matches!(access, Access::Runtime(_));
    !kernel.reads.iter().any(|read| read.index.iter().any(runtime))
}

impl<T: Lane> RowPlan<T> {
    pub fn level(&self) -> Level {
        self.level
    }

    /// The plan of a program of one static block, or `None` if it cannot be held. `forced` asks for it even where
    /// most runs are shorter than the lanes.
    pub fn new(
        program: &Program,
        range: &BlockRange,
        tables: Vec<Vec<T>>,
        level: Level,
        room: &mut usize,
        forced: bool,
    ) -> Option<Self> {
        let block = program.main();
        let outside = outside(block);
        let layout = Layout::new(block, outside.len())?;
        let places =
            Places { program, block, values: &layout.starts, outside: &outside, margins: &layout.margins };
        let (mut layers, mut spent, mut needed) = (Vec::new(), 0, 0);
        for (number, step) in block.steps.iter().enumerate() {
            let Step::Kernel(kernel) = step else { return None };
            let layer = Layer::new(&places, kernel, number, range, room);
            if layer.is_partial() {
                return None;
            }
            let runs = runs(&layer, &layout, block, kernel);
            for run in runs.iter().flat_map(|(_, runs)| runs) {
                let work = match &layer.body {
                    Body::Linear(lists) => lists[run.body.list as usize].terms.len(),
                    Body::General { code, .. } => layer.points * code.instructions.len(),
                } + 8;
                needed += run.len * work;
                spent += run.len.next_multiple_of(LANES) * work;
            }
            let is_read = block.steps.iter().any(|step| step.reads().any(|id| id == kernel.out));
            layers.push(RowLayer::new(layer, runs, &layout, block, kernel.out, is_read));
        }
        if !forced && spent > 2 * needed {
            return None;
        }
        let lines = |&id: &ValueId| {
            let first = layout.first[id.index()];
            let value = block.value(id);
            (first, first + value.len() / value.shape.last().copied().unwrap_or(1).max(1))
        };
        let (inputs, outputs) =
            (block.params.iter().map(lines).collect(), block.results.iter().map(lines).collect());
        let mut empty = vec![T::default(); layout.elements];
        for (row, &value) in empty.chunks_exact_mut(LANES).zip(&outside) {
            row.fill(T::of(value));
        }
        for &Line { address, extent, margin, outside, .. } in &layout.lines {
            empty[address - margin.before..address].fill(T::of(outside));
            empty[address + extent..][..margin.after].fill(T::of(outside));
        }
        let mut plan = Self { layers, layout, inputs, outputs, tables, level, empty };
        let mut state = State::new(&plan);
        state.compute(&plan, true);
        plan.empty = state.into_memory();
        Some(plan)
    }
}

/// The runs of each output line.
fn runs<T: Lane>(
    layer: &Layer<T>,
    layout: &Layout,
    block: &Block,
    kernel: &Kernel,
) -> Vec<(usize, Vec<Run>)> {
    let body_moves: Vec<bool> = match &layer.body {
        Body::Linear(lists) => lists.iter().map(|list| !list.terms.is_empty()).collect(),
        Body::General { code, lists } => lists.iter().map(|words| moves(code, words)).collect(),
    };
    let finish_moves: Vec<bool> = match &layer.finish {
        Some((code, lists)) => lists.iter().map(|words| moves(code, words)).collect(),
        None => Vec::new(),
    };
    let follows = |last: Place, next: Place, by: usize, moves: &[bool]| {
        last.list == next.list
            && (!moves[last.list as usize] || last.base.wrapping_add(by as u32) == next.base)
    };
    let none = Place { base: 0, list: 0 };
    let value = block.value(kernel.out);
    let extent = value.shape.last().copied().unwrap_or(1);
    let lines = value.len() / extent.max(1);
    let of_line = |line: usize| {
        let mut found: Vec<Run> = Vec::new();
        for column in 0..extent {
            let position = line * extent + column;
            let body = layer.body_places[position];
            let finish = layer.finish_places.get(position).copied().unwrap_or(none);
            match found.last_mut() {
                Some(run)
                    if follows(run.body, body, run.len, &body_moves)
                        && (layer.finish.is_none()
                            || follows(run.finish, finish, run.len, &finish_moves)) =>
                {
                    run.len += 1;
                }
                _ => found.push(Run { start: column, len: 1, body, finish }),
            }
        }
        (layout.first[kernel.out.index()] + line, found)
    };
    (0..lines).map(of_line).collect()
}

/// The fetch words of a list that move with its base.
fn fetched<'a>(code: &'a Code, words: &'a [i64]) -> impl Iterator<Item = u32> + 'a {
    words
        .chunks_exact(code.words.max(1))
        .flat_map(|site| &site[..code.fetches])
        .filter(|&&word| word & PINNED == 0)
        .map(|&word| word as u32)
}

fn moves(code: &Code, words: &[i64]) -> bool {
    fetched(code, words).next().is_some()
}

type Reaches = BTreeMap<usize, (i32, i32)>;

impl<T: Lane> RowLayer<T> {
    fn new(
        layer: Layer<T>,
        by_line: Vec<(usize, Vec<Run>)>,
        layout: &Layout,
        block: &Block,
        out: ValueId,
        is_read: bool,
    ) -> Self {
        let Layer { body, points, reduction, finish, .. } = layer;
        let mut this =
            Self { body, points, reduction, finish, runs: Vec::new(), groups: Vec::new(), is_read };
        let mut found = Vec::new();
        for (line, runs) in by_line {
            let (mut reaches, mut always) = (Reaches::new(), false);
            for run in &runs {
                always |= !this.reach(run, layout, &mut reaches);
            }
            let first = this.runs.len();
            this.runs.extend(runs);
            found.push((line, first..this.runs.len(), reaches, always));
        }
        // Lines that differ only in their first coordinate: the channels of a convolution.
        let shape = &block.value(out).shape;
        let channels = if shape.len() > 1 { shape[0].max(1) } else { 1 };
        let inner = found.len() / channels;
        for position in 0..inner {
            let lines = || found.iter().skip(position).step_by(inner);
            let mut union = Reaches::new();
            for (line, &(lo, hi)) in lines().flat_map(|(_, _, reaches, _)| reaches) {
                widen(&mut union, *line, lo, hi);
            }
            let apart: usize = lines().map(|(_, _, reaches, _)| reaches.len()).sum();
            let group = |lines, reaches: &Reaches, always| Group {
                lines,
                always,
                reaches: by_piece(reaches, layout),
            };
            if union.len() * channels <= 2 * apart {
                let members = lines().map(|(line, runs, ..)| (*line, runs.clone())).collect();
                this.groups.push(group(members, &union, lines().any(|(.., always)| *always)));
            } else {
                this.groups.extend(lines().map(|(line, runs, reaches, always)| {
                    group(vec![(*line, runs.clone())], reaches, *always)
                }));
            }
        }
        this
    }

    /// Adds what a run reads; false if that goes across the end of a line.
    fn reach(&self, run: &Run, layout: &Layout, reaches: &mut Reaches) -> bool {
        let mut inside = true;
        let mut add = |base: u32, address: u32| {
            let (line, column) = layout.find(base.wrapping_add(address) as usize);
            let Line { extent, margin, .. } = layout.lines[line];
            inside &= column as i64 + run.len as i64 <= (extent + margin.after) as i64;
            let distance = column - run.start as i32;
            widen(reaches, line, distance, distance);
        };
        match &self.body {
            Body::Linear(lists) => {
                let terms = &lists[run.body.list as usize].terms;
                terms.iter().for_each(|(address, _)| add(run.body.base, *address));
            }
            Body::General { code, lists } => {
                fetched(code, &lists[run.body.list as usize]).for_each(|at| add(run.body.base, at));
            }
        }
        if let Some((code, lists)) = &self.finish {
            fetched(code, &lists[run.finish.list as usize]).for_each(|at| add(run.finish.base, at));
        }
        inside
    }
}

/// Lines of pieces of one length together, with what any of them is read at.
fn by_piece(reaches: &Reaches, layout: &Layout) -> Vec<Reach> {
    let mut found: Vec<Reach> = Vec::new();
    for (&line, &(lo, hi)) in reaches {
        let piece = layout.lines[line].piece;
        match found.iter_mut().find(|reach| reach.piece == piece) {
            Some(reach) => {
                reach.lines.push(line as u32);
                (reach.lo, reach.hi) = (reach.lo.min(lo), reach.hi.max(hi));
            }
            None => found.push(Reach { lines: vec![line as u32], piece, lo, hi }),
        }
    }
    found
}

fn widen(reaches: &mut Reaches, line: usize, lo: i32, hi: i32) {
    let reach = reaches.entry(line).or_insert((lo, hi));
    *reach = (reach.0.min(lo), reach.1.max(hi));
}
