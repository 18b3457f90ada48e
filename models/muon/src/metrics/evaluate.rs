//! The whole measurement: thresholds from calibration samples, figures from test samples, comparisons at equal fakes.

use serde::Serialize;

use super::observe::{Inspect, ObserveError};
use super::roc::Point;
use super::sample::Described;
use super::threshold::{Chosen, choose, given};
use super::{Bins, CROSSINGS, Observed, Paired, Proportion, Sample, Scorer, calibrate, observe};
use crate::event::Event;

/// Points of a curve in a result; more would not be seen.
const POINTS: usize = 300;

/// One strength of the background: a muon-free sample to choose thresholds on, and a sample to test on.
pub struct Condition<'a> {
    /// What it is called.
    pub name: String,
    /// Muon-free images.
    pub calibration: Sample<'a>,
    /// Events of all kinds.
    pub test: Sample<'a>,
}

/// What stage the work is in: what is done, events done, events in all.
pub type Stage<'a> = dyn FnMut(&str, u64, u64) + 'a;

/// Is shown every event of the test samples: number of the condition, the scorers' thresholds, the event, and each
/// scorer's scores of its hits.
pub type InspectTest<'a> = dyn FnMut(usize, &[f32], &Event, &[&[f32]]) + 'a;

/// All figures.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The fake rate for which thresholds are chosen at the first condition.
    pub fake_rate: f64,
    /// The bins of p_T.
    pub bins: Bins,
    /// Every scorer.
    pub scorers: Vec<Working>,
    /// Every sample.
    pub samples: Vec<Used>,
    /// Figures, by condition and scorer.
    pub figures: Vec<Figures>,
    /// Every hit marked, by condition: what a segment finder makes of the bare images.
    pub every_hit: Vec<At>,
    /// Every scorer without a fixed threshold against every one with, by condition.
    pub equal_fakes: Vec<EqualFakes>,
}

/// A scorer and its threshold.
#[derive(Clone, Debug, Serialize)]
pub struct Working {
    /// Name.
    pub name: String,
    /// Whether the scorer only marks, so that its threshold is not chosen.
    pub fixed: bool,
    /// The threshold, from the first condition's calibration sample.
    pub chosen: Chosen,
}

/// A sample as it was used.
#[derive(Clone, Debug, Serialize)]
pub struct Used {
    /// Condition.
    pub condition: String,
    /// `calibration` or `test`.
    pub purpose: &'static str,
    /// What it is.
    pub described: Described,
    /// Muons in it.
    pub muons: u64,
    /// Images without a muon.
    pub muon_free: u64,
    /// Hits per event.
    pub hits_per_event: f64,
}

/// One scorer at one threshold.
#[derive(Clone, Debug, Serialize)]
pub struct At {
    /// The threshold.
    pub threshold: f32,
    /// Efficiency over all momenta.
    pub efficiency: Proportion,
    /// Efficiency by p_T.
    pub by_pt: Vec<Proportion>,
    /// Fake rate.
    pub fake_rate: Proportion,
    /// Fake rate of a chamber that sees an image every 25 ns, in kHz.
    pub fake_khz: f64,
}

/// What one scorer does at one condition.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Condition.
    pub condition: String,
    /// Number of the scorer.
    pub scorer: usize,
    /// At the threshold chosen.
    pub chosen: At,
    /// At the threshold that the network was shipped with, if it has one.
    pub shipped: Option<At>,
    /// Foreign share of the marked voxels of images with one muon, by p_T.
    pub foreign: Vec<Proportion>,
    /// Area under the voxel ROC.
    pub roc_area: f64,
    /// The voxel ROC.
    pub roc: Vec<Point>,
    /// Efficiency against fake rate.
    pub curve: Vec<Rates>,
}

/// A point of efficiency against fake rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// Fake rate.
    pub fakes: f64,
    /// Efficiency.
    pub efficiency: f64,
}

