//! ONNX files: from bytes to a checked, neutral [`Model`] and back.
//!
//! [`decode`] knows the file format and no operator. What it returns holds these invariants, and whatever violates one
//! is a [`DecodeError`], never a panic, since a downloaded file may be damaged or hostile:
//!
//! - every tensor name has one definition, and every name read has one;
//! - nodes stand after the nodes they read from; there is no circle, neither of nodes nor of function calls;
//! - every node has an operator and, within its graph or function, a name of its own;
//! - every constant has as many elements as its shape says, and sizes multiply without overflow;
//! - inputs of the main graph state an element type and a rank.
//!
//! *Architecture invariant:* operators, shapes inside the graph and operator-set versions are not looked at here.

mod attribute;
mod edit;
mod error;
mod function;
mod join;
mod model;
mod order;
mod proto;
mod read;
mod tensor;
#[cfg(test)]
mod tests;
mod write;

use prost::Message;

pub use attribute::{Attribute, AttributeReader, FromAttribute};
pub use edit::{Editor, Quantization};
pub use error::DecodeError;
pub use join::join;
pub use model::{Function, Model, RawGraph, RawInput, RawNode};
pub use tensor::{ConstantTensor, ElementType, TensorData};
pub(super) use tensor::{from_bfloat, from_half};

/// Reads an ONNX file. On failure, every problem that was found (at most a hundred are kept).
///
/// Messages nested deeper than 100 levels are refused; a graph within a graph takes three.
pub fn decode(bytes: &[u8]) -> Result<Model, Vec<DecodeError>> {
    match decode_part(bytes) {
        (Some(model), problems) if problems.is_empty() => Ok(model),
        (_, problems) => Err(problems),
    }
}

/// Reads an ONNX file as far as it can be read: the model lacks the constants and attributes that have problems, and is
/// absent where a problem concerns more than those.
pub fn decode_part(bytes: &[u8]) -> (Option<Model>, Vec<DecodeError>) {
    match proto::ModelProto::decode(bytes) {
        Err(source) => (None, vec![DecodeError::Protobuf { source }]),
        Ok(proto) => {
            let (model, problems) = read::read_model(proto);
            (model.filter(|_| problems.iter().all(DecodeError::is_local)), problems)
        }
    }
}

/// Writes an ONNX file. Equal models give equal bytes, and [`decode`] gives the model back if it holds the invariants.
///
/// Constants are stored in their stated element type, or as float64 or int64 where that cannot hold a value exactly.
pub fn encode(model: &Model) -> Vec<u8> {
    write::write_model(model).encode_to_vec()
}
