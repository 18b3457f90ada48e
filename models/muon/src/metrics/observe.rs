//! One run through a sample: every scorer on every event, all that depends on a threshold left open.

use rayon::prelude::*;

use super::evaluate::Used;
use super::reduce::{fake, matched};
use super::sample::Described;
use super::{Bins, Proportion, Roc, Sample, ScoreError, Scorer};
use crate::event::{Event, Image};
use crate::file::FileError;

/// Events that one task reduces.
const TASK: usize = 32;

/// Why a sample could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The file of events is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A scorer failed.
    #[error(transparent)]
    Score(#[from] ScoreError),
}

/// What one scorer made of a sample.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// For each muon the highest threshold at which it is matched.
    pub matched: Vec<f32>,
    /// For each muon-free image the highest threshold at which it is a fake.
    pub fakes: Vec<f32>,
    /// The hits.
    pub roc: Roc,
    /// For each bin of p_T, in images with one muon, at the scorer's threshold: marked voxels of no muon, and all marked.
    pub foreign: Vec<(u64, u64)>,
}

/// What all scorers made of a sample.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Events.
    pub events: u64,
    /// Hits.
    pub hits: u64,
    /// p_T of every muon, in GeV.
    pub pts: Vec<f32>,
    /// For each scorer.
    pub seen: Vec<Seen>,
}

/// Is shown every event in order, with each scorer's scores of its hits.
pub type Inspect<'a> = dyn FnMut(&Event, &[&[f32]]) + 'a;

