//! The report of `eval` on networks and the road finder.

use nn2hdl_muon::metrics::evaluate::{At, Evaluation, Figures};
use nn2hdl_muon::metrics::gallery::Example;
use nn2hdl_muon::metrics::{CROSSINGS, Proportion};
use nn2hdl_muon::parameters::DESCRIBED;

use super::chart::{Axis, Point, Series, Style, chart};
use super::{Entry, Picture, Section, Table, display, page};
use crate::commands::eval::real::OnReal;
use crate::commands::eval::words;
use crate::failure::Failure;

const MOMENTA: [f64; 5] = [5.0, 10.0, 20.0, 50.0, 100.0];
/// Left end of logarithmic axes of fake rates and of marked hits.
const LEAST: f64 = 1e-3;

/// The page.
pub fn evaluation(evaluation: &Evaluation, examples: &[Example], real: &[OnReal]) -> Result<String, Failure> {
    let sections = sections(evaluation, examples, real).map_err(|message| {
        Failure::new("report", "", message, "this is a bug in nn2hdl; please report it")
    })?;
    page("Muon chamber: networks and road finder", sections)
}

fn sections(e: &Evaluation, examples: &[Example], real: &[OnReal]) -> Result<Vec<Section>, String> {
    let conditions = words::conditions(e);
    let mut sections =
        vec![overview(e), efficiency(e, &conditions)?, fakes(e, &conditions)?, roc(e, &conditions)?];
    if !e.equal_fakes.is_empty() {
        sections.push(equal_fakes(e)?);
    }
    sections.push(events(e, examples, &conditions));
    if !real.is_empty() {
        sections.push(on_real(real));
    }
    sections.push(definitions(e));
    sections.push(samples(e));
    Ok(sections)
}

fn style(e: &Evaluation, scorer: usize) -> Style {
    let fixed = e.scorers[scorer].fixed;
    Style::new(e.scorers[..scorer].iter().filter(|other| other.fixed == fixed).count(), fixed)
}

fn legend(e: &Evaluation) -> Vec<Entry> {
    let entry = |n: usize| Entry { symbol: style(e, n).symbol(), name: e.scorers[n].name.clone() };
    (0..e.scorers.len()).map(entry).collect()
}

fn point(x: f64, p: &Proportion) -> Point {
    Point { x, y: p.value, low: p.low, high: p.high }
}

/// A point for each bin, moved aside a little so that scorers do not hide each other.
fn by_pt(e: &Evaluation, figures: &Figures, values: &[Proportion]) -> Series {
    let aside = (figures.scorer as f64 + 0.5) / e.scorers.len() as f64 - 0.5;
    let place = |n: usize| {
        let (low, high) = e.bins.range(n);
        (low * high).sqrt() * (high / low).powf(0.4 * aside)
    };
    let points = values.iter().enumerate().filter(|(_, p)| p.total > 0).map(|(n, p)| point(place(n), p));
    Series { style: style(e, figures.scorer), points: points.collect(), line: false }
}

fn momentum() -> Axis {
    Axis::log("transverse momentum / GeV", 5.0, 100.0, &MOMENTA)
}

fn overview(e: &Evaluation) -> Section {
    let mut section = Section { title: None, ..Section::default() };
    section.texts.push(format!(
        "Thresholds of networks are chosen once, so that {} % of muon-free images at nominal background have a segment, and hold \
         for every background. Intervals are 68.3 %. Quantized networks run on the bit-exact emulator.",
        100.0 * e.fake_rate
    ));
    for condition in words::conditions(e) {
        section.tables.push(Table::new(
            &format!("{condition}: efficiency and fakes, in %"),
            words::summary(e, condition),
        ));
    }
    section
}

/// An axis of efficiencies that begins at a round number below `low`, and that number.
fn efficiencies(low: f64) -> (f64, Axis) {
    let low = [0.98, 0.95, 0.9, 0.8, 0.5].into_iter().find(|floor| *floor <= low).unwrap_or(0.0);
    (low, Axis::linear("efficiency", low, 1.0 + (1.0 - low) * 0.02))
}

fn efficiency(e: &Evaluation, conditions: &[&str]) -> Result<Section, String> {
    let mut section = Section { legend: legend(e), ..Section::new("Efficiency") };
    let lowest = |figures: &Figures| {
        figures.chosen.by_pt.iter().filter(|p| p.total > 0).map(|p| p.low).fold(1.0, f64::min)
    };
    let low = e.figures.iter().map(lowest).fold(1.0, f64::min);
    let (_, y) = efficiencies(low);
    for condition in conditions {
        let figures = words::of(e, condition);
        let series: Vec<Series> = figures.iter().map(|f| by_pt(e, f, &f.chosen.by_pt)).collect();
        let caption = format!("{condition}: matched muons / generated muons");
        section.pictures.push(Picture { svg: chart(&momentum(), &y, &series)?, caption });
        let caption = format!("{condition}: efficiency by p_T, in %");
        section.tables.push(Table::new(&caption, words::efficiencies(e, condition)));
    }
    Ok(section)
}

