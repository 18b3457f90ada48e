//! One worker: the memory of one block of lanes, and the running of a plan on it.

use super::batch::Batch;
use super::code::Places;
use super::codes::{Code, Codes, CodesMut, each};
use super::evaluate::{Scratch, Task};
use super::lane::Lane;
use super::plan::{Action, BlockPlan, Span};
use super::simd::Level;
use crate::id::ValueId;
use crate::program::Program;

/// Every block's plan, for one lane type.
pub(super) struct Plan<T> {
    pub blocks: Vec<BlockPlan<T>>,
    /// The tables that expressions look up at run time; the others are empty.
    pub tables: Vec<Vec<T>>,
    pub level: Level,
}

impl<T> Plan<T> {
    /// Codes that a worker holds for each lane.
    pub fn elements(&self) -> usize {
        self.blocks.iter().map(|block| block.elements).sum()
    }
}

/// Is told of each value that is written: the calls it is under (step and iteration), its number, its lanes.
pub(super) type Observer<'a, T, const L: usize> = dyn FnMut(&[(usize, u32)], ValueId, &[[T; L]]) + 'a;

pub(super) struct Worker<'a, T, const L: usize> {
    program: &'a Program,
    plan: &'a Plan<T>,
    memories: Vec<Vec<[T; L]>>,
    scratch: Scratch<T, L>,
    path: Vec<(usize, u32)>,
}

impl<'a, T: Lane, const L: usize> Worker<'a, T, L> {
    pub fn new(program: &'a Program, plan: &'a Plan<T>) -> Self {
        let memory = |block: &BlockPlan<T>| {
            let mut memory = vec![[T::default(); L]; block.elements];
            for (element, &value) in memory.iter_mut().zip(&block.outside) {
                *element = [T::of(value); L];
            }
            memory
        };
        let memories = plan.blocks.iter().map(memory).collect();
        Self { program, plan, memories, scratch: Scratch::default(), path: Vec::new() }
    }

    /// Runs the main block on up to `L` frames of row-major codes; unused lanes compute frames of zeros.
    pub fn run(&mut self, batch: &mut Batch<'_>, observer: Option<&mut Observer<'_, T, L>>) {
        let Some(main) = self.plan.blocks.last() else { return };
        let last = self.plan.blocks.len() - 1;
        for (codes, span) in batch.inputs.iter().zip(&main.params) {
            each!(Codes, codes, codes => load(codes, &mut self.memories[last][span.range()]));
        }
        self.block(last, observer);
        for (codes, span) in batch.outputs.iter_mut().zip(&main.results) {
            each!(CodesMut, codes, codes => store(&self.memories[last][span.range()], codes));
        }
    }

    fn block(&mut self, number: usize, mut observer: Option<&mut Observer<'_, T, L>>) {
        let (plan, program) = (self.plan, self.program);
        let (own, block) = (&plan.blocks[number], &program.blocks[number]);
        let places = Places { program, block, values: &own.values, outside: &own.outside, margins: &[] };
        for &id in &block.params {
            self.observe(number, id, observer.as_deref_mut());
        }
        for (step, action) in own.actions.iter().enumerate() {
            match action {
                Action::Kernel(layer) => plan.level.run(Task {
                    layer,
                    places: &places,
                    tables: &plan.tables,
                    values: &mut self.memories[number],
                    scratch: &mut self.scratch,
                    level: plan.level,
                }),
                Action::Call { block, repeat, carried, args, results } => {
                    let (callee, params) = (block.index(), &plan.blocks[block.index()].params);
                    let delivered = &plan.blocks[callee].results;
                    self.copy(number, args, callee, params);
                    for iteration in 0..*repeat {
                        self.path.push((step, iteration));
                        self.block(callee, observer.as_deref_mut());
                        self.path.pop();
                        if iteration + 1 < *repeat {
                            self.carry(callee, &delivered[..*carried], &params[..*carried]);
                        }
                    }
                    self.copy(callee, delivered, number, results);
                }
            }
            for &id in block.steps[step].writes() {
                self.observe(number, id, observer.as_deref_mut());
            }
        }
    }

    fn observe(&self, number: usize, id: ValueId, observer: Option<&mut Observer<'_, T, L>>) {
        if let Some(observer) = observer {
            let start = self.plan.blocks[number].values[id.index()] as usize;
            let len = self.program.blocks[number].value(id).len();
            observer(&self.path, id, &self.memories[number][Span { start, len }.range()]);
        }
    }

    fn copy(&mut self, from: usize, sources: &[Span], to: usize, targets: &[Span]) {
        if let Ok([from, to]) = self.memories.get_disjoint_mut([from, to]) {
            for (source, target) in sources.iter().zip(targets) {
                to[target.range()].copy_from_slice(&from[source.range()]);
            }
        }
    }

    /// Copies results to parameters at the same time: a result may itself be a parameter.
    fn carry(&mut self, block: usize, sources: &[Span], targets: &[Span]) {
        let memory = &mut self.memories[block];
        let held: Vec<Vec<[T; L]>> = sources.iter().map(|span| memory[span.range()].to_vec()).collect();
        for (held, target) in held.iter().zip(targets) {
            memory[target.range()].copy_from_slice(held);
        }
    }
}

fn load<C: Code, T: Lane, const L: usize>(codes: &[C], memory: &mut [[T; L]]) {
    let len = memory.len();
    for (element, lanes) in memory.iter_mut().enumerate() {
        for (lane, slot) in lanes.iter_mut().enumerate() {
            *slot = T::of(codes.get(lane * len + element).map_or(0, |code| code.widen()));
        }
    }
}

fn store<C: Code, T: Lane, const L: usize>(memory: &[[T; L]], codes: &mut [C]) {
    for (lane, frame) in codes.chunks_exact_mut(memory.len().max(1)).enumerate() {
        for (code, lanes) in frame.iter_mut().zip(memory) {
            *code = C::narrow(lanes[lane].code());
        }
    }
}
