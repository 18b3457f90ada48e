//! Quantization-aware training of small convolution networks on the binary images of a muon chamber.
//!
//! A [`Recipe`] describes network, loss and stages; a [`Source`] makes batches; [`train`] leaves one file of parameters for each stage,
//! a checkpoint and a log. [`Trained`] reads a stage's file, computes its logits and exports it.
//!
//! The quantized network computes with values that are multiples of the runtime's steps, and rounds with the runtime's own code. Unless
//! it is very wide, float32 holds every sum exactly ([`Trained::is_exact`]) and the answer has the emulator's bits.

mod chamber;
mod checkpoint;
mod equalize;
mod error;
mod export;
mod float;
mod gradient;
mod journal;
mod kernel;
mod measure;
mod ops;
mod optimise;
mod prune;
mod quantize;
mod random;
mod recipe;
mod source;
mod state;
mod train;
mod trained;

pub use chamber::Chamber;
pub use error::TrainError;
pub use export::{Export, Flavour};
pub use float::{CANDLE, Float, Frames};
pub use journal::Record;
pub use measure::Scores;
pub use quantize::digits;
pub use recipe::{Activation, LAYERS, Layer, Loss, Network, Optimiser, Prune, Recipe, Stage, Validation};
pub use source::{Batch, Source, Synthetic};
pub use train::{Outcome, Settings, train};
pub use trained::{LayerCodes, Trained};
