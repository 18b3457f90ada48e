//! Training samples: pieces of images around muons and around background, with what each voxel is.

use serde::{Deserialize, Serialize};

use crate::event::{Event, Hit};
use crate::geometry::{PARTITIONS, STRIPS};
use crate::parameters::Parameters;
use crate::simulate::{ParameterError, Simulation};

/// What a sample consists of. Unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CropSettings {
    /// Seed of the sample.
    pub seed: u64,
    /// Whether two neighbouring strips are one column, as in the detector's trigger data: 192 columns instead of 384.
    pub pairs: bool,
    /// Columns of a crop: strips, or pairs of them.
    pub width: usize,
    /// Hits nearer than this to a crop's edge do not count, unless it is the chamber's: half of what the network sees.
    pub margin: usize,
    /// Share of crops around a muon; the others are around a background hit of an event without muon.
    pub muons: f64,
    /// Factors on the nominal background, used in turn.
    pub backgrounds: Vec<f64>,
    /// `charged_survival` of every second crop around background: soft particles through several layers are what makes
    /// fakes, and too rare by themselves to be learned.
    pub enriched_survival: f64,
    /// Parameters of the simulation.
    pub parameters: Parameters,
}

impl Default for CropSettings {
    fn default() -> Self {
        Self {
            seed: 1,
            pairs: false,
            width: 64,
            margin: 12,
            muons: 0.5,
            backgrounds: vec![1.0, 5.0, 2.0, 5.0],
            enriched_survival: 0.8,
            parameters: Parameters::default(),
        }
    }
}

impl CropSettings {
    /// Columns of a chamber.
    fn columns(&self) -> usize {
        STRIPS / self.strips()
    }

    /// Strips of a column.
    fn strips(&self) -> usize {
        1 + usize::from(self.pairs)
    }
}

/// A source of crops, each the same whenever it is made.
#[derive(Clone, Debug)]
pub struct Crops {
    settings: CropSettings,
    plain: Vec<Simulation>,
    enriched: Vec<Simulation>,
}

/// Arrays of one batch, `[layer][crop][partition][strip]`, to be filled.
#[derive(Debug)]
pub struct CropArrays<'a> {
    /// 1 where a voxel fired.
    pub x: &'a mut [f32],
    /// 1 where it is a muon's.
    pub truth: &'a mut [f32],
    /// 1 where it fired and counts.
    pub weight: &'a mut [f32],
}

impl Crops {
    /// Checks the settings.
    ///
    /// # Errors
    /// If the crop has no inside, no background is given, or a parameter makes no sense.
    pub fn new(settings: CropSettings) -> Result<Self, ParameterError> {
        let wrong = |name, problem| Err(ParameterError { name, problem });
        if settings.width > settings.columns() || settings.width <= 2 * settings.margin {
            return wrong(
                "width",
                "is not between twice the margin and the chamber's 384 strips (192 pairs)",
            );
        }
        if settings.backgrounds.is_empty() {
            return wrong("backgrounds", "is empty");
        }
        if !(0.0..=1.0).contains(&settings.muons) {
            return wrong("muons", "is not a share");
        }
        let simulations = |survival: f64| {
            let with = |&background: &f64| {
                let parameters = settings.parameters.clone();
                Simulation::new(Parameters { background, charged_survival: survival, ..parameters })
            };
            settings.backgrounds.iter().map(with).collect::<Result<Vec<_>, _>>()
        };
        let plain = simulations(settings.parameters.charged_survival)?;
        let enriched = simulations(settings.enriched_survival)?;
        Ok(Self { settings, plain, enriched })
    }

    /// Partitions and strips of a crop.
    pub fn extents(&self) -> (usize, usize) {
        (PARTITIONS, self.settings.width)
    }

    /// Partitions and columns of a whole image.
    pub fn image(&self) -> (usize, usize) {
        (PARTITIONS, self.settings.columns())
    }

    /// Fills a batch with the crops `first` to `first + n − 1`; the arrays have 6·n·8·width elements.
    pub fn fill(&self, first: u64, n: usize, arrays: &mut CropArrays<'_>) {
        for array in [&mut *arrays.x, &mut *arrays.truth, &mut *arrays.weight] {
            array.fill(0.0);
        }
        for crop in 0..n {
            let (event, centre) = self.event(first + crop as u64);
            self.place(&event, centre, (crop, n), arrays);
        }
    }

