//! Real events: the 50 simulated CMS ME0 events with full digitisation, as `scripts/me0-events` writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::event::Image;
use crate::geometry::{LAYERS, PARTITIONS, STRIPS, voxel};

/// End cap (−1 or 1) and number (1 to 18).
pub type ChamberId = (i32, i32);

/// Layer, partition, strip, each from 0.
pub type Place = (usize, usize, usize);

#[derive(Deserialize)]
struct RawFile {
    events: Vec<RawEvent>,
}

#[derive(Deserialize)]
struct RawEvent {
    digis: Vec<(ChamberId, usize, usize, usize, i32)>,
    muons: Vec<RawMuon>,
    segments: Vec<RawSegment>,
}

#[derive(Deserialize)]
struct RawMuon {
    chamber: ChamberId,
    pt: f64,
    eta: f64,
    charge: f64,
    hits: Vec<Place>,
}

#[derive(Deserialize)]
struct RawSegment {
    chamber: ChamberId,
    voxels: Vec<Place>,
}

/// A simulated muon in one chamber.
#[derive(Clone, Debug)]
pub struct RealMuon {
    /// Transverse momentum, in GeV.
    pub pt: f64,
    /// Absolute pseudorapidity.
    pub eta: f64,
    /// −1 or 1.
    pub charge: i8,
    /// Where it crosses.
    pub hits: Vec<Place>,
}

/// A chamber in one event, with at least one digi, muon or segment.
#[derive(Clone, Debug)]
pub struct Chamber {
    /// Number of the event.
    pub event: usize,
    /// Which chamber.
    pub id: ChamberId,
    /// What fired in time.
    pub image: Image,
    /// The muons that cross it.
    pub muons: Vec<RealMuon>,
    /// The offline segments, each as its voxel numbers.
    pub segments: Vec<Vec<usize>>,
}

/// A file that is not what `scripts/me0-events` writes.
#[derive(Debug, thiserror::Error)]
pub enum RealError {
    /// Not readable.
    #[error("this is no file of ME0 events: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Nothing to compare with.
    #[error("the file has no muon or no offline segment")]
    Empty,
    /// A segment of no voxels.
    #[error("event {event} has an offline segment without voxels")]
    NoVoxels {
        /// Number of the event.
        event: usize,
    },
    /// A voxel that the chamber does not have.
    #[error("event {event} has a voxel (layer, partition, strip) = {place:?} outside the chamber")]
    Outside {
        /// Number of the event.
        event: usize,
        /// Where.
        place: Place,
    },
}

/// Every chamber of every event, by event and chamber.
///
/// # Errors
/// If the bytes are not JSON of this form, or name a voxel that does not exist.
pub fn chambers(bytes: &[u8]) -> Result<Vec<Chamber>, RealError> {
    let file: RawFile = serde_json::from_slice(bytes)?;
    let mut all = Vec::new();
    for (event, raw) in file.events.into_iter().enumerate() {
        let mut found: BTreeMap<ChamberId, Chamber> = BTreeMap::new();
        let empty =
            |id| Chamber { event, id, image: Image::default(), muons: Vec::new(), segments: Vec::new() };
        for (id, layer, partition, strip, crossing) in raw.digis {
            let number = number(event, (layer, partition, strip))?;
            if crossing == 0 {
                found.entry(id).or_insert_with(|| empty(id)).image.set(number);
            }
        }
        for RawMuon { chamber, pt, eta, charge, hits } in raw.muons {
            for &place in &hits {
                number(event, place)?;
            }
            let muon = RealMuon { pt, eta: eta.abs(), charge: if charge < 0.0 { -1 } else { 1 }, hits };
            found.entry(chamber).or_insert_with(|| empty(chamber)).muons.push(muon);
        }
        for RawSegment { chamber, voxels } in raw.segments {
            if voxels.is_empty() {
                return Err(RealError::NoVoxels { event });
            }
            let voxels = voxels.into_iter().map(|place| number(event, place)).collect::<Result<_, _>>()?;
            found.entry(chamber).or_insert_with(|| empty(chamber)).segments.push(voxels);
        }
        all.extend(found.into_values());
    }
    let any = |has: fn(&Chamber) -> bool| all.iter().any(has);
    if any(|chamber| !chamber.muons.is_empty()) && any(|chamber| !chamber.segments.is_empty()) {
        Ok(all)
    } else {
        Err(RealError::Empty)
    }
}

fn number(event: usize, place: Place) -> Result<usize, RealError> {
    let (layer, partition, strip) = place;
    if layer < LAYERS && partition < PARTITIONS && strip < STRIPS {
        Ok(voxel(layer, partition, strip))
    } else {
        Err(RealError::Outside { event, place })
    }
}
