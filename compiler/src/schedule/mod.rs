//! When and how: delays, pipeline stages, and the way tensors travel.

pub mod delay;
pub mod pipeline;
pub mod travel;

pub use delay::Delays;
pub use travel::Travel;
