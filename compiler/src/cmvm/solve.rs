//! From problem to proved graph.

use super::bands::share_in_bands;
use super::builder::{Builder, Term};
use super::csd::{Digits, residue};
use super::graph::{AdderGraph, Column, Operand, ValueId};
use super::range::Range;
use super::share::Taste;
use super::sum::{least_depth, leaves, sum_terms};
use super::table::{Packing, pack};
use super::{Effort, Problem, Solution, SolveError};

/// One level more is taken for saving at least this part of the look-up tables.
const LEVELS_PER_COST: u64 = 200;

/// Levels that an input may come late; later ones count as this.
const LATEST: f64 = 40.0;

type Weighted = Vec<Vec<(ValueId, i64)>>;

/// An adder graph of y = x·M, proved equal to it.
pub fn solve(problem: &Problem) -> Result<Solution, SolveError> {
    let columns = weights(problem)?;
    let inputs: Vec<Range> =
        problem.inputs.iter().map(|input| Range { lo: input.lo, hi: input.hi }).collect();
    let levels = input_levels(problem, &inputs);
    let digits = |weights: &Vec<(ValueId, i64)>| {
        weights.iter().map(|term| u64::from(Digits::of(term.1).count())).sum::<u64>()
    };
    let work: u64 = columns.iter().map(digits).sum();
    let mut best: Option<(u64, AdderGraph)> = None;
    let tastes = tastes(problem, work);
    for packing in packings(&inputs, &columns) {
        for &taste in &tastes {
            let builder = Builder::new(inputs.clone(), levels.clone());
            let Some(graph) = attempt(problem, builder, &columns, packing, taste)? else { continue };
            let cost = graph.lut_estimate() * (LEVELS_PER_COST + u64::from(graph.depth()));
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, graph));
            }
        }
    }
    let (_, graph) = best.ok_or(SolveError::Internal)?;
    graph.prove(problem.matrix)?;
    let arrivals: Vec<f64> = problem.inputs.iter().map(|input| input.arrival).collect();
    let ready = graph.arrivals(&arrivals, problem.delay);
    let ready = graph.outputs.iter().map(|c| c.source.map_or(0.0, |s| ready[s.value.index()])).collect();
    Ok(Solution { graph, ready })
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
        vec![Packing::Off, Packing::Aligned, Packing::Dense]
    } else {
        vec![Packing::Off]
    }
}

/// The passes to try, the safest first. What each weighs was found by trial on random matrices; none
/// is best everywhere. Favouring deep values saves adders where inputs are wide.
fn tastes(problem: &Problem, work: u64) -> Vec<Taste> {
    const WEIGHTS: [(i64, i64, i64); 4] = [(1, 0, 0), (1, 0, -1), (1, 0, -4), (4, 30, -4)];
    let taste = |pass: u64| {
        let (overlap, frequency, level) = WEIGHTS[(pass % 4) as usize];
        let seed = if pass < 4 { 0 } else { problem.seed.wrapping_add(pass).wrapping_mul(2) | 1 };
        Taste { overlap, frequency, level, seed }
    };
    let default = match work {
        0..12_000 => (16_000 / work.max(1)).clamp(4, 24),
        12_000..50_000 => 2,
        _ => 1,
    };
    let passes = match problem.effort {
        Effort::Fast => 1,
        Effort::Default => default,
        Effort::Thorough { passes } => default + u64::from(passes),
    };
    (0..passes).map(taste).collect()
}

/// One graph; `None` where tables of late inputs break the depth limit, never without tables.
fn attempt(
    problem: &Problem,
    mut builder: Builder,
    columns: &Weighted,
    packing: Packing,
    taste: Taste,
) -> Result<Option<AdderGraph>, SolveError> {
    let limits = depth_limits(problem, &builder, columns);
    let mut terms: Vec<Vec<Term>> = Vec::with_capacity(columns.len());
    let mut digits: Vec<Vec<(ValueId, Digits)>> = Vec::with_capacity(columns.len());
    let one_bit: Vec<ValueId> = (0..problem.inputs.len() as u32)
        .map(ValueId)
        .filter(|&value| builder.range(value).is_one_bit())
        .collect();
    for weights in columns {
        let dense: Vec<(ValueId, i64)> = one_bit
            .iter()
            .map(|&value| {
                let at = weights.binary_search_by_key(&value, |term| term.0);
                (value, at.map_or(0, |at| weights[at].1))
            })
            .collect();
        let (packed, rest) = pack(&mut builder, &dense, packing)?;
        let wide = weights.iter().filter(|term| !builder.range(term.0).is_one_bit());
        digits.push(wide.chain(&rest).map(|&(value, weight)| (value, Digits::of(weight))).collect());
        terms.push(packed);
    }
    let tree_limits = limits.as_ref().map(|limits| limits.trees.as_slice());
    share_in_bands(&mut builder, digits, &mut terms, tree_limits, taste)?;
    let total = |terms: &Vec<Term>| {
        terms.iter().fold(0u128, |t, x| t.saturating_add(leaves(builder.level(x.operand.value))))
    };
    let common = least_depth(terms.iter().map(total).max().unwrap_or(0));
    let mut outputs = Vec::with_capacity(columns.len());
    for (column, terms) in terms.into_iter().enumerate() {
        let limit = limits.as_ref().map(|limits| limits.graph);
        let depth = tree_limits.map_or(common, |limits| limits[column]);
        let sum = sum_terms(&mut builder, terms, depth)?;
        let source = match sum {
            Some(Term { operand, negative: true }) => {
                Some(Operand { value: builder.negate(operand.value, limit)?, ..operand })
            }
            Some(Term { operand, .. }) => Some(operand),
            None => None,
        };
        let level = source.map_or(0, |source| builder.level(source.value));
        if limit.is_some_and(|limit| level > limit) && packing != Packing::Off {
            return Ok(None);
        }
        outputs.push(Column { source, wrap: problem.outputs[column].wrap });
    }
    if !one_bit.is_empty() {
        builder.pack_cones(&outputs);
    }
    Ok(Some(builder.finish(outputs)))
}

/// How deep the graph may be, and each column's tree, before a negation of its result.
struct DepthLimits {
    graph: u32,
    trees: Vec<u32>,
}

fn depth_limits(problem: &Problem, builder: &Builder, columns: &Weighted) -> Option<DepthLimits> {
    let extra = problem.max_depth?;
    let least = |weights: &Vec<(ValueId, i64)>| {
        let taken = |&(value, weight): &(ValueId, i64)| {
            u128::from(Digits::of(weight).count()) * leaves(builder.level(value))
        };
        let negative = !weights.is_empty() && weights.iter().all(|term| Digits::of(term.1).pos == 0);
        (least_depth(weights.iter().map(taken).fold(0u128, u128::saturating_add)), u32::from(negative))
    };
    let least: Vec<(u32, u32)> = columns.iter().map(least).collect();
    let deepest = least.iter().map(|(depth, negation)| depth + negation).max().unwrap_or(0);
    let graph = deepest.saturating_add(extra);
    Some(DepthLimits { graph, trees: least.iter().map(|(_, negation)| graph - negation).collect() })
}
