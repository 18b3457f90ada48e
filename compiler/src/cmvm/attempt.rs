//! One graph: tables for one-bit inputs, a network for the rest, additions for what it says.

use std::collections::BTreeMap;

use super::builder::{Builder, Term};
use super::csd::{Digits, bits};
use super::graph::{AdderGraph, Column, Operand, ValueId};
use super::greedy::{Random, Scratch};
use super::lower::Lowering;
use super::net::{Literal, Net, leaf};
use super::range::Range;
use super::search::Pace;
use super::solve::DepthLimits;
use super::start::{Start, Written, written};
use super::sum::sum_terms;
use super::table::{Packing, pack};
use super::{Output, SolveError};

/// Non-zero weights by column.
pub type Weighted = Vec<Vec<(ValueId, i64)>>;

/// Pairs of digits that one network may hold; larger matrices are shared in bands of rows, so
/// that time and memory stay linear in the matrix.
const BAND_PAIRS: u64 = 2_000_000;

/// Room for sums of two terms at first, as a power of two: where a network is only shared, and where it is improved,
/// which meets many more.
const PLAIN: u32 = 11;
const SEARCHED: u32 = 13;

/// What all attempts at one problem have in common.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    pub inputs: &'a [Range],
    pub input_levels: &'a [u32],
    pub columns: &'a Weighted,
    pub outputs: &'a [Output],
    pub limits: Option<&'a DepthLimits>,
    /// Whether bits are to be few, else additions.
    pub by_bits: bool,
    /// Rounds in which a network is improved at the default effort.
    pub rounds: u32,
    /// Work of these rounds at most (see [`Net::work`]).
    pub work: u64,
    /// How many times as much is tried.
    pub times: u32,
    pub stop: &'a (dyn Fn() -> bool + Sync),
    pub seed: u64,
    /// Of the hashes of what values compute.
    pub salt: u32,
}