/// Runs all scorers over a sample. `thresholds` has one for each scorer and matters to the foreign share only;
/// `progress` is told the number of events done.
///
/// # Errors
/// If the sample cannot be read, or a scorer fails.
pub fn observe(
    scorers: &[&dyn Scorer],
    thresholds: &[f32],
    bins: &Bins,
    sample: Sample<'_>,
    inspect: &mut Inspect<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Observed, ObserveError> {
    let empty = Seen { foreign: vec![(0, 0); bins.len()], ..Seen::default() };
    let mut all = Observed { seen: vec![empty.clone(); scorers.len()], ..Observed::default() };
    for piece in sample.pieces {
        let events = piece?;
        let images: Vec<Image> = events.par_iter().map(Event::image).collect();
        let mut scores = Vec::new();
        for (scorer, (seen, &threshold)) in scorers.iter().zip(all.seen.iter_mut().zip(thresholds)) {
            let given = scorer.score(&images)?;
            let fits = given.len() == images.len()
                && events.iter().zip(&given).all(|(event, scores)| event.hits.len() == scores.len());
            if !fits {
                let problem = "not one score for every hit".into();
                return Err(ScoreError { scorer: scorer.name().into(), problem }.into());
            }
            let task = |(n, events): (usize, &[Event])| {
                let mut part = empty.clone();
                for (event, at) in events.iter().zip(n * TASK..) {
                    part.add(event, &images[at], &given[at], threshold, bins);
                }
                part
            };
            let parts: Vec<Seen> = events.par_chunks(TASK).enumerate().map(task).collect();
            parts.into_iter().for_each(|part| seen.merge(part));
            scores.push(given);
        }
        for (n, event) in events.iter().enumerate() {
            let of_event: Vec<&[f32]> = scores.iter().map(|given| given[n].as_slice()).collect();
            inspect(event, &of_event);
            all.pts.extend(event.muons.iter().map(|muon| muon.pt));
            all.hits += event.hits.len() as u64;
        }
        all.events += events.len() as u64;
        progress(all.events);
    }
    Ok(all)
}

/// The same where no threshold is known yet.
///
/// # Errors
/// If the sample cannot be read, or a scorer fails.
pub fn calibrate(
    scorers: &[&dyn Scorer],
    sample: Sample<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Observed, ObserveError> {
    let never = vec![f32::INFINITY; scorers.len()];
    observe(scorers, &never, &Bins::default(), sample, &mut |_, _| (), progress)
}

impl Seen {
    fn add(&mut self, event: &Event, image: &Image, scores: &[f32], threshold: f32, bins: &Bins) {
        for n in 0..event.muons.len() {
            let own = event.hits.iter().zip(scores).filter(|(hit, _)| hit.muons >> n & 1 == 1);
            self.matched.push(matched(&mut own.map(|(_, score)| *score).collect::<Vec<_>>()));
        }
        if event.muons.is_empty() {
            self.fakes.push(fake(image, scores));
        }
        if let [muon] = event.muons.as_slice() {
            let (foreign, marked) = &mut self.foreign[bins.find(muon.pt.into())];
            for (hit, _) in event.hits.iter().zip(scores).filter(|(_, score)| **score >= threshold) {
                *marked += 1;
                *foreign += u64::from(hit.muons == 0);
            }
        }
        event.hits.iter().zip(scores).for_each(|(hit, &score)| self.roc.add(score, hit.muons != 0));
    }

    fn merge(&mut self, part: Self) {
        self.matched.extend(part.matched);
        self.fakes.extend(part.fakes);
        self.roc.merge(part.roc);
        for (sum, part) in self.foreign.iter_mut().zip(part.foreign) {
            *sum = (sum.0 + part.0, sum.1 + part.1);
        }
    }

    /// Fake rate at a threshold.
    pub fn fake_rate(&self, threshold: f32) -> Proportion {
        self.fakes.iter().map(|&highest| highest >= threshold).collect()
    }

    /// Efficiency at a threshold, over all momenta.
    pub fn efficiency(&self, threshold: f32) -> Proportion {
        self.matched.iter().map(|&highest| highest >= threshold).collect()
    }

    /// Foreign share of the marked voxels, by p_T.
    pub fn foreign(&self) -> Vec<Proportion> {
        self.foreign.iter().map(|&(foreign, marked)| Proportion::new(foreign, marked)).collect()
    }
}

impl Observed {
    /// What the sample was, for the record.
    pub fn used(&self, condition: &str, purpose: &'static str, described: Described) -> Used {
        Used {
            condition: condition.into(),
            purpose,
            described,
            muons: self.pts.len() as u64,
            muon_free: self.seen.first().map_or(0, |seen| seen.fakes.len()) as u64,
            hits_per_event: self.hits as f64 / self.events.max(1) as f64,
        }
    }

    /// Efficiency of one scorer at a threshold, by p_T.
    pub fn by_pt(&self, scorer: usize, threshold: f32, bins: &Bins) -> Vec<Proportion> {
        let mut counts = vec![(0, 0); bins.len()];
        for (&pt, &highest) in self.pts.iter().zip(&self.seen[scorer].matched) {
            let (passed, total) = &mut counts[bins.find(pt.into())];
            *total += 1;
            *passed += u64::from(highest >= threshold);
        }
        counts.into_iter().map(|(passed, total)| Proportion::new(passed, total)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Roads;
    use crate::parameters::Parameters;
    use crate::roads::RoadFinder;
    use crate::segments;
    use crate::simulate::Simulation;

    /// The same figures from the definitions, event by event.
    #[test]
    fn figures_follow_the_definitions() {
        let simulation = Simulation::new(Parameters { background: 5.0, ..Parameters::default() }).unwrap();
        let (bins, roads, finder) = (Bins::default(), Roads::new(4), RoadFinder::new(4));
        let sample = Sample::simulated(simulation.clone(), 8, 1500, None);
        let seen = observe(&[&roads], &[1.0], &bins, sample, &mut |_, _| (), &mut |_| ()).unwrap();
        let (mut matched, mut muons, mut fakes, mut free, mut foreign, mut marked) = (0, 0, 0, 0, 0, 0);
        for n in 0..1500 {
            let event = simulation.event(8, n);
            let mask = finder.mark(&event.image());
            for muon in 0..event.muons.len() {
                let own: Vec<usize> = event.voxels_of(muon).collect();
                let kept = own.iter().filter(|voxel| mask.get(**voxel)).count();
                matched += u64::from(kept as f64 > 0.6 * own.len() as f64);
                muons += 1;
            }
            if event.muons.is_empty() {
                free += 1;
                fakes += u64::from(segments::any(&mask));
            }
            if event.muons.len() == 1 {
                marked += mask.count() as u64;
                foreign += mask.voxels().filter(|&voxel| !event.truth().get(voxel)).count() as u64;
            }
        }
        let road = &seen.seen[0];
        assert_eq!(road.efficiency(1.0), Proportion::new(matched, muons));
        assert_eq!(road.fake_rate(1.0), Proportion::new(fakes, free));
        let sum = road.foreign.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        assert_eq!(sum, (foreign, marked));
        let bins = seen.by_pt(0, 1.0, &bins);
        assert_eq!(bins.iter().map(|bin| bin.total).sum::<u64>(), muons);
        assert_eq!(bins.iter().map(|bin| bin.passed).sum::<u64>(), matched);
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let simulation = Simulation::new(Parameters::default()).unwrap();
        let run = || {
            let sample = Sample::simulated(simulation.clone(), 9, 1100, None);
            let seen =
                observe(&[&Roads::new(4)], &[1.0], &Bins::default(), sample, &mut |_, _| (), &mut |_| ());
            let seen = seen.unwrap();
            (seen.pts, seen.seen[0].matched.clone(), seen.seen[0].roc.clone())
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(pool.install(run), run());
    }

    #[test]
    fn a_scorer_that_leaves_hits_out_is_refused() {
        struct Short;
        impl Scorer for Short {
            fn name(&self) -> &str {
                "short"
            }
            fn score(&self, images: &[Image]) -> Result<Vec<Vec<f32>>, ScoreError> {
                Ok(vec![Vec::new(); images.len()])
            }
        }
        let simulation = Simulation::new(Parameters::default()).unwrap();
        let error = calibrate(&[&Short], Sample::simulated(simulation, 1, 50, Some(1)), &mut |_| ());
        assert_eq!(error.unwrap_err().to_string(), "short: not one score for every hit");
    }
}