fn fakes(e: &Evaluation, conditions: &[&str]) -> Result<Section, String> {
    let mut section = Section { legend: legend(e), ..Section::new("Fakes") };
    let names: Vec<String> = conditions.iter().map(|condition| (*condition).to_owned()).collect();
    let most = e.figures.iter().map(|f| f.chosen.fake_rate.high).fold(0.0, f64::max);
    let percent =
        |p: &Proportion, x: f64| Point { x, y: 100.0 * p.value, low: 100.0 * p.low, high: 100.0 * p.high };
    let series: Vec<Series> = (e.figures.iter())
        .map(|f| {
            let condition = conditions.iter().position(|name| *name == f.condition).unwrap_or(0) as f64;
            let aside = (f.scorer as f64 + 0.5) / e.scorers.len() as f64 - 0.5;
            let points = vec![percent(&f.chosen.fake_rate, condition + 0.6 * aside)];
            Series { style: style(e, f.scorer), points, line: false }
        })
        .collect();
    let y = Axis::linear("muon-free images with a segment / %", 0.0, 105.0 * most);
    let caption = format!("fake rates at the thresholds chosen; 1 % is {} kHz at 40 MHz", CROSSINGS / 100.0);
    section.pictures.push(Picture { svg: chart(&Axis::names("", &names), &y, &series)?, caption });
    for condition in conditions {
        section.pictures.push(trade(e, condition)?);
    }
    for condition in conditions {
        let figures = words::of(e, condition);
        let series: Vec<Series> = figures.iter().map(|f| by_pt(e, f, &f.foreign)).collect();
        let most = figures.iter().flat_map(|f| &f.foreign).filter(|p| p.total > 0).map(|p| p.high);
        let y = Axis::linear("foreign share", 0.0, most.fold(0.01, f64::max) * 1.05);
        let caption = format!("{condition}: marked voxels that no muon fired, in images with one muon");
        section.pictures.push(Picture { svg: chart(&momentum(), &y, &series)?, caption });
    }
    Ok(section)
}

/// Efficiency against fake rate: curves, and points for what has no threshold.
fn trade(e: &Evaluation, condition: &str) -> Result<Picture, String> {
    let mut series = Vec::new();
    for figures in words::of(e, condition) {
        let style = style(e, figures.scorer);
        let curve = figures.curve.iter().filter(|rates| rates.fakes > 0.0);
        let points: Vec<Point> = curve
            .map(|r| Point { x: r.fakes, y: r.efficiency, low: r.efficiency, high: r.efficiency })
            .collect();
        if !points.is_empty() {
            series.push(Series { style, points, line: true });
        }
        let at = |at: &At| point(at.fake_rate.value, &at.efficiency);
        series.push(Series { style, points: vec![at(&figures.chosen)], line: false });
    }
    let marks = series.iter().filter(|series| !series.line).flat_map(|series| &series.points);
    let (low, y) = efficiencies(marks.map(|point| point.low).fold(0.9, f64::min));
    for series in &mut series {
        series.points.retain(|point| point.x >= LEAST && point.y >= low);
    }
    let svg = chart(&Axis::log("fake rate", LEAST, 1.0, &[]), &y, &series)?;
    Ok(Picture {
        svg,
        caption: format!("{condition}: efficiency against fake rate; marks: thresholds in use"),
    })
}

fn roc(e: &Evaluation, conditions: &[&str]) -> Result<Section, String> {
    let mut section = Section { legend: legend(e), ..Section::new("Voxel ROC") };
    for condition in conditions {
        let mut series = Vec::new();
        for figures in words::of(e, condition) {
            let fixed = e.scorers[figures.scorer].fixed;
            let inside = figures.roc.iter().filter(|p| p.others >= LEAST && (!fixed || p.others < 1.0));
            let points =
                inside.map(|p| Point { x: p.others, y: p.muons, low: p.muons, high: p.muons }).collect();
            series.push(Series { style: style(e, figures.scorer), points, line: !fixed });
        }
        let x = Axis::log("marked share of other hits", LEAST, 1.0, &[]);
        let y = Axis::linear("marked share of muons' hits", 0.0, 1.02);
        let areas = words::of(e, condition)
            .into_iter()
            .map(|figures| format!("{} {:.4}", e.scorers[figures.scorer].name, figures.roc_area));
        let caption = format!("{condition}; areas: {}", areas.collect::<Vec<_>>().join("; "));
        section.pictures.push(Picture { svg: chart(&x, &y, &series)?, caption });
    }
    Ok(section)
}

