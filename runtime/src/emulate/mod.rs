//! The bit-exact emulator: what a [`Program`] answers, frame by frame, computed in blocks of frames.
//!
//! Every frame is one lane of a block; a value is a row of elements, an element a row of lanes. Addresses and
//! constants are resolved once for all frames. Lanes are 32-bit where the interval analysis allows it.

mod batch;
mod code;
mod evaluate;
mod lane;
mod layer;
mod linear;
mod plan;
mod simd;
mod store;
mod trace;
mod worker;

use std::sync::Arc;

use rayon::prelude::*;

pub use trace::{Trace, Traced};

use crate::expr::Op;
use crate::format::Interval;
use crate::program::{Program, Step};
use crate::range::{self, BlockRange};
use batch::Batch;
use lane::Lane;
use plan::BlockPlan;
use simd::Level;
use worker::{Plan, Worker};

/// Why a program cannot be run, or an input not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmulateError {
    /// The program breaks an invariant: it was not validated.
    #[error("the program is inconsistent: {0}")]
    Invalid(String),
    /// More or fewer inputs than the program has.
    #[error("{found} inputs were given, the program has {expected}")]
    Inputs {
        /// Inputs given.
        found: usize,
        /// Inputs of the program.
        expected: usize,
    },
    /// An input that is not `frames` times its number of elements long.
    #[error("input {input} has {found} codes, {expected} were expected")]
    Length {
        /// Number of the input.
        input: usize,
        /// Codes given.
        found: usize,
        /// Codes expected.
        expected: usize,
    },
    /// A code that the input's format cannot hold.
    #[error("input {input}, frame {frame}, element {element}: the code {code} is outside the input's format")]
    Code {
        /// Number of the input.
        input: usize,
        /// The frame.
        frame: usize,
        /// Row-major element.
        element: usize,
        /// The code.
        code: i64,
    },
}

enum Plans {
    Narrow(Plan<i32>),
    Wide(Plan<i64>),
}

/// A program, ready to run.
pub struct Emulator {
    program: Arc<Program>,
    plans: Plans,
    lanes: usize,
    pool: Option<Arc<rayon::ThreadPool>>,
    sequential: bool,
}

/// How an emulator works; the answers do not depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// 64-bit lanes even where 32 bits would do.
    pub wide: bool,
    /// Only instructions that every processor of the architecture has.
    pub baseline: bool,
    /// Resolve every address anew in each run, as happens by itself where a program is too large to hold them.
    pub unstored: bool,
}

const MANY: usize = 64;
const FEW: usize = 16;
/// Elements from which a worker takes few lanes at a time, so that its memory stays bearable.
const LARGE: usize = 1 << 16;
/// Blocks of lanes that one task runs.
const BLOCKS: usize = 8;

impl Emulator {
    /// Prepares a validated program.
    pub fn new(program: &Program) -> Result<Self, EmulateError> {
        Self::with_settings(program, Settings::default())
    }

    /// Prepares a validated program to be run in a given way.
    pub fn with_settings(program: &Program, settings: Settings) -> Result<Self, EmulateError> {
        let analysed = program.blocks.iter().map(|block| range::analyse(program, block));
        let ranges: Vec<BlockRange> = analysed
            .collect::<Result<_, _>>()
            .map_err(|(step, error)| EmulateError::Invalid(format!("{step}: {error}")))?;
        let narrow = Interval::new(i32::MIN.into(), i32::MAX.into());
        let fits = program.blocks.iter().zip(&ranges).all(|(block, range)| {
            narrow.contains(range.peak)
                && range.elements.iter().all(|elements| narrow.contains(range::join(elements)))
                && plan::outside(block).iter().all(|&value| narrow.contains(Interval::point(value.into())))
        });
        let level = if settings.baseline { Level::baseline() } else { Level::detect() };
        let room = if settings.unstored { 0 } else { store::CAPACITY };
        let plans = if fits && !settings.wide {
            Plans::Narrow(build(program, &ranges, level, room)?)
        } else {
            Plans::Wide(build(program, &ranges, level, room)?)
        };
        let elements: usize = match &plans {
            Plans::Narrow(plan) => plan.blocks.iter().map(|block| block.elements).sum(),
            Plans::Wide(plan) => plan.blocks.iter().map(|block| block.elements).sum(),
        };
        let lanes = if elements < LARGE { MANY } else { FEW };
        Ok(Self { program: Arc::new(program.clone()), plans, lanes, pool: None, sequential: false })
    }

