//! The nn2hdl compiler: bytes in, artifacts out.

pub mod artifact;
pub mod back;
pub mod cmvm;
pub mod datapath;
pub mod diagnostic;
pub mod front;
pub mod graph;
pub mod netlist;
pub mod ops;
pub mod pass;
pub mod prune;
pub mod quantize;
pub mod schedule;