    /// The event of a crop, and the strip around which to cut.
    fn event(&self, number: u64) -> (Event, usize) {
        let dice = scramble(number ^ self.settings.seed.rotate_left(32));
        let share = (dice >> 32) as f64 / f64::from(u32::MAX);
        let which = (dice & 0xff) as usize % self.plain.len();
        let seed = self.settings.seed;
        if share < self.settings.muons {
            let event = self.plain[which].training_event(seed, number, 1 + usize::from(dice >> 8 & 7 == 0));
            let centre = event.muons.first().map_or(0, |muon| muon.strip as usize);
            return (event, centre);
        }
        let simulation = if dice >> 8 & 1 == 0 { &self.plain[which] } else { &self.enriched[which] };
        let event = simulation.training_event(seed, number, 0);
        let chosen = event.hits.get((dice >> 16 & 0xffff) as usize % event.hits.len().max(1));
        let centre = chosen.map_or(STRIPS / 2, |hit| hit.place().2);
        (event, centre)
    }

    fn place(&self, event: &Event, centre: usize, (crop, n): (usize, usize), arrays: &mut CropArrays<'_>) {
        let CropSettings { width, margin, .. } = self.settings;
        let (columns, strips) = (self.settings.columns(), self.settings.strips());
        let centre = centre / strips;
        let room = width - 2 * margin;
        let shift = scramble(centre as u64 ^ (event.hits.len() as u64) << 20) as usize % room;
        let begin = (centre + room / 2).saturating_sub(margin + shift + room / 2).min(columns - width);
        for &hit in &event.hits {
            let (layer, partition, strip) = Hit::place(hit);
            let Some(at) = (strip / strips).checked_sub(begin).filter(|&at| at < width) else { continue };
            let index = ((layer * n + crop) * PARTITIONS + partition) * width + at;
            let inside = (at >= margin || begin == 0) && (at + margin < width || begin + width == columns);
            arrays.x[index] = 1.0;
            arrays.truth[index] = arrays.truth[index].max(f32::from(u8::from(hit.muons != 0)));
            arrays.weight[index] = f32::from(u8::from(inside));
        }
    }
}

/// A finaliser that spreads every bit (the one of SplitMix64, Steele et al. 2014).
fn scramble(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::LAYERS;

    fn batch(crops: &Crops, first: u64, n: usize) -> [Vec<f32>; 3] {
        let (height, width) = crops.extents();
        let mut arrays = [(); 3].map(|()| vec![0.0; LAYERS * n * height * width]);
        let [x, truth, weight] = &mut arrays;
        crops.fill(first, n, &mut CropArrays { x, truth, weight });
        arrays
    }

    #[test]
    fn crops_hold_muons_and_count_only_hits() {
        let crops = Crops::new(CropSettings::default()).unwrap();
        let [x, truth, weight] = batch(&crops, 0, 200);
        assert!(x.iter().zip(&truth).zip(&weight).all(|((&x, &t), &w)| t <= x && w <= x));
        let muons: f32 = truth.iter().zip(&weight).map(|(t, w)| t * w).sum();
        assert!((800.0..1500.0).contains(&muons), "{muons} muon voxels in 200 crops");
        assert!(weight.iter().sum::<f32>() > 1.5 * muons);
    }

    #[test]
    fn a_crop_is_the_same_in_any_batch() {
        let crops = Crops::new(CropSettings::default()).unwrap();
        let (one, two) = (batch(&crops, 7, 1), batch(&crops, 6, 2));
        let plane = PARTITIONS * 64;
        for layer in 0..LAYERS {
            assert_eq!(one[0][layer * plane..][..plane], two[0][(layer * 2 + 1) * plane..][..plane]);
        }
    }

    #[test]
    fn pairs_are_two_strips_in_one() {
        let crops = |pairs: bool| {
            let width = if pairs { STRIPS / 2 } else { STRIPS };
            Crops::new(CropSettings { pairs, width, margin: 0, ..CropSettings::default() }).unwrap()
        };
        let (single, paired) = (batch(&crops(false), 0, 20), batch(&crops(true), 0, 20));
        for (single, paired) in single.iter().zip(&paired) {
            let joined: Vec<f32> = single.chunks(2).map(|pair| pair[0].max(pair[1])).collect();
            assert_eq!(&joined, paired);
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        assert!(Crops::new(CropSettings { margin: 40, ..CropSettings::default() }).is_err());
        assert!(Crops::new(CropSettings { backgrounds: Vec::new(), ..CropSettings::default() }).is_err());
    }
}
