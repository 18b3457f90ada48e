//! The result as tables.

use super::record::{Engine, Latency, Machine, Record, Timing};
use crate::output::table;

/// Everything, for the terminal.
pub fn words(record: &Record) -> String {
    let mut text = format!("{}: {}\n", record.model, record.data);
    text.push_str(&format!("{}\n", machine(&record.machine)));
    text.push_str("\nimages per second by images in a buffer\n");
    text.push_str(&table(&rates(record)));
    text.push_str("\na buffer of one image\n");
    text.push_str(&table(&latencies(record)));
    let remarks = remarks(record);
    if !remarks.is_empty() {
        text.push('\n');
        remarks.iter().for_each(|remark| text.push_str(&format!("{remark}\n")));
    }
    text
}

/// A machine in one line.
pub fn machine(machine: &Machine) -> String {
    let Machine { processor, threads, system, memory_bytes, load, accelerator } = machine;
    let mut text = format!("{processor}, {threads} threads");
    if let Some(bytes) = memory_bytes {
        text.push_str(&format!(", {:.0} GiB", *bytes as f64 / (1u64 << 30) as f64));
    }
    if let Some(accelerator) = accelerator {
        text.push_str(&format!(", {accelerator}"));
    }
    text.push_str(&format!(", {system}"));
    if let Some(load) = load {
        text.push_str(&format!(", load {load} before"));
    }
    text
}

/// The name of an engine, and that it is a model if it is one.
pub fn shown(engine: &Engine) -> String {
    match engine.timing {
        Timing::Measured => engine.name.clone(),
        Timing::Model => format!("{} (model)", engine.name),
    }
}

/// Engines down, sizes across.
pub fn rates(record: &Record) -> Vec<Vec<String>> {
    let sizes = record.sizes();
    let title = std::iter::once(String::new()).chain(sizes.iter().map(u32::to_string));
    let row = |engine: &Engine| {
        let cell = |&size: &u32| engine.rate(size).map_or("–".into(), figure);
        std::iter::once(shown(engine)).chain(sizes.iter().map(cell)).collect()
    };
    let measured = record.engines.iter().filter(|engine| !engine.points.is_empty());
    std::iter::once(title.collect()).chain(measured.map(row)).collect()
}

/// Latency of one image, threads and software of each engine.
pub fn latencies(record: &Record) -> Vec<Vec<String>> {
    let title =
        ["", "median", "99 %", "buffers", "threads", "timing", "software"].map(str::to_owned).to_vec();
    let row = |engine: &Engine| {
        let Engine { software, threads, timing, latency, .. } = engine;
        let time = |us: Option<f64>| us.map_or("–".into(), duration);
        let count =
            latency.filter(|latency| latency.count > 0).map(|Latency { count, .. }| count.to_string());
        vec![
            shown(engine),
            time(latency.map(|latency| latency.median_us)),
            time(latency.and_then(|latency| latency.p99_us)),
            count.unwrap_or_else(|| "–".into()),
            threads.map_or("–".into(), |threads| threads.to_string()),
            match timing {
                Timing::Measured => "measured".into(),
                Timing::Model => "model".into(),
            },
            software.clone(),
        ]
    };
    let measured = record.engines.iter().filter(|engine| !engine.points.is_empty());
    std::iter::once(title).chain(measured.map(row)).collect()
}

/// What was not run, and what the reader ought to know.
pub fn remarks(record: &Record) -> Vec<String> {
    let mut remarks = Vec::new();
    for engine in &record.engines {
        let Engine { name, notes, unavailable, points, origin, .. } = engine;
        if let Some(reason) = unavailable {
            remarks.push(format!("{name}: not measured: {reason}"));
        }
        let mut left_out: Vec<(&str, Vec<String>)> = Vec::new();
        for point in points {
            let Some(reason) = &point.skipped else { continue };
            let size = point.size.to_string();
            // Sizes left out for want of time have one reason, whose figure is the first one's.
            let alike = |(other, _): &&mut (&str, Vec<String>)| {
                let begin = |text: &str| text.chars().take(20).collect::<String>();
                begin(other) == begin(reason)
            };
            match left_out.iter_mut().find(alike) {
                Some((_, sizes)) => sizes.push(size),
                None => left_out.push((reason, vec![size])),
            }
        }
        for (reason, sizes) in left_out {
            remarks.push(format!("{name}: buffers of {} left out: {reason}", sizes.join(", ")));
        }
        remarks.extend(notes.iter().map(|note| format!("{name}: {note}")));
        if let Some(origin) = origin {
            remarks.push(format!("{name}: from {}, {}", origin.file, machine(&origin.machine)));
        }
    }
    remarks
}

/// Three significant digits, with k, M or G.
pub fn figure(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 999.5e6 => (value / 1e9, "G"),
        value if value >= 999.5e3 => (value / 1e6, "M"),
        value if value >= 999.5 => (value / 1e3, "k"),
        value => (value, ""),
    };
    format!("{}{unit}", digits(value))
}

/// Three significant digits of µs, in ns, µs, ms or s.
pub fn duration(us: f64) -> String {
    match us {
        us if us >= 999.5e3 => format!("{} s", digits(us / 1e6)),
        us if us >= 999.5 => format!("{} ms", digits(us / 1e3)),
        us if us >= 0.9995 => format!("{} µs", digits(us)),
        us => format!("{} ns", digits(us * 1e3)),
    }
}

fn digits(value: f64) -> String {
    let places = if value >= 99.95 { 0 } else { usize::from(value < 9.995) + 1 };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let figures = [0.5, 9.999, 99.96, 833_333.0, 999_600.0, 40e6].map(figure);
        assert_eq!(figures, ["0.50", "10.0", "100", "833k", "1.00M", "40.0M"]);
        assert_eq!([0.05, 1.266, 1500.0, 2e6].map(duration), ["50.0 ns", "1.27 µs", "1.50 ms", "2.00 s"]);
    }
}
