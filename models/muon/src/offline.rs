//! Finding the offline segments of the real events.

use serde::Serialize;

use crate::event::Image;
use crate::geometry::{PARTITIONS, STRIPS};
use crate::real::Chamber;

/// A share of a segment's voxels that must be exceeded for it to be found: the task's figure for muons.
pub const MATCHED: f64 = 0.6;

/// One offline segment.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Number of the event.
    pub event: usize,
    /// End cap and chamber.
    pub chamber: (i32, i32),
    /// Layers of the segment.
    pub layers: usize,
    /// p_T of the chamber's hardest muon, in GeV; 0 without one.
    pub pt: f64,
    /// Share of its voxels that are marked.
    pub share: f64,
    /// Whether [`MATCHED`] is exceeded.
    pub found: bool,
}

/// Every offline segment, found or not by the marks that `mark` sets.
pub fn segments(chambers: &[Chamber], mut mark: impl FnMut(&Image) -> Image) -> Vec<Found> {
    let mut all = Vec::new();
    for chamber in chambers.iter().filter(|chamber| !chamber.segments.is_empty()) {
        let mask = mark(&chamber.image);
        for segment in &chamber.segments {
            let marked = segment.iter().filter(|&&voxel| mask.get(voxel)).count();
            let share = marked as f64 / segment.len().max(1) as f64;
            all.push(Found {
                event: chamber.event,
                chamber: chamber.id,
                layers: layers(segment),
                pt: chamber.muons.iter().map(|muon| muon.pt).fold(0.0, f64::max),
                share,
                found: share > MATCHED,
            });
        }
    }
    all
}

/// How many groups of voxels (roads, say) there are in all chambers, and how many belong to an offline segment: at
/// least half of their layers hold a voxel of it.
pub fn purity(chambers: &[Chamber], mut find: impl FnMut(&Image) -> Vec<Vec<usize>>) -> (usize, usize) {
    let (mut all, mut pure) = (0, 0);
    for chamber in chambers {
        for group in find(&chamber.image) {
            all += 1;
            let belongs = |segment: &Vec<usize>| {
                let shared: Vec<usize> = group.iter().copied().filter(|v| segment.contains(v)).collect();
                2 * layers(&shared) >= layers(&group)
            };
            pure += usize::from(chamber.segments.iter().any(belongs));
        }
    }
    (all, pure)
}

/// Number of layers that voxels lie in.
fn layers(voxels: &[usize]) -> usize {
    let mut layers: Vec<usize> = voxels.iter().map(|voxel| voxel / (PARTITIONS * STRIPS)).collect();
    layers.sort_unstable();
    layers.dedup();
    layers.len()
}
