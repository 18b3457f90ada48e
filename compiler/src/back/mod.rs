//! Back ends: a netlist becomes text.
//!
//! A back end settles every width, name and order in view structs; templates only substitute and repeat.

pub mod verilog;
pub mod wrapper;
