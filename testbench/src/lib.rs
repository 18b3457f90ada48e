//! Runs Verilog in Verilator from Rust, clock by clock, and says exactly what came out and when.
//!
//! ```text
//! Toolchain::find ─▶ lint
//!                 └▶ Model::build ─▶ Model::run(rows) ─▶ rows      one row is one clock cycle
//!                                        ▲                 │
//!          stimulus::Run::schedule ──────┘                 └──▶ Run::observe ─▶ Report, output frames
//!                                    waveform::Waveform reads the internal signals back
//! ```
//!
//! Only [`cosim`] and [`csim`] know what a design is for: they compare one with the emulator, the latter its HLS C++
//! in C simulation. Nothing here knows the compiler: the
//! oracle cannot learn from what it judges.
//!
//! **Rows and edges.** Row *t* of the input holds the values that the design samples at rising edge
//! *t*; row *t* of the output holds the values that a consumer's register would sample at that same
//! edge. Latency is therefore a distance between rows: an input of row *t* that appears in output
//! row *t + L* has latency *L*, and a single register has latency 1.

mod cache;
pub mod cosim;
pub mod csim;
mod error;
mod jobs;
mod lint;
mod model;
mod port;
pub mod stimulus;
mod toolchain;
pub mod waveform;
mod words;

pub use error::Error;
pub use lint::{WAIVED, lint};
pub use model::{
    BuildRequest, BuildStats, Model, Optimization, PowerUp, Progress, Start, Trace, WaveformFile,
};
pub use port::{Direction, Layout, Port, Rows};
pub use toolchain::Toolchain;
pub use words::{pack, unpack};
