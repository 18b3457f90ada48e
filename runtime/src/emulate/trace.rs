//! The record of every value that a run computes.

use super::batch::Batch;
use super::lane::Lane;
use super::worker::{Plan, Worker};
use super::{FEW, HUGE, ONE};
use crate::id::ValueId;
use crate::program::{Program, Step};

/// Every value of a run, in the order of computation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The values.
    pub values: Vec<Traced>,
}

/// One value of the main block, or of one iteration of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The calls it is under, outermost first: call name, `#`, iteration. Empty in the main block.
    pub path: Vec<String>,
    /// The value, in its own block.
    pub value: ValueId,
    /// Frames × elements codes, row-major.
    pub codes: Vec<i64>,
}

impl Trace {
    /// The codes of a value, if it was computed.
    pub fn codes(&self, path: &[&str], value: ValueId) -> Option<&[i64]> {
        let is_it = |traced: &&Traced| traced.value == value && traced.path == path;
        self.values.iter().find(is_it).map(|traced| traced.codes.as_slice())
    }
}

/// Runs `batch` on one thread, with a record of every value.
pub(super) fn record<T: Lane>(program: &Program, plan: &Plan<T>, batch: Batch<'_>) -> Trace {
    match plan.elements() {
        HUGE.. => in_lanes::<T, ONE>(program, plan, batch),
        _ => in_lanes::<T, FEW>(program, plan, batch),
    }
}

fn in_lanes<T: Lane, const L: usize>(program: &Program, plan: &Plan<T>, batch: Batch<'_>) -> Trace {
    let mut worker = Worker::<T, L>::new(program, plan);
    let mut trace = Trace::default();
    for mut block in batch.split(L) {
        let frames = block.frames;
        let mut number = 0;
        let mut observe = |path: &[(usize, u32)], value, lanes: &[[T; L]]| {
            if number == trace.values.len() {
                let path = names(program, path);
                trace.values.push(Traced { path, value, codes: Vec::new() });
            }
            let codes = &mut trace.values[number].codes;
            codes.extend((0..frames).flat_map(|lane| lanes.iter().map(move |lanes| lanes[lane].code())));
            number += 1;
        };
        worker.run(&mut block, Some(&mut observe));
    }
    trace
}

fn names(program: &Program, path: &[(usize, u32)]) -> Vec<String> {
    let mut block = program.main();
    let mut names = Vec::new();
    for &(step, iteration) in path {
        if let Step::Call(call) = &block.steps[step] {
            names.push(format!("{}#{iteration}", call.name));
            block = program.block(call.block);
        }
    }
    names
}
