//! Scalar expressions over the closed set of primitives.
//!
//! Every primitive is exact on integers; only `Shr` and `Wrap` lose bits. Rounding and saturation are built
//! from them, in [`crate::quantize`].

use serde::{Deserialize, Serialize};

use crate::id::TableId;
use crate::index::Index;

/// A node of an [`Expr`], by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExprId(pub u32);

impl ExprId {
    /// The position in the expression.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A primitive. Operands are earlier nodes of the same expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// What read slot `n` of the kernel delivers.
    Read(u32),
    /// The result of the reduction; in `finish` only.
    Acc,
    /// A literal.
    Const(i64),
    /// A constant that depends on the position: `table[index]`.
    Param {
        /// Where the constants are.
        table: TableId,
        /// Flat position in the table.
        index: Index,
    },
    /// `a × 2^amount`; the amount is a `Const` or `Param`, 0 to 63.
    Shl(ExprId, ExprId),
    /// `⌊a / 2^amount⌋`; the amount is a `Const` or `Param`, 0 to 63.
    Shr(ExprId, ExprId),
    /// `a + b`.
    Add(ExprId, ExprId),
    /// `a − b`.
    Sub(ExprId, ExprId),
    /// `a × b`.
    Mul(ExprId, ExprId),
    /// The larger.
    Max(ExprId, ExprId),
    /// The smaller.
    Min(ExprId, ExprId),
    /// 1 if `a < b`, else 0.
    Lt(ExprId, ExprId),
    /// `b` if `a` is 1, `c` if it is 0; other conditions are refused.
    Select(ExprId, ExprId, ExprId),
    /// The low `width` bits of `a`, read as signed or unsigned; the width is a `Const` or `Param`, 1 to 63.
    Wrap {
        /// Operand.
        a: ExprId,
        /// Whether the upper of the kept bits is a sign.
        signed: bool,
        /// Number of bits kept.
        width: ExprId,
    },
    /// `table[row + a − base]`, with `base ≤ a < base + len`.
    Lut {
        /// The table.
        table: TableId,
        /// Flat position of the first entry used.
        row: Index,
        /// Number of entries used.
        len: u32,
        /// The operand that selects the first entry.
        base: i64,
        /// Operand.
        a: ExprId,
    },
}

impl Op {
    /// The operands, in order.
    pub fn operands(&self) -> impl Iterator<Item = ExprId> {
        let list = match *self {
            Self::Read(_) | Self::Acc | Self::Const(_) | Self::Param { .. } => [None; 3],
            Self::Shl(a, b)
            | Self::Shr(a, b)
            | Self::Add(a, b)
            | Self::Sub(a, b)
            | Self::Mul(a, b)
            | Self::Max(a, b)
            | Self::Min(a, b)
            | Self::Lt(a, b) => [Some(a), Some(b), None],
            Self::Select(a, b, c) => [Some(a), Some(b), Some(c)],
            Self::Wrap { a, width, .. } => [Some(a), Some(width), None],
            Self::Lut { a, .. } => [Some(a), None, None],
        };
        list.into_iter().flatten()
    }

    /// The same primitive with each operand replaced.
    #[must_use]
    pub fn map(&self, mut to: impl FnMut(ExprId) -> ExprId) -> Self {
        match self.clone() {
            op @ (Self::Read(_) | Self::Acc | Self::Const(_) | Self::Param { .. }) => op,
            Self::Shl(a, b) => Self::Shl(to(a), to(b)),
            Self::Shr(a, b) => Self::Shr(to(a), to(b)),
            Self::Add(a, b) => Self::Add(to(a), to(b)),
            Self::Sub(a, b) => Self::Sub(to(a), to(b)),
            Self::Mul(a, b) => Self::Mul(to(a), to(b)),
            Self::Max(a, b) => Self::Max(to(a), to(b)),
            Self::Min(a, b) => Self::Min(to(a), to(b)),
            Self::Lt(a, b) => Self::Lt(to(a), to(b)),
            Self::Select(a, b, c) => Self::Select(to(a), to(b), to(c)),
            Self::Wrap { a, signed, width } => Self::Wrap { a: to(a), signed, width: to(width) },
            Self::Lut { table, row, len, base, a } => Self::Lut { table, row, len, base, a: to(a) },
        }
    }
}