impl Task<'_> {
    /// One graph; `None` where tables of late inputs break the depth limit, never without tables.
    pub fn attempt(&self, packing: Packing, start: Start) -> Result<Option<AdderGraph>, SolveError> {
        let mut builder = Builder::new(self.inputs.to_vec(), self.input_levels.to_vec());
        let sums = self.packed(&mut builder, packing)?;
        let mut terms: Vec<Vec<Term>> = vec![Vec::new(); sums.len()];
        let mut taken: Vec<u64> = sums.iter().map(|sum| taken(&builder, sum)).collect();
        let bands = bands(&sums, builder.len());
        let alone = bands.len() == 1;
        for band in bands {
            let part: Weighted = sums
                .iter()
                .map(|sum| sum.iter().copied().filter(|term| band.contains(&term.0.0)).collect())
                .collect();
            self.share(&mut builder, &part, start, alone, &mut terms, &mut taken)?;
        }
        let deepest =
            |terms: &Vec<Term>| terms.iter().map(|t| builder.level(t.operand.value)).max().unwrap_or(0);
        let common = terms.iter().map(deepest).max().unwrap_or(0);
        let mut outputs = Vec::with_capacity(terms.len());
        for (column, terms) in terms.into_iter().enumerate() {
            let limit = self.limits.map(|limits| limits.graph);
            let depth = self.limits.map_or(common, |limits| limits.trees[column]);
            let source = match sum_terms(&mut builder, terms, depth)? {
                None => None,
                Some(Term { operand, negative: false }) => Some(operand),
                Some(Term { operand, negative: true }) => {
                    Some(Operand { value: builder.negate(operand.value, limit)?, ..operand })
                }
            };
            let level = source.map_or(0, |source| builder.level(source.value));
            if limit.is_some_and(|limit| level > limit) && packing != Packing::Off {
                return Ok(None);
            }
            outputs.push(Column { source, wrap: self.outputs[column].wrap });
        }
        if self.inputs.iter().any(|input| input.is_one_bit()) {
            builder.pack_cones(&outputs);
        }
        Ok(Some(builder.finish(outputs)))
    }

    /// The columns after tables took what they can of one-bit inputs.
    fn packed(&self, builder: &mut Builder, packing: Packing) -> Result<Weighted, SolveError> {
        let one_bit: Vec<ValueId> = (0..self.inputs.len() as u32)
            .map(ValueId)
            .filter(|&value| builder.range(value).is_one_bit())
            .collect();
        let mut sums = Vec::with_capacity(self.columns.len());
        for weights in self.columns {
            let dense: Vec<(ValueId, i64)> = one_bit
                .iter()
                .map(|&value| {
                    let at = weights.binary_search_by_key(&value, |term| term.0);
                    (value, at.map_or(0, |at| weights[at].1))
                })
                .collect();
            let (packed, rest) = pack(builder, &dense, packing)?;
            let wide = weights.iter().filter(|term| !builder.range(term.0).is_one_bit());
            let tables = packed.iter().map(|term| {
                let weight = 1i64 << term.operand.shift;
                (term.operand.value, if term.negative { -weight } else { weight })
            });
            sums.push(wide.chain(&rest).copied().chain(tables).collect());
        }
        Ok(sums)
    }

    /// Shares among the columns; what is left of each joins `terms`.
    fn share(
        &self,
        builder: &mut Builder,
        sums: &Weighted,
        start: Start,
        alone: bool,
        terms: &mut [Vec<Term>],
        taken: &mut [u64],
    ) -> Result<(), SolveError> {
        let leaves: Vec<ValueId> = (0..builder.len() as u32).map(ValueId).collect();
        let inputs: Vec<(Range, u32, u64)> = leaves
            .iter()
            .map(|&value| {
                (builder.range(value), builder.level(value), Net::hash_of(builder.row(value), self.salt))
            })
            .collect();
        let base = leaves.len() as u32;
        let distinct = Distinct::of(sums, base);
        let count = distinct.vertices.len();
        let mut limits = vec![u32::MAX; count];
        let mut outside = vec![0u64; count];
        for (column, place) in distinct.places.iter().enumerate() {
            let Some(vertex) = place.and_then(|place| place.0.checked_sub(base)) else { continue };
            let vertex = vertex as usize;
            if let Some(found) = self.limits {
                limits[vertex] = limits[vertex].min(found.trees[column]);
            }
            outside[vertex] =
                outside[vertex].max(taken[column].saturating_sub(self::taken(builder, &sums[column])));
        }
        let times = if alone { self.times } else { 0 };
        let room = if times > 0 { SEARCHED } else { PLAIN };
        let mut net = Net::new(&inputs, self.limits.is_some(), self.by_bits, room);
        let levels: Vec<u32> = inputs.iter().map(|input| input.1).collect();
        let start = if alone { start } else { Start::Apart };
        let order = written(&distinct.vertices, start, &levels, &mut limits);
        for (vertex, &limit) in limits.iter().enumerate() {
            net.reserve(vertex < count, limit, outside.get(vertex).copied().unwrap_or(0));
        }
        for column in order {
            net.define(base + column.vertex as u32, &literals(&column, base));
        }
        net.queue_all();
        net.improve(
            Pace { rounds: self.rounds, work: self.work, times },
            self.stop,
            &mut Random::new(self.seed),
            &mut Scratch::default(),
        );
        let mut lowering = Lowering::new(&net, builder, &leaves);
        let apart: Vec<bool> =
            (0..count).map(|vertex| !alone && net.nodes[base as usize + vertex].users.is_empty()).collect();
        let targets = base..base + count as u32;
        let common = targets.clone().map(|target| net.nodes[target as usize].level).max().unwrap_or(0);
        let depth = if self.limits.is_some() { 0 } else { common };
        for (column, place) in distinct.places.iter().enumerate() {
            let Some((node, shift, negative)) = *place else { continue };
            let split = node.checked_sub(base).is_some_and(|vertex| apart[vertex as usize]);
            let made = if split { lowering.terms(node)? } else { vec![lowering.value(node, depth)?] };
            let from = terms[column].len();
            terms[column].extend(made.into_iter().map(|term| Term {
                operand: Operand { shift: term.operand.shift + shift, ..term.operand },
                negative: term.negative != negative,
            }));
            let now: u64 = terms[column][from..].iter().map(|t| leaf(lowering.level(t.operand.value))).sum();
            let before = self::taken(lowering.builder(), &sums[column]);
            taken[column] = taken[column].saturating_sub(before).saturating_add(now);
        }
        Ok(())
    }
}

