//! A muon or an image becomes one number: the highest threshold at which it counts.

use super::MATCHED;
use crate::event::Image;
use crate::segments;

/// What never counts, whatever the threshold.
pub const NEVER: f32 = f32::NEG_INFINITY;

/// The highest threshold at which a muon with these scores of its own voxels is matched.
pub fn matched(scores: &mut [f32]) -> f32 {
    let n = scores.len();
    // The least number of marked voxels whose share exceeds the bound.
    let Some(needed) = (1..=n).find(|&k| k as f64 / n as f64 > MATCHED) else { return NEVER };
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    scores[needed - 1]
}

/// The highest threshold at which an image with these scores of its hits has a segment. Fewer marks never make more
/// segments, so that halving the range finds it.
pub fn fake(image: &Image, scores: &[f32]) -> f32 {
    let mut levels = scores.to_vec();
    levels.sort_unstable_by(f32::total_cmp);
    levels.dedup();
    // Levels below this place make a segment.
    let below = levels.partition_point(|&level| segments::any(&mask(image, scores, level)));
    below.checked_sub(1).map_or(NEVER, |place| levels[place])
}

/// The hits with a score of at least `threshold`.
pub fn mask(image: &Image, scores: &[f32], threshold: f32) -> Image {
    image.voxels().zip(scores).filter(|(_, score)| **score >= threshold).map(|(voxel, _)| voxel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::voxel;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    #[test]
    fn six_tenths_must_be_exceeded() {
        assert_eq!(matched(&mut [1.0, 5.0, 4.0, 3.0, 2.0]), 2.0);
        assert_eq!(matched(&mut [3.0, 5.0, 4.0]), 4.0);
        assert_eq!((matched(&mut [7.0]), matched(&mut [])), (7.0, NEVER));
        let mut ten: Vec<f32> = (1..=10).map(|n| n as f32).collect();
        assert_eq!(matched(&mut ten), 4.0);
    }

    #[test]
    fn the_threshold_of_an_image_is_the_highest_of_all_that_make_a_segment() {
        let mut rng = StdRng::seed_from_u64(3);
        for _ in 0..300 {
            let near = |rng: &mut StdRng| {
                voxel(rng.random_range(0..6), rng.random_range(2..4), rng.random_range(100..140))
            };
            let image: Image = (0..rng.random_range(0..14)).map(|_| near(&mut rng)).collect();
            let scores: Vec<f32> = image.voxels().map(|_| rng.random_range(-4..5) as f32).collect();
            let tried = (-5..=5).rev().map(|t| t as f32);
            let highest = tried.into_iter().find(|&t| segments::any(&mask(&image, &scores, t)));
            assert_eq!(fake(&image, &scores), highest.map_or(NEVER, |t| if t < -4.0 { -4.0 } else { t }));
        }
    }
}
