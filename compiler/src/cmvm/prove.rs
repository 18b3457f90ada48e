//! The proof that an adder graph is its matrix.

use thiserror::Error;

use super::csd::residue;
use super::graph::{AdderGraph, Op, Operand, TABLE_INPUTS, ValueId};
use super::range::Range;

/// The first reason why a graph is not what it claims to be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProofError {
    /// The matrix has not inputs × outputs entries.
    #[error("a matrix of {entries} entries is not {inputs} inputs by {outputs} outputs")]
    Shape {
        /// Entries of the matrix.
        entries: usize,
        /// Inputs of the graph.
        inputs: usize,
        /// Outputs of the graph.
        outputs: usize,
    },
    /// An input range is empty.
    #[error("input {input} has an empty range")]
    EmptyInput {
        /// The input.
        input: usize,
    },
    /// A node or output reads a value that is not earlier.
    #[error("node or output {at} reads value {value}, which does not come before it")]
    Order {
        /// Node index, or nodes + column.
        at: usize,
        /// The value read.
        value: u32,
    },
    /// A node breaks a rule of its kind (shifts, number or kind of table inputs).
    #[error("node {node} is not well formed")]
    Malformed {
        /// The node.
        node: usize,
    },
    /// A coefficient or value leaves i64.
    #[error("node or output {at} overflows 64 bits")]
    Overflow {
        /// Node index, or nodes + column.
        at: usize,
    },
    /// The claimed range is not the exact one.
    #[error("node {node} claims the range {claimed:?}, but has {exact:?}")]
    Range {
        /// The node.
        node: usize,
        /// What the graph says.
        claimed: Range,
        /// What the normal form gives.
        exact: Range,
    },
    /// A column computes something else.
    #[error("column {column} has coefficient {found} for input {input} where the matrix has {wanted}")]
    Coefficient {
        /// The column.
        column: usize,
        /// The input.
        input: usize,
        /// From the graph.
        found: i64,
        /// From the matrix.
        wanted: i64,
    },
}

/// A linear form: (input, coefficient), ascending by input, no zero coefficients.
pub type Row = Vec<(u32, i64)>;

/// `a·2^a_shift ± b·2^b_shift`; `None` where a coefficient leaves i64.
pub fn combine_rows(
    a: &[(u32, i64)],
    a_shift: u32,
    b: &[(u32, i64)],
    b_shift: u32,
    subtract: bool,
) -> Option<Row> {
    let mut sum = Row::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    let shifted = |weight: i64, shift: u32| i128::from(weight) << shift;
    while i < a.len() || j < b.len() {
        let input = a.get(i).map_or(u32::MAX, |t| t.0).min(b.get(j).map_or(u32::MAX, |t| t.0));
        let mut weight = 0i128;
        if i < a.len() && a[i].0 == input {
            weight += shifted(a[i].1, a_shift);
            i += 1;
        }
        if j < b.len() && b[j].0 == input {
            let term = shifted(b[j].1, b_shift);
            weight += if subtract { -term } else { term };
            j += 1;
        }
        if weight != 0 {
            sum.push((input, i64::try_from(weight).ok()?));
        }
    }
    Some(sum)
}

/// The exact range of a linear form over the inputs' ranges; `None` where it leaves i64.
pub fn row_range(row: &[(u32, i64)], inputs: &[Range]) -> Option<Range> {
    let (mut lo, mut hi) = (0i128, 0i128);
    for &(input, weight) in row {
        let range = inputs[input as usize];
        let ends = [i128::from(weight) * i128::from(range.lo), i128::from(weight) * i128::from(range.hi)];
        lo = lo.checked_add(ends[0].min(ends[1]))?;
        hi = hi.checked_add(ends[0].max(ends[1]))?;
    }
    Some(Range { lo: i64::try_from(lo).ok()?, hi: i64::try_from(hi).ok()? })
}

impl AdderGraph {
    /// Proves that output *j* is Σ x_i · matrix[i·outputs + j] for **every** x (modulo 2^wrap for
    /// a wrapped column), that each node's range is exactly the one it takes over the inputs'
    /// ranges, that every value and every shifted output fits i64, and that operands come first.
    pub fn prove(&self, matrix: &[i64]) -> Result<(), ProofError> {
        let (inputs, outputs) = (self.inputs.len(), self.outputs.len());
        if inputs.checked_mul(outputs) != Some(matrix.len()) {
            return Err(ProofError::Shape { entries: matrix.len(), inputs, outputs });
        }
        if let Some(input) = self.inputs.iter().position(|range| range.lo > range.hi) {
            return Err(ProofError::EmptyInput { input });
        }
        let mut proof = Proof::start(self)?;
        for node in 0..self.nodes.len() {
            proof.node(node)?;
        }
        (0..outputs).try_for_each(|column| proof.column(matrix, column))
    }
}

