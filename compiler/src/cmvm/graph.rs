//! The adder graph: what a consumer walks to build hardware, and its costs.

use super::range::Range;

/// A value of an [`AdderGraph`]: input *i* is `ValueId(i)`, node *k* is `ValueId(inputs + k)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueId(pub u32);

impl ValueId {
    /// As an index into a table of all values.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value times a power of two: `value << shift`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operand {
    /// An input or an earlier node.
    pub value: ValueId,
    /// Zero bits appended on the right.
    pub shift: u32,
}

/// How a node is computed. Operands always come earlier in the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// a + b, or a − b where `subtract`; the smaller of the two shifts is 0.
    Add {
        /// First operand.
        a: Operand,
        /// Second operand.
        b: Operand,
        /// Whether `b` is subtracted.
        subtract: bool,
    },
    /// 0 − value. Outputs need no sign: where the order of a subtraction cannot absorb it, it is
    /// such a node.
    Negate(ValueId),
    /// Σ weight · input over at most [`TABLE_INPUTS`] one-bit graph inputs: one look-up table of
    /// that many inputs for each bit of the result.
    Table(Vec<(ValueId, i64)>),
}

/// How many one-bit inputs a packed table has at most.
pub const TABLE_INPUTS: usize = 6;

/// One node and the exact range of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// How it is computed.
    pub op: Op,
    /// The smallest interval that holds its value for every input in range.
    pub range: Range,
}

/// One column's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Where the result is; `None` for a column of zeros.
    pub source: Option<Operand>,
    /// Only the result modulo 2^wrap is the column's; `None`: the result is exact.
    pub wrap: Option<u32>,
}

/// y = x·M as additions of shifted values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdderGraph {
    /// The range of each input.
    pub inputs: Vec<Range>,
    /// Nodes in topological order; each is used.
    pub nodes: Vec<Node>,
    /// One per column of the matrix.
    pub outputs: Vec<Column>,
}

impl AdderGraph {
    /// The exact range of a value.
    pub fn range(&self, value: ValueId) -> Range {
        let index = value.index();
        match index.checked_sub(self.inputs.len()) {
            None => self.inputs[index],
            Some(node) => self.nodes[node].range,
        }
    }

    /// Every output for one assignment of the inputs, wrapped outputs in two's complement.
    /// For tests: the graph must be proved, and `x` in range.
    pub fn evaluate(&self, x: &[i64]) -> Vec<i64> {
        let mut values = x.to_vec();
        for node in &self.nodes {
            let at = |operand: Operand| values[operand.value.index()] << operand.shift;
            values.push(match &node.op {
                Op::Add { a, b, subtract: false } => at(*a) + at(*b),
                Op::Add { a, b, subtract: true } => at(*a) - at(*b),
                Op::Negate(value) => -values[value.index()],
                Op::Table(terms) => terms.iter().map(|(v, weight)| weight * values[v.index()]).sum(),
            });
        }
        let output = |column: &Column| {
            let exact = column.source.map_or(0, |s| values[s.value.index()] << s.shift);
            column.wrap.map_or(exact, |width| super::csd::residue(exact, width))
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Op {
    /// The values it reads.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> {
        let (pair, terms): ([Option<ValueId>; 2], &[(ValueId, i64)]) = match self {
            Self::Add { a, b, .. } => ([Some(a.value), Some(b.value)], &[]),
            Self::Negate(value) => ([Some(*value), None], &[]),
            Self::Table(terms) => ([None, None], terms),
        };
        pair.into_iter().flatten().chain(terms.iter().map(|term| term.0))
    }

    /// Replaces the values it reads.
    pub fn rename(&mut self, name: impl Fn(ValueId) -> ValueId) {
        match self {
            Self::Add { a, b, .. } => {
                a.value = name(a.value);
                b.value = name(b.value);
            }
            Self::Negate(value) => *value = name(*value),
            Self::Table(terms) => terms.iter_mut().for_each(|term| term.0 = name(term.0)),
        }
    }
}
