//! The chamber: 6 layers, each with 8 partitions along the radius and 384 strips in φ.
//!
//! Figures are those of the CMS ME0 simulation behind the 50 public events (radii of hits by partition, φ
//! against strip number, z of the layers). All six layers are the same, so that a straight track from the
//! origin, whose radius grows with z, crosses partitions.

/// Detector layers; layer 0 is nearest to the collision point.
pub const LAYERS: usize = 6;
/// Partitions of a layer; partition 0 has the largest radius, as CMS counts them (its numbers begin with 1).
pub const PARTITIONS: usize = 8;
/// Strips of a partition.
pub const STRIPS: usize = 384;
/// Voxels of an image.
pub const VOXELS: usize = LAYERS * PARTITIONS * STRIPS;

/// z of the first layer, in metres.
pub const FIRST_LAYER: f64 = 5.286;
/// Distance of two layers along z, in metres; the lever arm of six layers is 0.2085 m.
pub const LAYER_PITCH: f64 = 0.0417;
/// Angle between two strips, in radians.
pub const STRIP_PITCH: f64 = 0.919e-3;
/// Radii between partitions, in metres, descending: partition `p` lies between entries `p` and `p + 1`.
pub const RADII: [f64; PARTITIONS + 1] = [1.501, 1.353, 1.2003, 1.086, 0.965, 0.873, 0.7785, 0.703, 0.623];

/// z of a layer, in metres.
pub fn layer_z(layer: usize) -> f64 {
    FIRST_LAYER + layer as f64 * LAYER_PITCH
}

/// z of the chamber's middle, in metres.
pub fn middle_z() -> f64 {
    FIRST_LAYER + LAYER_PITCH * (LAYERS - 1) as f64 / 2.0
}

/// The partition at a radius in metres, if there is one.
pub fn partition_at(radius: f64) -> Option<usize> {
    (0..PARTITIONS).find(|&p| radius < RADII[p] && radius >= RADII[p + 1])
}

/// Area of one partition, in cm².
pub fn partition_area(partition: usize) -> f64 {
    let (outer, inner) = (RADII[partition] * 100.0, RADII[partition + 1] * 100.0);
    (outer * outer - inner * inner) / 2.0 * STRIP_PITCH * STRIPS as f64
}

/// Number of a voxel, row-major over layer, partition, strip.
pub fn voxel(layer: usize, partition: usize, strip: usize) -> usize {
    (layer * PARTITIONS + partition) * STRIPS + strip
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_tile_the_chamber() {
        for p in 0..PARTITIONS {
            assert_eq!(partition_at((RADII[p] + RADII[p + 1]) / 2.0), Some(p));
        }
        assert_eq!((partition_at(1.6), partition_at(0.5)), (None, None));
        let area: f64 = (0..PARTITIONS).map(partition_area).sum();
        assert!((area - 3290.0).abs() < 20.0, "{area} cm²");
    }

    #[test]
    fn the_last_voxel_is_the_last() {
        assert_eq!(voxel(LAYERS - 1, PARTITIONS - 1, STRIPS - 1), VOXELS - 1);
    }
}
