//! Plans of blocks: where values live, and what each step does.

use super::code::Places;
use super::lane::Lane;
use super::layer::Layer;
use crate::id::{BlockId, ValueId};
use crate::program::{Block, Program, Step};
use crate::range::BlockRange;

/// Consecutive elements of a block's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub start: usize,
    pub len: usize,
}

impl Span {
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }
}

pub(super) enum Action<T> {
    Kernel(Box<Layer<T>>),
    Call { block: BlockId, repeat: u32, carried: usize, args: Vec<Span>, results: Vec<Span> },
}

/// A block's memory begins with the constants that reads deliver outside, one element each.
pub(super) struct BlockPlan<T> {
    pub elements: usize,
    pub outside: Vec<i64>,
    pub values: Vec<u32>,
    pub actions: Vec<Action<T>>,
    pub params: Vec<Span>,
    pub results: Vec<Span>,
}

impl<T: Lane> BlockPlan<T> {
    /// The plan of `block`, or `None` if its memory cannot be addressed. `room` is what is left for words.
    pub fn new(program: &Program, block: &Block, range: &BlockRange, room: &mut usize) -> Option<Self> {
        let outside = outside(block);
        let (values, elements) = place_values(block, outside.len());
        u32::try_from(elements).ok()?;
        let values: Vec<u32> = values.into_iter().map(|start| start as u32).collect();
        let places = Places { program, block, values: &values, outside: &outside, margins: &[] };
        let span = |&id: &ValueId| Span { start: values[id.index()] as usize, len: block.value(id).len() };
        let spans = |ids: &[ValueId]| ids.iter().map(span).collect::<Vec<_>>();
        let actions = block.steps.iter().enumerate().map(|(number, step)| match step {
            Step::Kernel(kernel) => {
                Action::Kernel(Box::new(Layer::new(&places, kernel, number, range, room)))
            }
            Step::Call(call) => Action::Call {
                block: call.block,
                repeat: call.repeat,
                carried: call.carried,
                args: spans(&call.args),
                results: spans(&call.results),
            },
        });
        let actions = actions.collect();
        let (params, results) = (spans(&block.params), spans(&block.results));
        Some(Self { elements, actions, params, results, outside, values })
    }
}

/// Every distinct constant that the block's reads deliver outside, ascending.
pub(super) fn outside(block: &Block) -> Vec<i64> {
    let mut found: Vec<i64> = block
        .steps
        .iter()
        .filter_map(|step| if let Step::Kernel(kernel) = step { Some(kernel) } else { None })
        .flat_map(|kernel| kernel.reads.iter().map(|read| read.outside))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// First element of each value, and the number of elements in all. A value's place is free for others after the
/// last step that reads it; those of parameters and results are their own.
fn place_values(block: &Block, reserved: usize) -> (Vec<usize>, usize) {
    let mut last_use: Vec<Option<usize>> = vec![None; block.values.len()];
    for (number, step) in block.steps.iter().enumerate() {
        step.reads().chain(step.writes().iter().copied()).for_each(|id| last_use[id.index()] = Some(number));
    }
    block.params.iter().chain(&block.results).for_each(|id| last_use[id.index()] = Some(usize::MAX));

    let mut memory = Memory { free: Vec::new(), end: reserved };
    let mut starts = vec![0; block.values.len()];
    for &id in &block.params {
        starts[id.index()] = memory.take(block.value(id).len());
    }
    let mut dying: Vec<Vec<ValueId>> = vec![Vec::new(); block.steps.len()];
    for id in block.value_ids() {
        if let Some(step) = last_use[id.index()].filter(|&step| step != usize::MAX) {
            dying[step].push(id);
        }
    }
    for (number, step) in block.steps.iter().enumerate() {
        for &id in step.writes() {
            starts[id.index()] = memory.take(block.value(id).len());
        }
        for &id in &dying[number] {
            memory.give(starts[id.index()], block.value(id).len());
        }
    }
    (starts, memory.end)
}

struct Memory {
    /// Free stretches: start and length, by start, no two touching.
    free: Vec<(usize, usize)>,
    end: usize,
}

impl Memory {
    fn take(&mut self, len: usize) -> usize {
        if let Some(slot) = self.free.iter_mut().find(|(_, free)| *free >= len) {
            let start = slot.0;
            *slot = (start + len, slot.1 - len);
            self.free.retain(|(_, free)| *free > 0);
            return start;
        }
        self.end += len;
        self.end - len
    }

    fn give(&mut self, start: usize, len: usize) {
        let at = self.free.partition_point(|(other, _)| *other < start);
        self.free.insert(at, (start, len));
        let merged = self.free.drain(..).fold(Vec::new(), |mut merged: Vec<(usize, usize)>, (start, len)| {
            match merged.last_mut() {
                Some(last) if last.0 + last.1 == start => last.1 += len,
                _ => merged.push((start, len)),
            }
            merged
        });
        self.free = merged;
    }
}
