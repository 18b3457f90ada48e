//! Model files become programs: decoded ([`onnx`]), imported into a [`Graph`], lowered ([`lower`]).
//! Networks described in TOML ([`network`]) become decoded files first.

pub(crate) mod import;
pub mod lower;
pub mod network;
pub mod observe;
pub mod onnx;

use std::collections::BTreeMap;

use nn2hdl_runtime::{Program, Quantizer};

pub use import::{import, import_model, import_part, read};

use crate::diagnostic::Diagnostic;
use crate::graph::Graph;
use crate::pass;

/// The user's settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Format of every float input without one of its own.
    pub input_format: Option<Quantizer>,
    /// Formats of inputs by name.
    pub input_formats: BTreeMap<String, Quantizer>,
    /// Format of the weights and of each arithmetic operator's result, in a model without quantizers.
    pub default_format: Option<Quantizer>,
    /// The tensor or node at which the network ends.
    pub output_node: Option<String>,
    /// Most bits that a table's input has.
    pub table_bits: u32,
    /// Whether the quantizers are watched: see [`observe`].
    pub observe: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            input_format: None,
            input_formats: BTreeMap::new(),
            default_format: None,
            output_node: None,
            table_bits: 12,
            observe: false,
        }
    }
}

/// A validated program, and what the user should know about it.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The program.
    pub program: Program,
    /// Remarks for the report: error bounds of tables, unused inputs.
    pub notes: Vec<String>,
    /// With [`Options::observe`], the quantizers; the program then has more outputs.
    pub quantizers: Vec<observe::Observed>,
    /// With [`Options::observe`], what the encoder of each input keeps, if it is one of steps.
    pub bounds: Vec<Option<observe::Bounds>>,
}

/// Lowers a graph: graph passes, lowering, program passes, with validation after each.
///
/// # Errors
/// All problems that were found, each with its node and a way out.
pub fn compile(graph: &Graph, options: &Options) -> Result<Lowered, Vec<Diagnostic>> {
    finish(graph.clone(), Vec::new(), options)
}

/// Reads and lowers a model file.
///
/// # Errors
/// All problems that were found, at whatever stage: one in the file does not hide one in the arithmetic, unless it
/// leaves the shape of a tensor between them unknown.
pub fn load(bytes: &[u8], options: &Options) -> Result<Lowered, Vec<Diagnostic>> {
    match import_part(bytes) {
        (Some(graph), problems) => finish(graph, problems, options),
        (None, problems) => Err(problems),
    }
}

fn finish(
    mut graph: Graph,
    mut problems: Vec<Diagnostic>,
    options: &Options,
) -> Result<Lowered, Vec<Diagnostic>> {
    for pass in pass::GRAPH {
        problems.extend((pass.run)(&mut graph, options).err().into_iter().flatten());
    }
    let lowered = lower::lower(&graph, options);
    let mut lowered = match lowered {
        Ok(lowered) if problems.is_empty() => lowered,
        Ok(_) => return Err(problems),
        Err(found) => {
            problems.extend(found);
            return Err(problems);
        }
    };
    pass::check(&lowered.program, "lowering")?;
    for pass in pass::PROGRAM {
        (pass.run)(&mut lowered.program);
        pass::check(&lowered.program, pass.name)?;
    }
    Ok(lowered)
}

/// All problems that keep a model file from being compiled; empty if there are none.
pub fn check(bytes: &[u8], options: &Options) -> Vec<Diagnostic> {
    load(bytes, options).err().unwrap_or_default()
}