    /// The same emulator on `threads` threads of its own; 1 is the caller's thread alone. Otherwise the global
    /// rayon pool is used.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.sequential = threads == 1;
        self.pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok().map(Arc::new))
            .flatten();
        self
    }

    /// The codes of every output, `frames` × elements each, row-major. `inputs[i]` has `frames` × elements codes.
    pub fn run(&self, inputs: &[&[i64]], frames: usize) -> Result<Vec<Vec<i64>>, EmulateError> {
        self.check(inputs, frames)?;
        let mut outputs = self.outputs(frames);
        let whole = Batch::new(frames, inputs, &mut outputs);
        match (&self.plans, self.lanes) {
            (Plans::Narrow(plan), MANY) => self.spread::<i32, MANY>(plan, whole),
            (Plans::Narrow(plan), _) => self.spread::<i32, FEW>(plan, whole),
            (Plans::Wide(plan), MANY) => self.spread::<i64, MANY>(plan, whole),
            (Plans::Wide(plan), _) => self.spread::<i64, FEW>(plan, whole),
        }
        Ok(outputs)
    }

    /// The same, with the codes of every value of the main block and of every iteration of every call. One thread.
    pub fn run_traced(
        &self,
        inputs: &[&[i64]],
        frames: usize,
    ) -> Result<(Vec<Vec<i64>>, Trace), EmulateError> {
        self.check(inputs, frames)?;
        let mut outputs = self.outputs(frames);
        let whole = Batch::new(frames, inputs, &mut outputs);
        let trace = match &self.plans {
            Plans::Narrow(plan) => trace::record::<i32, FEW>(&self.program, plan, whole),
            Plans::Wide(plan) => trace::record::<i64, FEW>(&self.program, plan, whole),
        };
        Ok((outputs, trace))
    }

    /// The program that is run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    fn check(&self, inputs: &[&[i64]], frames: usize) -> Result<(), EmulateError> {
        let expected = self.program.main().params.len();
        if inputs.len() != expected {
            return Err(EmulateError::Inputs { found: inputs.len(), expected });
        }
        for (input, codes) in inputs.iter().enumerate() {
            let value = self.program.input_value(input);
            let (len, found) = (value.len(), codes.len());
            if frames.checked_mul(len) != Some(found) {
                return Err(EmulateError::Length { input, found, expected: frames.saturating_mul(len) });
            }
            let range = value.format.interval();
            let (lo, hi) = (range.lo as i64, range.hi as i64);
            if let Some(at) = codes.iter().position(|&code| code < lo || code > hi) {
                return Err(EmulateError::Code {
                    input,
                    frame: at / len,
                    element: at % len,
                    code: codes[at],
                });
            }
        }
        Ok(())
    }

    fn outputs(&self, frames: usize) -> Vec<Vec<i64>> {
        let main = self.program.main();
        main.results.iter().map(|&id| vec![0; frames * main.value(id).len()]).collect()
    }

    fn spread<T: Lane, const L: usize>(&self, plan: &Plan<T>, whole: Batch<'_>) {
        let batches = whole.split(L * BLOCKS);
        let worker = || Worker::<T, L>::new(&self.program, plan);
        let run = |worker: &mut Worker<'_, T, L>, batch: Batch<'_>| {
            for mut block in batch.split(L) {
                worker.run(&block.inputs, &mut block.outputs, None);
            }
        };
        if self.sequential || batches.len() < 2 {
            let mut worker = worker();
            batches.into_iter().for_each(|batch| run(&mut worker, batch));
            return;
        }
        let spread = || batches.into_par_iter().for_each_init(worker, run);
        match &self.pool {
            Some(pool) => pool.install(spread),
            None => spread(),
        }
    }
}

fn build<T: Lane>(
    program: &Program,
    ranges: &[BlockRange],
    level: Level,
    room: usize,
) -> Result<Plan<T>, EmulateError> {
    let mut room = room;
    let blocks = program.blocks.iter().zip(ranges).map(|(block, range)| {
        BlockPlan::new(program, block, range, &mut room)
            .ok_or_else(|| EmulateError::Invalid(format!("block {} has too many elements", block.name)))
    });
    let mut looked_up = vec![false; program.tables.len()];
    for step in program.blocks.iter().flat_map(|block| &block.steps) {
        if let Step::Kernel(kernel) = step {
            for op in kernel.body.nodes().iter().chain(kernel.finish.nodes()) {
                if let Op::Lut { table, .. } = op {
                    looked_up[table.index()] = true;
                }
            }
        }
    }
    let tables = program.tables.iter().zip(looked_up);
    let tables = tables
        .map(|(table, used)| table.data.iter().filter(|_| used).map(|&value| T::of(value)).collect())
        .collect();
    Ok(Plan { blocks: blocks.collect::<Result<_, _>>()?, tables, level })
}
