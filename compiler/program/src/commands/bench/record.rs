//! The result as it is written, and results of others.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::measure::line;
use crate::failure::Failure;
use crate::model::read;

/// Name and version of the form.
pub const SCHEMA: &str = "nn2hdl.bench/1";
/// The largest result that is read.
const LARGEST: u64 = 1 << 26;
/// The largest buffer, most buffer sizes of an engine, least and most images per second (and µs), and characters of a name.
const MOST_IMAGES: u32 = 1 << 20;
const MOST_POINTS: usize = 64;
const LEAST: f64 = 1e-9;
const GREATEST: f64 = 1e15;
const LONGEST_NAME: usize = 200;

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program and version that wrote it.
    pub generator: String,
    /// Name of the model.
    pub model: String,
    /// The command line.
    pub command: String,
    /// When it was begun: seconds since 1970.
    pub unix_seconds: u64,
    /// Where.
    pub machine: Machine,
    /// What the frames are.
    pub data: String,
    /// Seconds for each engine and size.
    pub seconds_per_point: f64,
    /// Times that the engines took turns.
    pub rounds: u32,
    /// What was measured.
    pub engines: Vec<Engine>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Threads that it runs at once.
    pub threads: u32,
    /// Kernel and its version.
    pub system: String,
    /// Memory, if it is known.
    pub memory_bytes: Option<u64>,
    /// Runnable processes in the minute before, if they are known.
    pub load: Option<f64>,
    /// Name of the accelerator, if one was used.
    #[serde(default)]
    pub accelerator: Option<String>,
}

/// One engine's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// Its name, unique in a record.
    pub name: String,
    /// Name and version of its software.
    pub software: String,
    /// Threads that it uses, if it has any.
    pub threads: Option<u32>,
    /// `measured`, or `model` for what follows from a clock that nobody has measured.
    pub timing: Timing,
    /// What the reader ought to know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why it was not run.
    #[serde(default)]
    pub unavailable: Option<String>,
    /// Latency of a buffer of one image.
    pub latency: Option<Latency>,
    /// Images per second by size of the buffer, ascending.
    pub points: Vec<Point>,
    /// The result that it was taken from, if it was merged.
    #[serde(default)]
    pub origin: Option<Origin>,
}

/// Where figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// A clock on the wall.
    Measured,
    /// The clock asked for.
    Model,
}

/// Time from a buffer of one image to its answer, in µs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub median_us: f64,
    /// 99th percentile; none of fewer than 100 buffers.
    pub p99_us: Option<f64>,
    /// Buffers measured; 0 if it follows from a model.
    pub count: u64,
}

/// One size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Images in a buffer.
    pub size: u32,
    /// Images per second: the median of the rounds; none if it was not run.
    pub images_per_second: Option<f64>,
    /// Images per second of each round.
    #[serde(default)]
    pub rounds: Vec<f64>,
    /// Why it was not run.
    #[serde(default)]
    pub skipped: Option<String>,
}

/// The result that an engine was taken from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The file.
    pub file: String,
    /// The command that made it.
    pub command: String,
    /// The machine.
    pub machine: Machine,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let line = |path: &str| text(path).trim().to_owned();
        let kernel = format!("{} {}", line("/proc/sys/kernel/ostype"), line("/proc/sys/kernel/osrelease"));
        let memory = field(&text("/proc/meminfo"), "MemTotal");
        let kib = memory.and_then(|memory| memory.strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            processor: field(&text("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.into()),
            threads: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
            system: if kernel.trim().is_empty() { std::env::consts::OS.into() } else { kernel },
            memory_bytes: kib.map(|kib| kib * 1024),
            load: text("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
            accelerator: None,
        }
    }
}

impl Latency {
    /// Of the seconds of each buffer; none if there are none.
    pub fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let count = seconds.len();
        // Nearest rank.
        let rank = |part: f64| seconds.get(((part * count as f64).ceil() as usize).max(1) - 1).copied();
        Some(Self {
            median_us: rank(0.5)? * 1e6,
            p99_us: rank(0.99).filter(|_| count >= 100).map(|seconds| seconds * 1e6),
            count: count as u64,
        })
    }
}

/// The middle of some figures.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = values.len() / 2;
    if values.len().is_multiple_of(2) {
        Some((values.get(at.checked_sub(1)?)? + values.get(at)?) / 2.0)
    } else {
        values.get(at).copied()
    }
}

