//! A simulated muon chamber of the shape of CMS ME0: 6 layers × 8 partitions × 384 strips of one bit.
//!
//! Events come from named [`Parameters`] with sources; files of events are bit-packed and streamed. Beside the
//! networks of the zoo stand a conventional [road finder](roads) and the [head](segments) that turns marked voxels
//! into segments.

pub mod background;
pub mod compare;
pub mod crops;
pub mod event;
pub mod file;
pub mod geometry;
pub mod metrics;
pub mod offline;
pub mod parameters;
pub mod real;
pub mod response;
pub mod roads;
pub mod row;
pub mod segments;
pub mod simulate;
pub mod track;

pub use event::{Event, Hit, Image, MOST_MUONS, Muon};
pub use file::{FileError, Reader, Writer};
pub use parameters::Parameters;
pub use roads::RoadFinder;
pub use simulate::{ParameterError, Simulation};
