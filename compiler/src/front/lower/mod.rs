//! From a graph to a program: every tensor becomes integer codes and an exact function from codes to values.
//!
//! Affine operators and rectifiers only extend that function. Products with constants become integer kernels on the
//! codes. A quantizer closes the function: the composition from code to code is evaluated exactly and becomes
//! thresholds, shifts, a proved multiply–shift or a table (`stairs`, `requant`), or the encoder of an input.

mod align;
mod bend;
mod boundary;
mod call;
mod chain;
mod contract;
mod curve;
mod emit;
mod encode;
mod field;
mod movement;
mod quantity;
mod requant;
mod select;
mod stairs;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use nn2hdl_runtime::range::Elements;
use nn2hdl_runtime::{Block, Encoder, Format, Program, ValueId};

pub use bend::{Bend, Curve, Function};
pub use chain::{Chain, Link};
pub use contract::{Contraction, lift};
pub use emit::Draft;
pub use field::{Field, Ratio, exact, fraction_bits, gcd, log2, nearest, power_of_two, to_i64, whole};
pub use quantity::{Codes, Move, Quantity, coordinates};
pub use stairs::{Mode, Quantum, Stairs};

use watch::Watched;

use super::observe::{Bounds, Observed};
use super::{Lowered, Options};
use crate::diagnostic::Diagnostic;
use crate::graph::{Action, Graph, Node, Tensor, TensorId};
use crate::ops::Fault;
use call::Instance;

/// What happens to one input of the block that is being written.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    /// Extents with the frame axis.
    shape: Vec<usize>,
    framed: bool,
    /// Set once it is known how its values become codes.
    value: Option<(ValueId, Encoder)>,
}

/// The block that is being written.
struct Writer {
    block: Block,
    elements: Vec<Elements>,
    /// Elements of all tensors that kernels have written.
    held: usize,
    sources: Vec<Source>,
    /// Extents that integer inputs index, by source, as far as their uses have shown.
    extents: BTreeMap<usize, usize>,
    /// Its quantizers, where they are watched.
    watched: Vec<Watched>,
    /// What the encoders of steps keep, by source, where quantizers are watched.
    bounds: BTreeMap<usize, Bounds>,
}

impl Writer {
    fn new(name: &str) -> Self {
        Self {
            block: Block::new(name),
            elements: Vec::new(),
            held: 0,
            sources: Vec::new(),
            extents: BTreeMap::new(),
            watched: Vec::new(),
            bounds: BTreeMap::new(),
        }
    }
}

/// The state of a lowering; operators emit kernels through it.
pub struct Lower<'a> {
    options: &'a Options,
    functions: &'a [Graph],
    program: Program,
    writer: Writer,
    node: String,
    outputs: Vec<(String, Vec<usize>)>,
    kernels: usize,
    notes: Vec<String>,
    problems: Vec<Diagnostic>,
    instances: Vec<Instance>,
    /// Extents of the main block's integer inputs, kept from round to round.
    extents: BTreeMap<usize, usize>,
    grown: bool,
    /// Whether quantizers are watched just now.
    watching: bool,
    /// What was watched in the main block.
    quantizers: Vec<Observed>,
    /// What the encoder of each of the program's inputs keeps, if it is one of steps.
    bounds: Vec<Option<Bounds>>,
}

/// Problems that depend on scales and ranges of the operands.
const OF_NUMBERS: &[&str] = &[
    "scales-differ",
    "code-too-wide",
    "requantization",
    "format-grows",
    "table-too-large",
    "table-too-wide",
];

/// Rounds after which formats at the blocks' boundaries must have stopped growing.
const ROUNDS: usize = 32;

/// Lowers a graph whose shapes have been inferred.
pub fn lower(graph: &Graph, options: &Options) -> Result<Lowered, Vec<Diagnostic>> {
    let mut state = Lower {
        options,
        functions: &graph.functions,
        program: Program::new(&graph.name),
        writer: Writer::new("main"),
        node: String::new(),
        outputs: Vec::new(),
        kernels: 0,
        notes: Vec::new(),
        problems: Vec::new(),
        instances: Vec::new(),
        extents: BTreeMap::new(),
        grown: false,
        watching: options.observe,
        quantizers: Vec::new(),
        bounds: Vec::new(),
    };
    let mut growing: Option<String> = None;
    for _ in 0..ROUNDS {
        state.restart(graph);
        state.main_block(graph);
        // A boundary that grows from round to round ends in codes that are too wide.
        let burst = growing.is_some() && state.problems.iter().any(|problem| problem.code == "code-too-wide");
        if burst {
            break;
        }
        if !state.grown || !state.problems.is_empty() {
            return state.finish();
        }
        growing = state.instances.iter().find(|instance| instance.grew).map(|instance| instance.name.clone());
    }
    Err(vec![Diagnostic::new(
        "format-grows",
        growing.unwrap_or_default(),
        "the formats at the block's boundary grow with each call",
        "end the tensors that are carried from call to call in a quantizer",
    )])
}

