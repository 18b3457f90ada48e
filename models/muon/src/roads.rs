//! The conventional baseline: a road finder.
//!
//! A road is a pattern of windows, one per layer, around a strip of the chamber's middle; it is found if at least
//! four layers have a hit in their windows. There are 17 patterns, from straight to a drift of 34 strips either
//! way, all within ± 18 strips, and 15 finders: one for each partition and one for each pair of neighbours,
//! since tracks cross partitions. A road takes whole clusters of its partitions. Of roads that share hits the one with most layers wins, then the straightest.

use crate::event::Image;
use crate::geometry::{LAYERS, PARTITIONS, voxel};
use crate::row::{Count, Row};

/// Patterns on either side of the straight one.
const BENDS: i32 = 8;
/// Drift between neighbouring patterns, in strips from the first to the last layer.
const STEP: f64 = 4.25;
/// No window looks farther than this, in strips.
const REACH: i32 = 18;
/// Strips added to each window for clusters.
const MARGIN: f64 = 1.0;

/// A road that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Road {
    /// Layers with a hit.
    pub layers: usize,
    /// Strip in the middle.
    pub strip: i32,
    /// Number of the pattern; 0 is straight.
    pub bend: i32,
    /// Its hits, as voxel numbers.
    pub voxels: Vec<usize>,
}

/// The road finder.
#[derive(Clone, Debug)]
pub struct RoadFinder {
    majority: usize,
    /// For each pattern, straightest first: its bend and each layer's window.
    patterns: Vec<(i32, [(i32, i32); LAYERS])>,
}

#[derive(Clone, Copy)]
struct Candidate {
    finder: usize,
    strip: i32,
    pattern: usize,
    layers: usize,
}

impl RoadFinder {
    /// Roads need hits in at least `majority` layers (the baseline's figure is 4).
    pub fn new(majority: usize) -> Self {
        let bends = (0..=BENDS).flat_map(|n| if n == 0 { vec![0] } else { vec![n, -n] });
        let windows = |bend: i32| {
            std::array::from_fn(|layer| {
                let depth = layer as f64 / (LAYERS - 1) as f64 - 0.5;
                let edges = [-0.5, 0.5].map(|side| (f64::from(bend) + side) * STEP * depth);
                let low = (edges[0].min(edges[1]) - MARGIN).round() as i32;
                let high = (edges[0].max(edges[1]) + MARGIN).round() as i32;
                (low.max(-REACH), high.min(REACH))
            })
        };
        Self { majority, patterns: bends.map(|bend| (bend, windows(bend))).collect() }
    }

    /// The roads of an image, best first; no two share a hit.
    pub fn find(&self, image: &Image) -> Vec<Road> {
        let rows = finders(image);
        let mut candidates = Vec::new();
        for (finder, layers) in rows.iter().enumerate() {
            if layers.iter().filter(|row| !row.is_empty()).count() >= self.majority {
                self.candidates(finder, layers, &mut candidates);
            }
        }
        let rank = |c: &Candidate| (LAYERS - c.layers, c.pattern, c.finder, c.strip);
        candidates.sort_unstable_by_key(rank);
        let mut left = image.clone();
        let mut roads = Vec::new();
        for candidate in candidates {
            let road = self.road(candidate, &left);
            if road.layers == candidate.layers {
                left.clear(&road.voxels);
                roads.push(road);
            }
        }
        roads
    }

    /// The image of all roads' hits.
    pub fn mark(&self, image: &Image) -> Image {
        self.find(image).into_iter().flat_map(|road| road.voxels).collect()
    }

    fn candidates(&self, finder: usize, layers: &[Row; LAYERS], found: &mut Vec<Candidate>) {
        for (pattern, (_, windows)) in self.patterns.iter().enumerate() {
            let mut count = Count::default();
            for (row, &(low, high)) in layers.iter().zip(windows) {
                count.add(row.window(low, high));
            }
            for layers in self.majority..=LAYERS {
                let strips = middles(count.exactly(layers));
                found.extend(strips.map(|strip| Candidate { finder, strip, pattern, layers }));
            }
        }
    }

