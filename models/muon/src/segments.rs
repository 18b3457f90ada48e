//! The head behind either network and the road finder: from marked voxels to the few segments that a trigger takes.
//!
//! For each partition and strip, the head counts the layers in which a voxel is marked within ± [`REACH`] strips, in the
//! partition or the next one (tracks cross over from layer to layer). What exceeds [`LEAST_LAYERS`] − 1 is summed over ± 10
//! strips where it is not 0: the quality, 1 to 63, which is greatest in the middle of a track's marked voxels. The best of
//! four strips is a peak unless one of the groups around, three on either side in this and both neighbouring partitions, is
//! better. The best peak of each quarter of each partition is a candidate, and the best [`PER_CHAMBER`] candidates are
//! segments. Of equal ones the first strip within its group, then more layers, then the outer partition wins, and so on:
//! the key says all. `models/muon_head` is the same function as a network, which streams.

use serde::Serialize;

use crate::event::Image;
use crate::geometry::{LAYERS, PARTITIONS, STRIPS, voxel};
use crate::row::{Count, Row};

/// Strips on either side that count together.
pub const REACH: i32 = 10;
/// Segments of a chamber that are handed on.
pub const PER_CHAMBER: usize = 4;
/// Fewer layers are no segment.
pub const LEAST_LAYERS: usize = 4;

/// Strips of which the best is taken.
const GROUP: usize = 4;
/// Groups that a peak must not be surpassed by, on either side.
const AROUND: usize = 3;
/// Strips of which at most one peak is a candidate.
const ZONE: usize = 96;
const GROUPS: usize = STRIPS / GROUP;

/// Marked voxels that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// 1 to 63.
    pub quality: u32,
    /// Layers with a marked voxel, [`LEAST_LAYERS`] to 6.
    pub layers: usize,
    /// Partition.
    pub partition: usize,
    /// Strip.
    pub strip: i32,
}

/// The best segments of an image, at most [`PER_CHAMBER`], the best first.
pub fn segments(mask: &Image) -> Vec<Segment> {
    if !any(mask) {
        return Vec::new();
    }
    let best: Vec<[Key; GROUPS]> = (0..PARTITIONS).map(|partition| groups(mask, partition)).collect();
    let surpassed = |partition: usize, group: usize| {
        let rows = &best[partition.saturating_sub(1)..(partition + 2).min(PARTITIONS)];
        let near = group.saturating_sub(AROUND)..(group + AROUND + 1).min(GROUPS);
        rows.iter().any(|row| row[near.clone()].iter().any(|&other| other > best[partition][group]))
    };
    let mut candidates = Vec::new();
    for (partition, row) in best.iter().enumerate() {
        for (zone, keys) in row.chunks(ZONE / GROUP).enumerate() {
            let first = zone * (ZONE / GROUP);
            let peaks = (0..keys.len()).filter(|at| keys[*at].0 > 0 && !surpassed(partition, first + at));
            // Of equal keys in one zone the first of the thirds wins.
            let peak = peaks.map(|at| (keys[at], 2 - at / 8, first + at)).max();
            candidates.extend(peak.map(|(key, third, group)| (key, third, 3 - zone, group)));
        }
    }
    candidates.sort_unstable();
    let found = candidates.iter().rev().take(PER_CHAMBER);
    let segment = |&((quality, place, excess, partition, _), _, _, group): &(Key, usize, usize, usize)| {
        let strip = (GROUP * group + GROUP - 1 - place) as i32;
        Segment { quality, layers: excess + LEAST_LAYERS - 1, partition, strip }
    };
    found.map(segment).collect()
}

/// Quality, strips of the group behind this one, layers above the least but one, partition, groups behind it in its eight.
type Key = (u32, usize, usize, usize, usize);

/// The best strip of each group of a partition.
fn groups(mask: &Image, partition: usize) -> [Key; GROUPS] {
    let count = count(mask, partition);
    let mut excess = [0u32; STRIPS];
    for layers in LEAST_LAYERS..=LAYERS {
        count.exactly(layers).strips().for_each(|x| excess[x as usize] = (layers + 1 - LEAST_LAYERS) as u32);
    }
    let at =
        |row: &[u32; STRIPS], x: i32| usize::try_from(x).ok().and_then(|x| row.get(x)).copied().unwrap_or(0);
    let sums = |row: &[u32; STRIPS], offsets: &[i32]| -> [u32; STRIPS] {
        std::array::from_fn(|x| offsets.iter().map(|by| at(row, x as i32 + by)).sum())
    };
    let sum = sums(&sums(&excess, &[-1, 0, 1]), &[-9, -6, -3, 0, 3, 6, 9]);
    std::array::from_fn(|group| {
        let key = |place: usize| {
            let x = GROUP * group + place;
            let quality = if excess[x] > 0 { sum[x] } else { 0 };
            (quality, GROUP - 1 - place, excess[x] as usize, partition, 7 - group % 8)
        };
        (0..GROUP).map(key).max().unwrap_or_default()
    })
}

/// Whether [`segments`] finds any.
pub fn any(mask: &Image) -> bool {
    (0..PARTITIONS).any(|partition| {
        let count = count(mask, partition);
        (LEAST_LAYERS..=LAYERS).any(|layers| !count.exactly(layers).is_empty())
    })
}

fn partitions(partition: usize) -> std::ops::Range<usize> {
    partition..(partition + 2).min(PARTITIONS)
}

/// Layers with a marked voxel within reach of each strip.
fn count(mask: &Image, partition: usize) -> Count {
    let rows: [Row; LAYERS] = std::array::from_fn(|layer| {
        partitions(partition).fold(Row::default(), |row, p| row.or(Row::new(mask.row(layer, p))))
    });
    let mut count = Count::default();
    if rows.iter().filter(|row| !row.is_empty()).count() >= LEAST_LAYERS {
        rows.iter().for_each(|row| count.add(row.window(-REACH, REACH)));
    }
    count
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
        assert_eq!(found.iter().map(|s| (s.layers, s.partition)).collect::<Vec<_>>(), [(6, 2), (5, 2)]);
        assert!((found[0].strip - 101).abs() <= 1 && (found[1].strip - 201).abs() <= 1, "{found:?}");
        assert!(any(&mask) && !any(&track(6, 10, 3).collect()));
    }

    #[test]
    fn a_track_across_partitions_is_one_segment() {
        let mask: Image = (0..6).map(|layer| voxel(layer, if layer < 3 { 5 } else { 4 }, 383)).collect();
        let found = segments(&mask);
        let [Segment { layers: 6, partition: 4, strip, .. }] = found[..] else { panic!("{found:?}") };
        assert!(strip >= 373);
    }

    #[test]
    fn two_tracks_in_one_partition_of_different_quarters() {
        let track = |strip: usize| (0..6).map(move |layer| voxel(layer, 3, strip));
        let mask: Image = track(50).chain(track(150)).collect();
        assert_eq!(segments(&mask).iter().map(|s| s.strip).collect::<Vec<_>>(), [50, 150]);
    }
}
