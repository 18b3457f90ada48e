//! From problem to proved graph.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::csd::{Digits, bits, residue};
use super::greedy::{Random, Scratch};
use super::lower::lower;
use super::net::{Literal, Net};
use super::graph::{AdderGraph, Column, Operand, ValueId};
use super::range::Range;
use super::sum::{self, leaves};
use super::table::{Packing, pack};
use super::start::{Start, centre, span};
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
    let mut best: Option<(u64, AdderGraph)> = None;
    let rounds = match problem.effort { Effort::Fast => 0, Effort::Default => 500, Effort::Thorough { passes } => passes };
    for packing in packings(&inputs, &columns) {
        let starts: Vec<Start> = match std::env::var("START").as_deref() {
            Ok("apart") => vec![Start::Apart], Ok("tree") => vec![Start::Tree(1000)],
            Ok("t1") => vec![Start::Tree(1)], Ok("t2") => vec![Start::Tree(2)],
            Ok("c1") => vec![Start::Centre(1, 1)], Ok("c2") => vec![Start::Centre(2, 1)],
            Ok("c1t") => vec![Start::Centre(1, 1000)], Ok("c2t") => vec![Start::Centre(2, 1000)],
            _ => vec![Start::Apart, Start::Tree(1000), Start::Centre(1, 1), Start::Centre(2,1)],
        };
        for start in starts {
            let builder = Builder::new(inputs.clone(), levels.clone());
            let Some(graph) = attempt(problem, builder, &columns, packing, rounds, start)? else { continue };
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

/// The least number of adder levels for signed digits that any graph of the problem has, which
/// [`Problem::max_depth`] counts from.
pub fn least_depth(problem: &Problem) -> Result<u32, SolveError> {
    let columns = weights(problem)?;
    let inputs: Vec<Range> =
        problem.inputs.iter().map(|input| Range { lo: input.lo, hi: input.hi }).collect();
    let levels = input_levels(problem, &inputs);
    let problem = Problem { max_depth: Some(0), ..*problem };
    Ok(depth_limits(&problem, &Builder::new(inputs, levels), &columns).map_or(0, |limits| limits.graph))
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

/// A target's place among the columns of the network.
struct Place {
    source: Option<(u32, u32, bool)>,
}

/// One graph; `None` where tables of late inputs break the depth limit, never without tables.
fn attempt(
    problem: &Problem,
    mut builder: Builder,
    columns: &Weighted,
    packing: Packing,
    rounds: u32,
    start: Start,
) -> Result<Option<AdderGraph>, SolveError> {
    let limits = depth_limits(problem, &builder, columns);
    let one_bit: Vec<ValueId> = (0..problem.inputs.len() as u32)
        .map(ValueId)
        .filter(|&value| builder.range(value).is_one_bit())
        .collect();
    let mut sums: Vec<Vec<(ValueId, i64)>> = Vec::with_capacity(columns.len());
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
        let tables = packed.iter().map(|term| {
            let weight = 1i64 << term.operand.shift;
            (term.operand.value, if term.negative { -weight } else { weight })
        });
        sums.push(wide.chain(&rest).copied().chain(tables).collect());
    }
    let leaves: Vec<ValueId> = (0..builder.len() as u32).map(ValueId).collect();
    let inputs: Vec<_> =
        leaves.iter().map(|&v| (builder.range(v), builder.level(v), Net::hash_of(builder.row(v)))).collect();
    let mut net = Net::new(&inputs, limits.is_some());
    let mut made: BTreeMap<Vec<(ValueId, i64)>, u32> = BTreeMap::new();
    let mut places = Vec::new();
    let mut limits_of: Vec<u32> = Vec::new();
    for (column, sum) in sums.iter().enumerate() {
        let shift = sum.iter().fold(0, |any, term| any | term.1).trailing_zeros();
        let mut odd: Vec<(ValueId, i64)> = sum.iter().map(|&(v, w)| (v, w >> shift)).collect();
        let limit = limits.as_ref().map_or(u32::MAX, |limits| limits.trees[column]);
        if odd.is_empty() {
            places.push(None);
        } else if odd.len() == 1 && odd[0].1.abs() == 1 {
            places.push(Some((odd[0].0.0, shift, odd[0].1 < 0)));
        } else if let Some(&node) = made.get(&odd) {
            let here: &mut u32 = &mut limits_of[node as usize];
            *here = limit.min(*here);
            places.push(Some((node + leaves.len() as u32, shift, false)));
        } else {
            odd.iter_mut().for_each(|term| term.1 = -term.1);
            if let Some(&node) = made.get(&odd) {
                let here: &mut u32 = &mut limits_of[node as usize];
                *here = limit.min(*here);
                places.push(Some((node + leaves.len() as u32, shift, true)));
                continue;
            }
            odd.iter_mut().for_each(|term| term.1 = -term.1);
            made.insert(odd, made.len() as u32);
            limits_of.push(limit);
            places.push(Some((made.len() as u32 - 1 + leaves.len() as u32, shift, false)));
        }
    }
    let mut vertices: Vec<Vec<i64>> = vec![vec![0; leaves.len()]; made.len()];
    for (odd, &at) in &made {
        for &(v, w) in odd { vertices[at as usize][v.index()] = w; }
    }
    let levels: Vec<u32> = inputs.iter().map(|i| i.1).collect();
    let count = vertices.len();
    let written = match start {
        Start::Apart => span(&vertices, 0, 0, &levels, &limits_of),
        Start::Tree(longest) => span(&vertices, 0, longest, &levels, &limits_of),
        Start::Centre(most, longest) => {
            vertices.push(centre(&vertices, most));
            limits_of.push(u32::MAX);
            let mut order = span(&vertices, 1, longest, &levels, &limits_of);
            if vertices[count].iter().filter(|w| **w != 0).count() < 2 { order = span(&vertices[..count], 0, 0, &levels, &limits_of); }
            order
        }
    };
    let base = leaves.len() as u32;
    net.by_overlap = problem.cost == super::Cost::AdderBits;
    net.weigh = std::env::var("WEIGH").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    net.noise_mask = std::env::var("NOISE").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    for v in 0..vertices.len() { net.reserve(v < count, limits_of[v]); }
    for w in written {
        let mut literals: Vec<Literal> = w.rest.iter().enumerate().flat_map(|(v, &w)| {
            let digits = Digits::of(w);
            bits(digits.pos | digits.neg).map(move |s| Literal::new(v as u32, s, digits.neg >> s & 1 == 1))
        }).collect();
        if let Some((p, shift, negative)) = w.parent { literals.push(Literal::new(base + p as u32, shift, negative)); }
        net.define(base + w.vertex as u32, &literals);
    }
    let targets: Vec<u32> = made.values().map(|&v| v + base).collect();
    net.queue_all();
    let mut random = Random::new(problem.seed);
    let mut scratch = Scratch::default();
    scratch.lean = std::env::var("LEAN").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    net.improve(rounds, &mut random, &mut scratch);
    net.price();
    let common = targets.iter().map(|&t| net.nodes[t as usize].level).max().unwrap_or(0);
    let depth = if limits.is_some() { 0 } else { common };
    let values = lower(&net, &mut builder, &leaves, &targets, depth)?;
    let mut outputs = Vec::with_capacity(columns.len());
    for (column, place) in places.into_iter().enumerate() {
        let limit = limits.as_ref().map(|limits| limits.graph);
        let source = match place {
            None => None,
            Some((node, shift, negative)) => {
                let Some(term) = values[node as usize] else { return Err(SolveError::Internal) };
                let operand = Operand { shift: term.operand.shift + shift, ..term.operand };
                if term.negative != negative {
                    Some(Operand { value: builder.negate(operand.value, limit)?, ..operand })
                } else {
                    Some(operand)
                }
            }
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
    let graph = builder.finish(outputs);
    if std::env::var("SHOW").is_ok() { eprintln!("{start:?} additions {} bits {} graph {} {} depth {}", net.additions, net.total_bits, graph.adders(), graph.adder_bits(), graph.depth()); }
    Ok(Some(graph))
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
        (sum::least_depth(weights.iter().map(taken).fold(0u128, u128::saturating_add)), u32::from(negative))
    };
    let least: Vec<(u32, u32)> = columns.iter().map(least).collect();
    let deepest = least.iter().map(|(depth, negation)| depth + negation).max().unwrap_or(0);
    let graph = deepest.saturating_add(extra);
    Some(DepthLimits { graph, trees: least.iter().map(|(_, negation)| graph - negation).collect() })
}
