//! What a model takes in hardware, by the compiler's own count.

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::front::onnx::Model;
use crate::front::{Options, compile, import_model};
use crate::netlist::cost::{Cost, layers, total};
use crate::netlist::{Target, build};

/// Look-up tables and adders of a design.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Estimate {
    /// The whole design.
    pub total: Cost,
    /// The layers, by the names of their modules.
    pub layers: Vec<(String, Cost)>,
}

/// Compiles a model and counts.
///
/// # Errors
/// Every problem of the compilation.
pub fn estimate(model: &Model, options: &Options, target: &Target) -> Result<Estimate, Vec<Diagnostic>> {
    let program = compile(&import_model(model)?, options)?.program;
    let netlist = build(&program, "design", target, &()).map_err(|problem| vec![problem])?;
    let layers = layers(&netlist).into_iter().map(|layer| (layer.module, layer.cost)).collect();
    Ok(Estimate { total: total(&netlist), layers })
}

impl Estimate {
    /// The cost of the layer that begins with a node, if a module is named after it.
    pub fn layer(&self, node: &str) -> Option<Cost> {
        let plain = |text: &str| {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>()
        };
        let end = format!("_{}", plain(node));
        self.layers.iter().find(|(module, _)| plain(module).ends_with(&end)).map(|(_, cost)| *cost)
    }
}
