//! Affine forms become adders: constant matrices go through [`crate::cmvm`].

use std::collections::hash_map::Entry;

use nn2hdl_runtime::Interval;
use rustc_hash::FxHashMap;

use super::form::Form;
use super::{Datapath, WireId};
use crate::cmvm::{self, Cost, Effort, Input, Op, Operand, Output, Problem, Solution, SolveError};
use crate::netlist::Watch;

/// A matrix, the ranges of its rows, and how many columns it has: without rows the matrix does not tell.
type Key = (Vec<i64>, Vec<(i64, i64)>, usize);

/// Finds adder graphs, each distinct one once.
pub struct Optimizer<'a> {
    effort: Effort,
    max_depth: Option<u32>,
    delay: &'a dyn Fn(u32) -> f64,
    product_width: u32,
    watch: &'a dyn Watch,
    solved: FxHashMap<Key, Solution>,
}

impl<'a> Optimizer<'a> {
    /// `max_depth`: adder levels allowed above the least possible; `delay`: of an adder by the width of its result;
    /// `product_width`: of the widest product that one multiplier delivers within a cycle; `watch` is told of each search.
    pub fn new(
        effort: Effort,
        max_depth: Option<u32>,
        delay: &'a dyn Fn(u32) -> f64,
        product_width: u32,
        watch: &'a dyn Watch,
    ) -> Self {
        Self { effort, max_depth, delay, product_width, watch, solved: FxHashMap::default() }
    }

    fn solve(
        &mut self,
        matrix: Vec<i64>,
        ranges: Vec<(i64, i64)>,
        columns: usize,
    ) -> Result<&Solution, SolveError> {
        match self.solved.entry((matrix, ranges, columns)) {
            Entry::Occupied(found) => Ok(found.into_mut()),
            Entry::Vacant(slot) => {
                self.watch.search();
                let (matrix, ranges, _) = slot.key();
                let inputs: Vec<Input> =
                    ranges.iter().map(|&(lo, hi)| Input { lo, hi, arrival: 0.0 }).collect();
                let solution = cmvm::solve(&Problem {
                    matrix,
                    inputs: &inputs,
                    outputs: &vec![Output::default(); columns],
                    max_depth: self.max_depth,
                    delay: self.delay,
                    cost: Cost::AdderBits,
                    effort: self.effort,
                    stop: &|| self.watch.stop(),
                    seed: 1,
                })?;
                Ok(slot.insert(solution))
            }
        }
    }
}

impl Datapath {
    /// The wires of several affine forms, found together so that they share what they can.
    pub fn materialize(
        &mut self,
        forms: &[Form],
        optimizer: &mut Optimizer<'_>,
    ) -> Result<Vec<WireId>, SolveError> {
        let mut rows: Vec<WireId> = forms.iter().flat_map(|form| form.terms.keys().copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut matrix = vec![0i64; rows.len() * forms.len()];
        for (column, form) in forms.iter().enumerate() {
            for (wire, &coefficient) in &form.terms {
                let row = rows.binary_search(wire).unwrap_or_default();
                matrix[row * forms.len() + column] = coefficient as i64;
            }
        }
        let ranges = rows
            .iter()
            .map(|&wire| {
                let Interval { lo, hi } = self.interval(wire);
                (lo as i64, hi as i64)
            })
            .collect();
        let solution = optimizer.solve(matrix, ranges, forms.len())?;
        let graph = &solution.graph;
        let mut wires = rows;
        for node in &graph.nodes {
            let interval = Interval::new(node.range.lo.into(), node.range.hi.into());
            let at = |operand: &Operand| (wires[operand.value.index()], operand.shift);
            let wire = match &node.op {
                Op::Add { a, b, subtract } => self.add_within(at(a), at(b), *subtract, interval),
                Op::Negate(value) => {
                    let zero = self.constant(0);
                    self.add_within((zero, 0), (wires[value.index()], 0), true, interval)
                }
                Op::Table(terms) => {
                    let bits: Vec<WireId> = terms.iter().map(|(value, _)| wires[value.index()]).collect();
                    let weights: Vec<i64> = terms.iter().map(|&(_, weight)| weight).collect();
                    self.packed(bits, &weights)
                }
            };
            wires.push(wire);
        }
        Ok(forms
            .iter()
            .zip(&graph.outputs)
            .map(|(form, column)| {
                let sum = match column.source {
                    Some(source) => self.shl(wires[source.value.index()], source.shift),
                    None => self.constant(0),
                };
                let constant = self.constant(form.constant as i64);
                self.add(sum, constant)
            })
            .collect())
    }

    /// `a × b`: one multiplier if it is fast enough, else a sum of partial products that the pipeline can cut.
    pub fn product(
        &mut self,
        a: WireId,
        b: WireId,
        optimizer: &mut Optimizer<'_>,
    ) -> Result<WireId, SolveError> {
        let width = |this: &Self, wire: WireId| this.interval(wire).width();
        let (a, b) = if width(self, a).1 >= width(self, b).1 { (a, b) } else { (b, a) };
        let (signed, bits) = width(self, b);
        if width(self, a).1 + bits <= optimizer.product_width {
            return Ok(self.mul(a, b));
        }
        let zero = self.constant(0);
        let mut sum = Form::default();
        for n in 0..bits {
            let bit = self.shr(b, n);
            let bit = self.wrap(bit, false, 1);
            let part = self.select(bit, a, zero);
            let weight = if signed && n == bits - 1 { -(1i64 << n) } else { 1i64 << n };
            sum.accumulate(&Form::wire(part), weight).ok_or(SolveError::TooWide { column: 0 })?;
        }
        Ok(self.materialize(&[sum], optimizer)?[0])
    }

    /// `Σ weight · bit` as one table over the bits side by side.
    fn packed(&mut self, bits: Vec<WireId>, weights: &[i64]) -> WireId {
        let entries = (0..1usize << bits.len())
            .map(|word| weights.iter().enumerate().map(|(n, weight)| weight * (word >> n & 1) as i64).sum())
            .collect();
        let word = self.concat(bits);
        self.table(word, entries)
    }
}
