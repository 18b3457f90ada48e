//! From problem to proved graph.

use super::builder::{Builder, Term};
use super::csd::{Digits, residue};
use super::graph::{AdderGraph, Column, Operand, ValueId};
use super::range::Range;
use super::share::{Sharing, Taste};
use super::sum::{leaves, least_depth, sum_terms};
use super::table::{Packing, pack};
use super::{Effort, Problem, Solution, SolveError};

/// Pairs of digits that one round of sharing may look at; larger matrices are shared in bands of
/// rows.
const BAND_PAIRS: u64 = 20_000_000;

/// Digits up to which the default effort tries all its tastes.
const SMALL: u64 = 40_000;

/// Levels that an input may come late; later ones count as this.
const LATEST: f64 = 40.0;

type Weighted = Vec<Vec<(ValueId, i64)>>;

/// An adder graph of y = x·M, proved equal to it.
pub fn solve(problem: &Problem) -> Result<Solution, SolveError> {
    let columns = weights(problem)?;
    let inputs: Vec<Range> = problem.inputs.iter().map(|input| Range { lo: input.lo, hi: input.hi }).collect();
    let levels = input_levels(problem, &inputs);
    let digits = |weights: &Vec<(ValueId, i64)>| weights.iter().map(|term| u64::from(Digits::of(term.1).count())).sum::<u64>();
    let work: u64 = columns.iter().map(digits).sum();
    let mut best: Option<(u64, AdderGraph)> = None;
    for packing in packings(&inputs, &columns) {
        for taste in tastes(problem, work) {
            let builder = Builder::new(inputs.clone(), levels.clone());
            let graph = attempt(problem, builder, &columns, packing, taste)?;
            let cost = graph.lut_estimate();
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
    if columns.iter().any(packable) { vec![Packing::Off, Packing::Aligned, Packing::Dense] } else { vec![Packing::Off] }
}

fn tastes(problem: &Problem, work: u64) -> Vec<Taste> {
    let e = |n: &str, d: i64| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d); let plain = Taste { overlap: e("OV",1), frequency: e("FR",0), level: e("LV",0), seed: e("SD",0) as u64 };
    let mut tastes = vec![plain];
    if work <= SMALL && problem.effort != Effort::Fast {
        tastes.push(Taste { frequency: 2, ..plain });
    }
    if let Effort::Thorough { passes } = problem.effort {
        for pass in 0..u64::from(passes) {
            tastes.push(Taste { seed: problem.seed.wrapping_add(pass).wrapping_mul(2) | 1, frequency: (pass % 6) as i64, ..plain });
        }
    }
    tastes
}

fn attempt(
    problem: &Problem,
    mut builder: Builder,
    columns: &Weighted,
    packing: Packing,
    taste: Taste,
) -> Result<AdderGraph, SolveError> {
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
    share_in_bands(&mut builder, digits, &mut terms, limits.as_deref(), taste)?;
    let total = |terms: &Vec<Term>| terms.iter().fold(0u128, |t, x| t.saturating_add(leaves(builder.level(x.operand.value))));
    let common = least_depth(terms.iter().map(total).max().unwrap_or(0));
    let mut outputs = Vec::with_capacity(columns.len());
    for (column, terms) in terms.into_iter().enumerate() {
        let limit = limits.as_ref().map(|limits| limits[column]);
        let depth = limit.unwrap_or(common);
        let sum = sum_terms(&mut builder, terms, depth)?;
        let source = match sum {
            Some(Term { operand, negative: true }) => {
                Some(Operand { value: builder.negate(operand.value, limit)?, ..operand })
            }
            Some(Term { operand, .. }) => Some(operand),
            None => None,
        };
        outputs.push(Column { source, wrap: problem.outputs[column].wrap });
    }
    Ok(builder.finish(outputs))
}

/// The depth that each column's tree may have, where the problem limits it.
fn depth_limits(problem: &Problem, builder: &Builder, columns: &Weighted) -> Option<Vec<u32>> {
    let extra = problem.max_depth?;
    let least: Vec<(u32, bool)> = columns
        .iter()
        .map(|weights| {
            let digits = |&(value, weight): &(ValueId, i64)| u128::from(Digits::of(weight).count()) * leaves(builder.level(value));
            let total = weights.iter().map(digits).fold(0u128, u128::saturating_add);
            let negative = !weights.is_empty() && weights.iter().all(|term| Digits::of(term.1).pos == 0);
            (least_depth(total), negative)
        })
        .collect();
    let least_of_all = least.iter().map(|&(depth, negative)| depth + u32::from(negative)).max().unwrap_or(0);
    let limit = least_of_all.saturating_add(extra);
    Some(least.iter().map(|&(_, negative)| limit - u32::from(negative)).collect())
}

/// Shares among the digits of one band of inputs after another; what remains joins `terms`.
fn share_in_bands(
    builder: &mut Builder,
    digits: Vec<Vec<(ValueId, Digits)>>,
    terms: &mut [Vec<Term>],
    limits: Option<&[u32]>,
    taste: Taste,
) -> Result<(), SolveError> {
    let value_leaves = |value: ValueId| leaves(builder.level(value));
    let mut taken: Vec<u128> = digits
        .iter()
        .zip(terms.iter())
        .map(|(cells, terms)| {
            let digits = cells.iter().map(|&(value, d)| u128::from(d.count()) * value_leaves(value));
            let tables = terms.iter().map(|term| value_leaves(term.operand.value));
            digits.chain(tables).fold(0, u128::saturating_add)
        })
        .collect();
    let bounds: Option<Vec<u128>> = limits.map(|limits| limits.iter().map(|&depth| leaves(depth)).collect());
    for band in bands(&digits) {
        let part: Vec<Vec<(ValueId, Digits)>> = digits
            .iter()
            .map(|cells| cells.iter().copied().filter(|cell| band.contains(&cell.0.0)).collect())
            .collect();
        let sharing = Sharing::new(builder, &part, taken, bounds.clone(), taste);
        let (rest, now_taken) = sharing.run()?;
        taken = now_taken;
        for (column, rest) in terms.iter_mut().zip(rest) {
            column.extend(rest);
        }
    }
    Ok(())
}

/// Ranges of inputs, each with at most [`BAND_PAIRS`] pairs of digits.
fn bands(digits: &[Vec<(ValueId, Digits)>]) -> Vec<std::ops::Range<u32>> {
    let end = digits.iter().flatten().map(|cell| cell.0.0 + 1).max().unwrap_or(0);
    let mut by_input = vec![Vec::new(); end as usize];
    for (column, cells) in digits.iter().enumerate() {
        for (value, digits) in cells {
            by_input[value.index()].push((column, u64::from(digits.count())));
        }
    }
    let mut bands = Vec::new();
    let (mut from, mut pairs, mut held) = (0, 0, vec![0u64; digits.len()]);
    for (input, cells) in (0..end).zip(&by_input) {
        let added: u64 = cells.iter().map(|&(column, count)| count * held[column]).sum();
        if pairs + added > BAND_PAIRS {
            bands.push(from..input);
            (from, pairs) = (input, 0);
            held.fill(0);
        } else {
            pairs += added;
        }
        cells.iter().for_each(|&(column, count)| held[column] += count);
    }
    bands.push(from..end);
    bands
}
