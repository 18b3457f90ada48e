//! Passes: rewrites of the graph before lowering and of the program after it.

mod constants;
mod dead;
mod default_format;
mod forward;
mod fuse;
mod infer;
pub mod layers;
mod order;
mod prune;

use nn2hdl_runtime::{Program, validate};

pub use infer::infer;

use crate::diagnostic::Diagnostic;
use crate::front::Options;
use crate::graph::Graph;

/// A rewrite of a graph.
pub struct GraphPass {
    /// Name.
    pub name: &'static str,
    /// Why it stands where it stands.
    pub reason: &'static str,
    /// The pass.
    pub run: fn(&mut Graph, &Options) -> Result<(), Vec<Diagnostic>>,
}

/// A rewrite of a program that leaves its answers unchanged.
pub struct ProgramPass {
    /// Name.
    pub name: &'static str,
    /// Why it stands where it stands.
    pub reason: &'static str,
    /// The pass.
    pub run: fn(&mut Program),
}

/// The graph passes, in order.
pub const GRAPH: &[GraphPass] = &[
    GraphPass {
        name: "prune",
        reason: "first: what the outputs do not need must raise no problem",
        run: prune::prune,
    },
    GraphPass {
        name: "infer",
        reason: "before lowering, which needs every shape; folds constants in the same walk, since shapes are computed from them",
        run: |graph, _| {
            let functions = graph.functions.clone();
            infer::infer(graph, &functions)
        },
    },
    GraphPass {
        name: "default-format",
        reason: "after infer: weights are known for constants, and folded ones are rounded once",
        run: default_format::default_format,
    },
];

/// The program passes, in order.
pub const PROGRAM: &[ProgramPass] = &[
    ProgramPass {
        name: "forward",
        reason: "first: a copy between two layers would keep them from being fused",
        run: forward::forward,
    },
    ProgramPass {
        name: "order",
        reason: "after forward, which leaves transposes in the index maps; before fuse, which joins only what is in one order",
        run: order::order,
    },
    ProgramPass {
        name: "constants",
        reason: "after forward, which may uncover them; a constant value would keep its readers from being fused and streamed",
        run: constants::constants,
    },
    ProgramPass {
        name: "fuse",
        reason: "after forward and constants: joins what is elementwise to the layer that feeds it",
        run: fuse::fuse,
    },
    ProgramPass {
        name: "dead",
        reason: "last: removes the values and tables that the others have left unused",
        run: dead::dead,
    },
];

/// The problem of an inconsistent program after `stage`: a fault of the compiler.
pub fn check(program: &Program, stage: &str) -> Result<(), Vec<Diagnostic>> {
    validate::validate(program).map_err(|error| {
        if error.too_large {
            return vec![Diagnostic::new(
                "program-too-large",
                error.place.clone(),
                error.fault.clone(),
                "reduce the network: a smaller or cropped input, fewer channels, or end it earlier with --output-node",
            )];
        }
        vec![Diagnostic::new(
            "internal",
            error.place.clone(),
            format!("after {stage} the program is inconsistent: {error}"),
            "this is a bug, please report it",
        )]
    })
}
