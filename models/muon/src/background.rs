//! Background: neutral particles that fire one layer, and charged ones that may cross several.

use rand::Rng;
use rand_distr::{Distribution, Poisson, StandardNormal};

use crate::event::Hit;
use crate::geometry::{LAYERS, PARTITIONS, RADII, STRIPS, partition_area};
use crate::parameters::Parameters;
use crate::response::{cluster, neighbour};

/// Width of a bunch crossing, in seconds.
pub const CROSSING: f64 = 25e-9;

/// Hit rates per layer in Hz/cm² at 5·10³⁴ / cm² / s and a radius in metres: neutral, charged.
///
/// The fit to FLUKA results by which CMSSW (`SimMuon/GEMDigitizer`, ME0 model) adds background to this chamber.
pub fn rates(radius: f64) -> (f64, f64) {
    let r = radius * 100.0;
    let (root, power) = (r.sqrt(), r * r.sqrt());
    let neutral = 0.003_862_57 * r * (6344.65 / power).exp() + 16_627_700.0 / power - 102_098.0 / root;
    let charged = 0.001_714_09 * power * (4900.56 / power).exp() + 710_909.0 / power - 4327.25 / root;
    (neutral.max(0.0), charged.max(0.0))
}

/// Mean numbers of clusters per layer, partition and bunch crossing: neutral, charged.
pub fn means(partition: usize, parameters: &Parameters) -> (f64, f64) {
    let (neutral, charged) = rates((RADII[partition] + RADII[partition + 1]) / 2.0);
    let factor = partition_area(partition) * CROSSING * parameters.luminosity / 5.0 * parameters.background;
    (neutral * factor, charged * factor)
}

/// Adds the background of one bunch crossing.
pub fn background(hits: &mut Vec<Hit>, parameters: &Parameters, rng: &mut impl Rng) {
    for partition in 0..PARTITIONS {
        let (neutral, charged) = means(partition, parameters);
        for layer in 0..LAYERS {
            for _ in 0..poisson(neutral, rng) {
                let position = rng.random::<f64>() * STRIPS as f64;
                fire(hits, layer, partition, position, parameters, rng);
            }
            // Those that enter through layer 0 have begun in front of it; further ones begin in each layer, so
            // that every layer sees the same rate.
            let begin = if layer == 0 { 1.0 } else { 1.0 - parameters.charged_survival };
            for _ in 0..poisson(charged * begin, rng) {
                charged_particle(hits, layer, partition, parameters, rng);
            }
        }
    }
}

fn charged_particle(
    hits: &mut Vec<Hit>,
    first: usize,
    partition: usize,
    parameters: &Parameters,
    rng: &mut impl Rng,
) {
    let normal = |width: f64, rng: &mut _| -> f64 {
        let draw: f64 = StandardNormal.sample(rng);
        width * draw
    };
    let mut position = rng.random::<f64>() * STRIPS as f64;
    let mut slope = normal(parameters.charged_slope, rng);
    let mut partition = partition;
    for layer in first..LAYERS {
        fire(hits, layer, partition, position, parameters, rng);
        if rng.random::<f64>() >= parameters.charged_survival {
            break;
        }
        position += slope;
        slope += normal(parameters.charged_scatter, rng);
        partition = neighbour(partition, parameters.charged_neighbour, rng);
    }
}

fn fire(
    hits: &mut Vec<Hit>,
    layer: usize,
    partition: usize,
    position: f64,
    parameters: &Parameters,
    rng: &mut impl Rng,
) {
    let size = 1 + usize::from(rng.random::<f64>() < parameters.background_pairs);
    cluster(hits, layer, partition, position, size, 0);
}

/// A Poisson number; means are checked to be small, and of mean 0 there is no law.
fn poisson(mean: f64, rng: &mut impl Rng) -> u64 {
    Poisson::new(mean).map_or(0, |law| law.sample(rng) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn rates_fall_with_radius() {
        let (inner, outer) = (rates(0.66), rates(1.43));
        assert!((inner.0 - 52_400.0).abs() < 1_500.0 && (inner.1 - 9_200.0).abs() < 400.0, "{inner:?}");
        assert!((1_000.0..1_500.0).contains(&outer.0) && (90.0..120.0).contains(&outer.1), "{outer:?}");
    }

    /// Every layer sees the mean that the rates ask for, charged particles included.
    #[test]
    fn every_layer_sees_the_same_rate() {
        let parameters = Parameters {
            background: 5.0,
            background_pairs: 0.0,
            charged_slope: 0.0,
            charged_scatter: 0.0,
            ..Parameters::default()
        };
        let expected: f64 =
            (0..PARTITIONS).map(|p| means(p, &parameters)).map(|(neutral, charged)| neutral + charged).sum();
        let mut rng = StdRng::seed_from_u64(3);
        let events = 4000;
        let mut seen = [0.0; LAYERS];
        for _ in 0..events {
            let mut hits = Vec::new();
            background(&mut hits, &parameters, &mut rng);
            hits.iter().for_each(|hit| seen[hit.place().0] += 1.0 / f64::from(events));
        }
        let error = 4.0 * (expected / f64::from(events)).sqrt();
        assert!(seen.iter().all(|mean| (mean - expected).abs() < error), "{seen:?}, expected {expected}");
    }
}