impl Lower<'_> {
    fn restart(&mut self, graph: &Graph) {
        self.program = Program::new(&graph.name);
        self.writer = Writer::new("main");
        self.writer.extents = std::mem::take(&mut self.extents);
        self.notes.clear();
        self.grown = false;
        self.quantizers.clear();
        self.bounds.clear();
        for instance in &mut self.instances {
            instance.block = None;
            instance.grew = false;
        }
    }

    fn finish(self) -> Result<Lowered, Vec<Diagnostic>> {
        if self.problems.is_empty() {
            let Self { program, notes, quantizers, bounds, .. } = self;
            Ok(Lowered { program, notes, quantizers, bounds })
        } else {
            Err(self.problems)
        }
    }

    /// Runs the nodes of a graph. For a tensor that could not be lowered a stand-in is used, so that what follows is
    /// looked at as well; problems there that come from the stand-in's numbers are not told.
    fn nodes(&mut self, graph: &Graph, values: &mut BTreeMap<TensorId, Quantity>) {
        for (number, info) in graph.tensors.iter().enumerate() {
            if let Some(constant) = &info.constant {
                values.insert(TensorId(number as u32), Quantity::real(constant.clone()));
            }
        }
        let mut guessed: BTreeSet<TensorId> = BTreeSet::new();
        for node in &graph.nodes {
            if node.outputs.iter().all(|output| values.contains_key(output)) {
                continue;
            }
            // An operand that is absent here has been complained about where it was to be defined.
            if node.inputs.iter().flatten().any(|input| !values.contains_key(input)) {
                continue;
            }
            let inputs: Vec<Option<Quantity>> =
                node.inputs.iter().map(|input| input.and_then(|id| values.get(&id).cloned())).collect();
            // Without shapes there is nothing to lower: that has been complained about, too.
            if matches!(node.action, Action::Operator(_))
                && node.outputs.iter().any(|&id| graph.info(id).shape.is_none())
            {
                continue;
            }
            let known = self.problems.len();
            let result = self.node(graph, node, &inputs);
            let guess = result.is_err() || node.inputs.iter().flatten().any(|id| guessed.contains(id));
            match result {
                Ok(results) => values.extend(node.outputs.iter().copied().zip(results)),
                Err(fault) => {
                    self.problems.push(fault.at(&node.name));
                    for &output in &node.outputs {
                        values.extend(self.stand_in(graph, output, &inputs).map(|guess| (output, guess)));
                    }
                }
            }
            if node.inputs.iter().flatten().any(|id| guessed.contains(id)) {
                let mut number = 0;
                self.problems.retain(|problem| {
                    number += 1;
                    number <= known || !OF_NUMBERS.contains(&problem.code)
                });
            }
            if guess {
                guessed.extend(&node.outputs);
            }
        }
    }

    /// Codes of eight bits in place of a tensor that could not be lowered.
    fn stand_in(&mut self, graph: &Graph, tensor: TensorId, inputs: &[Option<Quantity>]) -> Option<Quantity> {
        let info = graph.info(tensor);
        let shape = info.shape.clone()?;
        let framed = inputs.iter().flatten().any(|input| input.framed);
        if framed && shape.first() != Some(&1) {
            return None;
        }
        if inputs.iter().flatten().all(Quantity::is_constant) {
            let ones = Tensor::new(shape.clone(), vec![1.0; shape.iter().product()]);
            return Some(Quantity::real(ones.typed(info.integer)));
        }
        let frac = if info.integer { 0 } else { 4 };
        let format = Format { signed: !info.integer, width: 8, frac };
        let own = shape[usize::from(framed)..].to_vec();
        let elements = Elements::uniform(&own, format.interval());
        let value = self.writer.block.add_value(info.name.clone(), own, format);
        self.writer.elements.push(elements);
        let chain = Field::uniform(shape.len(), Link::scale(power_of_two(-i64::from(frac))));
        Some(Quantity { codes: Codes::Value(value), shape, framed, chain, integer: info.integer })
    }

    fn node(
        &mut self,
        graph: &Graph,
        node: &Node,
        inputs: &[Option<Quantity>],
    ) -> Result<Vec<Quantity>, Fault> {
        self.node.clone_from(&node.name);
        self.kernels = 0;
        self.outputs = node
            .outputs
            .iter()
            .map(|&id| (graph.info(id).name.clone(), graph.info(id).shape.clone().unwrap_or_default()))
            .collect();
        let mut results = match &node.action {
            Action::Operator(operator) => {
                let mut results = operator.define(self, inputs)?;
                let integers: Vec<bool> =
                    inputs.iter().map(|input| input.as_ref().is_some_and(|q| q.integer)).collect();
                for (n, result) in results.iter_mut().enumerate() {
                    result.integer = operator.integer_at(n, &integers);
                }
                results
            }
            Action::Call(number) => self.call(*number, inputs)?,
        };
        for (result, (_, shape)) in results.iter_mut().zip(&self.outputs) {
            if result.shape != *shape {
                return Err(Fault::new(
                    "internal",
                    format!("the result has the shape {:?} instead of {shape:?}", result.shape),
                    "this is a bug, please report it",
                ));
            }
            if result.framed && result.shape.first() != Some(&1) {
                return Err(Fault::unsupported(
                    format!(
                        "the frame axis is moved: axis 0 of the result has the extent {}",
                        result.shape.first().unwrap_or(&0)
                    ),
                    "keep axis 0 for the frame (the batch)",
                ));
            }
        }
        Ok(results)
    }

    /// The name of the node that is being lowered.
    pub fn node_name(&self) -> &str {
        &self.node
    }

    /// The inferred shape of the node's output `n`.
    pub fn output_shape(&self, n: usize) -> Vec<usize> {
        self.outputs[n].1.clone()
    }

    /// Tells the user something that is not a problem.
    pub fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// The user's settings.
    pub fn options(&self) -> &Options {
        self.options
    }

    /// The intervals of a value's elements.
    pub fn elements(&self, value: ValueId) -> &Elements {
        &self.writer.elements[value.index()]
    }

    /// The format of a value.
    pub fn format(&self, value: ValueId) -> Format {
        self.writer.block.value(value).format
    }
}
