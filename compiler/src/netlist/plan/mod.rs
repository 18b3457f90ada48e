//! When each element of each tensor is where: the axes that are spread over beats, and how layers follow each other.
//!
//! A tensor is whole, or its positions come in beats at fixed distances in time: columns of an image, or a raster scan of
//! rows and columns. All distances are constant, so that whatever meets is brought together by delays of known length.

mod accumulate;
mod follow;
mod shift;

use nn2hdl_runtime::interface::{Spread, Travel};
use nn2hdl_runtime::{Block, Program, Step, ValueId};

use crate::datapath::elaborate::Tap;
use crate::diagnostic::Diagnostic;

use shift::REMEMBERED;

pub use accumulate::{Total, total};
pub use follow::Together;

/// How the tensors of a block are spread over time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The axes of each value that are spread, the slowest first; none if it is whole.
    pub ways: Vec<Vec<Spread>>,
    /// How each step moves.
    pub flows: Vec<Flow>,
    /// Cycles between frames.
    pub ii: usize,
}

/// How a step moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// All of it at once, from whole operands; streamed ones are collected before.
    Whole,
    /// Position by position, with its streamed operands.
    Follow(Together),
    /// A running total over the streamed operands, whole at their end.
    Accumulate,
}

impl Flow {
    /// What is computed together.
    pub fn spread(&self) -> &[Spread] {
        match self {
            Self::Follow(together) => &together.spread,
            Self::Whole | Self::Accumulate => &[],
        }
    }

    /// Positions by which `value` moves on from one beat of the step to the next, by level.
    fn steps(&self, value: ValueId) -> &[usize] {
        match self {
            Self::Follow(together) => together.steps.get(&value).map_or(&[], Vec::as_slice),
            Self::Whole | Self::Accumulate => &[],
        }
    }
}

/// Elements of a streamed tensor for which registers are made, so that a layer can read all of them at once.
const COLLECTED: usize = 256;

/// The beats from the first to before the last along one level.
pub type Beats = (i64, i64);

impl Plan {
    /// Everything in one beat.
    pub fn unrolled(block: &Block) -> Self {
        Self {
            ways: vec![Vec::new(); block.values.len()],
            flows: vec![Flow::Whole; block.steps.len()],
            ii: 1,
        }
    }

    /// Elements of all inputs that come in together: what an image's hardware grows with.
    fn parallel(&self, block: &Block) -> usize {
        block.params.iter().map(|&id| self.beat_shape(block, id).iter().product::<usize>()).sum()
    }

    /// How a value of `block` moves.
    pub fn travel(&self, block: &Block, id: ValueId, phase: u32) -> Travel {
        let order = (0..block.value(id).shape.len()).collect();
        Travel { order, spread: self.ways[id.index()].clone(), phase }
    }

    /// The shape of one beat of a value.
    pub fn beat_shape(&self, block: &Block, id: ValueId) -> Vec<usize> {
        shape_of(&block.value(id).shape, &self.ways[id.index()])
    }

    /// Whether `axis` of a value is spread over time.
    pub fn is_streamed(&self, id: ValueId, axis: usize) -> bool {
        self.ways[id.index()].iter().any(|spread| spread.axis == axis)
    }

    /// Where a tap is: cycles after the value's first beat, flat element within the beat.
    pub fn locate(&self, block: &Block, tap: &Tap) -> (i64, usize) {
        let way = &self.ways[tap.value.index()];
        let shape = self.beat_shape(block, tap.value);
        let mut cycles = 0;
        let flat = tap.at.iter().zip(shape).enumerate().fold(0, |flat, (axis, (&at, extent))| {
            let here = match way.iter().find(|spread| spread.axis == axis) {
                Some(spread) => {
                    cycles += at.div_euclid(spread.lanes as i64) * spread.interval as i64;
                    at.rem_euclid(spread.lanes as i64)
                }
                None => at,
            };
            flat * extent + here as usize
        });
        (cycles, flat)
    }

    /// For each level, the beats of the step in which a tap is inside the frame; `None` where that is always.
    pub fn inside(&self, block: &Block, flow: &Flow, tap: &Tap) -> Vec<Option<Beats>> {
        let way = &self.ways[tap.value.index()];
        let shape = &block.value(tap.value).shape;
        let levels = way.iter().zip(flow.spread()).zip(flow.steps(tap.value));
        levels
            .map(|((spread, own), &step)| {
                within(tap.at[spread.axis], step as i64, shape[spread.axis] as i64, own.beats as i64)
            })
            .collect()
    }

