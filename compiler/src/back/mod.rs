//! Back ends: a netlist becomes Verilog, a program becomes HLS C++.
//!
//! A back end settles every width, name and order in view structs; templates only substitute and repeat.

pub mod hls;
pub mod verilog;
pub mod wrapper;