/// A scorer beside a fixed one, with no more fakes than that has on the calibration sample of the condition.
#[derive(Clone, Debug, Serialize)]
pub struct EqualFakes {
    /// Condition.
    pub condition: String,
    /// Number of the scorer.
    pub scorer: usize,
    /// Number of the fixed one.
    pub baseline: usize,
    /// The scorer's threshold.
    pub chosen: Chosen,
    /// The scorer on the test sample.
    pub at: At,
    /// Fixed one on the test sample.
    pub baseline_at: At,
    /// Muons that only one of them matched.
    pub paired: Paired,
    /// The same by p_T.
    pub by_pt: Vec<Compared>,
}

/// One bin.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Compared {
    /// Counts.
    #[serde(flatten)]
    pub paired: Paired,
    /// Efficiency of the scorer minus that of the baseline.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Two-sided probability under equal efficiencies.
    pub p_value: f64,
}

impl From<Paired> for Compared {
    fn from(paired: Paired) -> Self {
        let (difference, error) = paired.difference();
        Self { paired, difference, error, p_value: paired.p_value() }
    }
}

/// Measures all scorers. Thresholds are chosen at the first condition for `fake_rate` and hold for all conditions.
///
/// # Errors
/// If a sample cannot be read, or a scorer fails.
pub fn evaluate(
    scorers: &[&dyn Scorer],
    conditions: Vec<Condition<'_>>,
    fake_rate: f64,
    bins: Bins,
    inspect: &mut InspectTest<'_>,
    stage: &mut Stage<'_>,
) -> Result<Evaluation, ObserveError> {
    let mut samples = Vec::new();
    let mut calibrated = Vec::new();
    let mut tests = Vec::new();
    for Condition { name, calibration, test } in conditions {
        let (described, total) = (calibration.described.clone(), calibration.described.events);
        let what = format!("calibration, {name}");
        let seen = calibrate(scorers, calibration, &mut |done| stage(&what, done, total))?;
        samples.push(seen.used(&name, "calibration", described));
        calibrated.push(seen.seen.into_iter().map(|seen| seen.fakes).collect::<Vec<_>>());
        tests.push((name, test));
    }
    let working = |n: usize, scorer: &&dyn Scorer| {
        let fakes = calibrated.first().map_or(&[][..], |all: &Vec<Vec<f32>>| &all[n]);
        let chosen = match scorer.fixed() {
            Some(threshold) => given(fakes, threshold),
            None => choose(fakes, (fake_rate * fakes.len() as f64) as u64),
        };
        Working { name: scorer.name().into(), fixed: scorer.fixed().is_some(), chosen }
    };
    let workings: Vec<Working> = scorers.iter().enumerate().map(|(n, s)| working(n, s)).collect();
    let thresholds: Vec<f32> = workings.iter().map(|working| working.chosen.threshold).collect();
    let (mut figures, mut equal_fakes, mut every_hit) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (condition, test)) in tests.into_iter().enumerate() {
        let (described, total) = (test.described.clone(), test.described.events);
        let what = format!("test, {condition}");
        let mut inspect = |event: &Event, scores: &[&[f32]]| inspect(number, &thresholds, event, scores);
        let inspect: &mut Inspect<'_> = &mut inspect;
        let seen =
            observe(scorers, &thresholds, &bins, test, inspect, &mut |done| stage(&what, done, total))?;
        samples.push(seen.used(&condition, "test", described));
        for (n, scorer) in scorers.iter().enumerate() {
            figures.push(measure(&seen, n, *scorer, &condition, thresholds[n], &bins));
        }
        every_hit.extend(scorers.first().map(|_| at(&seen, 0, f32::MIN, &bins)));
        for (scorer, baseline) in pairs(scorers) {
            let fakes = &calibrated[number];
            let threshold = thresholds[baseline];
            let allowed = given(&fakes[baseline], threshold).fakes;
            let chosen = choose(&fakes[scorer], allowed);
            let both = [(scorer, chosen.threshold), (baseline, threshold)];
            let rows = compare(&seen, both, &bins);
            equal_fakes.push(EqualFakes {
                condition: condition.clone(),
                scorer,
                baseline,
                chosen,
                at: at(&seen, scorer, chosen.threshold, &bins),
                baseline_at: at(&seen, baseline, threshold, &bins),
                paired: rows.iter().fold(Paired::default(), |sum, row| sum.plus(*row)),
                by_pt: rows.into_iter().map(Compared::from).collect(),
            });
        }
    }
    Ok(Evaluation { fake_rate, bins, scorers: workings, samples, figures, every_hit, equal_fakes })
}