/// The columns that differ by more than sign and shift.
struct Distinct {
    /// Weights of the leaves.
    vertices: Vec<Vec<i64>>,
    /// Each column as node (a leaf, or the leaves' number plus a vertex), shift and sign.
    places: Vec<Option<(u32, u32, bool)>>,
}

impl Distinct {
    fn of(sums: &Weighted, leaves: u32) -> Self {
        let mut found: BTreeMap<Vec<(ValueId, i64)>, u32> = BTreeMap::new();
        let mut vertices = Vec::new();
        let mut places = Vec::with_capacity(sums.len());
        for sum in sums {
            let shift = sum.iter().fold(0, |any, term| any | term.1).trailing_zeros();
            let odd = |sign: i64| sum.iter().map(|&(v, w)| (v, sign * (w >> shift))).collect::<Vec<_>>();
            let (plus, minus) = (odd(1), odd(-1));
            let place = match plus[..] {
                [] => None,
                [(value, weight)] if weight.abs() == 1 => Some((value.0, shift, weight < 0)),
                _ => {
                    if let Some(&node) = found.get(&plus) {
                        Some((node, shift, false))
                    } else if let Some(&node) = found.get(&minus) {
                        Some((node, shift, true))
                    } else {
                        let mut row = vec![0; leaves as usize];
                        plus.iter().for_each(|&(value, weight)| row[value.index()] = weight);
                        let node = leaves + vertices.len() as u32;
                        vertices.push(row);
                        found.insert(plus, node);
                        Some((node, shift, false))
                    }
                }
            };
            places.push(place);
        }
        Self { vertices, places }
    }
}

fn literals(column: &Written, base: u32) -> Vec<Literal> {
    let rest = (0..).zip(&column.rest).flat_map(|(value, &weight)| {
        let digits = Digits::of(weight);
        bits(digits.pos | digits.neg)
            .map(move |shift| Literal::new(value, shift, digits.neg >> shift & 1 == 1))
    });
    let parent =
        column.parent.map(|(parent, shift, negative)| Literal::new(base + parent as u32, shift, negative));
    rest.chain(parent).collect()
}

/// Leaves that a column's terms take.
fn taken(builder: &Builder, sum: &[(ValueId, i64)]) -> u64 {
    let leaves = |&(value, weight): &(ValueId, i64)| {
        leaf(builder.level(value)).saturating_mul(Digits::of(weight).count().into())
    };
    sum.iter().map(leaves).fold(0, u64::saturating_add)
}

/// Ranges of values, each with at most [`BAND_PAIRS`] pairs of digits.
pub fn bands(sums: &Weighted, values: usize) -> Vec<std::ops::Range<u32>> {
    let mut by_value = vec![Vec::new(); values];
    for (column, sum) in sums.iter().enumerate() {
        for &(value, weight) in sum {
            by_value[value.index()].push((column, u64::from(Digits::of(weight).count())));
        }
    }
    let mut bands = Vec::new();
    let (mut from, mut pairs, mut held) = (0, 0, vec![0u64; sums.len()]);
    for (value, cells) in (0u32..).zip(&by_value) {
        let added: u64 = cells.iter().map(|&(column, count)| count * held[column]).sum();
        if pairs + added > BAND_PAIRS {
            bands.push(from..value);
            (from, pairs) = (value, 0);
            held.fill(0);
        } else {
            pairs += added;
        }
        cells.iter().for_each(|&(column, count)| held[column] += count);
    }
    bands.push(from..values as u32);
    bands
}
