//! From the network to additions of two operands.

use super::SolveError;
use super::builder::{Builder, Term};
use super::graph::{Operand, ValueId};
use super::net::Net;
use super::sum::sum_terms;

/// Builds what is asked of a network, each node once.
pub struct Lowering<'a> {
    net: &'a Net,
    builder: &'a mut Builder,
    made: Vec<Option<Term>>,
}

impl<'a> Lowering<'a> {
    /// `leaves` are the values that the network's inputs stand for.
    pub fn new(net: &'a Net, builder: &'a mut Builder, leaves: &[ValueId]) -> Self {
        let leaf = |&value: &ValueId| Some(Term { operand: Operand { value, shift: 0 }, negative: false });
        let mut made: Vec<Option<Term>> = leaves.iter().map(leaf).collect();
        made.resize(net.nodes.len(), None);
        Self { net, builder, made }
    }

    /// The value of a node. `depth`: levels that the tree of one that no other reads may have,
    /// where more than the least.
    pub fn value(&mut self, node: u32, depth: u32) -> Result<Term, SolveError> {
        if let Some(made) = self.made[node as usize] {
            return Ok(made);
        }
        let terms = self.terms(node)?;
        let here = &self.net.nodes[node as usize];
        let depth = if here.users.is_empty() { depth.max(here.level) } else { here.level };
        let made = sum_terms(self.builder, terms, depth)?.ok_or(SolveError::Internal)?;
        self.made[node as usize] = Some(made);
        Ok(made)
    }

    /// What a node is the sum of.
    pub fn terms(&mut self, node: u32) -> Result<Vec<Term>, SolveError> {
        let net = self.net;
        let term = |literal: &super::net::Literal| {
            let value = self.value(literal.value(), 0)?;
            let shift = value.operand.shift + literal.shift();
            let operand = Operand { value: value.operand.value, shift };
            Ok(Term { operand, negative: value.negative != literal.negative() })
        };
        net.nodes[node as usize].terms.iter().map(term).collect()
    }

    /// What is built so far.
    pub fn builder(&self) -> &Builder {
        self.builder
    }

    /// The level of a value.
    pub fn level(&self, value: ValueId) -> u32 {
        self.builder.level(value)
    }
}