/// Every scorer whose threshold is free, with every one whose is not.
fn pairs(scorers: &[&dyn Scorer]) -> Vec<(usize, usize)> {
    let of = |fixed: bool| (0..scorers.len()).filter(move |&n| scorers[n].fixed().is_some() == fixed);
    of(false).flat_map(|scorer| of(true).map(move |baseline| (scorer, baseline))).collect()
}

fn at(seen: &Observed, number: usize, threshold: f32, bins: &Bins) -> At {
    let fake_rate = seen.seen[number].fake_rate(threshold);
    At {
        threshold,
        efficiency: seen.seen[number].efficiency(threshold),
        by_pt: seen.by_pt(number, threshold, bins),
        fake_rate,
        fake_khz: fake_rate.value * CROSSINGS,
    }
}

fn measure(
    seen: &Observed,
    number: usize,
    scorer: &dyn Scorer,
    condition: &str,
    threshold: f32,
    bins: &Bins,
) -> Figures {
    let own = &seen.seen[number];
    Figures {
        condition: condition.into(),
        scorer: number,
        chosen: at(seen, number, threshold, bins),
        shipped: scorer.shipped().map(|threshold| at(seen, number, threshold, bins)),
        foreign: own.foreign(),
        roc_area: own.roc.area(),
        roc: thin(own.roc.curve()),
        curve: if scorer.fixed().is_some() { Vec::new() } else { curve(&own.fakes, &own.matched) },
    }
}

fn compare(seen: &Observed, both: [(usize, f32); 2], bins: &Bins) -> Vec<Paired> {
    let mut rows = vec![Paired::default(); bins.len()];
    let [first, second] = both.map(|(scorer, threshold)| (&seen.seen[scorer].matched, threshold));
    for (n, &pt) in seen.pts.iter().enumerate() {
        rows[bins.find(pt.into())].add(first.0[n] >= first.1, second.0[n] >= second.1);
    }
    rows
}

/// Efficiency for numbers of fakes in equal ratios.
fn curve(fakes: &[f32], matched: &[f32]) -> Vec<Rates> {
    let images = fakes.len().max(1) as f64;
    let mut allowed: Vec<u64> = (0..60).map(|n| images.powf(f64::from(n) / 59.0) as u64).collect();
    allowed.insert(0, 0);
    allowed.dedup();
    let mut sorted = matched.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let rates = |allowed: u64| {
        let chosen = choose(fakes, allowed);
        let passed = sorted.len() - sorted.partition_point(|&highest| highest < chosen.threshold);
        let efficiency = passed as f64 / sorted.len().max(1) as f64;
        Rates { fakes: chosen.fakes as f64 / images, efficiency }
    };
    let mut points: Vec<Rates> = allowed.into_iter().map(rates).collect();
    points.dedup();
    points
}

/// At most about [`POINTS`] points, evenly taken in the logarithm of the abscissa, with both ends.
fn thin(points: Vec<Point>) -> Vec<Point> {
    let place = |point: &Point| (point.others.max(1e-7).log10() * POINTS as f64 / 7.0).round() as i64;
    let last = points.len().saturating_sub(1);
    let keep: Vec<bool> = (0..points.len())
        .map(|n| n == 0 || n == last || place(&points[n]) != place(&points[n - 1]))
        .collect();
    points.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| point).collect()
}
