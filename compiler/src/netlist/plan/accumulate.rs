//! Reductions over all of a stream: what each beat adds to the running total.

use std::collections::BTreeMap;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Access, Expr, Kernel, Op, Program, Reduction, ValueId};

use super::Plan;
use crate::datapath::elaborate::Tap;

/// What the beats of a streamed operand contribute to a reduction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Total {
    /// The same function in each beat: that of these reduction points, which are the first beat's.
    Same {
        /// The points.
        points: Vec<Vec<usize>>,
    },
    /// A weighted sum of the beat's elements with weights of its own.
    Weighted {
        /// The elements, relative to the beat.
        elements: Vec<Tap>,
        /// By output position, then element: the weight in each beat.
        weights: Vec<Vec<Vec<i64>>>,
        /// By output position: what is added once.
        constants: Vec<i64>,
    },
}

/// Points that a reduction over a stream has, at most: all are looked at, in 64 bytes or so each.
const POINTS: usize = 1 << 22;

/// Constants that it has, at most.
const CONSTANTS: usize = 1 << 26;

/// Whether a reduction is too large to be looked through beat by beat.
pub(super) fn is_large(program: &Program, kernel: &Kernel) -> bool {
    let points: usize = kernel.extent.iter().product();
    let positions = program.main().value(kernel.out).len();
    points > POINTS || has_constants(&kernel.body) && points.saturating_mul(positions) > CONSTANTS
}

/// The beat along each level, and the position within.
type Place = (Vec<usize>, Tap);

/// How `kernel` reduces its streamed operand, if it can be done beat by beat.
pub fn total(program: &Program, kernel: &Kernel, plan: &Plan) -> Option<Total> {
    let block = program.main();
    let slots = slots(&kernel.body);
    let value = kernel.reads.get(*slots.first()? as usize)?.value;
    let legal = kernel.scatter.is_none()
        && slots.iter().all(|&slot| kernel.reads[slot as usize].value == value)
        && !plan.ways[value.index()].is_empty()
        && slots_of_finish_are_whole(kernel, plan)
        && !is_large(program, kernel);
    if !legal {
        return None;
    }
    let shape = &block.value(kernel.out).shape;
    let origin = vec![0; shape.len()];
    let place =
        |slot: u32, p: &[usize], r: &[usize]| place(block_shape(program, value), plan, kernel, slot, p, r);
    // Elements that move with the output are no reduction over the stream.
    let fixed = |slot: u32| {
        let way = &plan.ways[value.index()];
        way.iter().all(|spread| match &kernel.reads[slot as usize].index[spread.axis] {
            Access::Affine(index) => (0..shape.len()).all(|axis| super::shift::stays(index, axis, 1)),
            _ => false,
        })
    };
    if !slots.iter().all(|&slot| fixed(slot)) {
        return None;
    }
    let mut by_beat: BTreeMap<Vec<usize>, Vec<Vec<usize>>> = BTreeMap::new();
    for r in points(&kernel.extent) {
        let mut beats = slots.iter().map(|&slot| place(slot, &origin, &r).map(|place| place.0));
        let beat = beats.next()??;
        if beats.any(|other| other.as_ref() != Some(&beat)) {
            return None;
        }
        by_beat.entry(beat).or_default().push(r);
    }
    let beats: Vec<usize> = plan.ways[value.index()].iter().map(|spread| spread.beats).collect();
    let all_beats = by_beat.len() == beats.iter().product::<usize>();
    let first = by_beat.get(&vec![0; beats.len()]).cloned().unwrap_or_default();
    let positions: Vec<Vec<usize>> = points(shape).collect();
    let signature = |r: &Vec<usize>| -> Option<Vec<(Vec<Tap>, Vec<i64>)>> {
        let constants = has_constants(&kernel.body);
        positions
            .iter()
            .take(if constants { usize::MAX } else { 1 })
            .map(|p| {
                let taps: Option<Vec<Tap>> = slots.iter().map(|&slot| Some(place(slot, p, r)?.1)).collect();
                Some((taps?, constants_at(program, &kernel.body, p, r)))
            })
            .collect()
    };
    let signatures = |points: &[Vec<usize>]| -> Option<Vec<_>> {
        let mut all: Vec<_> = points.iter().map(signature).collect::<Option<Vec<_>>>()?;
        all.sort_unstable();
        Some(all)
    };
    let wanted = signatures(&first)?;
    let plain = kernel.body == Expr::read();
    // A beat may lack only what lies beyond the value: its lanes are filled with what does not count.
    let beyond = |beat: &[usize], tap: &Tap| {
        let shape = block_shape(program, value);
        let levels = plan.ways[value.index()].iter().zip(beat);
        levels.into_iter().any(|(spread, &beat)| {
            tap.at[spread.axis] + (beat * spread.lanes) as i64 >= shape[spread.axis] as i64
        })
    };
    let repeats = |(beat, points): (&Vec<usize>, &Vec<Vec<usize>>)| {
        let Some(found) = signatures(points) else { return false };
        let mut lacking = wanted.clone();
        for one in &found {
            match lacking.iter().position(|other| other == one) {
                Some(at) => lacking.swap_remove(at),
                None => return false,
            };
        }
        let taps = || lacking.iter().flatten().flat_map(|(taps, _)| taps);
        lacking.is_empty() || plain && taps().all(|tap| beyond(beat, tap))
    };
    if all_beats && by_beat.iter().all(repeats) {
        return Some(Total::Same { points: first });
    }
    if kernel.reduction != Reduction::Sum || slots.len() != 1 {
        return None;
    }
    let count: usize = beats.iter().product();
    let mut elements: BTreeMap<Tap, usize> = BTreeMap::new();
    let mut weights: Vec<Vec<Vec<i64>>> = vec![Vec::new(); positions.len()];
    let mut constants = vec![0i64; positions.len()];
    for (n, p) in positions.iter().enumerate() {
        for r in points(&kernel.extent) {
            let (beat, tap) = place(slots[0], p, &r)?;
            let (weight, constant) = line(program, &kernel.body, p, &r)?;
            constants[n] = constants[n].checked_add(constant)?;
            if weight == 0 {
                continue;
            }
            let next = elements.len();
            let element = *elements.entry(tap).or_insert(next);
            let beat = beat.iter().zip(&beats).fold(0, |flat, (&at, &extent)| flat * extent + at);
            let row = &mut weights[n];
            row.resize(row.len().max(element + 1), vec![0; count]);
            row[element][beat] = row[element][beat].checked_add(weight)?;
        }
    }
    weights.iter_mut().for_each(|row| row.resize(elements.len(), vec![0; count]));
    let mut taps: Vec<(Tap, usize)> = elements.into_iter().collect();
    taps.sort_by_key(|(_, number)| *number);
    Some(Total::Weighted { elements: taps.into_iter().map(|(tap, _)| tap).collect(), weights, constants })
}

