//! Constant matrix–vector multiplication as an adder graph: y = x·M with integer x and M.
//!
//! [`solve`] is the one entry. Columns become sums of canonical signed digits, some of them
//! by way of another column (a minimum spanning tree). Sums of two terms that occur twice become
//! shared values, greedily; then parts of the network are taken apart at random and shared again,
//! and what is no worse is kept. What is left of each sum is added in a tree. Every solution is proved (see [`AdderGraph::prove`]) before it is returned.
//!
//! Biases, fraction bits and quantizers stay outside: a column is purely linear, and rows of
//! inputs with other steps are scaled by the caller.

mod attempt;
mod builder;
mod changes;
mod cone;
mod cost;
mod csd;
mod graph;
mod greedy;
mod limits;
mod lower;
mod net;
mod pairs;
mod price;
mod prove;
mod queue;
mod range;
mod search;
mod solve;
mod start;
mod sum;
mod table;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use cost::Addition;
pub use graph::{AdderGraph, Column, Node, Op, Operand, TABLE_INPUTS, ValueId};
pub use prove::ProofError;
pub use range::Range;
pub use solve::{least_depth, solve};

/// One input: an integer in a range, ready at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    /// Smallest value.
    pub lo: i64,
    /// Largest value.
    pub hi: i64,
    /// When it is ready, in the unit of [`Problem::delay`]. Only differences matter.
    pub arrival: f64,
}

/// What is needed of one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Only the low `wrap` bits are read: any result congruent modulo 2^wrap will do. `None`: the
    /// exact result.
    pub wrap: Option<u32>,
}

/// How much is tried. No clock is read: unless a search is stopped, the result depends on nothing but the problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Greedy sharing, from the columns as they are and from a spanning tree of them.
    Fast,
    /// Three starts, each improved in about as many rounds as the matrix has signed digits, fewer where
    /// it is large.
    #[default]
    Default,
    /// The same with so many times the rounds, until it is stopped.
    Thorough {
        /// Rounds, in those of the default.
        times: u32,
    },
}

impl std::fmt::Display for Effort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fast => f.write_str("fast"),
            Self::Default => f.write_str("default"),
            Self::Thorough { times: u32::MAX } => f.write_str("thorough, until stopped"),
            Self::Thorough { times } => write!(f, "thorough, {times} times the default"),
        }
    }
}

/// What makes one graph better than another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cost {
    /// The look-up tables that the adders and packed tables take (see [`AdderGraph::lut_estimate`]).
    #[default]
    AdderBits,
    /// How many adders there are, whatever their width.
    Adders,
}

/// A matrix, what goes in and what comes out.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    /// M, row-major, inputs × outputs.
    pub matrix: &'a [i64],
    /// One per row.
    pub inputs: &'a [Input],
    /// One per column.
    pub outputs: &'a [Output],
    /// `Some(k)`: at most `k` levels of adders more than the least possible for signed digits,
    /// where an input that arrives late counts as that many levels. `None`: as deep as is cheap.
    pub max_depth: Option<u32>,
    /// The delay of an adder by the width of its result, in the unit of [`Input::arrival`].
    pub delay: &'a dyn Fn(u32) -> f64,
    /// What is to be small.
    pub cost: Cost,
    /// How much is tried.
    pub effort: Effort,
    /// Asked now and then while more than the default is tried; once it says `true`, the best graph found so far is
    /// returned.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Seed of the random choices.
    pub seed: u64,
}

/// A proved adder graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The graph.
    pub graph: AdderGraph,
    /// When each output is ready (0 for a column of zeros), by the problem's arrivals and delays.
    pub ready: Vec<f64>,
}

/// Why there is no solution.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SolveError {
    /// The matrix has not inputs × outputs entries.
    #[error("a matrix of {entries} entries is not {inputs} inputs by {outputs} outputs")]
    Shape {
        /// Entries of the matrix.
        entries: usize,
        /// Inputs of the problem.
        inputs: usize,
        /// Outputs of the problem.
        outputs: usize,
    },
    /// An input's range is empty or its arrival is not finite.
    #[error("input {input} has an empty range or no arrival time")]
    Input {
        /// The input.
        input: usize,
    },
    /// Sums of the column might not fit 62 bits: 2·Σ|m|·max|x| must be at most 2^62.
    #[error("column {column} needs more than 62 bits")]
    TooWide {
        /// The column.
        column: usize,
    },
    /// The optimiser made a graph that is not the matrix: a bug, please report it.
    #[error("internal error in the adder graph, please report it: {0}")]
    Unproved(#[from] ProofError),
    /// A value left i64 although the column fits: a bug, please report it.
    #[error("internal overflow in the adder graph, please report it")]
    Internal,
}
