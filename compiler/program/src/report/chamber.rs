//! The report of `eval chamber`.

use super::chart::{Axis, Point, Series, Style, chart};
use super::{Entry, Picture, Section, Table, page};
use crate::commands::eval::chamber::{Measured, Row, rows};
use crate::failure::Failure;

/// The page.
pub fn chamber(measured: &Measured) -> Result<String, Failure> {
    let sections = sections(measured).map_err(|message| {
        Failure::new("report", "", message, "this is a bug in nn2hdl; please report it")
    })?;
    page("Muon chamber: simulation beside real events", sections)
}

/// Measurements that belong in one picture: what their names begin with, label of the picture, of its axis.
const PICTURES: [(&str, &str, &str); 3] = [
    ("share with ", "muons by number of layers hit", "share of muons"),
    ("share of clusters with ", "clusters by size", "share of clusters"),
    ("drift over six layers, strips, ", "mean drift from the first to the last layer", "drift / strips"),
];

fn sections(measured: &Measured) -> Result<Vec<Section>, String> {
    let (efficiency, purity) = (measured.efficiency, measured.purity);
    let mut text = Section::default();
    text.texts.push(format!(
        "{} chambers of 50 public CMS ME0 events with full simulation and digitisation. For every real muon above 2 GeV that is \
         alone in its chamber, {} muons of the same momentum, direction and charge are simulated, without background, and \
         measured in the same way.",
        measured.chambers, measured.copies
    ));
    text.texts.push(format!(
        "The road finder (4 of 6 layers) finds {} of {} offline segments ({:.3}); {} of its {} roads belong to one ({:.3}).",
        efficiency.passed, efficiency.total, efficiency.value, purity.passed, purity.total, purity.value
    ));
    let mut section = Section::new("Distributions");
    let styles = [Style::new(1, true), Style::new(0, false)];
    section.legend = (styles.iter().zip(["real, with standard error", "simulated"]))
        .map(|(style, name)| Entry { symbol: style.symbol(), name: name.into() })
        .collect();
    for (prefix, caption, label) in PICTURES {
        section.pictures.push(side_by_side(measured, styles, prefix, caption, label)?);
    }
    section.pictures.push(deviations(measured)?);
    section.tables.push(Table::new("All measurements: mean and standard error", rows(measured)));
    Ok(vec![text, section])
}

fn side_by_side(
    measured: &Measured,
    styles: [Style; 2],
    prefix: &str,
    caption: &str,
    label: &str,
) -> Result<Picture, String> {
    let of = |row: &Row| row.compared.name.strip_prefix(prefix).map(str::to_owned);
    let chosen: Vec<(String, &Row)> =
        measured.compared.iter().filter_map(|row| Some((of(row)?, row))).collect();
    let names: Vec<String> = chosen.iter().map(|(name, _)| name.replace(" or more", "+")).collect();
    let sides = [|row: &Row| row.compared.real, |row: &Row| row.compared.simulated];
    let series: Vec<Series> = (styles.into_iter().zip(sides).enumerate())
        .map(|(side, (style, value))| {
            let points = chosen.iter().enumerate().map(|(n, (_, row))| {
                let (y, error) = value(row);
                Point { x: n as f64 + 0.2 * side as f64 - 0.1, y, low: y - error, high: y + error }
            });
            Series { style, points: points.collect(), line: false }
        })
        .collect();
    let most = series.iter().flat_map(|s| &s.points).map(|p| p.high).fold(0.0, f64::max);
    let svg = chart(&Axis::names("", &names), &Axis::linear(label, 0.0, most * 1.05), &series)?;
    Ok(Picture { svg, caption: caption.into() })
}

/// How many measurements deviate by how many standard errors.
fn deviations(measured: &Measured) -> Result<Picture, String> {
    let points = measured.compared.iter().enumerate();
    let points = points.map(|(n, row)| Point { x: n as f64 + 1.0, y: row.deviation, low: 0.0, high: 0.0 });
    let series = [Series { style: Style::new(0, false), points: points.collect(), line: false }];
    let most = measured.compared.iter().map(|row| row.deviation.abs()).fold(3.0, f64::max) * 1.1;
    let x = Axis::linear("line of the table", 0.0, measured.compared.len() as f64 + 1.0);
    let svg = chart(&x, &Axis::linear("deviation / standard errors", -most, most), &series)?;
    Ok(Picture { svg, caption: "every measurement: (simulated − real) / error".into() })
}
