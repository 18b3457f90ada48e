//! From problem to proved graph.

use rayon::prelude::*;

use super::attempt::{Task, Weighted, bands};
use super::csd::{Digits, residue};
use super::graph::{AdderGraph, ValueId};
use super::range::Range;
use super::start::Start;
use super::sum::{self, leaves};
use super::table::Packing;
use super::{Cost, Effort, Problem, Solution, SolveError};

/// One level more is taken for saving at least this part of the look-up tables.
const LEVELS_PER_COST: u64 = 200;

/// Levels that an input may come late; later ones count as this.
const LATEST: f64 = 40.0;

/// Columns are compared with each other, and networks improved, where no sum needs more bits.
const ROOMY: u32 = 48;

/// Entries met by a comparison of all columns, at most.
const COMPARED: u64 = 50_000_000;

/// Work of all rounds of one start at the default effort (see `Net::work`).
const WORK: u64 = 8_000_000;

/// How often hashes are salted anew at most.
const SALTS: u32 = 3;

/// Signed digits from which sharing without rounds takes longer than waking threads.
const THREADS_FROM: u32 = 2000;

/// An adder graph of y = x·M, proved equal to it.
pub fn solve(problem: &Problem) -> Result<Solution, SolveError> {
    let columns = weights(problem)?;
    let inputs: Vec<Range> =
        problem.inputs.iter().map(|input| Range { lo: input.lo, hi: input.hi }).collect();
    let levels = input_levels(problem, &inputs);
    let limits = depth_limits(problem, &levels, &columns);
    let starts = starts(problem, &columns);
    let times = match problem.effort {
        Effort::Fast => 0,
        Effort::Default => 1,
        Effort::Thorough { times } => times,
    };
    // Under a limit of depth a round takes longer; fewer bits are found later than fewer additions.
    let additions = if limits.is_some() { digits(&columns) / 5 * 4 } else { digits(&columns) };
    let by_bits = problem.cost == Cost::AdderBits;
    let rounds = if by_bits { additions.saturating_mul(2) } else { additions };
    let packings = packings(&inputs, &columns);
    let mut task = Task {
        inputs: &inputs,
        input_levels: &levels,
        columns: &columns,
        outputs: problem.outputs,
        limits: limits.as_ref(),
        by_bits,
        rounds,
        work: WORK,
        times: if starts == [Start::Apart] { 0 } else { times },
        stop: problem.stop,
        seed: problem.seed,
        salt: 0,
    };
    let ways: Vec<Way> =
        packings.iter().flat_map(|&packing| starts.iter().map(move |&start| (packing, start))).collect();
    let graph = loop {
        let found = best(&task, &ways).and_then(|graph| match graph.prove(problem.matrix) {
            Ok(()) => Ok(graph),
            Err(error) => Err(error.into()),
        });
        match found {
            Ok(graph) => break graph,
            // Two sums may have one hash, and another salt tells them apart.
            Err(_) if task.salt < SALTS => task.salt += 1,
            Err(error) => return Err(error),
        }
    };
    let arrivals: Vec<f64> = problem.inputs.iter().map(|input| input.arrival).collect();
    let ready = graph.arrivals(&arrivals, problem.delay);
    let ready = graph.outputs.iter().map(|c| c.source.map_or(0.0, |s| ready[s.value.index()])).collect();
    Ok(Solution { graph, ready })
}

/// What an attempt begins with.
type Way = (Packing, Start);

/// The cheapest graph of all ways, not proved yet.
fn best(task: &Task, ways: &[Way]) -> Result<AdderGraph, SolveError> {
    if task.times == u32::MAX {
        // There is no end but the stop: as many ways as there are threads go on, those that begin best.
        let mut begun = tried(&Task { times: 1, ..*task }, ways)?;
        begun.truncate(rayon::current_num_threads().max(1));
        let ways: Vec<Way> = begun.iter().map(|found| found.1).collect();
        begun.extend(tried(task, &ways)?);
        return begun
            .into_iter()
            .min_by_key(|found| found.0)
            .map(|found| found.2)
            .ok_or(SolveError::Internal);
    }
    tried(task, ways)?.into_iter().next().map(|found| found.2).ok_or(SolveError::Internal)
}

/// The graphs of some ways, the cheapest first.
fn tried(task: &Task, ways: &[Way]) -> Result<Vec<(u64, Way, AdderGraph)>, SolveError> {
    let attempt = |&way: &Way| {
        let graph = task.attempt(way.0, way.1)?;
        Ok(graph.map(|graph| {
            let depth = u64::from(graph.depth());
            let cost = match task.by_bits {
                true => graph.lut_estimate() * (LEVELS_PER_COST + depth),
                false => (graph.adders() as u64) << 32 | depth,
            };
            (cost, way, graph)
        }))
    };
    let found: Vec<_> = if task.times == 0 && digits(task.columns) < THREADS_FROM {
        ways.iter().map(attempt).collect::<Result<_, SolveError>>()?
    } else {
        ways.par_iter().map(attempt).collect::<Result<_, SolveError>>()?
    };
    let mut found: Vec<(u64, Way, AdderGraph)> = found.into_iter().flatten().collect();
    found.sort_by_key(|found| found.0);
    Ok(found)
}

