//! The bit-exact emulator: what a [`Program`] answers, frame by frame, computed in blocks of frames.
//!
//! Lanes are frames, or neighbouring columns of one frame where lines are long, as in images: `rows`. Addresses and
//! constants are resolved once for all frames. Lanes are as narrow as the interval analysis allows.

mod batch;
mod code;
mod codes;
mod evaluate;
mod lane;
mod layer;
mod linear;
mod plan;
mod rows;
mod simd;
mod store;
mod trace;
mod worker;

use std::sync::{Arc, Mutex, OnceLock};

use rayon::prelude::*;

pub use codes::{Codes, CodesMut};
pub use simd::Instructions;
pub use trace::{Trace, Traced};

use crate::expr::Op;
use crate::format::Interval;
use crate::program::{Program, Step};
use crate::range::{self, BlockRange};
use batch::Batch;
use lane::Lane;
use plan::BlockPlan;
use rows::{RowPlan, State};
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
    /// Room for more or fewer outputs than the program has.
    #[error("there is room for {found} outputs, the program has {expected}")]
    Outputs {
        /// Outputs that there is room for.
        found: usize,
        /// Outputs of the program.
        expected: usize,
    },
    /// Room for an output that is not `frames` times its number of elements long.
    #[error("output {output} has room for {found} codes, {expected} are delivered")]
    OutputLength {
        /// Number of the output.
        output: usize,
        /// Room given.
        found: usize,
        /// Codes delivered.
        expected: usize,
    },
    /// Room of integers that the output's format does not fit.
    #[error("output {output} has the format {format}, which does not fit the integers given for it")]
    OutputWidth {
        /// Number of the output.
        output: usize,
        /// Its format.
        format: String,
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

/// Lanes are frames.
enum Plans {
    Narrow(Plan<i32>),
    Wide(Plan<i64>),
}

/// Lanes are columns.
enum Rows {
    Short(Pool<i16>),
    Narrow(Pool<i32>),
}

/// A plan, and the memories of the workers that have run it.
struct Pool<T> {
    plan: RowPlan<T>,
    idle: Mutex<Vec<State<T>>>,
}

/// A program, ready to run.
pub struct Emulator {
    program: Arc<Program>,
    settings: Settings,
    rows: Option<Rows>,
    /// Made when it is needed, if there are rows.
    plans: OnceLock<Result<Plans, EmulateError>>,
    pool: Option<Arc<rayon::ThreadPool>>,
    sequential: bool,
}

/// What the lanes of vector registers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// Whatever is expected to be faster.
    #[default]
    Auto,
    /// Frames.
    Frames,
    /// Neighbouring columns of one frame, where the program has one block and nothing is addressed at run time.
    Columns,
}

/// How an emulator works; the answers do not depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// 64-bit lanes even where fewer bits would do; 32 bits if they are columns.
    pub wide: bool,
    /// The instructions that are used.
    pub instructions: Instructions,
    /// Resolve every address anew in each run, as happens by itself where a program is too large to hold them.
    pub unstored: bool,
    /// What lanes are.
    pub lanes: Lanes,
}

const MANY: usize = 64;
const FEW: usize = 16;
const ONE: usize = 1;
/// Elements from which a worker takes few lanes at a time, so that its memory stays bearable.
const LARGE: usize = 1 << 16;
/// Elements from which it takes one: as many codes as [`ELEMENT_LIMIT`](crate::validate::ELEMENT_LIMIT) are a gigabyte.
const HUGE: usize = 1 << 22;
/// Blocks of lanes that one task runs.
const BLOCKS: usize = 8;
/// Frames that one task runs column by column.
const FRAMES: usize = 8;

impl Emulator {
    /// Prepares a validated program.
    pub fn new(program: &Program) -> Result<Self, EmulateError> {
        Self::with_settings(program, Settings::default())
    }

    /// Prepares a validated program to be run in a given way.
    pub fn with_settings(program: &Program, settings: Settings) -> Result<Self, EmulateError> {
        let ranges = analyse(program)?;
        let wanted = match settings.lanes {
            Lanes::Auto => rows::is_promising(program),
            Lanes::Frames => false,
            Lanes::Columns => rows::is_possible(program),
        };
        let rows = if wanted { Rows::new(program, &ranges, settings) } else { None };
        let plans = OnceLock::new();
        if rows.is_none() {
            let plan = Plans::new(program, &ranges, settings)?;
            let _ = plans.set(Ok(plan));
        }
        let program = Arc::new(program.clone());
        Ok(Self { program, settings, rows, plans, pool: None, sequential: false })
    }