    /// For each level, the beats in which lane `at` of a value is not padding.
    pub fn filled(&self, block: &Block, id: ValueId, at: &[usize]) -> Vec<Option<Beats>> {
        let shape = &block.value(id).shape;
        let way = self.ways[id.index()].iter();
        way.map(|spread| {
            let (at, extent) = (at[spread.axis] as i64, shape[spread.axis] as i64);
            within(at, spread.lanes as i64, extent, spread.beats as i64)
        })
        .collect()
    }
}

/// The beats in which `at + beat × step` is at least 0 and less than `extent`; `None` if all `beats` are.
fn within(at: i64, step: i64, extent: i64, beats: i64) -> Option<Beats> {
    let reach = |limit: i64| -(at - limit).div_euclid(step);
    let (first, end) = (reach(0).clamp(0, beats), reach(extent).clamp(0, beats));
    (first > 0 || end < beats).then_some((first, end))
}

/// The shape of one beat of a tensor.
pub fn shape_of(shape: &[usize], way: &[Spread]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    way.iter().for_each(|spread| shape[spread.axis] = spread.lanes);
    shape
}

/// A plan that takes a new frame every `ii` cycles, or in the nearest smaller number that can be had.
pub fn plan(program: &Program, ii: u32) -> Result<Plan, Diagnostic> {
    let block = program.main();
    let ii = ii as usize;
    if ii <= 1 {
        return Ok(Plan::unrolled(block));
    }
    let mut refused = None;
    let mut best: Option<Plan> = None;
    for axes in scans(block) {
        match fewest_lanes(program, &axes, ii) {
            Ok(plan) if best.as_ref().is_none_or(|best| plan.parallel(block) < best.parallel(block)) => {
                best = Some(plan);
            }
            Ok(_) => {}
            Err(problem) => {
                refused.get_or_insert(problem);
            }
        }
    }
    best.ok_or_else(|| refused.unwrap_or_else(|| refuse(&program.name, "an input without axes")))
}

/// The ways in which images may come in, as axes of the first input with the slowest first: by columns or in a raster
/// scan, channels first or last.
fn scans(block: &Block) -> Vec<Vec<usize>> {
    match block.params.first().map_or(0, |&param| block.value(param).shape.len()) {
        0 => Vec::new(),
        1 => vec![vec![0]],
        2 => vec![vec![1], vec![0], vec![0, 1]],
        rank => vec![vec![rank - 1], vec![rank - 2], vec![rank - 2, rank - 1], vec![rank - 3, rank - 2]],
    }
}

/// The plan of fewest lanes that meets the initiation interval.
fn fewest_lanes(program: &Program, axes: &[usize], ii: usize) -> Result<Plan, Diagnostic> {
    let block = program.main();
    let first = block.params.first().map(|&param| block.value(param));
    let extents: Vec<usize> =
        first.map(|value| axes.iter().map(|&axis| value.shape[axis]).collect()).unwrap_or_default();
    let (&columns, rows) =
        extents.split_last().ok_or_else(|| refuse(&program.name, "a program without input"))?;
    let rows: usize = rows.iter().product();
    let mut lanes = columns.saturating_mul(rows).div_ceil(ii).max(1);
    let mut achieved = None;
    while lanes <= columns {
        let plan = spread(program, axes, lanes)?;
        if plan.ii <= ii {
            return Ok(plan);
        }
        achieved = Some(plan.ii);
        // Only another number of beats can change the time that a frame takes.
        let beats = columns.div_ceil(lanes);
        lanes = if beats == 1 { columns + 1 } else { columns.div_ceil(beats - 1) };
    }
    Err(match achieved {
        Some(achieved) => Diagnostic::new(
            "no-stream",
            &program.name,
            format!(
                "a new frame every {ii} cycles cannot be taken: the layers' strides and borders need {achieved}"
            ),
            format!("use `--ii {achieved}` or more, or `--ii 1`"),
        ),
        None => refuse(&program.name, &format!("{rows} rows in {ii} cycles, by raster scan,")),
    })
}

