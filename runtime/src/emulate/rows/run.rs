//! Running a plan: frame after frame, and of each frame only what differs from a frame of zeros.

use super::layout::{LANES, Line, WHOLE};
use super::line::{Columns, combine};
use super::mask;
use super::plan::{Group, RowLayer, RowPlan, Run};
use crate::emulate::batch::Batch;
use crate::emulate::codes::{Code as Integer, Codes, CodesMut, each};
use crate::emulate::lane::Lane;
use crate::emulate::layer::Body;

/// The memory of one frame, and where it differs from that of a frame of zeros.
pub(in crate::emulate) struct State<T> {
    memory: Vec<T>,
    /// For each line the pieces that may differ.
    differs: Vec<u64>,
    registers: Vec<T>,
    sums: Vec<T>,
    values: Vec<T>,
    none: Vec<T>,
}

/// Columns between two stretches that cost less to compute than a start anew.
const GAP: usize = 2 * LANES;

impl<T: Lane> State<T> {
    /// The state after a frame of zeros.
    pub fn new(plan: &RowPlan<T>) -> Self {
        let registers = plan.layers.iter().map(|layer| {
            let body = if let Body::General { code, .. } = &layer.body { code.instructions.len() } else { 0 };
            body.max(layer.finish.as_ref().map_or(0, |(code, _)| code.instructions.len()))
        });
        Self {
            memory: plan.empty.clone(),
            differs: vec![0; plan.layout.lines.len()],
            registers: vec![T::default(); registers.max().unwrap_or(0) * T::TOGETHER * LANES],
            sums: vec![T::default(); T::TOGETHER * LANES],
            values: vec![T::default(); T::TOGETHER * LANES],
            none: vec![T::default(); T::TOGETHER * LANES],
        }
    }

    pub(super) fn into_memory(self) -> Vec<T> {
        self.memory
    }

    /// Runs the frames of `batch`.
    #[inline(always)]
    pub(in crate::emulate) fn run(&mut self, plan: &RowPlan<T>, batch: &mut Batch<'_>) {
        for frame in 0..batch.frames {
            for (codes, lines) in batch.inputs.iter().zip(&plan.inputs) {
                let len = codes.len() / batch.frames;
                each!(Codes, codes, codes => self.load(plan, *lines, &codes[frame * len..][..len]));
            }
            self.compute(plan, false);
            for (codes, lines) in batch.outputs.iter_mut().zip(&plan.outputs) {
                let len = codes.len() / batch.frames;
                each!(CodesMut, codes, codes => self.store(plan, *lines, &mut codes[frame * len..][..len]));
            }
        }
    }

    #[inline(always)]
    fn load<C: Integer>(&mut self, plan: &RowPlan<T>, (first, past): (usize, usize), codes: &[C]) {
        let mut rest = codes;
        for number in first..past {
            let Line { address, extent, piece, .. } = plan.layout.lines[number];
            let piece = piece.len();
            let (codes, after) = rest.split_at(extent);
            rest = after;
            let before = self.differs[number];
            let mut now = 0;
            for (bit, codes) in codes.chunks(piece).enumerate() {
                let is_set = !C::are_zero(codes);
                now |= u64::from(is_set) << bit;
                if is_set || before >> bit & 1 == 1 {
                    let target = &mut self.memory[address + bit * piece..][..codes.len()];
                    target.iter_mut().zip(codes).for_each(|(slot, code)| *slot = T::of(code.widen()));
                }
            }
            self.differs[number] = now;
        }
    }

    #[inline(always)]
    fn store<C: Integer>(&self, plan: &RowPlan<T>, (first, past): (usize, usize), codes: &mut [C]) {
        let mut rest = codes;
        for &Line { address, extent, .. } in &plan.layout.lines[first..past] {
            let (codes, after) = rest.split_at_mut(extent);
            rest = after;
            let source = &self.memory[address..][..extent];
            codes.iter_mut().zip(source).for_each(|(code, value)| *code = C::narrow(value.code()));
        }
    }

    /// Brings every value up to the inputs; `all` of it, or what may have changed.
    #[inline(always)]
    pub(super) fn compute(&mut self, plan: &RowPlan<T>, all: bool) {
        for layer in &plan.layers {
            for group in &layer.groups {
                self.group(plan, layer, group, all);
            }
        }
    }

