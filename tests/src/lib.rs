//! What the whole-program tests share: random networks, random codes, and a design run both ways.

pub mod cells;
pub mod design;
pub mod hls;
pub mod images;
pub mod merge;
pub mod public;
pub mod random;
pub mod verilator;
pub mod verilog;
