//! Horizontal bars as SVG: names above, figures behind. Colours are the page's.

use std::fmt::Write;

const WIDTH: f64 = 420.0;
const LABEL: f64 = 17.0;
const BAR: f64 = 12.0;
const GAP: f64 = 9.0;

/// One bar, from `from` to `to`.
pub struct Bar {
    pub from: f64,
    pub to: f64,
    /// A colour of the page's style: `one`, `two`, `pale`.
    pub colour: &'static str,
    /// Behind the last bar of its line.
    pub figure: String,
}

/// What stands under one name: lines of bars that follow each other.
pub struct Group {
    pub name: String,
    pub lines: Vec<Vec<Bar>>,
}

/// The picture. `end` is the value at the right end, above zero.
pub fn bars(groups: &[Group], end: f64) -> String {
    let end = if end > 0.0 { end } else { 1.0 };
    // Figures stand behind the bars.
    let space = WIDTH - 120.0;
    let (mut y, mut body) = (0.0, String::new());
    for Group { name, lines } in groups {
        let _ = write!(body, r#"<text x="0" y="{:.1}">{}</text>"#, y + 13.0, escape(name));
        y += LABEL;
        for line in lines {
            for Bar { from, to, colour, .. } in line {
                let (x, width) = (from / end * space, ((to - from) / end * space).max(1.0));
                let _ = write!(
                    body,
                    r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{BAR}" style="fill: var(--{colour})"/>"#
                );
            }
            if let Some(Bar { to, figure, .. }) = line.last() {
                let x = to / end * space + 6.0;
                let _ = write!(body, r#"<text x="{x:.1}" y="{:.1}">{}</text>"#, y + 11.0, escape(figure));
            }
            y += BAR + 2.0;
        }
        y += GAP;
    }
    let open = r#"<svg class="bars" role="img""#;
    format!(
        r#"{open} viewBox="0 0 {WIDTH} {y:.0}" font-size="13" font-family="sans-serif" fill="currentColor">{body}</svg>"#
    )
}

/// The sign of a colour in a legend.
pub fn symbol(colour: &str) -> String {
    format!(
        r#"<svg class="bars" viewBox="0 0 40 16" aria-hidden="true"><rect y="2" width="40" height="12" style="fill: var(--{colour})"/></svg>"#
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_to_scale_and_names_are_text() {
        let bar = |to| Bar { from: 0.0, to, colour: "one", figure: "3 <4".into() };
        let group = |name: &str, to| Group { name: name.into(), lines: vec![vec![bar(to)]] };
        let svg = bars(&[group("a&b", 10.0), group("c", 5.0)], 10.0);
        assert!(svg.contains(r#"width="300.0""#) && svg.contains(r#"width="150.0""#), "{svg}");
        assert!(svg.contains("a&amp;b") && svg.contains("3 &lt;4"), "{svg}");
        assert!(!bars(&[group("empty", 0.0)], 0.0).contains("NaN"));
    }
}
