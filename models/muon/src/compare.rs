//! The simulation beside the real events, by the same measurements on both.

use serde::Serialize;

use crate::event::Image;
use crate::geometry::{LAYERS, voxel};
use crate::parameters::Parameters;
use crate::real::{Chamber, RealMuon};
use crate::simulate::{ParameterError, Simulation};

/// One measurement on real and simulated muons, with its standard error.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// What was measured.
    pub name: String,
    /// Real muons: mean and error.
    pub real: (f64, f64),
    /// Simulated muons: mean and error.
    pub simulated: (f64, f64),
}

impl Compared {
    /// Difference in standard errors.
    pub fn deviation(&self) -> f64 {
        let error = self.real.1.hypot(self.simulated.1);
        if error > 0.0 { (self.simulated.0 - self.real.0) / error } else { 0.0 }
    }
}

/// What is measured of one muon.
struct Measured {
    pt: f64,
    /// Clusters on the muon: layer, size, centre.
    clusters: Vec<(usize, usize, f64)>,
    partitions: usize,
    /// Voxels of the chamber outside those clusters.
    others: usize,
}

/// Simulates `copies` muons for each real one of the same momentum, direction and charge, without background (the real
/// events have none), and measures both. Muons below 2 GeV, and chambers with several, are left out.
///
/// # Errors
/// If the parameters make no sense.
pub fn compare(
    chambers: &[Chamber],
    parameters: &Parameters,
    seed: u64,
    copies: u64,
) -> Result<Vec<Compared>, ParameterError> {
    let quiet = Parameters { background: 0.0, muons_out_of_time: 0.0, ..parameters.clone() };
    let simulation = Simulation::new(quiet)?;
    let single = |chamber: &&Chamber| chamber.muons.len() == 1 && chamber.muons[0].pt >= 2.0;
    let whole = |muon: &RealMuon| (0..LAYERS).all(|layer| muon.hits.iter().any(|hit| hit.0 == layer));
    let chosen: Vec<&Chamber> =
        chambers.iter().filter(single).filter(|chamber| whole(&chamber.muons[0])).collect();
    let (mut real, mut simulated) = (Vec::new(), Vec::new());
    for (n, chamber) in chosen.iter().enumerate() {
        let muon = &chamber.muons[0];
        real.push(measure(&chamber.image, muon.pt, &seeds(&chamber.image, muon)));
        for copy in 0..copies {
            let strip = muon.hits[muon.hits.len() / 2].2 as f64 + 0.5;
            let kinematics = (muon.pt, muon.eta, muon.charge, strip);
            let event = simulation.replay(seed, n as u64 * copies + copy, kinematics);
            let seeds: Vec<usize> = event.voxels_of(0).collect();
            simulated.push(measure(&event.image(), muon.pt, &seeds));
        }
    }
    Ok(rows(&real, &simulated))
}

/// In each layer the digi nearest to where the muon crosses, within two strips.
fn seeds(image: &Image, muon: &RealMuon) -> Vec<usize> {
    let nearest = |&(layer, partition, strip): &(usize, usize, usize)| {
        let row = crate::row::Row::new(image.row(layer, partition));
        let centre = strip as i32;
        let near = (centre - 2..=centre + 2).filter(|&x| row.get(x));
        near.min_by_key(|x| (x - centre).abs()).map(|x| voxel(layer, partition, x as usize))
    };
    muon.hits.iter().filter_map(nearest).collect()
}

fn measure(image: &Image, pt: f64, seeds: &[usize]) -> Measured {
    let mut taken = Image::default();
    let (mut clusters, mut partitions) = (Vec::new(), Vec::new());
    for &seed in seeds.iter().filter(|&&seed| image.get(seed)) {
        if taken.get(seed) {
            continue;
        }
        let (layer, partition, strip) = crate::event::Hit { voxel: seed as u16, muons: 0 }.place();
        let row = crate::row::Row::new(image.row(layer, partition));
        let strip = strip as i32;
        let low = (0..=strip).rev().take_while(|&x| row.get(x)).last().unwrap_or(strip);
        let high = (strip..).take_while(|&x| row.get(x)).last().unwrap_or(strip);
        (low..=high).for_each(|x| taken.set(voxel(layer, partition, x as usize)));
        clusters.push((layer, (high - low + 1) as usize, f64::from(low + high) / 2.0));
        partitions.push(partition);
    }
    partitions.sort_unstable();
    partitions.dedup();
    let others = image.count() - taken.count();
    Measured { pt, clusters, partitions: partitions.len(), others }
}

fn rows(real: &[Measured], simulated: &[Measured]) -> Vec<Compared> {
    let mut rows = Vec::new();
    let mut row = |name: String, values: &dyn Fn(&Measured) -> Vec<f64>| {
        let side = |all: &[Measured]| mean(&all.iter().flat_map(values).collect::<Vec<_>>());
        rows.push(Compared { name, real: side(real), simulated: side(simulated) });
    };
    let layers = |m: &Measured| {
        let mut layers: Vec<usize> = m.clusters.iter().map(|c| c.0).collect();
        layers.dedup();
        layers.len()
    };
    let share = |holds: bool| vec![f64::from(u8::from(holds))];
    row("voxels per muon".into(), &|m| vec![m.clusters.iter().map(|c| c.1 as f64).sum()]);
    row("layers hit".into(), &|m| vec![layers(m) as f64]);
    for n in 4..=LAYERS {
        row(format!("share with {n} layers"), &|m| share(layers(m) == n));
    }
    row("cluster size".into(), &|m| m.clusters.iter().map(|c| c.1 as f64).collect());
    for n in 1..=5 {
        let at_least = match n {
            1 => "1 strip".to_owned(),
            5 => "5 or more strips".to_owned(),
            n => format!("{n} strips"),
        };
        row(format!("share of clusters with {at_least}"), &|m| {
            m.clusters.iter().map(|c| f64::from(u8::from(if n == 5 { c.1 >= 5 } else { c.1 == n }))).collect()
        });
    }
    row("share that crosses partitions".into(), &|m| share(m.partitions > 1));
    row("other voxels per chamber".into(), &|m| vec![m.others as f64]);
    row("share of chambers without other voxels".into(), &|m| share(m.others == 0));
    for (low, high) in [(2.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 100.0)] {
        row(format!("drift over six layers, strips, {low} to {high} GeV"), &|m| {
            let first = m.clusters.iter().find(|c| c.0 == 0);
            let last = m.clusters.iter().find(|c| c.0 == LAYERS - 1);
            let drift = first.zip(last).map(|(first, last)| (last.2 - first.2).abs());
            drift.filter(|_| (low..high).contains(&m.pt)).into_iter().collect()
        });
    }
    rows
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n.max(1.0)).sqrt())
}
