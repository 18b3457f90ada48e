//! The choice of thresholds.

use serde::Serialize;

/// A threshold and why it is that.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Chosen {
    /// Hits with at least this score are marked.
    pub threshold: f32,
    /// Fakes among the calibration images.
    pub fakes: u64,
    /// Fakes that were allowed.
    pub allowed: u64,
    /// Calibration images.
    pub images: u64,
}

/// The least of the images' own thresholds at which no more than `allowed` of them are fakes; where there is none, the
/// next number above all of them; where every image may be one, the least number. `fakes` has for each image the highest threshold at which it is a fake.
pub fn choose(fakes: &[f32], allowed: u64) -> Chosen {
    let images = fakes.len() as u64;
    let mut sorted = fakes.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let threshold = match usize::try_from(allowed).ok().and_then(|n| sorted.get(n)) {
        // The first one that is too many, and all equal to it, must not count.
        Some(&excess) => {
            let above = sorted.partition_point(|&value| value > excess);
            above.checked_sub(1).map_or(excess.next_up(), |place| sorted[place])
        }
        None => f32::MIN,
    };
    Chosen { threshold, fakes: count(fakes, threshold), allowed, images }
}

/// A threshold that is given.
pub fn given(fakes: &[f32], threshold: f32) -> Chosen {
    let count = count(fakes, threshold);
    Chosen { threshold, fakes: count, allowed: count, images: fakes.len() as u64 }
}

fn count(fakes: &[f32], threshold: f32) -> u64 {
    fakes.iter().filter(|&&value| value >= threshold).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_fakes_than_allowed() {
        let fakes = [1.0, 2.0, 2.0, 3.0, 5.0, f32::NEG_INFINITY];
        let chosen = |allowed| (choose(&fakes, allowed).threshold, choose(&fakes, allowed).fakes);
        assert_eq!(chosen(0), (5f32.next_up(), 0));
        assert_eq!(chosen(1), (5.0, 1));
        assert_eq!((chosen(2), chosen(3)), ((3.0, 2), (3.0, 2)));
        assert_eq!((chosen(4), chosen(5)), ((2.0, 4), (1.0, 5)));
        assert_eq!((choose(&fakes, 6).threshold, choose(&fakes, 6).fakes), (f32::MIN, 5));
        assert_eq!(choose(&[f32::NEG_INFINITY; 3], 1).fakes, 0);
        assert_eq!(given(&fakes, 2.5).fakes, 2);
    }
}