/// Spreads the inputs over `axes`, with `lanes` positions of the last one in a beat, and lets the layers follow.
fn spread(program: &Program, axes: &[usize], lanes: usize) -> Result<Plan, Diagnostic> {
    let block = program.main();
    let mut plan = Plan { ways: vec![Vec::new(); block.values.len()], flows: Vec::new(), ii: 1 };
    let first = block.value(block.params[0]);
    for &param in &block.params {
        let value = block.value(param);
        let alike = axes.iter().all(|&axis| value.shape.get(axis) == first.shape.get(axis));
        if !alike {
            let what = format!("{:?} beside {} of {:?}", value.shape, first.name, first.shape);
            return Err(refuse(&value.name, &format!("an input of shape {what}")));
        }
        let mut interval = 1;
        let mut way = Vec::new();
        for (level, &axis) in axes.iter().enumerate().rev() {
            let lanes = if level + 1 == axes.len() { lanes } else { 1 };
            let beats = value.shape[axis].div_ceil(lanes).max(1);
            way.insert(0, Spread { axis, lanes, beats, interval });
            interval *= beats;
        }
        plan.ways[param.index()] = way;
    }
    for step in &block.steps {
        let flow = flow(program, step, &plan)?;
        let time = |way: &[Spread]| way.iter().map(Spread::reach).sum::<usize>() + 1;
        match step {
            Step::Kernel(kernel) => {
                let way = follow::serialize(flow.spread(), &block.value(kernel.out).shape);
                plan.ii = plan.ii.max(time(flow.spread())).max(time(&way));
                check_rows(&kernel.name, flow.spread())?;
                plan.ways[kernel.out.index()] = way;
            }
            Step::Call(_) => {}
        }
        plan.flows.push(flow);
    }
    let inputs = block.params.iter().map(|&param| &plan.ways[param.index()]);
    let beats = inputs.map(|way| way.iter().map(|spread| spread.beats).product::<usize>()).max();
    plan.ii = plan.ii.max(beats.unwrap_or(1));
    check_results(program, &plan)?;
    Ok(plan)
}

fn flow(program: &Program, step: &Step, plan: &Plan) -> Result<Flow, Diagnostic> {
    let block = program.main();
    if step.reads().all(|value| plan.ways[value.index()].is_empty()) {
        return Ok(Flow::Whole);
    }
    let Step::Kernel(kernel) = step else { return Err(refuse(step.name(), "a call of a block")) };
    if let Some(together) = follow::follow(block, kernel, &plan.ways) {
        return Ok(Flow::Follow(together));
    }
    if accumulate::total(program, kernel, plan).is_some() {
        return Ok(Flow::Accumulate);
    }
    let streamed =
        kernel.reads.iter().map(|read| read.value).filter(|value| !plan.ways[value.index()].is_empty());
    if streamed.map(|value| block.value(value).shape.iter().product::<usize>()).max() <= Some(COLLECTED) {
        return Ok(Flow::Whole);
    }
    if follow::would_follow(block, kernel, &plan.ways) {
        return Err(Diagnostic::new(
            "no-stream",
            &kernel.name,
            "the layer's constants differ from position to position of the image",
            format!(
                "use `--ii 1`; streams carry such weights added or multiplied outside a reduction, on at most \
                 {REMEMBERED} elements; a pool that counts its padding, or rounding other than RND_CONV, may do without"
            ),
        ));
    }
    let large = accumulate::is_large(program, kernel);
    Err(refuse(
        &kernel.name,
        if large { "a layer of so many operations on the whole image" } else { "the layer" },
    ))
}

/// Rows that take longer than the time between them would run into each other.
fn check_rows(layer: &str, spread: &[Spread]) -> Result<(), Diagnostic> {
    let long = spread.windows(2).any(|pair| pair[1].reach() >= pair[0].interval);
    if long { Err(refuse(layer, "rows that are longer than the input's")) } else { Ok(()) }
}

/// All outputs share one `out_valid`.
fn check_results(program: &Program, plan: &Plan) -> Result<(), Diagnostic> {
    let block = program.main();
    let time = |&id: &ValueId| {
        let way = plan.ways[id.index()].iter();
        way.map(|spread| (spread.beats, spread.interval)).collect::<Vec<_>>()
    };
    let mut results = block.results.iter().map(time);
    let first = results.next();
    if results.any(|other| Some(other) != first) {
        return Err(refuse(&program.name, "outputs of different numbers of beats"));
    }
    Ok(())
}

fn refuse(layer: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        "no-stream",
        layer,
        format!("{what} cannot be streamed"),
        format!(
            "use `--ii 1`; streams carry layers that move along the image at constant steps (convolutions, pooling, \
             upsampling, elementwise), sums over all of it, and any layer of at most {COLLECTED} elements"
        ),
    )
}
