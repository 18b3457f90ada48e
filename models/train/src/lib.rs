//! x
mod kernel;
