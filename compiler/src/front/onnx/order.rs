//! Order and well-formedness of a list of nodes: each name defined once, each read defined, no circle.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::attribute::Attribute;
use super::error::{DecodeError, Problems};
use super::model::{RawGraph, RawNode};

/// What a tensor name stands for while a graph is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Definition {
    /// An input or initializer, or a tensor of a graph around this one: there before any node runs.
    Given(&'static str),
    /// An output of the node at this position.
    Node(usize),
}

/// The names a graph or function defines, with their definitions, within the scopes around it.
pub(super) struct Scope<'a> {
    graph: &'a str,
    outer: Option<&'a Scope<'a>>,
    definitions: BTreeMap<String, Definition>,
}

impl<'a> Scope<'a> {
    /// `graph` is named in errors; `outer` is the scope around a subgraph, whose names it may read or hide.
    pub(super) fn new(graph: &'a str, outer: Option<&'a Scope<'a>>) -> Self {
        Self { graph, outer, definitions: BTreeMap::new() }
    }

    /// The graph in words.
    pub(super) fn graph(&self) -> &str {
        self.graph
    }

    /// Adds an input or initializer (`what` says which).
    pub(super) fn give(&mut self, name: &str, what: &'static str, problems: &mut Problems) {
        self.define(name, Definition::Given(what), &[], problems);
    }

    fn define(&mut self, name: &str, definition: Definition, nodes: &[RawNode], problems: &mut Problems) {
        let Some(first) = self.definitions.insert(name.to_owned(), definition) else { return };
        let describe = |definition| match definition {
            Definition::Given(what) => what.to_owned(),
            Definition::Node(index) => {
                nodes.get(index).map_or_else(String::new, |node| format!("by `{}`", node.name))
            }
        };
        problems.push(DecodeError::DefinedTwice {
            graph: self.graph.to_owned(),
            name: name.to_owned(),
            first: describe(first),
            second: describe(definition),
        });
    }

    /// Defines the nodes' outputs.
    pub(super) fn add_nodes(&mut self, nodes: &[RawNode], problems: &mut Problems) {
        for (index, node) in nodes.iter().enumerate() {
            for name in node.outputs.iter().filter(|name| !name.is_empty()) {
                self.define(name, Definition::Node(index), nodes, problems);
            }
        }
    }

    /// The definition, looked for in the scopes around as well, for which any definition is given.
    fn find(&self, name: &str) -> Option<Definition> {
        let outside = || self.outer?.find(name).map(|_| Definition::Given("by the graph around"));
        self.definitions.get(name).copied().or_else(outside)
    }

    /// Refuses an output that nothing defines.
    pub(super) fn check_output(&self, name: &str, problems: &mut Problems) {
        if self.find(name).is_none() {
            let (graph, name) = (self.graph.to_owned(), name.to_owned());
            problems.push(DecodeError::Undefined { reader: format!("the output of {graph}"), graph, name });
        }
    }

    /// The nodes, each after those it reads from, otherwise in the given order.
    pub(super) fn sort(&self, nodes: Vec<RawNode>, problems: &mut Problems) -> Vec<RawNode> {
        let sources: Vec<BTreeSet<usize>> = nodes.iter().map(|node| self.sources(node, problems)).collect();
        let mut readers = vec![Vec::new(); nodes.len()];
        let mut waiting: Vec<usize> = sources.iter().map(BTreeSet::len).collect();
        for (index, from) in sources.iter().enumerate() {
            from.iter().for_each(|&source| readers[source].push(index));
        }
        let mut ready: BinaryHeap<_> =
            (0..nodes.len()).filter(|&index| waiting[index] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(nodes.len());
        while let Some(Reverse(index)) = ready.pop() {
            order.push(index);
            for &reader in &readers[index] {
                waiting[reader] -= 1;
                if waiting[reader] == 0 {
                    ready.push(Reverse(reader));
                }
            }
        }
        if order.len() < nodes.len() {
            let names = circle(&sources, &waiting).into_iter().map(|index| nodes[index].name.clone());
            problems.push(DecodeError::Cycle { graph: self.graph.to_owned(), nodes: names.collect() });
            return nodes;
        }
        let mut nodes: Vec<Option<RawNode>> = nodes.into_iter().map(Some).collect();
        order.into_iter().filter_map(|index| nodes[index].take()).collect()
    }

    /// Positions of the nodes that a node reads from, its subgraphs included.
    fn sources(&self, node: &RawNode, problems: &mut Problems) -> BTreeSet<usize> {
        let mut sources = BTreeSet::new();
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            match self.find(name) {
                Some(Definition::Node(index)) => _ = sources.insert(index),
                Some(Definition::Given(_)) => {}
                None => problems.push(DecodeError::Undefined {
                    graph: self.graph.to_owned(),
                    reader: node.name.clone(),
                    name: name.clone(),
                }),
            }
        }
        for attribute in node.attributes.values() {
            let Attribute::Graph(graph) = attribute else { continue };
            for name in captured(graph) {
                if let Some(Definition::Node(index)) = self.find(&name) {
                    sources.insert(index);
                }
            }
        }
        sources
    }
}

/// Names that a subgraph reads and does not define.
fn captured(graph: &RawGraph) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
    for node in &graph.nodes {
        names.extend(node.inputs.iter().cloned());
        for attribute in node.attributes.values() {
            if let Attribute::Graph(inner) = attribute {
                names.extend(captured(inner));
            }
        }
    }
    let outputs = graph.nodes.iter().flat_map(|node| &node.outputs);
    let inputs = graph.inputs.iter().map(|input| &input.name);
    for name in outputs.chain(inputs).chain(graph.initializers.keys()) {
        names.remove(name);
    }
    names
}

/// One circle among the nodes that still wait (there must be one): from any of them backwards until a node is met again.
pub(super) fn circle(sources: &[BTreeSet<usize>], waiting: &[usize]) -> Vec<usize> {
    let stuck = |index: &usize| waiting[*index] > 0;
    let mut path = Vec::new();
    let mut place = vec![usize::MAX; sources.len()];
    let mut next = (0..sources.len()).find(stuck);
    while let Some(index) = next {
        if place[index] != usize::MAX {
            let mut nodes = path.split_off(place[index]);
            nodes.reverse();
            return nodes;
        }
        place[index] = path.len();
        path.push(index);
        next = sources[index].iter().copied().find(stuck);
    }
    path
}

/// Gives every node a name of its own: the file's, else operator and position; a repeated one gets a number.
pub(super) fn name_nodes(nodes: &mut [RawNode]) {
    let mut taken: BTreeSet<String> = nodes.iter().map(|node| node.name.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut counters = BTreeMap::<String, usize>::new();
    for (index, node) in nodes.iter_mut().enumerate() {
        let base = if node.name.is_empty() { format!("{}_{index}", node.op_type) } else { node.name.clone() };
        let free = if node.name.is_empty() { !taken.contains(&base) } else { !seen.contains(&base) };
        node.name = base.clone();
        if !free {
            let counter = counters.entry(base.clone()).or_insert(1);
            while taken.contains(&node.name) {
                *counter += 1;
                node.name = format!("{base}_{counter}");
            }
        }
        taken.insert(node.name.clone());
        seen.insert(node.name.clone());
    }
}
