//! A graph under construction: every value with its normal form, range and level.

use std::collections::BTreeMap;

use super::SolveError;
use super::cost::Addition;
use super::graph::{AdderGraph, Column, Node, Op, Operand, ValueId};
use super::prove::{Row, combine_rows, row_range};
use super::range::Range;

/// A signed, shifted value: one term of a column that is still to be summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The value and its shift.
    pub operand: Operand,
    /// Whether it is subtracted.
    pub negative: bool,
}

/// Values are hash-consed: the same operation is made once.
#[derive(Clone, Debug)]
pub struct Builder {
    inputs: Vec<Range>,
    nodes: Vec<Node>,
    rows: Vec<Row>,
    levels: Vec<u32>,
    made: BTreeMap<Op, ValueId>,
}

impl Builder {
    /// Starts with inputs that are ready at the given levels.
    pub fn new(inputs: Vec<Range>, levels: Vec<u32>) -> Self {
        let rows = (0..inputs.len() as u32).map(|input| vec![(input, 1)]).collect();
        Self { inputs, nodes: Vec::new(), rows, levels, made: BTreeMap::new() }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The exact range of a value.
    pub fn range(&self, value: ValueId) -> Range {
        match value.index().checked_sub(self.inputs.len()) {
            None => self.inputs[value.index()],
            Some(node) => self.nodes[node].range,
        }
    }

    /// Additions between the earliest input and a value.
    pub fn level(&self, value: ValueId) -> u32 {
        self.levels[value.index()]
    }

    /// What adding two operands would cost, by interval addition.
    pub fn estimate(&self, a: Operand, b: Operand, subtract: bool) -> Addition {
        let common = a.shift.min(b.shift);
        let (a_shift, b_shift) = (a.shift - common, b.shift - common);
        let (a, b) = (self.range(a.value), self.range(b.value));
        let sum = Range::combined(a, a_shift, b, b_shift, subtract);
        Addition { a, a_shift, b, b_shift, subtract, sum }
    }

    /// a ± b as a node and the shift both operands had in common.
    pub fn add(&mut self, a: Operand, b: Operand, subtract: bool) -> Result<Operand, SolveError> {
        let shift = a.shift.min(b.shift);
        let (mut a, mut b) = (a, b);
        a.shift -= shift;
        b.shift -= shift;
        if !subtract && b < a {
            std::mem::swap(&mut a, &mut b);
        }
        let row = combine_rows(
            &self.rows[a.value.index()],
            a.shift,
            &self.rows[b.value.index()],
            b.shift,
            subtract,
        );
        let value = self.push(Op::Add { a, b, subtract }, row)?;
        Ok(Operand { value, shift })
    }

    /// The packed table of the given weights.
    pub fn table(&mut self, terms: Vec<(ValueId, i64)>) -> Result<ValueId, SolveError> {
        let row = terms.iter().map(|&(value, weight)| (value.0, weight)).collect();
        self.push(Op::Table(terms), Some(row))
    }

    /// −value, `level_limit` levels deep at most where that can be kept: a subtraction turned
    /// round costs no level, a negation one.
    pub fn negate(&mut self, value: ValueId, level_limit: Option<u32>) -> Result<ValueId, SolveError> {
        let late = level_limit.is_some_and(|limit| self.level(value) >= limit);
        match self.op(value).cloned() {
            Some(Op::Add { a, b, subtract: true }) => Ok(self.add(b, a, true)?.value),
            Some(Op::Table(terms)) => self.table(terms.into_iter().map(|(v, w)| (v, -w)).collect()),
            Some(Op::Add { a, b, .. }) if late => {
                let (turned, other) = if self.can_turn(a.value) { (a, b) } else { (b, a) };
                let limit = Some(self.level(turned.value));
                let negated = self.negate(turned.value, limit)?;
                Ok(self.add(Operand { value: negated, ..turned }, other, true)?.value)
            }
            _ => {
                let row = combine_rows(&[], 0, &self.rows[value.index()], 0, true);
                self.push(Op::Negate(value), row)
            }
        }
    }

    /// The finished graph: only what the outputs need, in topological order.
    pub fn finish(self, outputs: Vec<Column>) -> AdderGraph {
        let inputs = self.inputs.len();
        let mut live = vec![false; self.rows.len()];
        outputs.iter().filter_map(|column| column.source).for_each(|s| live[s.value.index()] = true);
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if live[inputs + index] {
                node.op.operands().for_each(|value| live[value.index()] = true);
            }
        }
        let mut renamed: Vec<ValueId> = (0..inputs as u32).map(ValueId).collect();
        let mut nodes = Vec::new();
        for (mut node, at) in self.nodes.into_iter().zip(inputs..) {
            renamed.push(ValueId((inputs + nodes.len()) as u32));
            if live[at] {
                node.op.rename(|value| renamed[value.index()]);
                nodes.push(node);
            }
        }
        let rename = |s: Operand| Operand { value: renamed[s.value.index()], ..s };
        let outputs = outputs.into_iter().map(|c| Column { source: c.source.map(rename), ..c }).collect();
        AdderGraph { inputs: self.inputs, nodes, outputs }
    }

    /// The inputs' ranges.
    pub fn inputs(&self) -> &[Range] {
        &self.inputs
    }

    /// The normal form of a value.
    pub fn row(&self, value: ValueId) -> &[(u32, i64)] {
        &self.rows[value.index()]
    }

    /// Gives a node another operation that computes the same value.
    pub fn replace(&mut self, value: ValueId, op: Op) {
        if let Some(index) = value.index().checked_sub(self.inputs.len()) {
            self.made.remove(&self.nodes[index].op);
            self.nodes[index].op = op;
        }
    }

    /// How a value is computed; `None` for an input.
    pub fn op(&self, value: ValueId) -> Option<&Op> {
        Some(&self.nodes[value.index().checked_sub(self.inputs.len())?].op)
    }

    /// Whether −value exists at the level of value.
    fn can_turn(&self, value: ValueId) -> bool {
        match self.op(value) {
            Some(Op::Add { a, b, subtract }) => *subtract || self.can_turn(a.value) || self.can_turn(b.value),
            Some(Op::Table(_)) => true,
            _ => false,
        }
    }

    fn push(&mut self, op: Op, row: Option<Row>) -> Result<ValueId, SolveError> {
        if let Some(&value) = self.made.get(&op) {
            return Ok(value);
        }
        let range = row.as_ref().and_then(|row| row_range(row, &self.inputs));
        let (Some(row), Some(range)) = (row, range) else { return Err(SolveError::Internal) };
        let level = 1 + op.operands().map(|value| self.level(value)).max().unwrap_or(0);
        let value = ValueId(self.rows.len() as u32);
        self.made.insert(op.clone(), value);
        self.nodes.push(Node { op, range });
        self.rows.push(row);
        self.levels.push(level);
        Ok(value)
    }
}
