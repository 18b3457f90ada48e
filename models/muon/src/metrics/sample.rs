//! Where events come from, in pieces of bounded size.

use rayon::prelude::*;
use serde::Serialize;

use crate::event::Event;
use crate::file::FileError;
use crate::parameters::Parameters;
use crate::simulate::Simulation;

/// Events that are in memory at a time.
pub const PIECE: usize = 1024;

/// What a sample is, for people.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    /// `simulated`, or a file's name.
    pub origin: String,
    /// Seed.
    pub seed: u64,
    /// Number of events.
    pub events: u64,
    /// The number of muons of every event, where it is fixed.
    pub muons: Option<usize>,
    /// Parameters of the simulation.
    pub parameters: Parameters,
}

/// Events piece by piece.
pub type Pieces<'a> = Box<dyn Iterator<Item = Result<Vec<Event>, FileError>> + 'a>;

/// A sample that can be gone through once.
pub struct Sample<'a> {
    /// What it is.
    pub described: Described,
    /// Its events.
    pub pieces: Pieces<'a>,
}

impl<'a> Sample<'a> {
    /// Simulated events, with this many muons each if `muons` says so.
    pub fn simulated(simulation: Simulation, seed: u64, events: u64, muons: Option<usize>) -> Self {
        let parameters = simulation.parameters().clone();
        let described = Described { origin: "simulated".into(), seed, events, muons, parameters };
        let pieces = (0..events).step_by(PIECE).map(move |first| {
            let numbers = first..(first + PIECE as u64).min(events);
            let event = |n| match muons {
                Some(muons) => simulation.event_with(seed, n, muons),
                None => simulation.event(seed, n),
            };
            Ok(numbers.into_par_iter().map(event).collect())
        });
        Self { described, pieces: Box::new(pieces) }
    }

    /// Events of a file.
    pub fn read(described: Described, events: impl Iterator<Item = Result<Event, FileError>> + 'a) -> Self {
        let mut events = events.fuse();
        let pieces = std::iter::from_fn(move || {
            let piece: Result<Vec<Event>, FileError> = events.by_ref().take(PIECE).collect();
            Some(piece).filter(|piece| !matches!(piece, Ok(events) if events.is_empty()))
        });
        Self { described, pieces: Box::new(pieces) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_the_events_that_were_simulated() {
        let simulation = Simulation::new(Parameters::default()).unwrap();
        let bytes = crate::file::write_sample(Vec::new(), &simulation, 4, 2500, |_| ()).unwrap();
        let all = |sample: Sample<'_>| sample.pieces.flat_map(Result::unwrap).collect::<Vec<Event>>();
        let simulated = Sample::simulated(simulation, 4, 2500, None);
        let read = Sample::read(simulated.described.clone(), crate::file::Reader::new(&bytes[..]).unwrap());
        assert_eq!(all(simulated), all(read));
    }
}
