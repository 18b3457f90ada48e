//! What the whole-program tests share: random networks, random codes, and a design run both ways.

pub mod design;
pub mod random;
