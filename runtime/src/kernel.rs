//! The one kernel form: `out[p] = finish(reduce over r of body(reads(p, r)))`.

use serde::{Deserialize, Serialize};

use crate::expr::Expr;
use crate::format::Interval;
use crate::id::{TableId, ValueId};
use crate::index::Index;

/// A kernel. Its output positions are those of the value `out`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Layer name: the model's own node name where there is one.
    pub name: String,
    /// The value written.
    pub out: ValueId,
    /// What the expressions may read. Slots used by `finish` must not depend on `r`.
    pub reads: Vec<Read>,
    /// Extents of the reduction; empty for a single point, which is then not reduced at all.
    pub extent: Vec<usize>,
    /// How body values are combined.
    pub reduction: Reduction,
    /// Restricts the reduction, for each output position, to the points that name it.
    pub scatter: Option<Scatter>,
    /// Value at each reduction point.
    pub body: Expr,
    /// Value of the output from `Acc` and the reads.
    pub finish: Expr,
}

impl Kernel {
    /// A kernel without reduction that computes `body` at each position.
    pub fn elementwise(name: impl Into<String>, out: ValueId, reads: Vec<Read>, body: Expr) -> Self {
        Self {
            name: name.into(),
            out,
            reads,
            extent: Vec::new(),
            reduction: Reduction::Sum,
            scatter: None,
            body,
            finish: Expr::acc(),
        }
    }

    /// Whether the kernel only moves data: one direct read, no arithmetic.
    pub fn is_copy(&self) -> bool {
        self.extent.is_empty()
            && self.scatter.is_none()
            && self.reads.len() == 1
            && self.body == Expr::read()
            && self.finish == Expr::acc()
    }
}

/// A read slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The value read.
    pub value: ValueId,
    /// Where, for each axis of the value.
    pub index: Vec<Access>,
    /// What is delivered when an index is outside the value.
    pub outside: i64,
}

impl Read {
    /// A read at a quasi-affine position, zero outside.
    pub fn affine(value: ValueId, index: impl IntoIterator<Item = Index>) -> Self {
        Self { value, index: index.into_iter().map(Access::Affine).collect(), outside: 0 }
    }

    /// A read at the output position itself, for a value of `rank` axes.
    pub fn same(value: ValueId, rank: usize) -> Self {
        Self::affine(value, (0..rank).map(Index::p))
    }
}

/// Where a read looks along one axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// At a quasi-affine index.
    Affine(Index),
    /// At `table[index]`: connectivity fixed at compile time.
    Table {
        /// The table.
        table: TableId,
        /// Flat position in the table.
        index: Index,
    },
    /// At what an earlier read slot delivers: connectivity known at run time.
    Runtime(u32),
}

/// Exact, associative, commutative combination with an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Sum; identity 0.
    Sum,
    /// Maximum; identity is the lower bound of the body's interval.
    Max,
    /// Minimum; identity is the upper bound of the body's interval.
    Min,
}

impl Reduction {
    /// The result over no points, for a body within `body`. `Max` and `Min` have no neutral integer, so the
    /// nearest bound of the body's interval takes its place; a reduction over at least one point never shows it.
    /// Only a scatter can leave a position without points; what it delivers there is
    /// [`KernelRange::empty`](crate::range::KernelRange::empty), as [`analyse`](crate::range::analyse) finds it.
    pub fn identity(self, body: Interval) -> i128 {
        match self {
            Self::Sum => 0,
            Self::Max => body.lo,
            Self::Min => body.hi,
        }
    }

    /// Two values combined.
    pub fn combine(self, a: i128, b: i128) -> i128 {
        match self {
            Self::Sum => a + b,
            Self::Max => a.max(b),
            Self::Min => a.min(b),
        }
    }
}

/// A reduction point `r` counts toward output position `p` only if read slot `slot` delivers `p[axis]` there.
/// The body and the slot must not depend on `p[axis]`; an index outside the output reaches no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scatter {
    /// Axis of the output that the run-time index addresses.
    pub axis: usize,
    /// Read slot that delivers the index.
    pub slot: u32,
}