fn equal_fakes(e: &Evaluation) -> Result<Section, String> {
    let mut section = Section::new("Network against road finder at equal fakes");
    section.texts.push(
        "For each background the network's threshold is the one at which it has no more fakes than the road finder on the \
         calibration sample. Both see the same muons; the p-value is that of the discordant ones (McNemar, exact, two-sided), for \
         each bin on its own."
            .into(),
    );
    for equal in &e.equal_fakes {
        let [name, baseline] = [equal.scorer, equal.baseline].map(|n| e.scorers[n].name.as_str());
        let points: Vec<Point> = (equal.by_pt.iter().enumerate())
            .filter(|(_, bin)| bin.paired.muons > 0)
            .map(|(n, bin)| {
                let ((low, high), y) = (e.bins.range(n), 100.0 * bin.difference);
                let error = 100.0 * bin.error;
                Point { x: (low * high).sqrt(), y, low: y - error, high: y + error }
            })
            .collect();
        let low = points.iter().map(|p| p.low).fold(-0.1, f64::min);
        let high = points.iter().map(|p| p.high).fold(0.1, f64::max);
        let y = Axis::linear("difference / %", low * 1.1, high * 1.1);
        let series = [Series { style: style(e, equal.scorer), points, line: false }];
        let caption = format!("{}: efficiency of {name} minus that of {baseline}", equal.condition);
        section.pictures.push(Picture { svg: chart(&momentum(), &y, &series)?, caption });
        let (chosen, at) = (&equal.chosen, &equal.at);
        let caption = format!(
            "{}: {name} against {baseline}; threshold {}, {} of {} calibration images against {}; fakes on the test sample {} % \
             against {} %",
            equal.condition,
            at.threshold,
            chosen.fakes,
            chosen.images,
            chosen.allowed,
            words::percent(&at.fake_rate),
            words::percent(&equal.baseline_at.fake_rate)
        );
        section.tables.push(Table::new(&caption, words::paired(e, equal)));
    }
    Ok(section)
}

fn events(e: &Evaluation, examples: &[Example], conditions: &[&str]) -> Section {
    let mut section = Section { legend: display::legend(), ..Section::new("Events") };
    let name = e.scorers.first().map_or("", |scorer| scorer.name.as_str());
    section.texts.push(format!("The first event of each kind, with the output of {name} at its threshold."));
    let picture = |example: &Example| {
        display::picture(example, conditions.get(example.condition).copied().unwrap_or_default())
    };
    section.pictures = examples.iter().map(picture).collect();
    section
}

fn on_real(real: &[OnReal]) -> Section {
    let mut section = Section::new("Real events");
    section.texts.push(
        "50 public CMS ME0 events with full simulation and digitisation; an offline segment is found if more than 0.6 of its voxels \
         are marked."
            .into(),
    );
    let mut rows =
        vec![vec!["".into(), "found".into(), "head's segments that belong to an offline one".into()]];
    rows.extend(real.iter().map(|one| {
        let found = format!("{} of {}", one.found, one.segments.len());
        vec![one.scorer.clone(), found, format!("{} of {}", one.pure, one.head_segments)]
    }));
    section.tables.push(Table::new("Offline segments", rows));
    let table = crate::commands::eval::real::rows(real);
    section.tables.push(Table::new("Every offline segment: share of its voxels marked", table));
    section
}

fn definitions(e: &Evaluation) -> Section {
    let mut section = Section::new("Definitions");
    let row = |name: &str, meaning: String| vec![name.to_owned(), meaning];
    let rows = vec![
        row("", "".into()),
        row("voxel", "one of 6 layers × 8 partitions × 384 strips; a hit is a voxel that fired".into()),
        row("marked", "a hit whose score is at least the threshold; a voxel without a hit is never marked".into()),
        row("matched", "a muon of which more than 0.6 of its own voxels are marked".into()),
        row("efficiency", "matched muons / generated muons".into()),
        row("fake", "a muon-free image whose marked hits make a segment: four layers within ± 10 strips, in a partition or the \
             next one inwards"
            .into()),
        row("fake rate", format!("fakes / muon-free images; in kHz: times {CROSSINGS} kHz of bunch crossings")),
        row("foreign share", "of the marked voxels of images with one muon, those that no muon fired".into()),
        row("voxel ROC", "over all hits: marked share of muons' hits against marked share of other hits".into()),
        row(
            "threshold",
            format!("on the muon-free calibration sample of nominal background at most {} % are fakes", 100.0 * e.fake_rate),
        ),
        row("interval", "Wilson score interval at z = 1".into()),
    ];
    let mut table = Table::new("", rows);
    table.prose = true;
    section.tables.push(table);
    section
}

fn samples(e: &Evaluation) -> Section {
    let mut section = Section::new("Samples");
    section.tables.push(Table::new("Samples", words::samples(e)));
    let values = e.samples.first().and_then(|used| serde_json::to_value(&used.described.parameters).ok());
    let values = values.unwrap_or_default();
    let mut rows = vec![["parameter", "value", "unit", "meaning", "source"].map(str::to_owned).to_vec()];
    rows.extend(DESCRIBED.iter().map(|d| {
        let value = if d.name == "background" { "as above".into() } else { values[d.name].to_string() };
        vec![d.name.into(), value.replace(',', ", "), d.unit.into(), d.meaning.into(), d.source.into()]
    }));
    let mut table = Table::new("Parameters of the simulation", rows);
    table.prose = true;
    section.tables.push(table);
    section
}
