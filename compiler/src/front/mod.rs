//! Model files become graphs.
pub mod onnx;
