//! What a particle that crosses a layer fires.

use rand::Rng;
use rand_distr::{Distribution, Exp, Geometric, StandardNormal};

use crate::event::Hit;
use crate::geometry::{LAYERS, PARTITIONS, STRIPS, partition_at, voxel};
use crate::parameters::Parameters;
use crate::track::Track;

/// Adds a cluster of `size` strips around a position, those on the nearer side first; strips beyond the edge are
/// lost.
pub fn cluster(hits: &mut Vec<Hit>, layer: usize, partition: usize, position: f64, size: usize, muons: u8) {
    let centre = position.floor();
    let side = if position - centre < 0.5 { -1.0 } else { 1.0 };
    for n in 0..size {
        let step = n.div_ceil(2) as f64 * if n % 2 == 1 { side } else { -side };
        let strip = centre + step;
        if (0.0..STRIPS as f64).contains(&strip) {
            hits.push(Hit { voxel: voxel(layer, partition, strip as usize) as u16, muons });
        }
    }
}

/// Adds what a muon fires in time, under the mask `muons`, with its secondaries as background.
pub fn muon(hits: &mut Vec<Hit>, track: &Track, muons: u8, parameters: &Parameters, rng: &mut impl Rng) {
    let seen = parameters.efficiency * (1.0 - parameters.out_of_time);
    crossing(hits, track, muons, seen, parameters, rng);
    secondaries(hits, track, parameters, rng);
}

/// Adds the hits of a muon of a neighbouring bunch crossing that are registered in this one, as background.
pub fn late_muon(hits: &mut Vec<Hit>, track: &Track, parameters: &Parameters, rng: &mut impl Rng) {
    crossing(hits, track, 0, parameters.efficiency * parameters.out_of_time / 2.0, parameters, rng);
}

fn crossing(
    hits: &mut Vec<Hit>,
    track: &Track,
    muons: u8,
    seen: f64,
    parameters: &Parameters,
    rng: &mut impl Rng,
) {
    for layer in 0..LAYERS {
        let (position, radius) = track.at(layer);
        let (fires, size) = (rng.random::<f64>() < seen, rng.random::<f64>());
        let Some(partition) = partition_at(radius).filter(|_| fires) else { continue };
        let size = 1 + parameters.cluster_sizes.iter().take_while(|&&bound| bound <= size).count();
        cluster(hits, layer, partition, position, size, muons);
    }
}

fn secondaries(hits: &mut Vec<Hit>, track: &Track, parameters: &Parameters, rng: &mut impl Rng) {
    let delta = rng.random::<f64>() < parameters.delta_probability;
    let shower = rng.random::<f64>() < parameters.shower_probability;
    if delta {
        let layer = rng.random_range(0..LAYERS);
        let distance = distance(parameters, rng);
        secondary(hits, track, layer, distance, parameters, rng);
    }
    if shower {
        let draw = f64::from(rng.random::<u32>()) / 2f64.powi(32);
        let early = draw >= 1.0 - parameters.shower_from_first;
        let first = if early { 0 } else { rng.random_range(0..LAYERS) };
        let (begin, draw): (f64, f64) = (distance(parameters, rng), StandardNormal.sample(rng));
        let slope = draw * parameters.shower_slope;
        for layer in first..LAYERS {
            if rng.random::<f64>() < parameters.shower_efficiency {
                let distance = begin + slope * (layer - first) as f64;
                secondary(hits, track, layer, distance, parameters, rng);
            }
        }
    }
}

/// No cluster of secondaries is larger than this and one strip more.
const LARGEST_MORE: u64 = 15;

/// Signed distance from the muon, in strips.
fn distance(parameters: &Parameters, rng: &mut impl Rng) -> f64 {
    let far = Exp::new(1.0 / parameters.secondary_distance).map_or(0.0, |law| law.sample(rng));
    if rng.random::<bool>() { far } else { -far }
}

fn secondary(
    hits: &mut Vec<Hit>,
    track: &Track,
    layer: usize,
    distance: f64,
    parameters: &Parameters,
    rng: &mut impl Rng,
) {
    let (position, radius) = track.at(layer);
    let Some(partition) = partition_at(radius) else { return };
    let partition = neighbour(partition, parameters.secondary_neighbour, rng);
    let size = Geometric::new(1.0 / parameters.secondary_size).map_or(0, |law| law.sample(rng));
    cluster(hits, layer, partition, position + distance, 1 + size.min(LARGEST_MORE) as usize, 0);
}

/// The partition itself, or with this probability one beside it.
pub fn neighbour(partition: usize, probability: f64, rng: &mut impl Rng) -> usize {
    let draw = rng.random::<f64>();
    if draw < probability / 2.0 {
        partition.saturating_sub(1)
    } else if draw < probability {
        (partition + 1).min(PARTITIONS - 1)
    } else {
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_grow_to_the_nearer_side() {
        let strips = |position, size| {
            let mut hits = Vec::new();
            cluster(&mut hits, 0, 0, position, size, 1);
            hits.iter().map(|hit| hit.voxel).collect::<Vec<_>>()
        };
        assert_eq!(strips(10.2, 2), [10, 9]);
        assert_eq!(strips(10.7, 4), [10, 11, 9, 12]);
        assert_eq!(strips(0.1, 3), [0, 1]);
        assert_eq!(strips(-0.5, 1), [] as [u16; 0]);
    }
}
