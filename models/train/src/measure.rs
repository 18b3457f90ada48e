//! How well voxels are told apart.

/// Scores of voxels that count, and whether they are a muon's.
#[derive(Clone, Debug, Default)]
pub struct Scores(Vec<(f32, bool)>);

impl Scores {
    /// Adds the voxels whose weight is not zero; arrays of equal length.
    pub fn add(&mut self, logits: &[f32], truth: &[f32], weight: &[f32]) {
        let voxels = logits.iter().zip(truth).zip(weight).filter(|(_, weight)| **weight != 0.0);
        self.0.extend(voxels.map(|((&score, &truth), _)| (score, truth > 0.5)));
    }

    /// Number of muon voxels and of others.
    pub fn counts(&self) -> (usize, usize) {
        let muons = self.0.iter().filter(|(_, muon)| *muon).count();
        (muons, self.0.len() - muons)
    }

    /// Area under the curve of efficiency over false positives; ties count half. `None` without voxels of both kinds.
    pub fn area(&mut self) -> Option<f64> {
        let (muons, others) = self.counts();
        let (mut below, mut area) = (0.0, 0.0);
        for group in self.groups() {
            let here = group.iter().filter(|(_, muon)| *muon).count() as f64;
            let rest = group.len() as f64 - here;
            area += here * (below + rest / 2.0);
            below += rest;
        }
        (muons > 0 && others > 0).then(|| area / muons as f64 / others as f64)
    }

    /// The least threshold (mark where score ≥ threshold) with a share of false positives of at most `share`, and the efficiency
    /// there. `None` without voxels of both kinds.
    pub fn efficiency(&mut self, share: f64) -> Option<(f64, f32)> {
        let (muons, others) = self.counts();
        let (mut marked, mut wrong, mut best) = (0usize, 0usize, (0.0, f32::INFINITY));
        for group in self.groups().rev() {
            marked += group.iter().filter(|(_, muon)| *muon).count();
            wrong += group.iter().filter(|(_, muon)| !*muon).count();
            if wrong as f64 > share * others as f64 {
                break;
            }
            best = (marked as f64 / muons.max(1) as f64, group[0].0);
        }
        (muons > 0 && others > 0).then_some(best)
    }

    /// Voxels of equal score, ascending.
    fn groups(&mut self) -> impl DoubleEndedIterator<Item = &[(f32, bool)]> {
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.0.chunk_by(|a, b| a.0 == b.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_and_efficiencies() {
        let mut scores = Scores::default();
        let weight = [1.0, 1.0, 1.0, 1.0, 0.0, 1.0];
        scores.add(&[0.1, 0.4, 0.4, 0.9, 7.0, 0.2], &[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], &weight);
        assert_eq!(scores.counts(), (2, 3));
        // Pairs: (0.4, each of 0.1, 0.2) right, a tie with 0.4; 0.9 right with all.
        assert_eq!(scores.area(), Some(5.5 / 6.0));
        assert_eq!(scores.efficiency(0.0), Some((0.5, 0.9)));
        assert_eq!(scores.efficiency(0.34), Some((1.0, 0.4)));
        assert_eq!(Scores::default().area(), None);
    }
}
