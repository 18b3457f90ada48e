//! Charts as SVG.

use plotters::coord::ranged1d::{KeyPointHint, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

const SIZE: (u32, u32) = (640, 420);
const FONT: (&str, u32) = ("sans-serif", 22);

/// Colours that colour-blind people tell apart (Okabe and Ito), and grey ones for baselines.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
const GREYS: [RGBColor; 2] = [RGBColor(40, 40, 40), RGBColor(140, 140, 140)];

/// How a series looks: colour and marker.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    colour: RGBColor,
    marker: usize,
}

impl Style {
    /// Style `n` of those that are measured, or of the baselines.
    pub fn new(n: usize, baseline: bool) -> Self {
        let colours: &[RGBColor] = if baseline { &GREYS } else { &COLOURS };
        Self { colour: colours[n % colours.len()], marker: n + usize::from(baseline) * 2 }
    }

    /// The legend's symbol.
    pub fn symbol(self) -> String {
        let RGBColor(r, g, b) = self.colour;
        let colour = format!("rgb({r},{g},{b})");
        let marker = match self.marker % 4 {
            0 => format!(r#"<circle cx="20" cy="8" r="5.5" fill="{colour}"/>"#),
            1 => format!(r#"<path d="M20 2l6.5 11h-13z" fill="{colour}"/>"#),
            2 => {
                format!(r#"<circle cx="20" cy="8" r="5" fill="none" stroke="{colour}" stroke-width="2.5"/>"#)
            }
            _ => format!(
                r#"<path d="M14.500 2.500l11 11m0 -11l-11 11" stroke="{colour}" stroke-width="2.500"/>"#
            ),
        };
        format!(
            r#"<svg viewBox="0 0 40 16" aria-hidden="true"><path d="M0 8h40" stroke="{colour}" stroke-width="2"/>{marker}</svg>"#
        )
    }
}

/// An axis with the places of its numbers.
#[derive(Clone, Debug)]
pub struct Axis {
    pub label: String,
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// Values with a number, or with a name.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Evenly spaced numbers.
    pub fn linear(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, low + 0.5) };
        let rough = (high - low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let digits = (-(step * 1.0001).log10().floor()).max(0.0) as usize;
        let numbers = (low / step - 1e-9).ceil() as i64..=(high / step + 1e-9).floor() as i64;
        let ticks = numbers.map(|n| (n as f64 * step, format!("{:.digits$}", n as f64 * step))).collect();
        Self { label: label.into(), low, high, log: false, ticks }
    }

    /// Powers of ten, or the numbers given.
    pub fn log(label: &str, low: f64, high: f64, numbers: &[f64]) -> Self {
        let tens = || (low.log10().ceil() as i32..=high.log10().floor() as i32).map(|n| 10f64.powi(n));
        let numbers: Vec<f64> = if numbers.is_empty() { tens().collect() } else { numbers.to_vec() };
        let ticks = numbers.into_iter().map(|x| (x, x.to_string())).collect();
        Self { label: label.into(), low, high, log: true, ticks }
    }

    /// Names at 0, 1, 2 ….
    pub fn names(label: &str, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(n, name)| (n as f64, name.clone())).collect();
        Self { label: label.into(), low: -0.5, high: names.len() as f64 - 0.5, log: false, ticks }
    }

    fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        if self.log { value.log10() } else { value }
    }

    fn scale(&self) -> Scale {
        let ticks = self.ticks.iter().map(|(value, name)| (self.place(*value), name.clone())).collect();
        Scale { range: (self.place(self.low)..self.place(self.high)).into(), ticks }
    }
}

/// A coordinate with named places.
#[derive(Clone)]
struct Scale {
    range: RangedCoordf64,
    ticks: Vec<(f64, String)>,
}

impl Ranged for Scale {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let bold = hint.bold_points() > 0;
        if bold { self.ticks.iter().map(|tick| tick.0).collect() } else { Vec::new() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.range.range()
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        let named = self.ticks.iter().find(|tick| tick.0 == *value);
        named.map_or(String::new(), |tick| tick.1.clone())
    }
}

/// A point with its interval.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub low: f64,
    pub high: f64,
}

/// Points of one scorer.
#[derive(Clone, Debug)]
pub struct Series {
    pub style: Style,
    pub points: Vec<Point>,
    /// Joined by a line without markers.
    pub line: bool,
}

/// The chart as an SVG element.
pub fn chart(x: &Axis, y: &Axis, series: &[Series]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, x, y, series).map_err(|error| error.to_string())?;
    Ok(svg)
}

fn draw(svg: &mut String, x: &Axis, y: &Axis, series: &[Series]) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut builder = ChartBuilder::on(&area);
    let below = if x.label.is_empty() { 34 } else { 62 };
    builder.margin(8).margin_right(20).x_label_area_size(below).y_label_area_size(82);
    let mut context = builder.build_cartesian_2d(x.scale(), y.scale())?;
    context
        .configure_mesh()
        .x_labels(x.ticks.len())
        .y_labels(y.ticks.len())
        .bold_line_style(RGBColor(222, 222, 222))
        .light_line_style(TRANSPARENT)
        .x_desc(&x.label)
        .y_desc(&y.label)
        .label_style(FONT)
        .axis_desc_style(FONT)
        .draw()?;
    for Series { style, points, line } in series {
        let stroke = style.colour.stroke_width(2);
        let place = |px: f64, py: f64| (x.place(px), y.place(py));
        if *line {
            context.draw_series(LineSeries::new(points.iter().map(|p| place(p.x, p.y)), stroke))?;
            continue;
        }
        for point in points {
            if point.high > point.low {
                let ends = vec![place(point.x, point.low), place(point.x, point.high)];
                context.draw_series(std::iter::once(PathElement::new(ends, stroke)))?;
            }
            let at = place(point.x, point.y);
            let filled = style.colour.filled();
            match style.marker % 4 {
                0 => context.draw_series([Circle::new(at, 5, filled)])?,
                1 => context.draw_series([TriangleMarker::new(at, 7, filled)])?,
                2 => context.draw_series([Circle::new(at, 5, stroke)])?,
                _ => context.draw_series([Cross::new(at, 5, stroke)])?,
            };
        }
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_round_places() {
        let names = |axis: Axis| axis.ticks.into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(names(Axis::linear("", 0.95, 1.0)), ["0.95", "0.96", "0.97", "0.98", "0.99", "1.00"]);
        assert_eq!(names(Axis::linear("", 0.0, 3.0)), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"]);
        assert_eq!(names(Axis::log("", 0.001, 1.0, &[])), ["0.001", "0.01", "0.1", "1"]);
    }

    #[test]
    fn a_chart_is_one_svg_element() {
        let points = vec![
            Point { x: 5.0, y: 0.5, low: 0.4, high: 0.6 },
            Point { x: 50.0, y: 0.9, low: 0.9, high: 0.9 },
        ];
        let series =
            [true, false].map(|line| Series { style: Style::new(0, line), points: points.clone(), line });
        let x = Axis::log("p_T / GeV", 5.0, 100.0, &[5.0, 10.0, 100.0]);
        let svg = chart(&x, &Axis::linear("efficiency", 0.0, 1.0), &series).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("p_T / GeV") && !svg.contains("href") && !svg.contains("NaN"));
        assert_eq!(svg, chart(&x, &Axis::linear("efficiency", 0.0, 1.0), &series).unwrap());
    }
}