/// The engines of another result of the same model, each with where it comes from.
pub fn load(path: &Path, model: &str) -> Result<Vec<Engine>, Failure> {
    let file = path.display().to_string();
    let wrong = |message: String| {
        let help = "give the bench.json of `nn2hdl bench -o DIR`, or what `models/onnx_bench.py` wrote";
        Failure::new("bench-file", "", message, help).about(file.clone())
    };
    let bytes = read(path, LARGEST)?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    match value["schema"].as_str() {
        Some(SCHEMA) => {}
        Some(other) => return Err(wrong(format!("its schema is `{other}`, not `{SCHEMA}`"))),
        None => return Err(wrong("it has no `schema`".into())),
    }
    let record: Record = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    if record.model != model {
        let message = format!("it is of the model `{}`, not of `{model}`", line(&record.model));
        let help = "add results of this model only; a file's model is named after the file";
        return Err(Failure::new("bench-file", "", message, help).about(file.clone()));
    }
    for engine in &record.engines {
        engine.check().map_err(|message| wrong(format!("engine `{}`: {message}", line(&engine.name))))?;
    }
    let Record { engines, command, machine, .. } = record;
    let origin = Origin { file: file.clone(), command, machine };
    let from = |engine: Engine| {
        let origin = engine.origin.clone().unwrap_or_else(|| origin.clone());
        Engine { origin: Some(origin), ..engine }
    };
    Ok(engines.into_iter().map(from).collect())
}

/// Whether a measurement can give so many images per second, or a latency of so many µs.
pub fn possible(value: f64) -> bool {
    (LEAST..=GREATEST).contains(&value)
}

impl Engine {
    /// Whether it has a name and all figures are possible.
    pub fn check(&self) -> Result<(), String> {
        let named = !self.name.trim().is_empty() && !self.name.contains(char::is_control);
        if !named || self.name.chars().count() > LONGEST_NAME {
            return Err(format!("a name is one line of 1 to {LONGEST_NAME} characters"));
        }
        if self.points.len() > MOST_POINTS {
            return Err(format!("{} sizes, more than {MOST_POINTS}", self.points.len()));
        }
        for Point { size, images_per_second, rounds, .. } in &self.points {
            if !(1..=MOST_IMAGES).contains(size) {
                return Err(format!("size {size}: buffers are of 1 to {MOST_IMAGES} images"));
            }
            if !images_per_second.iter().chain(rounds).all(|&rate| possible(rate)) {
                return Err(format!("size {size}: figures must be from {LEAST:e} to {GREATEST:e}"));
            }
        }
        if !self.points.is_sorted_by(|a, b| a.size < b.size) {
            return Err("sizes must ascend".into());
        }
        match self.latency {
            Some(Latency { median_us, p99_us, .. })
                if !possible(median_us) || p99_us.is_some_and(|p99| !possible(p99)) =>
            {
                Err(format!("latencies must be from {LEAST:e} to {GREATEST:e} µs"))
            }
            _ => Ok(()),
        }
    }

    /// The rate at a size.
    pub fn rate(&self, size: u32) -> Option<f64> {
        self.points.iter().find(|point| point.size == size)?.images_per_second
    }
}

impl Record {
    /// Adds engines; one whose name is taken gets its file's or a number behind it.
    pub fn merge(&mut self, engines: Vec<Engine>) {
        for mut engine in engines {
            let plain = engine.name.clone();
            let taken = |name: &str| self.engines.iter().any(|other| other.name == name);
            let mut number = 2;
            while taken(&engine.name) {
                engine.name = format!("{plain} ({number})");
                number += 1;
            }
            self.engines.push(engine);
        }
    }

    /// Refuses a result without any figure, and says why it has none.
    pub fn check_measured(&self) -> Result<(), Failure> {
        let figure = |point: &Point| point.images_per_second.is_some();
        if self.engines.iter().any(|engine| engine.points.iter().any(figure)) {
            return Ok(());
        }
        let reason = |engine: &Engine| {
            let skipped = engine.points.iter().find_map(|point| point.skipped.as_ref());
            let reason = engine.unavailable.as_ref().or(skipped).map_or("no reason given", String::as_str);
            format!("{}: {reason}", engine.name)
        };
        let reasons: Vec<String> = self.engines.iter().map(reason).collect();
        let message = format!("nothing was measured: {}", reasons.join("; "));
        let help = "choose other `--engines`, smaller `--sizes` or more `--seconds`";
        Err(Failure::new("nothing-measured", &self.model, message, help))
    }

    /// Every size that occurs, ascending.
    pub fn sizes(&self) -> Vec<u32> {
        let sizes = self.engines.iter().flat_map(|engine| engine.points.iter().map(|point| point.size));
        sizes.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let latency = Latency::of((1..=200).rev().map(|n| f64::from(n) * 1e-6).collect()).unwrap();
        assert!((latency.median_us - 100.0).abs() < 1e-9 && (latency.p99_us.unwrap() - 198.0).abs() < 1e-9);
        assert_eq!(Latency::of(vec![1.0; 99]).unwrap().p99_us, None);
        assert_eq!(Latency::of(Vec::new()), None);
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!((median(vec![5.0, 1.0, 2.0]), median(Vec::new())), (Some(2.0), None));
    }
}
