//! `data`: simulated events in a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use nn2hdl_muon::geometry::{LAYERS, PARTITIONS, STRIPS};
use nn2hdl_muon::parameters::DESCRIBED;
use nn2hdl_muon::{Event, FileError, Parameters, Simulation, file};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{DataArgs, Detector};
use crate::directory::write_file_with;
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped, table};
use crate::simulation;
use crate::tensors::Stream;

/// Events of a file of arrays: 100,000 are 3.7 GB of bytes before they are packed.
const MOST_ARRAYS: u64 = 100_000;
const CHUNK: u64 = 1024;

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    file: String,
    format: &'static str,
    events: u64,
    seed: u64,
    hits_per_event: f64,
    muons_per_event: f64,
    bytes: u64,
    seconds: f64,
    peak_memory_bytes: Option<u64>,
    parameters: &'a Parameters,
}

#[derive(Serialize)]
struct Listed {
    schema: &'static str,
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    unit: &'static str,
    default: serde_json::Value,
    meaning: &'static str,
    source: &'static str,
}

#[derive(Default)]
struct Totals {
    events: u64,
    hits: u64,
    muons: u64,
}

impl Totals {
    fn add(&mut self, events: &[Event]) {
        self.events += events.len() as u64;
        self.hits += events.iter().map(|event| event.hits.len() as u64).sum::<u64>();
        self.muons += events.iter().map(|event| event.muons.len() as u64).sum::<u64>();
    }
}

pub fn run(args: &DataArgs, output: Output) -> Result<u8, Failure> {
    let Detector::Muon = args.detector;
    if args.parameters {
        list(output);
        return Ok(0);
    }
    let usage = "nn2hdl data muon --events N --seed S -o FILE";
    let Some(path) = &args.output else {
        return Err(Failure::usage("where to? `-o FILE` is missing", usage));
    };
    let Some(events) = args.events else {
        return Err(Failure::usage("how many events? `--events N` is missing", usage));
    };
    let simulation = simulation::muon(args.config.as_deref(), args.background)?;
    let arrays = path.extension().is_some_and(|extension| extension == "npz");
    if arrays && events > MOST_ARRAYS {
        let message = format!("{} events are too many for a file of arrays", grouped(events));
        let help =
            format!("at most {}; without `.npz` the file is packed and has no limit", grouped(MOST_ARRAYS));
        return Err(Failure::usage(message, help));
    }
    let begun = Instant::now();
    let progress = Progress::new();
    let total = if arrays { 2 * events } else { events };
    let mut say = |done: u64| progress.say("simulating events", done as usize, total as usize);
    let totals = write_file_with(path, |file| {
        let sample = (&simulation, args.seed, events);
        if arrays {
            write_arrays(file, path, sample, &mut say)
        } else {
            write_packed(file, path, sample, &mut say)
        }
    })?;
    drop(progress);
    let bytes = std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?.len();
    let written = Written {
        schema: "nn2hdl.data/1",
        file: path.display().to_string(),
        format: if arrays { "npz" } else { "muon events" },
        events,
        seed: args.seed,
        hits_per_event: totals.hits as f64 / events as f64,
        muons_per_event: totals.muons as f64 / events as f64,
        bytes,
        seconds: begun.elapsed().as_secs_f64(),
        peak_memory_bytes: peak_memory(),
        parameters: simulation.parameters(),
    };
    output.result(&written, &words(&written));
    Ok(0)
}

type Sample<'a> = (&'a Simulation, u64, u64);

fn write_packed(
    file: &mut File,
    path: &Path,
    (simulation, seed, events): Sample<'_>,
    say: &mut dyn FnMut(u64),
) -> Result<Totals, Failure> {
    let mut totals = Totals::default();
    let written = file::write_sample(BufWriter::new(file), simulation, seed, events, |events| {
        totals.add(events);
        say(totals.events);
    });
    match written {
        Ok(_) => Ok(totals),
        Err(FileError::Io(error)) => Err(Failure::file(path, &error)),
        Err(error) => Err(Failure::new("events", path.display().to_string(), error.to_string(), "")),
    }
}

/// One array after the other, each from its own run through the sample, so that no array is ever in memory.
fn write_arrays(
    file: &mut File,
    path: &Path,
    (simulation, seed, events): Sample<'_>,
    say: &mut dyn FnMut(u64),
) -> Result<Totals, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut stream = Stream::new(BufWriter::new(file));
    let shape = [events as usize, LAYERS, PARTITIONS, STRIPS];
    let mut totals = Totals::default();
    for (round, name) in ["x", "truth"].into_iter().enumerate() {
        stream.begin(name, &shape).map_err(failed)?;
        for first in (0..events).step_by(CHUNK as usize) {
            let chunk = first..(first + CHUNK).min(events);
            let made: Vec<Event> = chunk.into_par_iter().map(|n| simulation.event(seed, n)).collect();
            for event in &made {
                let image = if round == 0 { event.image() } else { event.truth() };
                stream.bytes(&image.bytes()).map_err(failed)?;
            }
            if round == 0 {
                totals.add(&made);
            }
            say(round as u64 * events + first + made.len() as u64);
        }
    }
    stream.finish().and_then(|mut out| out.flush()).map_err(failed)?;
    Ok(totals)
}

/// The most memory that this process has held, as Linux counts it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok().map(|kib: u64| kib * 1024)
}

fn words(written: &Written<'_>) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row("events", grouped(written.events)),
        row("seed", written.seed.to_string()),
        row("background", format!("{} × nominal", written.parameters.background)),
        row("hits per event", format!("{:.2}", written.hits_per_event)),
        row("muons per event", format!("{:.3}", written.muons_per_event)),
        row("bytes", grouped(written.bytes)),
        row("seconds", format!("{:.1}", written.seconds)),
    ];
    if let Some(peak) = written.peak_memory_bytes {
        rows.push(row("peak memory", format!("{} MiB", peak >> 20)));
    }
    format!("{}\nwrote {}\n", table(&rows), written.file)
}

fn list(output: Output) {
    let defaults = serde_json::to_value(Parameters::default()).unwrap_or_default();
    let parameters: Vec<Parameter> = (DESCRIBED.iter())
        .map(|d| {
            let default = defaults[d.name].clone();
            Parameter { name: d.name, unit: d.unit, default, meaning: d.meaning, source: d.source }
        })
        .collect();
    let mut words = String::new();
    for Parameter { name, unit, default, meaning, source } in &parameters {
        let value = match default {
            serde_json::Value::Array(values) => {
                values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
            value => value.to_string(),
        };
        words.push_str(&format!("{name} = {value} {unit}\n").replace(" \n", "\n"));
        words.push_str(&format!("    {meaning}\n    source: {source}\n"));
    }
    output.result(&Listed { schema: "nn2hdl.parameters/1", parameters }, &words);
}
