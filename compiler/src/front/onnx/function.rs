//! Calls between model-local functions: no recursion, and no chain of calls that expands beyond measure.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use super::error::{DecodeError, Problems};
use super::model::{Function, RawGraph, RawNode};
use super::order::circle;

/// More nodes than this after expansion are refused; sixty functions that call one another twice make 2⁶⁰.
const NODE_LIMIT: u64 = 1_000_000;

type Key<'a> = (&'a str, &'a str, &'a str);

/// Refuses functions defined twice, recursion, and expansion beyond the limit.
pub(super) fn check_calls(main: &RawGraph, functions: &[Function], problems: &mut Problems) {
    let mut index = BTreeMap::<Key<'_>, usize>::new();
    for (position, function) in functions.iter().enumerate() {
        let key = (function.domain.as_str(), function.name.as_str(), function.overload.as_str());
        if index.insert(key, position).is_some() {
            problems.push(DecodeError::FunctionTwice { function: function.name.clone() });
        }
    }
    let calls: Vec<Calls> = functions.iter().map(|function| Calls::of(&function.nodes, &index)).collect();
    let sizes = match expanded_sizes(&calls) {
        Ok(sizes) => sizes,
        Err(waiting) => {
            let callees: Vec<_> = calls.iter().map(|call| call.callees.keys().copied().collect()).collect();
            let names =
                circle(&callees, &waiting).into_iter().map(|position| functions[position].name.clone());
            problems.push(DecodeError::FunctionCycle { functions: names.collect() });
            return;
        }
    };
    let total = Calls::of(&main.nodes, &index).expanded(|callee| sizes[callee]);
    if total > NODE_LIMIT || sizes.iter().any(|&size| size > NODE_LIMIT) {
        problems.push(DecodeError::TooManyNodes { limit: NODE_LIMIT });
    }
}

/// How many operators a body holds, and how often it calls each function.
#[derive(Default)]
struct Calls {
    operators: u64,
    callees: BTreeMap<usize, u64>,
}

impl Calls {
    fn of(nodes: &[RawNode], index: &BTreeMap<Key<'_>, usize>) -> Self {
        let mut calls = Self::default();
        calls.add(nodes, index);
        calls
    }

    fn add(&mut self, nodes: &[RawNode], index: &BTreeMap<Key<'_>, usize>) {
        for node in nodes {
            match index.get(&(node.domain.as_str(), node.op_type.as_str(), node.overload.as_str())) {
                Some(&callee) => *self.callees.entry(callee).or_default() += 1,
                None => self.operators += 1,
            }
            for attribute in node.attributes.values() {
                if let Attribute::Graph(graph) = attribute {
                    self.add(&graph.nodes, index);
                }
            }
        }
    }

    fn expanded(&self, size: impl Fn(usize) -> u64) -> u64 {
        let parts = self.callees.iter().map(|(&callee, &count)| count.saturating_mul(size(callee).max(1)));
        parts.fold(self.operators, u64::saturating_add)
    }
}

/// The expanded size of each function, callees first; with recursion, how many callees each still waits for.
fn expanded_sizes(calls: &[Calls]) -> Result<Vec<u64>, Vec<usize>> {
    let mut callers = vec![Vec::new(); calls.len()];
    let mut waiting: Vec<usize> = calls.iter().map(|call| call.callees.len()).collect();
    for (position, call) in calls.iter().enumerate() {
        call.callees.keys().for_each(|&callee| callers[callee].push(position));
    }
    let mut ready: Vec<usize> = (0..calls.len()).filter(|&position| waiting[position] == 0).collect();
    let (mut sizes, mut done) = (vec![0; calls.len()], 0);
    while let Some(position) = ready.pop() {
        done += 1;
        sizes[position] = calls[position].expanded(|callee| sizes[callee]);
        for &caller in &callers[position] {
            waiting[caller] -= 1;
            if waiting[caller] == 0 {
                ready.push(caller);
            }
        }
    }
    if done == calls.len() { Ok(sizes) } else { Err(waiting) }
}
