//! Layers whose output moves on with their inputs: a step along the output is a step along every streamed operand.

use std::collections::BTreeMap;

use nn2hdl_runtime::interface::Spread;
use nn2hdl_runtime::{Access, Block, Kernel, ValueId};
use num_integer::{gcd, lcm};

use super::shift::{constants_move, constants_stay, shift, stays};

/// Output positions after which a layer's index maps repeat, at most.
const PERIOD: usize = 16;

/// What a layer computes together, and how far its operands move on until the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Together {
    /// What is computed together, the slowest axis first.
    pub spread: Vec<Spread>,
    /// Positions by which each streamed operand moves from one beat to the next, by axis level.
    pub steps: BTreeMap<ValueId, Vec<usize>>,
}

/// Along one level of the streams: the output's axis, how many of its positions make a period, and how far each
/// operand moves in it.
struct Level {
    axis: usize,
    period: usize,
    moves: BTreeMap<ValueId, usize>,
}

/// What `kernel` computes together if it follows its operands; `ways` are those of the block's values.
pub(super) fn follow(block: &Block, kernel: &Kernel, ways: &[Vec<Spread>]) -> Option<Together> {
    let shape = &block.value(kernel.out).shape;
    let stay = |axis, by| constants_stay(kernel, axis, by);
    followed(block, kernel, ways, &[&stay, &|axis, _| constants_move(kernel, shape, axis)])
}

/// Whether `kernel` would follow its operands if its constants were the same everywhere.
pub(super) fn would_follow(block: &Block, kernel: &Kernel, ways: &[Vec<Spread>]) -> bool {
    followed(block, kernel, ways, &[&|_, _| true]).is_some()
}

/// Whether a layer's constants allow a step of so many positions along an axis.
type Constants<'a> = &'a dyn Fn(usize, i64) -> bool;

fn followed(
    block: &Block,
    kernel: &Kernel,
    ways: &[Vec<Spread>],
    allowed: &[Constants<'_>],
) -> Option<Together> {
    let depth = kernel.reads.iter().map(|read| ways[read.value.index()].len()).max()?;
    if depth == 0 || kernel.scatter.is_some() {
        return None;
    }
    let shape = &block.value(kernel.out).shape;
    let mut levels: Vec<Level> = Vec::new();
    for level in 0..depth {
        let found = |constants: &Constants<'_>| {
            (1..=PERIOD).find_map(|period| {
                let free = (0..shape.len()).filter(|axis| levels.iter().all(|level| level.axis != *axis));
                let mut free = free.filter(|&axis| constants(axis, period as i64));
                free.find_map(|axis| along(kernel, ways, level, axis, period))
            })
        };
        let found = allowed.iter().find_map(found)?;
        levels.push(found);
    }
    let mut steps: BTreeMap<ValueId, Vec<usize>> = BTreeMap::new();
    let mut spread = Vec::new();
    for (number, level) in levels.iter().enumerate() {
        let rates: Vec<(usize, usize)> = (level.moves.iter())
            .map(|(value, &moved)| {
                let Spread { lanes, interval, .. } = ways[value.index()][number];
                let common = gcd(lanes, moved);
                (level.period * lanes / common, interval * moved / common)
            })
            .collect();
        let lanes = rates.iter().map(|&(lanes, _)| lanes).fold(1, lcm);
        let interval = rates.first().map(|&(own, interval)| interval * (lanes / own))?;
        if rates.iter().any(|&(own, other)| other * (lanes / own) != interval) {
            return None;
        }
        for (&value, &moved) in &level.moves {
            steps.entry(value).or_default().push(lanes / level.period * moved);
        }
        let beats = shape[level.axis].div_ceil(lanes).max(1);
        spread.push(Spread { axis: level.axis, lanes, beats, interval });
    }
    Some(Together { spread, steps })
}

/// The level if the operands' axes there follow `axis` of the output, `period` positions of it at a time.
fn along(kernel: &Kernel, ways: &[Vec<Spread>], level: usize, axis: usize, period: usize) -> Option<Level> {
    let by = period as i64;
    let mut moves: BTreeMap<ValueId, usize> = BTreeMap::new();
    for read in &kernel.reads {
        let way = &ways[read.value.index()];
        for (n, access) in read.index.iter().enumerate() {
            let streamed = way.iter().position(|spread| spread.axis == n);
            match access {
                Access::Affine(index) if streamed == Some(level) => {
                    let moved = usize::try_from(shift(index, axis, by)?).ok().filter(|&moved| moved > 0)?;
                    if *moves.entry(read.value).or_insert(moved) != moved {
                        return None;
                    }
                }
                Access::Affine(index) if stays(index, axis, by) => {}
                Access::Table { index, .. } if streamed.is_none() && stays(index, axis, by) => {}
                Access::Runtime(_) if streamed.is_none() => {}
                _ => return None,
            }
        }
    }
    (!moves.is_empty()).then_some(Level { axis, period, moves })
}

/// The beats of a block, one after the other wherever their number and the time between blocks have a common divisor.
pub(super) fn serialize(spread: &[Spread], shape: &[usize]) -> Vec<Spread> {
    let mut serial = spread.to_vec();
    for level in (0..serial.len()).rev() {
        let faster: usize = serial[level + 1..].iter().map(Spread::reach).sum();
        let Spread { axis, lanes, interval, .. } = serial[level];
        let room = serial[..level].last().map_or(usize::MAX, |slower| slower.interval);
        let parted = |n: usize| {
            let lanes = lanes / n;
            Spread { axis, lanes, beats: shape[axis].div_ceil(lanes).max(1), interval: interval / n }
        };
        let common = gcd(lanes, interval);
        let fits = |n: &usize| common % n == 0 && interval / n > faster && parted(*n).reach() < room;
        serial[level] = parted((1..=common).rev().find(fits).unwrap_or(1));
    }
    serial
}
