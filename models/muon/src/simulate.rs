//! Whole events.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::background::background;
use crate::event::{Event, MOST_MUONS};
use crate::parameters::Parameters;
use crate::response;
use crate::track::Track;

/// A parameter that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}")]
pub struct ParameterError {
    /// The parameter's name.
    pub name: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A source of events.
#[derive(Clone, Debug)]
pub struct Simulation {
    parameters: Parameters,
}

impl Simulation {
    /// Checks the parameters.
    ///
    /// # Errors
    /// If a probability is outside 0…1, a width or rate is negative or not finite, or the p_T range is empty.
    pub fn new(parameters: Parameters) -> Result<Self, ParameterError> {
        check(&parameters)?;
        Ok(Self { parameters })
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Event `index` of the sample `seed`: the same for any order and any number of threads.
    pub fn event(&self, seed: u64, index: u64) -> Event {
        let draw: f64 = generator(Use::Events, seed, index).random();
        let p = &self.parameters;
        let bounds =
            [p.events_without_muon, 1.0 - p.events_with_two - p.events_with_three, 1.0 - p.events_with_three];
        self.event_with(seed, index, bounds.iter().filter(|&&bound| draw >= bound).count())
    }

    /// An event with one muon of given kinematics in the middle of a chamber of 384 strips at `strip`.
    pub fn replay(&self, seed: u64, index: u64, (pt, eta, charge, strip): (f64, f64, i8, f64)) -> Event {
        let mut rng = generator(Use::Events, seed, index);
        let track = Track::new(&self.parameters, pt, eta, charge, strip, &mut rng);
        let mut hits = Vec::new();
        response::muon(&mut hits, &track, 1, &self.parameters, &mut rng);
        background(&mut hits, &self.parameters, &mut rng);
        Event::new(hits, vec![track.muon])
    }

    /// Event `index` of the sample `seed` with this many muons, at most [`MOST_MUONS`].
    pub fn event_with(&self, seed: u64, index: u64, muons: usize) -> Event {
        self.made(generator(Use::Events, seed, index), muons)
    }

    /// The same for training: no seed gives an event that [`event`](Self::event) or [`event_with`](Self::event_with) can give.
    pub fn training_event(&self, seed: u64, index: u64, muons: usize) -> Event {
        self.made(generator(Use::Training, seed, index), muons)
    }

    fn made(&self, mut rng: StdRng, muons: usize) -> Event {
        let _: f64 = rng.random();
        let parameters = &self.parameters;
        let (mut hits, mut crossing) = (Vec::new(), Vec::new());
        for n in 0..muons.min(MOST_MUONS) {
            let track = Track::random(parameters, &mut rng);
            response::muon(&mut hits, &track, 1 << n, parameters, &mut rng);
            crossing.push(track.muon);
        }
        for _ in 0..2 {
            if rng.random::<f64>() < parameters.muons_out_of_time {
                let track = Track::random(parameters, &mut rng);
                response::late_muon(&mut hits, &track, parameters, &mut rng);
            }
        }
        background(&mut hits, parameters, &mut rng);
        Event::new(hits, crossing)
    }
}

/// What events are for: training and testing share no event, whatever the seeds.
#[derive(Clone, Copy)]
enum Use {
    Training,
    Events,
}

/// A generator of its own for every event: ChaCha12 seeded by sample, index and use.
fn generator(use_: Use, seed: u64, index: u64) -> StdRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    bytes[16] = use_ as u8;
    StdRng::from_seed(bytes)
}

fn check(p: &Parameters) -> Result<(), ParameterError> {
    let wrong = |name, problem| Err(ParameterError { name, problem });
    let probabilities = [
        ("events_without_muon", p.events_without_muon),
        ("events_with_two", p.events_with_two),
        ("events_with_three", p.events_with_three),
        ("efficiency", p.efficiency),
        ("out_of_time", p.out_of_time),
        ("muons_out_of_time", p.muons_out_of_time),
        ("delta_probability", p.delta_probability),
        ("shower_probability", p.shower_probability),
        ("shower_efficiency", p.shower_efficiency),
        ("shower_from_first", p.shower_from_first),
        ("secondary_neighbour", p.secondary_neighbour),
        ("charged_neighbour", p.charged_neighbour),
        ("background_pairs", p.background_pairs),
        ("charged_survival", p.charged_survival),
    ];
    if let Some((name, _)) = probabilities.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
        return wrong(name, "is not a probability");
    }
    if p.events_without_muon + p.events_with_two + p.events_with_three > 1.0 {
        return wrong("events_without_muon", "and the shares of two and three muons exceed 1");
    }
    let positive =
        [("pt_min", p.pt_min), ("secondary_distance", p.secondary_distance), ("luminosity", p.luminosity)];
    if let Some((name, _)) = positive.into_iter().find(|(_, value)| !(*value > 0.0 && value.is_finite())) {
        return wrong(name, "is not positive");
    }
    let widths = [
        ("field", p.field),
        ("radiation_lengths", p.radiation_lengths),
        ("shower_slope", p.shower_slope),
        ("charged_slope", p.charged_slope),
        ("charged_scatter", p.charged_scatter),
    ];
    if let Some((name, _)) = widths.into_iter().find(|(_, value)| !(*value >= 0.0 && value.is_finite())) {
        return wrong(name, "is negative or not a number");
    }
    if !(p.pt_max >= p.pt_min && p.pt_max.is_finite()) {
        return wrong("pt_max", "is less than pt_min");
    }
    if !(0.0..=100.0).contains(&p.background) {
        return wrong("background", "is not within 0 to 100");
    }
    if p.luminosity > 100.0 {
        return wrong("luminosity", "is more than 100");
    }
    if !(1.0..=100.0).contains(&p.secondary_size) {
        return wrong("secondary_size", "is not within 1 to 100");
    }
    let sizes = p.cluster_sizes;
    if !sizes.is_sorted() || !(0.0..=1.0).contains(&sizes[0]) || (sizes[5] - 1.0).abs() > 1e-9 {
        return wrong("cluster_sizes", "does not rise to 1");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_depend_on_seed_and_index_alone() {
        let simulation = Simulation::new(Parameters::default()).unwrap();
        assert_eq!(simulation.event(5, 17), simulation.event(5, 17));
        assert_ne!(simulation.event(5, 17), simulation.event(5, 18));
        assert_ne!(simulation.event(5, 17), simulation.event(6, 17));
        assert_ne!(simulation.training_event(5, 17, 1), simulation.event_with(5, 17, 1));
    }

    #[test]
    fn shares_of_muons_are_as_asked_for() {
        let simulation = Simulation::new(Parameters::default()).unwrap();
        let mut counts = [0.0; MOST_MUONS + 1];
        (0..5000).for_each(|n| counts[simulation.event(1, n).muons.len()] += 1.0 / 5000.0);
        let expected = [0.3, 0.6, 0.08, 0.02];
        assert!(counts.iter().zip(expected).all(|(a, b): (&f64, f64)| (a - b).abs() < 0.03), "{counts:?}");
    }

    #[test]
    fn senseless_parameters_are_refused() {
        let refused = |p: Parameters| Simulation::new(p).unwrap_err().name;
        let p = Parameters::default;
        assert_eq!(refused(Parameters { efficiency: 1.2, ..p() }), "efficiency");
        assert_eq!(refused(Parameters { pt_max: 1.0, ..p() }), "pt_max");
        assert_eq!(refused(Parameters { background: f64::NAN, ..p() }), "background");
        assert_eq!(refused(Parameters { cluster_sizes: [0.5; 6], ..p() }), "cluster_sizes");
        assert_eq!(refused(Parameters { pt_min: -1.0, ..p() }), "pt_min");
        assert_eq!(refused(Parameters { luminosity: 1e30, ..p() }), "luminosity");
    }
}
