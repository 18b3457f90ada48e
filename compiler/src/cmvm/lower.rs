//! From the network to additions of two operands.

use super::SolveError;
use super::builder::{Builder, Term};
use super::graph::{Operand, ValueId};
use super::net::Net;
use super::sum::sum_terms;

/// Builds what the targets need. `leaves` are the values that the network's inputs stand for;
/// `depth` is the least depth of every tree but that of a shared sum. The result says, for each
/// node, which value it is and whether negated.
pub fn lower(
    net: &Net,
    builder: &mut Builder,
    leaves: &[ValueId],
    targets: &[u32],
    depth: u32,
) -> Result<Vec<Option<Term>>, SolveError> {
    let mut made: Vec<Option<Term>> = vec![None; net.nodes.len()];
    for (made, &value) in made.iter_mut().zip(leaves) {
        *made = Some(Term { operand: Operand { value, shift: 0 }, negative: false });
    }
    for &target in targets {
        build(net, builder, target, depth, &mut made)?;
    }
    Ok(made)
}

fn build(
    net: &Net,
    builder: &mut Builder,
    node: u32,
    depth: u32,
    made: &mut Vec<Option<Term>>,
) -> Result<(), SolveError> {
    if made[node as usize].is_some() {
        return Ok(());
    }
    let here = &net.nodes[node as usize];
    let mut terms = Vec::with_capacity(here.terms.len());
    for term in &here.terms {
        build(net, builder, term.value(), depth, made)?;
        let Some(value) = made[term.value() as usize] else { return Err(SolveError::Internal) };
        let operand = Operand { value: value.operand.value, shift: value.operand.shift + term.shift() };
        terms.push(Term { operand, negative: value.negative != term.negative() });
    }
    let depth = if here.target && here.users.is_empty() { depth.max(here.level) } else { here.level };
    made[node as usize] = sum_terms(builder, terms, depth)?;
    Ok(())
}
