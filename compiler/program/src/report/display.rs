//! Pictures of single events.

use std::fmt::Write;

use nn2hdl_muon::geometry::{LAYERS, PARTITIONS, STRIPS};
use nn2hdl_muon::metrics::gallery::{Example, Kind};

use super::{Entry, Picture};

const WIDTH: f64 = 640.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 6.0;
const ROW: f64 = 6.5;
const GAP: f64 = 5.0;
/// Strips that are shown at least.
const LEAST: usize = 64;

const MARKED: &str = "#e67a00";
const UNMARKED: &str = "#c4c4c4";

/// What the signs mean.
pub fn legend() -> Vec<Entry> {
    let entry = |fill: &str, muon: bool, name: &str| {
        let mut symbol = String::from(r#"<svg viewBox="0 0 40 16" aria-hidden="true">"#);
        sign(&mut symbol, (12.0, 2.0), (14.0, 11.0), fill, muon);
        symbol.push_str("</svg>");
        Entry { symbol, name: name.into() }
    };
    vec![
        entry(MARKED, true, "a muon's hit, marked"),
        entry(UNMARKED, true, "a muon's hit, not marked"),
        entry(MARKED, false, "another hit, marked"),
        entry(UNMARKED, false, "another hit, not marked"),
    ]
}

fn sign(svg: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str, muon: bool) {
    let outline = if muon { r#" stroke="black" stroke-width="1.5""# } else { "" };
    let _ = write!(
        svg,
        r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{fill}"{outline}/>"#
    );
}

/// The strips around all muons, or around what is marked.
fn window(example: &Example) -> (usize, usize) {
    let hits = example.event.hits.iter().zip(&example.marked);
    let shown: Vec<usize> = (hits.clone())
        .filter(|(hit, _)| hit.muons != 0)
        .chain(hits.filter(|(_, marked)| example.event.muons.is_empty() && **marked))
        .map(|(hit, _)| hit.place().2)
        .collect();
    let low = shown.iter().min().copied().unwrap_or(0);
    let high = shown.iter().max().copied().unwrap_or(STRIPS - 1);
    let least = if example.kind == Kind::Crowded { 2 * LEAST } else { LEAST };
    let width = (high + 1 - low + 20).clamp(least, STRIPS);
    let begin = (low + high).div_ceil(2).saturating_sub(width / 2).min(STRIPS - width);
    (begin, width)
}

fn svg(example: &Example) -> String {
    let (begin, strips) = window(example);
    let cell = (WIDTH - LEFT - 8.0) / strips as f64;
    let band = ROW * LAYERS as f64 + GAP;
    let bottom = TOP + band * PARTITIONS as f64;
    let height = bottom + 44.0;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg" role="img" font-family="sans-serif" font-size="17">"#
    );
    for partition in 0..PARTITIONS {
        let y = TOP + band * partition as f64;
        let width = cell * strips as f64;
        let _ = write!(
            svg,
            r##"<rect x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{:.1}" fill="#f5f5f5"/>"##,
            band - GAP
        );
        let _ = write!(
            svg,
            r##"<text x="{}" y="{:.1}" text-anchor="end" fill="#333">{}</text>"##,
            LEFT - 8.0,
            y + band / 2.0 + 3.0,
            partition + 1
        );
    }
    let shown = (example.event.hits.iter().zip(&example.marked))
        .filter(|(hit, _)| (begin..begin + strips).contains(&hit.place().2));
    for (hit, &marked) in shown {
        let (layer, partition, strip) = hit.place();
        let at =
            (LEFT + cell * (strip - begin) as f64, TOP + band * partition as f64 + ROW * layer as f64 + 0.5);
        let fill = if marked { MARKED } else { UNMARKED };
        sign(&mut svg, at, (cell.max(3.0), ROW - 1.0), fill, hit.muons != 0);
    }
    let step = if strips > 200 { 50 } else { 10 };
    for strip in (begin..=begin + strips).filter(|strip| strip % step == 0) {
        let x = LEFT + cell * (strip - begin) as f64;
        let _ = write!(
            svg,
            r##"<text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="#333">{strip}</text>"##,
            bottom + 13.0
        );
    }
    let middle = LEFT + (WIDTH - LEFT) / 2.0;
    let _ = write!(
        svg,
        r##"<text x="{middle}" y="{:.1}" text-anchor="middle" fill="#333">strip; bands: partitions, rows: layers</text></svg>"##,
        height - 8.0
    );
    svg
}

/// An event with its caption.
pub fn picture(example: &Example, condition: &str) -> Picture {
    let what = match example.kind {
        Kind::Soft => "a muon below 7 GeV",
        Kind::Hard => "a muon above 50 GeV",
        Kind::Two => "two muons",
        Kind::Crowded => "a muon in strong background",
        Kind::Missed => "a missed muon",
        Kind::Fake => "a fake: a segment without a muon",
    };
    let muons: Vec<String> = (example.event.muons.iter().zip(&example.matched))
        .map(|(muon, matched)| {
            format!("{:.1} GeV {}", muon.pt, if *matched { "matched" } else { "not matched" })
        })
        .collect();
    let muons = if muons.is_empty() { String::new() } else { format!("; {}", muons.join(", ")) };
    let caption = format!("{what} ({condition}, event {}{muons})", example.number);
    Picture { svg: svg(example), caption }
}
