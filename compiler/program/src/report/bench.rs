//! The figure and the page of `bench`.

use super::chart::{Axis, Point, Series, Style, chart};
use super::{Entry, Picture, Section, Table, page};
use crate::commands::bench::record::{Engine, Record, Timing};
use crate::commands::bench::words;
use crate::failure::Failure;

/// Extents of the figure on its own: the chart's width, the chart's height, the height of one line of the legend.
const FIGURE: (u32, u32, u32) = (640, 420, 26);

/// The figure on its own, with its legend, and the page.
pub fn bench(record: &Record) -> Result<(String, String), Failure> {
    let failed =
        |message: String| Failure::new("report", "", message, "this is a bug in nn2hdl; please report it");
    let svg = picture(record).map_err(failed)?;
    let mut section = Section { legend: legend(record), ..Section::default() };
    section.texts.push(format!("{}. {}.", words::machine(&record.machine), record.data));
    section.texts.push(format!(
        "{} rounds in which the engines took turns, {} s for each engine and size in all; figures are medians of the rounds. What makes a \
         buffer is not counted: floats, codes or beats lie in memory.",
        record.rounds, record.seconds_per_point
    ));
    let caption = "images per second against images in a buffer; the firmware is a model".to_owned();
    section.pictures.push(Picture { svg: svg.clone(), caption });
    section.tables.push(Table::new("Images per second, by images in a buffer", words::rates(record)));
    section.tables.push(Table::new("A buffer of one image", words::latencies(record)));
    let mut remarks = Section::new("Remarks");
    remarks.texts = words::remarks(record);
    remarks.texts.push(format!("Made by: {}", record.command));
    let html = page(&format!("{}: throughput", record.model), vec![section, remarks])?;
    Ok((figure(&svg, &legend(record)), html))
}

fn drawn(record: &Record) -> impl Iterator<Item = (Style, &Engine)> {
    let measured =
        record.engines.iter().filter(|engine| engine.points.iter().any(|p| p.images_per_second.is_some()));
    let mut counts = [0, 0];
    measured.map(move |engine| {
        let model = engine.timing == Timing::Model;
        let count = &mut counts[usize::from(model)];
        *count += 1;
        (Style::new(*count - 1, model), engine)
    })
}

fn legend(record: &Record) -> Vec<Entry> {
    drawn(record)
        .map(|(style, engine)| Entry { symbol: style.symbol(), name: words::shown(engine) })
        .collect()
}

fn picture(record: &Record) -> Result<String, String> {
    let mut series = Vec::new();
    for (style, engine) in drawn(record) {
        let point = |size: u32, rate: f64| Point { x: size.into(), y: rate, low: rate, high: rate };
        let points = engine.points.iter().filter_map(|p| Some(point(p.size, p.images_per_second?)));
        let points: Vec<Point> = points.collect();
        series.push(Series { style, points: points.clone(), line: true });
        series.push(Series { style, points, line: false });
    }
    let all = || series.iter().flat_map(|series| &series.points);
    let bounds = |value: fn(&Point) -> f64| {
        all().map(value).fold((f64::INFINITY, 0f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((left, right), (low, high)) = (bounds(|p| p.x), bounds(|p| p.y));
    if right == 0.0 {
        return Err("nothing was measured".into());
    }
    let sizes = std::iter::successors(Some(1.0), |size| Some(size * 4.0)).take_while(|size| *size <= right);
    let numbers: Vec<f64> = sizes.filter(|size| *size >= left).collect();
    let numbers = if numbers.is_empty() { vec![left] } else { numbers };
    let x = Axis::log("images in a buffer", left / 1.2, right * 1.2, &numbers);
    let (least, most) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let most = most.max(least + 1);
    let name = |power: i32| match power {
        9.. => format!("{}G", 10u64.pow((power - 9).clamp(0, 9) as u32)),
        6.. => format!("{}M", 10u32.pow(power as u32 - 6)),
        3.. => format!("{}k", 10u32.pow(power as u32 - 3)),
        _ => 10f64.powi(power).to_string(),
    };
    let mut y = Axis::log("images per second", 10f64.powi(least), 10f64.powi(most), &[]);
    y.ticks = (least..=most).map(|power| (10f64.powi(power), name(power))).collect();
    chart(&x, &y, &series)
}

/// The chart above its legend, in one file.
fn figure(chart: &str, legend: &[Entry]) -> String {
    let (width, height, line) = FIGURE;
    let lines = legend.len().div_ceil(2) as u32;
    let total = height + lines * line + 12;
    let mut text = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" font-family="sans-serif" font-size="17"><rect width="{width}" height="{total}" fill="white"/>"#
    );
    text.push_str(&chart.replacen("<svg ", r#"<svg x="0" y="0" "#, 1));
    for (n, Entry { symbol, name }) in legend.iter().enumerate() {
        let (x, y) = (30 + n as u32 % 2 * (width / 2), height + n as u32 / 2 * line);
        let place = format!(r#"<svg x="{x}" y="{y}" width="40" height="16" "#);
        text.push_str(&symbol.replacen("<svg ", &place, 1));
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        text.push_str(&format!(r#"<text x="{}" y="{}">{name}</text>"#, x + 50, y + 14));
    }
    text.push_str("</svg>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bench::record::{self, Machine};

    fn record(engines: Vec<Engine>) -> Record {
        let machine = Machine {
            processor: "p".into(),
            threads: 2,
            system: "s".into(),
            memory_bytes: None,
            load: None,
            accelerator: None,
        };
        Record {
            schema: record::SCHEMA.into(),
            generator: "nn2hdl 0".into(),
            model: "m".into(),
            command: "nn2hdl bench m".into(),
            unix_seconds: 0,
            machine,
            data: "d".into(),
            seconds_per_point: 1.0,
            rounds: 3,
            engines,
        }
    }

    fn engine(name: &str, timing: Timing, rates: &[(u32, Option<f64>)]) -> Engine {
        let point = |&(size, images_per_second): &(u32, Option<f64>)| record::Point {
            size,
            images_per_second,
            rounds: Vec::new(),
            skipped: None,
        };
        Engine {
            name: name.into(),
            software: String::new(),
            threads: None,
            timing,
            notes: Vec::new(),
            unavailable: None,
            latency: None,
            points: rates.iter().map(point).collect(),
            origin: None,
        }
    }

    #[test]
    fn every_engine_with_figures_is_drawn() {
        let engines = vec![
            engine("a<b", Timing::Measured, &[(1, Some(30.0)), (2, None), (2048, Some(4e3))]),
            engine("absent", Timing::Measured, &[(1, None)]),
            engine("firmware", Timing::Model, &[(1, Some(4e7)), (2048, Some(4e7))]),
        ];
        let (svg, html) = bench(&record(engines)).unwrap();
        assert!(svg.starts_with("<svg xmlns") && svg.contains("a&lt;b") && !svg.contains("absent"));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        for text in [">10<", ">100M<", ">1024<", "images per second", "firmware"] {
            assert!(
                svg.lines().any(|line| line.contains(text)) || svg.contains(text.trim_matches(['<', '>'])),
                "{text}"
            );
        }
        assert!(html.contains("m: throughput") && html.contains("nn2hdl bench m") && !html.contains("NaN"));
    }

    #[test]
    fn one_size_is_a_figure_and_none_is_not() {
        assert!(bench(&record(vec![engine("a", Timing::Measured, &[(3, Some(1.0))])])).is_ok());
        assert!(bench(&record(Vec::new())).is_err());
    }
}
