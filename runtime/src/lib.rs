//! What an nn2hdl program means.
//!
//! A [`Program`] is a network as exact integer arithmetic and the definition of its answer. This crate holds
//! the program's types, the interval analysis that bounds every intermediate, the conversion between real
//! values and codes, and the bit-exact emulator. It knows no model format and no hardware, does no IO, and
//! builds alone, so that an experiment's software can embed it.

pub mod codec;
pub mod emulate;
pub mod expr;
pub mod format;
pub mod id;
pub mod index;
pub mod interface;
pub mod kernel;
pub mod program;
pub mod quantize;
pub mod range;
mod steady;
mod sweep;
pub mod validate;

pub use codec::{Decoder, Encoder};
pub use emulate::{Codes, CodesMut, EmulateError, Emulator, Trace, Traced};
pub use expr::{Expr, ExprId, Op};
pub use format::{Format, Interval, Overflow, Quantizer, Rounding};
pub use id::{BlockId, TableId, ValueId};
pub use index::Index;
pub use kernel::{Access, Kernel, Read, Reduction, Scatter};
pub use program::{Block, Call, Input, LoadError, Output, Program, Step, Value};
pub use validate::ProgramError;
