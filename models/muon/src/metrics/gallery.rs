//! Events to look at: the first of each kind in the test samples.

use super::reduce;
use crate::event::Event;
use crate::segments;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One muon below 7 GeV, matched.
    Soft,
    /// One muon above 50 GeV, matched.
    Hard,
    /// Two muons.
    Two,
    /// One muon, matched, in the last condition's background.
    Crowded,
    /// A muon that is not matched.
    Missed,
    /// No muon, but a segment.
    Fake,
}

/// One event with its output.
#[derive(Clone, Debug)]
pub struct Example {
    /// What it shows.
    pub kind: Kind,
    /// Number of the condition.
    pub condition: usize,
    /// Number of the event in its sample.
    pub number: u64,
    /// The event.
    pub event: Event,
    /// For each hit, whether it is marked.
    pub marked: Vec<bool>,
    /// For each muon, whether it is matched.
    pub matched: Vec<bool>,
}

/// Takes the first event of each kind as they pass.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    examples: Vec<Example>,
    passed: Vec<u64>,
    last: usize,
}

const KINDS: [Kind; 6] = [Kind::Soft, Kind::Hard, Kind::Two, Kind::Crowded, Kind::Missed, Kind::Fake];

impl Gallery {
    /// For a measurement with this many conditions.
    pub fn new(conditions: usize) -> Self {
        Self { examples: Vec::new(), passed: vec![0; conditions], last: conditions.saturating_sub(1) }
    }

    /// Looks at the next event of a condition, with the scores of its hits.
    pub fn look(&mut self, condition: usize, event: &Event, scores: &[f32], threshold: f32) {
        let number = self.passed[condition];
        self.passed[condition] += 1;
        let missing = KINDS.iter().filter(|kind| self.examples.iter().all(|example| example.kind != **kind));
        let missing: Vec<Kind> = missing.copied().collect();
        if missing.is_empty() {
            return;
        }
        let matched: Vec<bool> = (0..event.muons.len())
            .map(|n| {
                let own = event.hits.iter().zip(scores).filter(|(hit, _)| hit.muons >> n & 1 == 1);
                reduce::matched(&mut own.map(|(_, score)| *score).collect::<Vec<_>>()) >= threshold
            })
            .collect();
        let single = event.muons.len() == 1 && matched[0];
        let pt = event.muons.first().map_or(0.0, |muon| muon.pt);
        let is = |kind: &Kind| match kind {
            Kind::Soft => condition == 0 && single && pt < 7.0,
            Kind::Hard => condition == 0 && single && pt > 50.0,
            Kind::Two => condition == 0 && event.muons.len() == 2,
            Kind::Crowded => {
                // Samples of one seed have the same muons.
                let new = self.examples.iter().all(|example| example.number != number);
                condition == self.last && single && new
            }
            Kind::Missed => condition == 0 && matched.contains(&false),
            Kind::Fake => {
                let mask = || reduce::mask(&event.image(), scores, threshold);
                condition == 0 && event.muons.is_empty() && segments::any(&mask())
            }
        };
        if let Some(kind) = missing.into_iter().find(is) {
            let marked = scores.iter().map(|&score| score >= threshold).collect();
            self.examples.push(Example { kind, condition, number, event: event.clone(), marked, matched });
        }
    }

    /// What was found, in the order of [`Kind`].
    pub fn examples(mut self) -> Vec<Example> {
        self.examples.sort_by_key(|example| KINDS.iter().position(|kind| *kind == example.kind));
        self.examples
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Parameters;
    use crate::simulate::Simulation;

    #[test]
    fn every_kind_is_found() {
        let mut gallery = Gallery::new(2);
        for (condition, background) in [1.0, 5.0].into_iter().enumerate() {
            let simulation = Simulation::new(Parameters { background, ..Parameters::default() }).unwrap();
            for n in 0..1000 {
                let event = simulation.event(3, n);
                // Marks all but every 40th event.
                let scores = vec![if n % 40 == 0 { 0.0 } else { 1.0 }; event.hits.len()];
                gallery.look(condition, &event, &scores, 0.5);
            }
        }
        let examples = gallery.examples();
        assert_eq!(examples.iter().map(|example| example.kind).collect::<Vec<_>>(), KINDS);
        assert!(examples.iter().all(|example| example.marked.len() == example.event.hits.len()));
        assert_eq!(examples[4].matched.iter().filter(|matched| **matched).count(), 0);
    }
}