    fn plans(&self) -> Result<&Plans, EmulateError> {
        let make = || Plans::new(&self.program, &analyse(&self.program)?, self.settings);
        self.plans.get_or_init(make).as_ref().map_err(Clone::clone)
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
        let inputs: Vec<Codes<'_>> = inputs.iter().map(|&codes| codes.into()).collect();
        self.check(&inputs, frames)?;
        let mut outputs = self.outputs(frames);
        let room = outputs.iter_mut().map(|codes| codes.as_mut_slice().into()).collect();
        self.spread(Batch { frames, inputs, outputs: room })?;
        Ok(outputs)
    }

    /// [`run`](Self::run) with codes of any width that the formats fit, into the caller's memory: 8 bits instead of
    /// 64 for an image of one bit, where moving them would take longer than the network.
    pub fn run_into(
        &self,
        inputs: &[Codes<'_>],
        outputs: Vec<CodesMut<'_>>,
        frames: usize,
    ) -> Result<(), EmulateError> {
        self.check(inputs, frames)?;
        let expected = self.program.main().results.len();
        if outputs.len() != expected {
            return Err(EmulateError::Outputs { found: outputs.len(), expected });
        }
        for (output, codes) in outputs.iter().enumerate() {
            let (value, found) = (self.program.output_value(output), codes.len());
            if frames.checked_mul(value.len()) != Some(found) {
                let expected = frames.saturating_mul(value.len());
                return Err(EmulateError::OutputLength { output, found, expected });
            }
            let (lo, hi) = codes.bounds();
            if !Interval::new(lo.into(), hi.into()).contains(value.format.interval()) {
                return Err(EmulateError::OutputWidth { output, format: value.format.to_string() });
            }
        }
        self.spread(Batch { frames, inputs: inputs.to_vec(), outputs })
    }

    /// The same as [`run`](Self::run), with the codes of every value of the main block and of every iteration of every
    /// call. One thread, frames as lanes.
    pub fn run_traced(
        &self,
        inputs: &[&[i64]],
        frames: usize,
    ) -> Result<(Vec<Vec<i64>>, Trace), EmulateError> {
        let inputs: Vec<Codes<'_>> = inputs.iter().map(|&codes| codes.into()).collect();
        self.check(&inputs, frames)?;
        let mut outputs = self.outputs(frames);
        let room = outputs.iter_mut().map(|codes| codes.as_mut_slice().into()).collect();
        let whole = Batch { frames, inputs, outputs: room };
        let trace = match self.plans()? {
            Plans::Narrow(plan) => trace::record(&self.program, plan, whole),
            Plans::Wide(plan) => trace::record(&self.program, plan, whole),
        };
        Ok((outputs, trace))
    }

    /// The program that is run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    fn check(&self, inputs: &[Codes<'_>], frames: usize) -> Result<(), EmulateError> {
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
            if let Some((at, code)) = codes.stray(range.lo as i64, range.hi as i64) {
                return Err(EmulateError::Code { input, frame: at / len, element: at % len, code });
            }
        }
        Ok(())
    }

    fn outputs(&self, frames: usize) -> Vec<Vec<i64>> {
        let main = self.program.main();
        main.results.iter().map(|&id| vec![0; frames * main.value(id).len()]).collect()
    }

    fn spread(&self, whole: Batch<'_>) -> Result<(), EmulateError> {
        match &self.rows {
            Some(Rows::Short(pool)) => self.columns(pool, whole),
            Some(Rows::Narrow(pool)) => self.columns(pool, whole),
            None => match self.plans()? {
                Plans::Narrow(plan) => self.planned(plan, whole),
                Plans::Wide(plan) => self.planned(plan, whole),
            },
        }
        Ok(())
    }

    fn planned<T: Lane>(&self, plan: &Plan<T>, whole: Batch<'_>) {
        match plan.elements() {
            HUGE.. => self.frames::<T, ONE>(plan, whole),
            LARGE.. => self.frames::<T, FEW>(plan, whole),
            _ => self.frames::<T, MANY>(plan, whole),
        }
    }

    fn columns<T: Lane>(&self, pool: &Pool<T>, whole: Batch<'_>) {
        let run = |state: &mut Taken<'_, T>, mut batch: Batch<'_>| {
            if let Some(state) = &mut state.state {
                pool.plan.level().run_rows(state, &pool.plan, &mut batch);
            }
        };
        self.distribute(whole.split(FRAMES), || Taken::from(pool), run);
    }

    fn frames<T: Lane, const L: usize>(&self, plan: &Plan<T>, whole: Batch<'_>) {
        let run = |worker: &mut Worker<'_, T, L>, batch: Batch<'_>| {
            for mut block in batch.split(L) {
                worker.run(&mut block, None);
            }
        };
        self.distribute(whole.split(L * BLOCKS), || Worker::<T, L>::new(&self.program, plan), run);
    }

    fn distribute<'a, W>(
        &self,
        batches: Vec<Batch<'a>>,
        worker: impl Fn() -> W + Send + Sync,
        run: impl Fn(&mut W, Batch<'a>) + Send + Sync,
    ) {
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

/// A worker's memory, given back at the end.
struct Taken<'a, T> {
    pool: &'a Pool<T>,
    state: Option<State<T>>,
}

