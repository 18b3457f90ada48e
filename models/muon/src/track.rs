//! Where a muon crosses the layers.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::event::Muon;
use crate::geometry::{LAYERS, RADII, STRIP_PITCH, STRIPS, layer_z, middle_z};
use crate::parameters::Parameters;

/// A straight piece of track through the chamber.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// The muon.
    pub muon: Muon,
    /// Strip in the middle, with fraction.
    strip: f64,
    /// Strips per metre of z.
    slope: f64,
    /// Radius in the middle, in metres.
    radius: f64,
    /// Metres of radius per metre of z.
    radial_slope: f64,
}

/// Width of the multiple-scattering angle, projected on a plane, in radians, by Highland's formula
/// (Particle Data Group, passage of particles through matter): 13.6 MeV / p · √x · (1 + 0.038 ln x), for `x`
/// radiation lengths and a momentum in GeV.
pub fn scattering(momentum: f64, radiation_lengths: f64) -> f64 {
    if radiation_lengths <= 0.0 {
        return 0.0;
    }
    0.0136 / momentum * radiation_lengths.sqrt() * (1.0 + 0.038 * radiation_lengths.ln()).max(0.0)
}

/// Azimuth gained per metre of z, in radians, by a particle of charge 1 from the origin in a solenoid's field:
/// its transverse path is a circle of radius R = p_T / (0.3 B), so φ = r / (2 R) with r = z·tan θ.
pub fn bending(pt: f64, tan_theta: f64, field: f64) -> f64 {
    0.3 * field * tan_theta / (2.0 * pt)
}

impl Track {
    /// A muon with log-uniform p_T, uniform pseudorapidity and azimuth, that stays within the radii of all layers.
    pub fn random(parameters: &Parameters, rng: &mut impl Rng) -> Self {
        let pt = parameters.pt_min * (parameters.pt_max / parameters.pt_min).powf(rng.random::<f64>());
        let steepest = RADII[0] / layer_z(LAYERS - 1);
        let flattest = RADII[RADII.len() - 1] / layer_z(0);
        let pseudorapidity = |tan_theta: f64| -(tan_theta.atan() / 2.0).tan().ln();
        let (low, high) = (pseudorapidity(steepest), pseudorapidity(flattest));
        let eta = low + (high - low) * rng.random::<f64>();
        let charge = if rng.random::<bool>() { 1 } else { -1 };
        let strip = rng.random::<f64>() * STRIPS as f64;
        Self::new(parameters, pt, eta, charge, strip, rng)
    }

    /// A muon of given kinematics; only the scattering is random.
    pub fn new(
        parameters: &Parameters,
        pt: f64,
        eta: f64,
        charge: i8,
        strip: f64,
        rng: &mut impl Rng,
    ) -> Self {
        let tan_theta = 1.0 / eta.sinh();
        let width = scattering(pt * eta.cosh(), parameters.radiation_lengths);
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let (sideways, outward) = (width * normal(), width * normal());
        let radius = middle_z() * tan_theta;
        let turn = f64::from(charge) * bending(pt, tan_theta, parameters.field);
        let slope = (turn + sideways / radius) / STRIP_PITCH;
        let muon = Muon {
            pt: pt as f32,
            eta: eta as f32,
            charge,
            strip: strip as f32,
            drift: (slope * (layer_z(LAYERS - 1) - layer_z(0))) as f32,
        };
        Self { muon, strip, slope, radius, radial_slope: tan_theta + outward }
    }

    /// Strip with fraction, and radius in metres, at a layer.
    pub fn at(&self, layer: usize) -> (f64, f64) {
        let dz = layer_z(layer) - middle_z();
        (self.strip + self.slope * dz, self.radius + self.radial_slope * dz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// 5 GeV, η 2.4, 3.8 T and 0.3 m: 6.9 strips, the published scale of the task.
    #[test]
    fn drift_of_five_gev() {
        let tan_theta = 1.0 / 2.4_f64.sinh();
        let strips = |field: f64, depth: f64| bending(5.0, tan_theta, field) * depth / STRIP_PITCH;
        assert!((strips(3.8, 0.3) - 6.8).abs() < 0.1, "{}", strips(3.8, 0.3));
        let steep = 1.0 / 2.03_f64.sinh();
        assert!((bending(5.0, steep, 3.8) * 0.3 / STRIP_PITCH - 9.95).abs() < 0.1);
        assert!((strips(3.3, 0.2085) - 4.1).abs() < 0.1);
    }

    #[test]
    fn scattering_falls_with_momentum() {
        assert!((scattering(27.8, 90.0) * 27.8 - 0.151).abs() < 0.002);
        assert_eq!(scattering(5.0, 0.0), 0.0);
    }

    #[test]
    fn charges_bend_apart() {
        let parameters = Parameters { radiation_lengths: 0.0, ..Parameters::default() };
        let mut rng = StdRng::seed_from_u64(1);
        let drift = |charge| {
            Track::new(&parameters, 10.0, 2.4, charge, 100.0, &mut StdRng::seed_from_u64(1)).muon.drift
        };
        assert!(drift(1) > 0.0 && drift(1) == -drift(-1));
        for _ in 0..1000 {
            let track = Track::random(&parameters, &mut rng);
            let (_, first) = track.at(0);
            let (_, last) = track.at(LAYERS - 1);
            assert!(first > 0.62 && last < 1.502 && first < last);
        }
    }
}
