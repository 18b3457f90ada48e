//! The head behind either network and the road finder: from marked voxels to the few segments that a trigger takes.
//!
//! For each partition and strip, the head counts the layers in which a voxel is marked within ± [`REACH`] strips,
//! in the partition or the next one inwards (tracks move outwards from layer to layer). The best strip of a
//! partition is the middle of the first longest plateau of the largest count; what was counted there is removed
//! and the search repeated, [`PER_PARTITION`] times. All in integers, so that hardware can do the same.

use serde::Serialize;

use crate::event::Image;
use crate::geometry::{LAYERS, PARTITIONS, voxel};
use crate::row::{Count, Row};

/// Strips on either side that count together.
pub const REACH: i32 = 10;
/// Segments per partition.
pub const PER_PARTITION: usize = 2;
/// Segments of a chamber that are handed on.
pub const PER_CHAMBER: usize = 4;
/// Fewer layers are no segment.
pub const LEAST_LAYERS: usize = 4;

/// Marked voxels that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Layers with a marked voxel, [`LEAST_LAYERS`] to 6.
    pub layers: usize,
    /// Partition.
    pub partition: usize,
    /// Strip.
    pub strip: i32,
}

/// The best segments of an image, at most [`PER_CHAMBER`], those with most layers first, then by partition.
pub fn segments(mask: &Image) -> Vec<Segment> {
    let mut left = mask.clone();
    let mut found = Vec::new();
    for partition in 0..PARTITIONS {
        for _ in 0..PER_PARTITION {
            let Some(segment) = best(&left, partition) else { break };
            let voxels = counted(&left, segment);
            left.clear(&voxels);
            found.push(segment);
        }
    }
    found.sort_by_key(|segment| LAYERS - segment.layers);
    found.truncate(PER_CHAMBER);
    found
}

/// Whether [`segments`] finds any.
pub fn any(mask: &Image) -> bool {
    (0..PARTITIONS).any(|partition| best(mask, partition).is_some())
}

fn partitions(partition: usize) -> std::ops::Range<usize> {
    partition..(partition + 2).min(PARTITIONS)
}

fn best(mask: &Image, partition: usize) -> Option<Segment> {
    let rows: [Row; LAYERS] = std::array::from_fn(|layer| {
        partitions(partition).fold(Row::default(), |row, p| row.or(Row::new(mask.row(layer, p))))
    });
    if rows.iter().filter(|row| !row.is_empty()).count() < LEAST_LAYERS {
        return None;
    }
    let mut count = Count::default();
    rows.iter().for_each(|row| count.add(row.window(-REACH, REACH)));
    let layers = (LEAST_LAYERS..=LAYERS).rev().find(|&layers| !count.exactly(layers).is_empty())?;
    let (mut longest, mut begin, mut last) = ((0, 0), 0, i32::MIN);
    for strip in count.exactly(layers).strips() {
        begin = if strip == last + 1 { begin } else { strip };
        last = strip;
        if strip - begin + 1 > longest.1 - longest.0 {
            longest = (begin, strip + 1);
        }
    }
    Some(Segment { layers, partition, strip: (longest.0 + longest.1 - 1) / 2 })
}

/// The marked voxels that a segment counts.
pub fn counted(mask: &Image, segment: Segment) -> Vec<usize> {
    let mut voxels = Vec::new();
    for layer in 0..LAYERS {
        for partition in partitions(segment.partition) {
            let row = Row::new(mask.row(layer, partition));
            let strips = (segment.strip - REACH..=segment.strip + REACH).filter(|&x| row.get(x));
            voxels.extend(strips.map(|x| voxel(layer, partition, x as usize)));
        }
    }
    voxels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tracks_are_two_segments() {
        let track = |partition: usize, strip: usize, layers: usize| {
            (0..layers).map(move |layer| voxel(layer, partition, strip + layer / 2))
        };
        let mask: Image = track(2, 100, 6).chain(track(2, 200, 5)).chain(track(6, 10, 3)).collect();
        let found = segments(&mask);
        assert_eq!(found.iter().map(|s| (s.layers, s.partition)).collect::<Vec<_>>(), [(6, 1), (5, 1)]);
        assert!((found[0].strip - 101).abs() <= 1 && (found[1].strip - 201).abs() <= 1, "{found:?}");
        assert!(any(&mask) && !any(&track(6, 10, 3).collect()));
    }

    #[test]
    fn a_track_across_partitions_is_one_segment() {
        let mask: Image = (0..6).map(|layer| voxel(layer, if layer < 3 { 5 } else { 4 }, 383)).collect();
        assert_eq!(segments(&mask), [Segment { layers: 6, partition: 4, strip: 378 }]);
    }
}