fn block_shape(program: &Program, value: ValueId) -> &[usize] {
    &program.main().value(value).shape
}

fn slots_of_finish_are_whole(kernel: &Kernel, plan: &Plan) -> bool {
    slots(&kernel.finish).iter().all(|&slot| plan.ways[kernel.reads[slot as usize].value.index()].is_empty())
}

fn slots(expr: &Expr) -> Vec<u32> {
    let reads = expr.nodes().iter().filter_map(|op| if let Op::Read(slot) = op { Some(*slot) } else { None });
    let mut slots: Vec<u32> = reads.collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// The element that a slot delivers at `(p, r)`, by beat and relative to it; `None` if it is outside or not known.
fn place(
    shape: &[usize],
    plan: &Plan,
    kernel: &Kernel,
    slot: u32,
    p: &[usize],
    r: &[usize],
) -> Option<Place> {
    let read = &kernel.reads[slot as usize];
    let way = &plan.ways[read.value.index()];
    let mut at = Vec::with_capacity(read.index.len());
    for (access, &extent) in read.index.iter().zip(shape) {
        let Access::Affine(index) = access else { return None };
        at.push(Some(index.at(p, r)).filter(|at| (0..extent as i64).contains(at))?);
    }
    let beats = way.iter().map(|spread| {
        let beat = at[spread.axis] as usize / spread.lanes;
        at[spread.axis] -= (beat * spread.lanes) as i64;
        beat
    });
    let beats = beats.collect();
    Some((beats, Tap { value: read.value, at, outside: 0 }))
}

fn has_constants(expr: &Expr) -> bool {
    expr.nodes().iter().any(|op| matches!(op, Op::Param { .. } | Op::Lut { .. }))
}

/// The constants that `expr` looks up at `(p, r)`; for a table the row stands for its entries.
fn constants_at(program: &Program, expr: &Expr, p: &[usize], r: &[usize]) -> Vec<i64> {
    let nodes = expr.nodes().iter();
    nodes
        .filter_map(|op| match op {
            Op::Param { table, index } => Some(program.table(*table)[index.at(p, r) as usize]),
            Op::Lut { row, .. } => Some(row.at(p, r)),
            _ => None,
        })
        .collect()
}

/// Factor and summand of a body that is an affine function of what its one slot reads; `None` for any other body.
fn line(program: &Program, expr: &Expr, p: &[usize], r: &[usize]) -> Option<(i64, i64)> {
    let mut values: Vec<(i64, i64)> = Vec::with_capacity(expr.nodes().len());
    for op in expr.nodes() {
        let of = |id: &nn2hdl_runtime::ExprId| values[id.index()];
        let sum = |(a, b): (i64, i64), (c, d): (i64, i64)| Some((a.checked_add(c)?, b.checked_add(d)?));
        let scaled = |(a, b): (i64, i64), factor: i64| Some((a.checked_mul(factor)?, b.checked_mul(factor)?));
        values.push(match op {
            Op::Read(_) => (1, 0),
            Op::Const(value) => (0, *value),
            Op::Param { table, index } => (0, program.table(*table)[index.at(p, r) as usize]),
            Op::Add(a, b) => sum(of(a), of(b))?,
            Op::Sub(a, b) => sum(of(a), scaled(of(b), -1)?)?,
            Op::Mul(a, b) => match (of(a), of(b)) {
                (line, (0, factor)) | ((0, factor), line) => scaled(line, factor)?,
                _ => return None,
            },
            Op::Shl(a, n) => scaled(of(a), 1i64.checked_shl(u32::try_from(of(n).1).ok()?)?)?,
            _ => return None,
        });
    }
    values.last().copied()
}
