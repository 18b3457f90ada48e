//! Reports: one HTML file each, with everything in it.

mod bars;
#[cfg(feature = "report")]
mod bench;
#[cfg(feature = "report")]
mod chamber;
#[cfg(feature = "report")]
mod chart;
mod design;
#[cfg(feature = "report")]
mod display;
#[cfg(feature = "report")]
mod evaluation;
mod measured;
mod streams;

use askama::Template;

use crate::failure::Failure;

#[cfg(feature = "report")]
pub use bench::bench;
#[cfg(feature = "report")]
pub use chamber::chamber;
pub use design::{Design, design};
#[cfg(feature = "report")]
pub use evaluation::evaluation;
pub use measured::measured;

/// A page; every text and picture is settled.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    generator: &'static str,
    title: String,
    sections: Vec<Section>,
}

#[derive(Default)]
struct Section {
    title: Option<String>,
    texts: Vec<String>,
    legend: Vec<Entry>,
    pictures: Vec<Picture>,
    tables: Vec<Table>,
}

struct Entry {
    symbol: String,
    name: String,
}

struct Picture {
    svg: String,
    caption: String,
}

struct Table {
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Cells are sentences.
    prose: bool,
}

impl Section {
    fn new(title: &str) -> Self {
        Self { title: Some(title.into()), ..Self::default() }
    }
}

impl Table {
    /// The first row is the head.
    fn new(caption: &str, mut rows: Vec<Vec<String>>) -> Self {
        let rest = rows.split_off(1.min(rows.len()));
        let head = rows.pop().unwrap_or_default();
        Self { caption: caption.into(), head, rows: rest, prose: false }
    }

    /// A table of sentences.
    fn prose(caption: &str, rows: Vec<Vec<String>>) -> Self {
        Self { prose: true, ..Self::new(caption, rows) }
    }
}

fn page(title: &str, sections: Vec<Section>) -> Result<String, Failure> {
    let generator = concat!("nn2hdl ", env!("CARGO_PKG_VERSION"));
    let page = Page { generator, title: title.into(), sections };
    page.render().map_err(|error| Failure::new("report", "", error.to_string(), ""))
}
