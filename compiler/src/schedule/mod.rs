//! When and how: delays, pipeline stages, and the way tensors travel.

pub mod cone;
pub mod delay;
pub mod flow;
pub mod pipeline;
pub mod retime;
pub mod timing;
pub mod wiring;

pub use delay::Delays;
