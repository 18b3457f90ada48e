//! When and how: delays, pipeline stages, and the way tensors travel.

pub mod cone;
pub mod delay;
pub mod pipeline;

pub use delay::Delays;