/// The columns' signed digits.
fn digits(columns: &Weighted) -> u32 {
    columns.iter().flatten().fold(0, |sum: u32, term| sum.saturating_add(Digits::of(term.1).count()))
}

/// What is tried: where numbers are very wide or the matrix very large, only the plainest.
fn starts(problem: &Problem, columns: &Weighted) -> Vec<Start> {
    let widest = columns.iter().flatten().map(|&(value, weight)| {
        let input = &problem.inputs[value.index()];
        u128::from(weight.unsigned_abs()) * u128::from(input.lo.unsigned_abs().max(input.hi.unsigned_abs()))
    });
    let reach = widest.fold(0u128, u128::saturating_add);
    let entries = columns.iter().map(|column| column.len() as u64).sum::<u64>();
    let compared = entries.saturating_mul(columns.len() as u64);
    if reach >> ROOMY > 0 || compared > COMPARED || bands(columns, problem.inputs.len()).len() > 1 {
        return vec![Start::Apart];
    }
    match problem.effort {
        Effort::Fast => vec![Start::Apart, Start::Tree],
        _ => vec![Start::Apart, Start::Tree, Start::Centre],
    }
}

/// The least number of adder levels for signed digits that any graph of the problem has, which
/// [`Problem::max_depth`] counts from.
pub fn least_depth(problem: &Problem) -> Result<u32, SolveError> {
    let columns = weights(problem)?;
    let inputs: Vec<Range> =
        problem.inputs.iter().map(|input| Range { lo: input.lo, hi: input.hi }).collect();
    let levels = input_levels(problem, &inputs);
    let problem = Problem { max_depth: Some(0), ..*problem };
    Ok(depth_limits(&problem, &levels, &columns).map_or(0, |limits| limits.graph))
}

/// Non-zero weights by column, after checking the problem.
fn weights(problem: &Problem) -> Result<Weighted, SolveError> {
    let (inputs, outputs) = (problem.inputs.len(), problem.outputs.len());
    if inputs.checked_mul(outputs) != Some(problem.matrix.len()) {
        return Err(SolveError::Shape { entries: problem.matrix.len(), inputs, outputs });
    }
    let bad = |input: &super::Input| input.lo > input.hi || !input.arrival.is_finite();
    if let Some(input) = problem.inputs.iter().position(bad) {
        return Err(SolveError::Input { input });
    }
    let mut columns = vec![Vec::new(); outputs];
    for (column, output) in problem.outputs.iter().enumerate() {
        let mut largest = 0u128;
        for (row, input) in problem.inputs.iter().enumerate() {
            let entry = problem.matrix[row * outputs + column];
            let weight = output.wrap.map_or(entry, |width| residue(entry, width));
            let reach = u128::from(input.lo.unsigned_abs().max(input.hi.unsigned_abs()).max(1));
            largest = largest.saturating_add(2 * u128::from(weight.unsigned_abs()) * reach);
            if weight != 0 {
                columns[column].push((ValueId(row as u32), weight));
            }
        }
        if largest > 1 << 62 {
            return Err(SolveError::TooWide { column });
        }
    }
    Ok(columns)
}

/// Lateness in adders of the input's own width.
fn input_levels(problem: &Problem, inputs: &[Range]) -> Vec<u32> {
    let first = problem.inputs.iter().map(|input| input.arrival).fold(f64::INFINITY, f64::min);
    let level = |(input, range): (&super::Input, &Range)| {
        let late = (input.arrival - first) / (problem.delay)(range.width() + 1);
        if late.is_finite() { late.round().clamp(0.0, LATEST) as u32 } else { 0 }
    };
    problem.inputs.iter().zip(inputs).map(level).collect()
}

fn packings(inputs: &[Range], columns: &Weighted) -> Vec<Packing> {
    let packable = |weights: &Vec<(ValueId, i64)>| {
        weights.iter().filter(|(value, _)| inputs[value.index()].is_one_bit()).count() > 1
    };
    if columns.iter().any(packable) {
        vec![Packing::Off, Packing::Aligned, Packing::Dense, Packing::Gathered]
    } else {
        vec![Packing::Off]
    }
}

/// How deep the graph may be, and each column's tree, before a negation of its result.
pub struct DepthLimits {
    /// Levels of the graph.
    pub graph: u32,
    /// Levels of each column's tree.
    pub trees: Vec<u32>,
}

fn depth_limits(problem: &Problem, input_levels: &[u32], columns: &Weighted) -> Option<DepthLimits> {
    let extra = problem.max_depth?;
    let least = |weights: &Vec<(ValueId, i64)>| {
        let taken = |&(value, weight): &(ValueId, i64)| {
            u128::from(Digits::of(weight).count()) * leaves(input_levels[value.index()])
        };
        let negative = !weights.is_empty() && weights.iter().all(|term| Digits::of(term.1).pos == 0);
        (sum::least_depth(weights.iter().map(taken).fold(0u128, u128::saturating_add)), u32::from(negative))
    };
    let least: Vec<(u32, u32)> = columns.iter().map(least).collect();
    let deepest = least.iter().map(|(depth, negation)| depth + negation).max().unwrap_or(0);
    let graph = deepest.saturating_add(extra);
    Some(DepthLimits { graph, trees: least.iter().map(|(_, negation)| graph - negation).collect() })
}