impl<'a, T: Lane> From<&'a Pool<T>> for Taken<'a, T> {
    fn from(pool: &'a Pool<T>) -> Self {
        let idle = pool.idle.lock().ok().and_then(|mut idle| idle.pop());
        Self { pool, state: Some(idle.unwrap_or_else(|| State::new(&pool.plan))) }
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        if let (Some(state), Ok(mut idle)) = (self.state.take(), self.pool.idle.lock()) {
            idle.push(state);
        }
    }
}

fn analyse(program: &Program) -> Result<Vec<BlockRange>, EmulateError> {
    let analysed = program.blocks.iter().map(|block| range::analyse(program, block));
    analysed
        .collect::<Result<_, _>>()
        .map_err(|(step, error)| EmulateError::Invalid(format!("{step}: {error}")))
}

/// Whether everything that is computed fits `T`.
fn fits<T>(program: &Program, ranges: &[BlockRange]) -> bool {
    let bits = 8 * size_of::<T>() as u32 - 1;
    let narrow = Interval::new(-(1 << bits), (1 << bits) - 1);
    program.blocks.iter().zip(ranges).all(|(block, range)| {
        narrow.contains(range.peak)
            && range.elements.iter().all(|elements| narrow.contains(range::join(elements)))
            && plan::outside(block).iter().all(|&value| narrow.contains(Interval::point(value.into())))
    })
}

impl Rows {
    fn new(program: &Program, ranges: &[BlockRange], settings: Settings) -> Option<Self> {
        fn pool<T: Lane>(program: &Program, range: &BlockRange, settings: Settings) -> Option<Pool<T>> {
            let level = Level::detect(settings.instructions);
            let forced = settings.lanes == Lanes::Columns;
            let mut room = store::CAPACITY;
            let plan = RowPlan::new(program, range, tables(program), level, &mut room, forced)?;
            Some(Pool { plan, idle: Mutex::default() })
        }
        if fits::<i16>(program, ranges) && !settings.wide {
            pool(program, ranges.last()?, settings).map(Self::Short)
        } else if fits::<i32>(program, ranges) {
            pool(program, ranges.last()?, settings).map(Self::Narrow)
        } else {
            None
        }
    }
}

impl Plans {
    fn new(program: &Program, ranges: &[BlockRange], settings: Settings) -> Result<Self, EmulateError> {
        let level = Level::detect(settings.instructions);
        let room = if settings.unstored { 0 } else { store::CAPACITY };
        Ok(if fits::<i32>(program, ranges) && !settings.wide {
            Self::Narrow(build(program, ranges, level, room)?)
        } else {
            Self::Wide(build(program, ranges, level, room)?)
        })
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
    Ok(Plan { blocks: blocks.collect::<Result<_, _>>()?, tables: tables(program), level })
}

/// The tables that expressions look up while running; the others are left empty.
fn tables<T: Lane>(program: &Program) -> Vec<Vec<T>> {
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
    let used = program.tables.iter().zip(looked_up);
    used.map(|(table, used)| table.data.iter().filter(|_| used).map(|&value| T::of(value)).collect())
        .collect()
}
