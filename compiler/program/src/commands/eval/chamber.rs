//! `eval chamber`: the simulation and the road finder beside real events.

use nn2hdl_muon::RoadFinder;
use nn2hdl_muon::compare::{Compared, compare};
use nn2hdl_muon::metrics::Proportion;
use nn2hdl_muon::offline::{self, Found};
use serde::Serialize;

use super::real;
use crate::args::EvalArgs;
use crate::failure::Failure;
use crate::output::{Output, table};
use crate::simulation;

/// Simulated muons for each real one.
const COPIES: u64 = 200;

/// All that is known.
#[derive(Serialize)]
pub struct Measured {
    schema: &'static str,
    /// File of the real events.
    pub events: String,
    /// Chambers with anything in them.
    pub chambers: usize,
    /// Seed of the simulated muons.
    pub seed: u64,
    /// Simulated muons for each real one.
    pub copies: u64,
    /// Measurements on both.
    pub compared: Vec<Row>,
    /// Offline segments that the road finder finds.
    pub efficiency: Proportion,
    /// Roads that belong to an offline segment.
    pub purity: Proportion,
    /// Every offline segment.
    pub segments: Vec<Found>,
    /// The report written.
    pub report: Option<String>,
}

/// One measurement.
#[derive(Serialize)]
pub struct Row {
    /// Mean and error on both sides.
    #[serde(flatten)]
    pub compared: Compared,
    /// Difference in standard errors.
    pub deviation: f64,
}

pub fn run(args: &EvalArgs, output: Output) -> Result<u8, Failure> {
    let Some(path) = &args.real else {
        let help = "nn2hdl eval chamber --real EVENTS.json; scripts/me0-events writes that file";
        return Err(Failure::usage("beside which real events? `--real` is missing", help));
    };
    super::can_report(args.output.as_deref())?;
    let simulation = simulation::muon(args.config.as_deref(), None)?;
    let chambers = real::load(path)?;
    let compared = compare(&chambers, simulation.parameters(), args.seed, COPIES)
        .map_err(|error| Failure::new("parameter", error.name, error.problem, ""))?;
    let compared =
        compared.into_iter().map(|row| Row { deviation: row.deviation(), compared: row }).collect();
    let finder = RoadFinder::new(4);
    let segments = offline::segments(&chambers, |image| finder.mark(image));
    let (roads, pure) =
        offline::purity(&chambers, |image| finder.find(image).into_iter().map(|road| road.voxels).collect());
    let measured = Measured {
        schema: "nn2hdl.chamber/1",
        events: path.display().to_string(),
        chambers: chambers.len(),
        seed: args.seed,
        copies: COPIES,
        compared,
        efficiency: segments.iter().map(|segment| segment.found).collect(),
        purity: Proportion::new(pure as u64, roads as u64),
        segments,
        report: args.output.as_ref().map(|path| path.display().to_string()),
    };
    super::write_report(args.output.as_deref(), || page(&measured))?;
    output.result(&measured, &words(&measured));
    Ok(0)
}

#[cfg(feature = "report")]
fn page(measured: &Measured) -> Result<String, Failure> {
    crate::report::chamber(measured)
}

#[cfg(not(feature = "report"))]
fn page(_: &Measured) -> Result<String, Failure> {
    Err(super::without_reports())
}

/// The comparison, with a title.
pub fn rows(measured: &Measured) -> Vec<Vec<String>> {
    let title = ["measured on muons above 2 GeV", "real", "", "simulated", "", "deviation / σ"];
    let mut rows = vec![title.map(str::to_owned).to_vec()];
    for Row { compared, deviation } in &measured.compared {
        let side = |(mean, error): (f64, f64)| [format!("{mean:.3}"), format!("± {error:.3}")];
        let mut row = vec![compared.name.clone()];
        row.extend(side(compared.real));
        row.extend(side(compared.simulated));
        row.push(format!("{deviation:+.1}"));
        rows.push(row);
    }
    rows
}

fn words(measured: &Measured) -> String {
    let (efficiency, purity) = (measured.efficiency, measured.purity);
    let mut text = table(&rows(measured));
    text.push_str(&format!(
        "\nroad finder, 4 of 6: {} of {} offline segments found ({:.3}); {} of {} roads belong to one ({:.3})\n",
        efficiency.passed, efficiency.total, efficiency.value, purity.passed, purity.total, purity.value
    ));
    for Found { event, chamber, layers, pt, share, .. } in measured.segments.iter().filter(|s| !s.found) {
        text.push_str(&format!(
            "  missed: event {event}, chamber {:+} {}, {layers} layers, {pt:.1} GeV, {share:.2} of its voxels\n",
            chamber.0, chamber.1
        ));
    }
    if let Some(report) = &measured.report {
        text.push_str(&format!("wrote {report}\n"));
    }
    text
}
