//! Events: hits with their origin, muons, and images of bits.

use serde::Serialize;

use crate::geometry::{LAYERS, PARTITIONS, STRIPS, VOXELS, voxel};

/// At most this many muons per event are told apart.
pub const MOST_MUONS: usize = 3;

/// One voxel that fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// Number of the voxel, see [`voxel`].
    pub voxel: u16,
    /// Bit `n` is set if muon `n` fired it; 0 for background.
    pub muons: u8,
}

impl Hit {
    /// Layer, partition and strip.
    pub fn place(self) -> (usize, usize, usize) {
        let at = usize::from(self.voxel);
        (at / (PARTITIONS * STRIPS), at / STRIPS % PARTITIONS, at % STRIPS)
    }
}

/// A muon that crosses the chamber.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Muon {
    /// Transverse momentum, in GeV.
    pub pt: f32,
    /// Pseudorapidity.
    pub eta: f32,
    /// −1 or 1.
    pub charge: i8,
    /// Strip in the chamber's middle, with fraction.
    pub strip: f32,
    /// Strips from the first to the last layer.
    pub drift: f32,
}

/// What one bunch crossing leaves in one chamber.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Voxels that fired, ascending, each once.
    pub hits: Vec<Hit>,
    /// The muons, at most [`MOST_MUONS`].
    pub muons: Vec<Muon>,
}

impl Event {
    /// From hits in any order; a voxel that occurs several times belongs to all who fired it.
    pub fn new(mut hits: Vec<Hit>, muons: Vec<Muon>) -> Self {
        hits.sort_unstable();
        hits.dedup_by(|later, kept| {
            let same = later.voxel == kept.voxel;
            if same {
                kept.muons |= later.muons;
            }
            same
        });
        Self { hits, muons }
    }

    /// The image of all hits.
    pub fn image(&self) -> Image {
        self.hits.iter().map(|hit| usize::from(hit.voxel)).collect()
    }

    /// The image of the hits of any muon.
    pub fn truth(&self) -> Image {
        self.hits.iter().filter(|hit| hit.muons != 0).map(|hit| usize::from(hit.voxel)).collect()
    }

    /// The voxels that muon `n` fired.
    pub fn voxels_of(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.hits.iter().filter(move |hit| hit.muons >> n & 1 == 1).map(|hit| usize::from(hit.voxel))
    }
}

const WORDS: usize = VOXELS / 64;

/// One bit per voxel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    words: Box<[u64; WORDS]>,
}

impl Default for Image {
    fn default() -> Self {
        Self { words: Box::new([0; WORDS]) }
    }
}

impl Image {
    /// Whether the voxel of this number is set.
    pub fn get(&self, voxel: usize) -> bool {
        self.words[voxel / 64] >> (voxel % 64) & 1 == 1
    }

    /// Sets the voxel of this number.
    pub fn set(&mut self, voxel: usize) {
        self.words[voxel / 64] |= 1 << (voxel % 64);
    }

    /// Numbers of the voxels set, ascending.
    pub fn voxels(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(n, &word)| {
            std::iter::successors((word != 0).then_some(word), |&rest| {
                let rest = rest & (rest - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |rest| n * 64 + rest.trailing_zeros() as usize)
        })
    }

    /// Clears these voxels.
    pub fn clear(&mut self, voxels: &[usize]) {
        voxels.iter().for_each(|voxel| self.words[voxel / 64] &= !(1 << (voxel % 64)));
    }

    /// Number of voxels set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The 384 strips of one layer and partition, strip 0 in the low bit of the first word.
    pub fn row(&self, layer: usize, partition: usize) -> &[u64] {
        let first = voxel(layer, partition, 0) / 64;
        &self.words[first..first + STRIPS / 64]
    }

    /// One byte per voxel, 0 or 1, shape 6 × 8 × 384.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; LAYERS * PARTITIONS * STRIPS];
        self.voxels().for_each(|voxel| bytes[voxel] = 1);
        bytes
    }
}

impl FromIterator<usize> for Image {
    fn from_iter<I: IntoIterator<Item = usize>>(voxels: I) -> Self {
        let mut image = Self::default();
        voxels.into_iter().for_each(|voxel| image.set(voxel));
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_voxel_belongs_to_both() {
        let hit = |voxel, muons| Hit { voxel, muons };
        let event = Event::new(vec![hit(7, 2), hit(3, 0), hit(7, 1), hit(3, 1)], Vec::new());
        assert_eq!(event.hits, [hit(3, 1), hit(7, 3)]);
        assert_eq!(event.voxels_of(1).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn images_hold_what_was_set() {
        let voxels = [0, 63, 64, 383, 384, VOXELS - 1];
        let image: Image = voxels.into_iter().collect();
        assert_eq!(image.voxels().collect::<Vec<_>>(), voxels);
        assert_eq!(image.count(), 6);
        assert_eq!(image.row(0, 1)[0], 1);
        assert_eq!(image.bytes().iter().map(|&b| usize::from(b)).sum::<usize>(), 6);
        assert!(voxels.into_iter().all(|voxel| image.get(voxel)) && !image.get(1));
    }

    #[test]
    fn places_invert_voxel_numbers() {
        let hit = Hit { voxel: voxel(5, 2, 17) as u16, muons: 0 };
        assert_eq!(hit.place(), (5, 2, 17));
    }
}