/// The normal forms of the values that are still to be read.
struct Proof<'a> {
    graph: &'a AdderGraph,
    rows: Vec<Row>,
    reads_left: Vec<u32>,
}

impl<'a> Proof<'a> {
    fn start(graph: &'a AdderGraph) -> Result<Self, ProofError> {
        let inputs = graph.inputs.len();
        let mut reads_left = vec![0; inputs + graph.nodes.len()];
        let nodes = graph.nodes.iter().map(|node| node.op.operands().collect::<Vec<_>>());
        let columns = graph.outputs.iter().map(|column| column.source.iter().map(|s| s.value).collect());
        for (at, values) in nodes.chain(columns).enumerate() {
            for value in values {
                if value.index() >= inputs + at.min(graph.nodes.len()) {
                    return Err(ProofError::Order { at, value: value.0 });
                }
                reads_left[value.index()] += 1;
            }
        }
        let rows = (0..inputs as u32).map(|input| vec![(input, 1)]).collect();
        Ok(Self { graph, rows, reads_left })
    }

    fn done_with(&mut self, value: ValueId) {
        self.reads_left[value.index()] -= 1;
        if self.reads_left[value.index()] == 0 {
            self.rows[value.index()] = Row::new();
        }
    }

    fn node(&mut self, node: usize) -> Result<(), ProofError> {
        let Some(row) = self.row(node)? else { return Err(ProofError::Overflow { at: node }) };
        let exact = row_range(&row, &self.graph.inputs).ok_or(ProofError::Overflow { at: node })?;
        let claimed = self.graph.nodes[node].range;
        if exact != claimed {
            return Err(ProofError::Range { node, claimed, exact });
        }
        self.rows.push(row);
        self.graph.nodes[node].op.operands().for_each(|value| self.done_with(value));
        Ok(())
    }

    fn row(&self, node: usize) -> Result<Option<Row>, ProofError> {
        let malformed = ProofError::Malformed { node };
        let of = |value: ValueId| self.rows[value.index()].as_slice();
        match &self.graph.nodes[node].op {
            Op::Add { a, b, subtract } => {
                if a.shift.min(b.shift) != 0 || a.shift.max(b.shift) > 63 {
                    return Err(malformed);
                }
                Ok(combine_rows(of(a.value), a.shift, of(b.value), b.shift, *subtract))
            }
            Op::Negate(value) => Ok(combine_rows(&[], 0, of(*value), 0, true)),
            Op::Table(terms) => {
                let one_bit = |v: ValueId| self.graph.inputs.get(v.index()).is_some_and(|r| r.is_one_bit());
                let sorted = terms.windows(2).all(|pair| pair[0].0 < pair[1].0);
                let sized = !terms.is_empty() && terms.len() <= TABLE_INPUTS;
                if !sized || !sorted || !terms.iter().all(|&(v, weight)| one_bit(v) && weight != 0) {
                    return Err(malformed);
                }
                Ok(Some(terms.iter().map(|&(value, weight)| (value.0, weight)).collect()))
            }
        }
    }

    fn column(&mut self, matrix: &[i64], column: usize) -> Result<(), ProofError> {
        let overflow = ProofError::Overflow { at: self.graph.nodes.len() + column };
        let output = self.graph.outputs[column];
        let row = match output.source {
            None => Row::new(),
            Some(Operand { shift: 64.., .. }) => return Err(overflow),
            Some(Operand { value, shift }) => {
                combine_rows(&self.rows[value.index()], shift, &[], 0, false).ok_or(overflow.clone())?
            }
        };
        row_range(&row, &self.graph.inputs).ok_or(overflow)?;
        let mut terms = row.iter().peekable();
        for input in 0..self.graph.inputs.len() {
            let found = terms.next_if(|term| term.0 as usize == input).map_or(0, |term| term.1);
            let wanted = matrix[input * self.graph.outputs.len() + column];
            let same = match output.wrap {
                None => found == wanted,
                Some(width) => residue(found.wrapping_sub(wanted), width) == 0,
            };
            if !same {
                return Err(ProofError::Coefficient { column, input, found, wanted });
            }
        }
        if let Some(source) = output.source {
            self.done_with(source.value);
        }
        Ok(())
    }
}
