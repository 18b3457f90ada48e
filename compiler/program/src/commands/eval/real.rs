//! Real events: offline segments found and not found.

use std::path::Path;

use nn2hdl_muon::metrics::{Scorer, reduce};
use nn2hdl_muon::offline::{self, Found};
use nn2hdl_muon::real::{self, Chamber};
use nn2hdl_muon::{Image, segments};
use serde::Serialize;

use crate::failure::Failure;
use crate::model::read;
use crate::output::table;

const LARGEST: u64 = 1 << 30;

/// One scorer on the real events, at its threshold.
#[derive(Serialize)]
pub struct OnReal {
    /// Name of the scorer.
    pub scorer: String,
    /// Offline segments found.
    pub found: usize,
    /// The head's segments on the masks.
    pub head_segments: usize,
    /// Those that belong to an offline segment.
    pub pure: usize,
    /// Every offline segment.
    pub segments: Vec<Found>,
}

/// Reads what `scripts/me0-events` wrote.
pub fn load(path: &Path) -> Result<Vec<Chamber>, Failure> {
    let bytes = read(path, LARGEST)?;
    real::chambers(&bytes).map_err(|error| {
        let help = "`scripts/me0-events NTUPLE.root EVENTS.json` writes such a file";
        Failure::new("real-events", "", error.to_string(), help).about(path.display().to_string())
    })
}

/// Runs a scorer on every chamber.
pub fn run(chambers: &[Chamber], scorer: &dyn Scorer, threshold: f32) -> Result<OnReal, Failure> {
    let images: Vec<Image> = chambers.iter().map(|chamber| chamber.image.clone()).collect();
    let scores = scorer.score(&images).map_err(|error| Failure::new("scorer", "", error.to_string(), ""))?;
    let mut masked = chambers.to_vec();
    for (chamber, scores) in masked.iter_mut().zip(&scores) {
        chamber.image = reduce::mask(&chamber.image, scores, threshold);
    }
    let segments = offline::segments(&masked, Image::clone);
    let head =
        |mask: &Image| segments::segments(mask).into_iter().map(|s| segments::counted(mask, s)).collect();
    let (head_segments, pure) = offline::purity(&masked, head);
    let found = segments.iter().filter(|segment| segment.found).count();
    Ok(OnReal { scorer: scorer.name().into(), found, head_segments, pure, segments })
}

/// Every offline segment with each scorer's share of its voxels, for people.
pub fn words(all: &[OnReal]) -> String {
    let mut text =
        String::from("\nreal events: offline segments found (more than 0.6 of their voxels marked)\n");
    for OnReal { scorer, found, head_segments, pure, segments } in all {
        let total = segments.len();
        text.push_str(&format!(
            "  {scorer}: {found} of {total}; {pure} of {head_segments} segments of the head belong to an offline one\n"
        ));
    }
    text.push_str(&table(&rows(all)));
    text
}

/// A line for each offline segment, with a title.
pub fn rows(all: &[OnReal]) -> Vec<Vec<String>> {
    let title = ["event", "chamber", "layers", "pT / GeV"].map(str::to_owned);
    let mut rows = vec![title.into_iter().chain(all.iter().map(|one| one.scorer.clone())).collect()];
    for n in 0..all.first().map_or(0, |one| one.segments.len()) {
        let Found { event, chamber, layers, pt, .. } = &all[0].segments[n];
        let place = format!("{:+} {}", chamber.0, chamber.1);
        let mut row = vec![event.to_string(), place, layers.to_string(), format!("{pt:.1}")];
        row.extend(all.iter().map(|one| {
            let Found { share, found, .. } = one.segments[n];
            format!("{share:.2}{}", if found { "" } else { " MISSED" })
        }));
        rows.push(row);
    }
    rows
}
