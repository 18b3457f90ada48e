//! The bit-exact emulator.

/// Placeholder until the emulator lands.
pub struct Emulator;
