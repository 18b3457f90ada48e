//! Arguments of the top function.

use nn2hdl_runtime::{Program, Value};

use super::Settings;
use super::types::Type;

/// Elements up to which an array is taken apart into registers when layers are not inlined.
const APART: usize = 1024;
/// Bits up to which an argument is one wide vector when layers are not inlined.
const WIDEST: usize = 4096;

/// An argument of the top function.
pub(super) struct PortView {
    pub name: String,
    /// What the test bench calls it.
    pub variable: String,
    pub kind: String,
    pub elements: usize,
    pub doc: String,
}

/// Inputs, then outputs.
pub(super) fn ports(program: &Program, settings: &Settings) -> Vec<PortView> {
    inputs(program, settings).into_iter().chain(outputs(program, settings)).collect()
}

pub(super) fn inputs(program: &Program, settings: &Settings) -> Vec<PortView> {
    let values = (0..program.inputs.len()).map(|n| program.input_value(n));
    let views = settings.inputs.iter().zip(values).enumerate();
    views.map(|(n, (name, value))| view(name, value, format!("in_{n}"))).collect()
}

pub(super) fn outputs(program: &Program, settings: &Settings) -> Vec<PortView> {
    let values = (0..program.outputs.len()).map(|n| program.output_value(n));
    let views = settings.outputs.iter().zip(values).enumerate();
    views.map(|(n, (name, value))| view(name, value, format!("out_{n}"))).collect()
}

fn view(name: &str, value: &Value, variable: String) -> PortView {
    PortView {
        name: name.to_owned(),
        variable,
        kind: Type::code(value.format).name(),
        elements: value.len(),
        doc: format!("{} of shape {:?}, row-major", value.format, value.shape),
    }
}

/// How a top argument meets the outside: one vector with element 0 in the low bits, as in Verilog, or a memory.
pub(super) fn interface(name: &str, value: &Value, ii: usize) -> Vec<String> {
    let bits = value.len() * value.format.width as usize;
    if ii == 1 || (value.len() <= APART && bits <= WIDEST) {
        return vec![
            format!("INTERFACE ap_vld port={name}"),
            format!("ARRAY_RESHAPE variable={name} complete dim=0"),
        ];
    }
    let mut pragmas = vec![format!("INTERFACE ap_memory port={name}")];
    pragmas.extend(rows(name, value));
    pragmas
}

/// How an array inside is stored.
pub(super) fn storage(name: &str, value: &Value, ii: usize) -> Vec<String> {
    if ii == 1 || value.len() <= APART {
        return vec![format!("ARRAY_PARTITION variable={name} complete dim=0")];
    }
    rows(name, value).into_iter().collect()
}

/// Each line of the last axis in a memory of its own.
fn rows(name: &str, value: &Value) -> Option<String> {
    let lines = value.len() / value.shape.last().copied().unwrap_or(1).max(1);
    (1..=APART)
        .contains(&lines)
        .then(|| format!("ARRAY_PARTITION variable={name} block factor={lines} dim=1"))
}
