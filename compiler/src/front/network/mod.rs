//! Networks without ONNX: a description in TOML, weights in a `.safetensors` file.
//!
//! ```toml
//! [network]
//! name = "tagger"
//! weights = "tagger.safetensors"      # beside the description; may be absent if nothing is read from it
//! outputs = ["scores"]                # default: the last layer's result
//!
//! [tensors]                           # optional: shapes that tensors of the file must have
//! "fc1.weight" = [32, 16]
//!
//! [[input]]
//! name = "x"
//! shape = [16]                        # without the frame axis
//! format = "fixed<16,6,RND,SAT>"      # optional; `type = "int64"` for an input of indices
//!
//! [[layer]]
//! name = "fc1"                        # the node; its result has the same name unless `outputs` says otherwise
//! op = "Gemm"                         # any operator that `nn2hdl` reads from ONNX, by its ONNX name
//! inputs = ["x", "fc1.weight", "fc1.bias"]
//! attributes = { transB = 1 }
//! quantize_weights = "fixed<6,1,RND_CONV,SAT>"   # optional, of the tensors of the file among the inputs
//! activation = "Relu"                 # optional
//! quantize = "ufixed<6,3,RND_CONV,SAT>"          # optional, of the result
//!
//! [[layer]]
//! name = "scores"
//! op = "Gemm"
//! inputs = ["fc1", "fc2.weight"]      # default: what the layer before delivers
//! attributes = { transB = 1 }
//! ```
//!
//! An input of a layer is an input of the network, a result of an earlier layer, a tensor of the file, or a constant
//! written in its place: `0.25`, `[1, -1]`; `""` leaves an optional one out. Operators, attributes and the order of
//! inputs are ONNX's (operator set 17, or `opset` of `[network]`), and QONNX's for `Quant` and its kin. Every tensor
//! of the file must be read by a layer or be listed in `ignore` of `[network]`.
//!
//! *Architecture invariant:* no operator is known here; the result is a decoded ONNX file, imported as any other.

mod build;
mod tensors;

use toml::{Table, Value};

use super::import::distance;
use super::onnx::Model;
use crate::diagnostic::Diagnostic;

/// A description that has been parsed; its layers are looked at by [`Description::model`].
#[derive(Clone, Debug)]
pub struct Description {
    name: String,
    weights: Option<String>,
    table: Table,
}

/// The largest description that is read, in bytes.
pub const SIZE_LIMIT: usize = 1 << 24;

const HELP: &str = "docs/network.md describes the form";

impl Description {
    /// Parses a description.
    ///
    /// # Errors
    /// What is no TOML, or has no table `[network]`.
    pub fn parse(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let wrong = |message: String| vec![Diagnostic::new("network-description", "", message, HELP)];
        if text.len() > SIZE_LIMIT {
            return Err(wrong(format!("the description is larger than {SIZE_LIMIT} bytes")));
        }
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| wrong(error.to_string().trim().to_owned()))?;
        let Some(Value::Table(network)) = table.get("network") else {
            return Err(wrong("there is no table `[network]`".into()));
        };
        let text = |key: &str| match network.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(format!("`{key}` of [network] is {}, not a string", kind(other)))),
        };
        let name = text("name")?.unwrap_or_else(|| "network".into());
        let weights = text("weights")?;
        Ok(Self { name, weights, table })
    }

    /// The file of weights that the description names, relative to it.
    pub fn weights(&self) -> Option<&str> {
        self.weights.as_deref()
    }

    /// The network as a decoded ONNX file. `weights` are the bytes of the file that [`Description::weights`] names.
    ///
    /// # Errors
    /// All problems that were found: unknown keys, operators and tensors with the nearest names, tensors that are
    /// missing, of another shape than stated, or not used.
    pub fn model(&self, weights: Option<&[u8]>) -> Result<Model, Vec<Diagnostic>> {
        build::build(&self.name, &self.table, self.weights.as_deref().unwrap_or_default(), weights)
    }
}

/// What a value of TOML is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a float",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// `did you mean …`, or all names, of which there may be many.
fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let short: String = name.chars().take(64).collect();
    let nearest = known.iter().map(|other| (distance(&short, other), *other)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + short.len() / 3 => format!("did you mean `{name}`?"),
        _ if known.is_empty() => "there are none".into(),
        _ => format!("there are {}", known.into_iter().take(40).collect::<Vec<_>>().join(", ")),
    }
}