/// A scalar expression in order of evaluation; the last node is its result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expr {
    nodes: Vec<Op>,
}

impl Expr {
    /// The expression `Read(0)`, the body of a kernel that only moves data.
    pub fn read() -> Self {
        Self { nodes: vec![Op::Read(0)] }
    }

    /// The expression `Acc`, the finish of a kernel that does nothing after its reduction.
    pub fn acc() -> Self {
        Self { nodes: vec![Op::Acc] }
    }

    /// The nodes in order of evaluation.
    pub fn nodes(&self) -> &[Op] {
        &self.nodes
    }

    /// The nodes, for rewriting in place.
    pub fn nodes_mut(&mut self) -> &mut [Op] {
        &mut self.nodes
    }

    /// The node that is the expression's value.
    pub fn result(&self) -> ExprId {
        ExprId(self.nodes.len() as u32 - 1)
    }

    /// Appends a primitive, which becomes the result.
    pub fn push(&mut self, op: Op) -> ExprId {
        debug_assert!(op.operands().all(|a| a.index() < self.nodes.len()));
        self.nodes.push(op);
        self.result()
    }

    /// Appends a literal.
    pub fn constant(&mut self, value: i64) -> ExprId {
        self.push(Op::Const(value))
    }

    /// Appends all of `other`, with `replace` deciding which of its nodes stand for existing ones of this
    /// expression, and returns its result.
    pub fn append(&mut self, other: &Self, mut replace: impl FnMut(&Op) -> Option<ExprId>) -> ExprId {
        let mut map: Vec<ExprId> = Vec::with_capacity(other.nodes.len());
        for op in &other.nodes {
            let id = match replace(op) {
                Some(id) => id,
                None => self.push(op.map(|a| map[a.index()])),
            };
            map.push(id);
        }
        let result = *map.last().expect("an expression is never empty");
        if result != self.result() {
            // The result is by definition the last node.
            let zero = self.constant(0);
            return self.push(Op::Add(result, zero));
        }
        result
    }
}

/// The primitive's value on integers, the definition that everything else is compared with; `None` when it is
/// outside `i128` or an operand is outside the primitive's domain. `Read`, `Acc`, `Param` and `Lut` are looked
/// up by the caller and have no value here.
pub fn apply(op: &Op, operand: impl Fn(ExprId) -> i128) -> Option<i128> {
    let amount = |id: ExprId| u32::try_from(operand(id)).ok().filter(|&n| n < 64);
    Some(match *op {
        Op::Const(value) => value.into(),
        Op::Shl(a, n) => operand(a).checked_mul(1i128 << amount(n)?)?,
        Op::Shr(a, n) => operand(a) >> amount(n)?,
        Op::Add(a, b) => operand(a).checked_add(operand(b))?,
        Op::Sub(a, b) => operand(a).checked_sub(operand(b))?,
        Op::Mul(a, b) => operand(a).checked_mul(operand(b))?,
        Op::Max(a, b) => operand(a).max(operand(b)),
        Op::Min(a, b) => operand(a).min(operand(b)),
        Op::Lt(a, b) => i128::from(operand(a) < operand(b)),
        Op::Select(c, a, b) => match operand(c) {
            1 => operand(a),
            0 => operand(b),
            _ => return None,
        },
        Op::Wrap { a, signed, width } => wrap(operand(a), signed, amount(width).filter(|&w| w > 0)?),
        Op::Read(_) | Op::Acc | Op::Param { .. } | Op::Lut { .. } => return None,
    })
}

/// The low `width` bits (1 to 64) of `value`, read as signed or unsigned.
pub fn wrap(value: i128, signed: bool, width: u32) -> i128 {
    let low = value & ((1i128 << width) - 1);
    if signed && low >> (width - 1) & 1 == 1 { low - (1i128 << width) } else { low }
}