    #[inline(always)]
    fn group(&mut self, plan: &RowPlan<T>, layer: &RowLayer<T>, group: &Group, all: bool) {
        let lines = &plan.layout.lines;
        let Some(&(first, _)) = group.lines.first() else { return };
        let Line { extent, piece, .. } = lines[first];
        let full = piece.touched(0, extent);
        let mut reached = if group.always || all { full } else { 0 };
        for reach in &group.reaches {
            if reached == full {
                break;
            }
            let differs = reach.lines.iter().fold(0, |any, &line| any | self.differs[line as usize]);
            reached |= mask::reached(differs, reach, extent, piece);
        }
        let joined = mask::join(reached, GAP.div_ceil(piece.len()));
        for (number, runs) in &group.lines {
            let address = lines[*number].address;
            let stale = self.differs[*number] & !reached;
            for (start, end) in mask::stretches(stale) {
                let columns = address + start * piece.len()..address + (end * piece.len()).min(extent);
                self.memory[columns.clone()].copy_from_slice(&plan.empty[columns]);
            }
            for (start, end) in mask::stretches(joined) {
                let (start, end) = (start * piece.len(), (end * piece.len()).min(extent));
                for run in &layer.runs[runs.clone()] {
                    self.span(plan, layer, run, address, (start, end));
                }
            }
            let mut differs = reached;
            if layer.is_read && reached != full {
                // By rows of lanes, which are compared at once; a piece is a part of a row, or rows are parts of it.
                let step = piece.len().max(LANES);
                for start in (0..extent).step_by(step) {
                    let bits = piece.touched(start, (start + step).min(extent));
                    let columns = address + start..address + (start + step).min(extent);
                    if differs & bits != 0
                        && T::are_equal(&self.memory[columns.clone()], &plan.empty[columns])
                    {
                        differs &= !bits;
                    }
                }
            }
            self.differs[*number] = differs;
        }
    }

    /// Computes the columns of a run that are among `wanted`, and neighbours of the same run.
    #[inline(always)]
    fn span(
        &mut self,
        plan: &RowPlan<T>,
        layer: &RowLayer<T>,
        run: &Run,
        address: usize,
        wanted: (usize, usize),
    ) {
        let (mut at, to) = (wanted.0.max(run.start), wanted.1.min(run.start + run.len));
        while at < to {
            let rows = ((to - at) / LANES).clamp(1, T::TOGETHER);
            // A last piece goes back over its neighbours; in a run that is too short it ends in nothing.
            let start = if to - at >= LANES || run.len < LANES {
                at.min(run.start.max((run.start + run.len).saturating_sub(rows * LANES)))
            } else {
                at.min(run.start + run.len - LANES)
            };
            let width = (rows * LANES).min(run.start + run.len - start);
            self.columns(plan, layer, run, address, start, rows, width);
            at = start + width;
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "one call in the innermost loop")]
    fn columns(
        &mut self,
        plan: &RowPlan<T>,
        layer: &RowLayer<T>,
        run: &Run,
        address: usize,
        start: usize,
        rows: usize,
        width: usize,
    ) {
        let by = (start - run.start) as u32;
        let base = run.body.base.wrapping_add(by);
        let Self { memory, registers, sums, values, none, .. } = self;
        let len = (rows * LANES).next_multiple_of(WHOLE);
        let (sums, values) = (&mut sums[..len], &mut values[..len]);
        match &layer.body {
            Body::Linear(lists) => {
                let sums = &mut sums[..rows * LANES];
                T::sum_line(plan.level, memory, base, &lists[run.body.list as usize], sums);
            }
            Body::General { code, lists } => {
                let words = &lists[run.body.list as usize];
                for point in 0..layer.points {
                    let words = &words[point * code.words..][..code.words];
                    // A body has no accumulator; it only says how many columns there are.
                    let acc = &none[..len];
                    let at = Columns { memory, tables: &plan.tables, words, base, acc };
                    if point == 0 {
                        at.run(code, registers, sums);
                    } else {
                        at.run(code, registers, values);
                        combine(layer.reduction, sums, values);
                    }
                }
            }
        }
        let result = match &layer.finish {
            None => &*sums,
            Some((code, lists)) => {
                let words = &lists[run.finish.list as usize];
                let base = run.finish.base.wrapping_add(by);
                Columns { memory, tables: &plan.tables, words, base, acc: &*sums }
                    .run(code, registers, values);
                &*values
            }
        };
        memory[address + start..][..width].copy_from_slice(&result[..width]);
    }
}