    fn road(&self, candidate: Candidate, left: &Image) -> Road {
        let (bend, windows) = &self.patterns[candidate.pattern];
        let (mut voxels, mut layers) = (Vec::new(), 0);
        for (layer, &(low, high)) in windows.iter().enumerate() {
            let before = voxels.len();
            for partition in covered(candidate.finder) {
                let row = Row::new(left.row(layer, partition));
                let strips = clusters(row, candidate.strip + low, candidate.strip + high);
                voxels.extend(strips.map(|x| voxel(layer, partition, x as usize)));
            }
            layers += usize::from(voxels.len() > before);
        }
        Road { layers, strip: candidate.strip, bend: *bend, voxels }
    }
}

/// The strips set from `low` to `high`, and those that continue a cluster across either end.
fn clusters(row: Row, low: i32, high: i32) -> impl Iterator<Item = i32> {
    let before = (0..low).rev().take_while(move |&x| row.get(x)).last().filter(|_| row.get(low));
    let after = (high + 1..).take_while(move |&x| row.get(x)).last().filter(|_| row.get(high));
    (before.unwrap_or(low)..=after.unwrap_or(high)).filter(move |&x| row.get(x))
}

/// The middle of each stretch of neighbouring strips.
fn middles(row: Row) -> impl Iterator<Item = i32> {
    let mut strips = row.strips().peekable();
    std::iter::from_fn(move || {
        let begin = strips.next()?;
        let mut end = begin;
        while strips.peek() == Some(&(end + 1)) {
            end += 1;
            strips.next();
        }
        Some((begin + end) / 2)
    })
}

/// The partitions that a finder looks at: finders 0 to 7 at one, the others at two neighbours.
fn covered(finder: usize) -> std::ops::Range<usize> {
    if finder < PARTITIONS { finder..finder + 1 } else { finder - PARTITIONS..finder - PARTITIONS + 2 }
}

fn finders(image: &Image) -> Vec<[Row; LAYERS]> {
    (0..2 * PARTITIONS - 1)
        .map(|finder| {
            std::array::from_fn(|layer| {
                covered(finder).fold(Row::default(), |row, p| row.or(Row::new(image.row(layer, p))))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(strips: &[(usize, usize, usize)]) -> Image {
        strips.iter().map(|&(layer, partition, strip)| voxel(layer, partition, strip)).collect()
    }

    #[test]
    fn a_straight_track_is_one_road() {
        let image = line(&[(0, 3, 50), (1, 3, 50), (2, 3, 51), (3, 2, 51), (5, 2, 52), (0, 6, 300)]);
        let roads = RoadFinder::new(4).find(&image);
        assert_eq!(roads.len(), 1);
        assert_eq!((roads[0].layers, roads[0].voxels.len()), (5, 5));
    }

    #[test]
    fn three_layers_are_no_road() {
        let image = line(&[(0, 3, 50), (1, 3, 50), (2, 3, 51)]);
        assert!(RoadFinder::new(4).find(&image).is_empty());
        assert_eq!(RoadFinder::new(3).find(&image).len(), 1);
    }

    #[test]
    fn steep_tracks_are_found_up_to_the_reach() {
        let track = |drift: f64| {
            let strip = |layer: usize| (200.0 + drift * (layer as f64 / 5.0 - 0.5)).round() as usize;
            line(&(0..6).map(|layer| (layer, 1, strip(layer))).collect::<Vec<_>>())
        };
        for drift in -36..=36 {
            let roads = RoadFinder::new(6).find(&track(f64::from(drift)));
            assert_eq!(roads.len(), 1, "drift {drift}");
        }
        assert!(RoadFinder::new(6).find(&track(50.0)).is_empty());
    }

    #[test]
    fn windows_stay_within_reach() {
        let finder = RoadFinder::new(4);
        assert_eq!(finder.patterns.len(), 17);
        assert!(
            finder
                .patterns
                .iter()
                .flat_map(|(_, w)| w)
                .all(|&(low, high)| -18 <= low && low < high && high <= 18)
        );
    }
}
