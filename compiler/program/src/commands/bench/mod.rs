//! `bench`: images per second against buffer size, of everything that computes the network.

mod design;
mod emulator;
mod engine;
mod exchange;
#[cfg(feature = "train")]
mod float;
mod frames;
mod measure;
mod peer;
pub mod record;
pub mod words;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use nn2hdl_compiler::artifact::File;
use nn2hdl_runtime::Program;
use nn2hdl_testbench::Toolchain;
use serde::Serialize;

use super::lower;
use crate::args::{BenchArgs, BenchEngine};
use crate::directory::{Kind, Place};
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped};
use crate::settings::Settings;
use crate::watcher::Watcher;
use crate::{model, settings};
use engine::Engine;
use exchange::Exchange;
use frames::Frames;
use measure::{Contender, ROUNDS, line, measure};
use peer::Patience;
use record::{Machine, Point, Record, SCHEMA, Timing};

/// The model that is measured if none is named.
const DEFAULT: &str = "muon-window";
const NN2HDL: &str = concat!("nn2hdl ", env!("CARGO_PKG_VERSION"));
/// Look-up tables of a design from which Verilator is run only if it is named.
const LARGE: u64 = 500_000;
/// Memory that the codes of one buffer may take.
const MOST_BYTES: u64 = 8 << 30;

#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    record: &'a Record,
    directory: Option<String>,
}

pub fn run(args: &BenchArgs, output: Output) -> Result<u8, Failure> {
    if !(args.seconds > 0.0 && args.seconds <= 3600.0) {
        let message = format!("{} seconds for each point are not possible", args.seconds);
        return Err(Failure::usage(message, "`--seconds 0.8` is the default"));
    }
    let sizes: Vec<u32> =
        args.sizes.iter().copied().collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let place = args.output.as_deref().map(|path| Place::new(path, Kind::Bench)).transpose()?;
    if let Some(place) = &place {
        let parts = args.model.iter().flat_map(|model| std::iter::once(&**model).chain(model.split('+')));
        let model = parts.map(Path::new).filter(|path| path.is_file());
        args.with.iter().map(PathBuf::as_path).chain(model).try_for_each(|file| place.spare(file))?;
    }
    #[cfg(not(feature = "report"))]
    if place.is_some() {
        let help =
            "build it with `cargo build --release --features report`, or take the figures from `--json`";
        return Err(Failure::new("no-report", "", "this nn2hdl was built without reports", help));
    }
    let model = model::load(Some(args.model.as_deref().unwrap_or(DEFAULT)))?;
    let merged =
        args.with.iter().map(|path| record::load(path, &model.name)).collect::<Result<Vec<_>, _>>()?;
    let settings = settings::resolve(&args.design, &model)?;
    let progress = Progress::new();
    progress.say("reading the model", 0, 0);
    let program = lower(&model, &settings)?.program;
    check_room(&program, &sizes)?;
    let frames = Rc::new(Frames::new(&program)?);
    let mut exchange = Exchange::new(&model.bytes);
    exchange.float = trained(model.float, &program.input_value(0).shape).or(exchange.float);
    let folder = tempfile::tempdir().map_err(|error| Failure::new("file", "", error.to_string(), ""))?;
    let files = files(&exchange, &frames, &program)?;
    for file in &files {
        let path = folder.path().join(&file.path);
        std::fs::write(&path, &file.bytes).map_err(|error| Failure::file(&path, &error))?;
    }

    let unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let mut record = Record {
        schema: SCHEMA.into(),
        generator: NN2HDL.into(),
        model: model.name.clone(),
        command: std::iter::once("nn2hdl".into())
            .chain(std::env::args().skip(1))
            .collect::<Vec<_>>()
            .join(" "),
        unix_seconds,
        machine: Machine::here(),
        data: frames.described.clone(),
        seconds_per_point: args.seconds,
        rounds: ROUNDS,
        engines: Vec::new(),
    };
    let mut peers = Vec::new();
    for command in &args.peer {
        progress.say(command, 0, 0);
        peers.extend(peer::start(command, folder.path(), Patience::default())?);
    }
    let job = Job { args, program: &program, settings: &settings, frames: &frames, sizes: &sizes };
    let (firmware, mut contenders) = job.contenders(&exchange, folder.path(), &progress)?;
    contenders.extend(
        peers
            .into_iter()
            .map(|(about, peer)| Contender::new(about, peer.map(|peer| Box::new(peer) as Box<dyn Engine>))),
    );
    let mut say = |what: &str, done: usize, total: usize| progress.say(what, done, total);
    let engines = measure(contenders, &sizes, args.seconds, &mut say);
    record.merge(engines);
    record.merge(firmware.into_iter().collect());
    merged.into_iter().for_each(|engines| record.merge(engines));
    drop(progress);
    record.check_measured()?;

    let mut text = words::words(&record);
    if let Some(place) = &place {
        place.write(&written(&record, files)?)?;
    }
    let directory = args.output.as_ref().map(|path| path.display().to_string());
    if let Some(directory) = &directory {
        text.push_str(&format!("wrote {directory}\n"));
    }
    output.result(&Printed { record: &record, directory }, &text);
    Ok(0)
}

/// Refuses buffers that no memory holds.
fn check_room(program: &Program, sizes: &[u32]) -> Result<(), Failure> {
    let inputs = (0..program.inputs.len()).map(|n| program.input_value(n).len() as u64);
    let outputs = (0..program.outputs.len()).map(|n| program.output_value(n).len() as u64);
    let elements: u64 = inputs.chain(outputs).sum();
    let most = MOST_BYTES / 8 / elements.max(1);
    match sizes.iter().find(|&&size| u64::from(size) > most) {
        Some(size) => {
            let message = format!("a buffer of {size} images of {elements} elements is too large");
            Err(Failure::usage(message, format!("at most {most} images fit {} GiB", MOST_BYTES >> 30)))
        }
        None => Ok(()),
    }
}

/// The float network that a zoo model was quantized from, where it was trained here.
#[cfg(feature = "train")]
fn trained(stage: Option<&[u8]>, shape: &[usize]) -> Option<Vec<u8>> {
    float::of(stage?, shape)
}

#[cfg(not(feature = "train"))]
fn trained(_: Option<&[u8]>, _: &[usize]) -> Option<Vec<u8>> {
    None
}

/// What other runtimes need.
fn files(exchange: &Exchange, frames: &Frames, program: &Program) -> Result<Vec<File>, Failure> {
    let forms = [("float.onnx", &exchange.float), ("quantized.onnx", &exchange.quantized)];
    let mut files: Vec<File> = forms
        .into_iter()
        .filter_map(|(path, bytes)| Some(File { path: path.into(), bytes: bytes.clone()? }))
        .collect();
    files.push(File { path: "frames.npz".into(), bytes: frames.archive(program)? });
    files.push(File { path: "answers.npz".into(), bytes: frames.answers(program)? });
    Ok(files)
}

#[cfg(feature = "report")]
fn written(record: &Record, mut files: Vec<File>) -> Result<Vec<File>, Failure> {
    let (figure, page) = crate::report::bench(record)?;
    let mut json = serde_json::to_vec_pretty(record).unwrap_or_default();
    json.push(b'\n');
    files.push(File { path: "bench.json".into(), bytes: json });
    files.push(File { path: "bench.svg".into(), bytes: figure.into_bytes() });
    files.push(File { path: "bench.html".into(), bytes: page.into_bytes() });
    Ok(files)
}

#[cfg(not(feature = "report"))]
fn written(_: &Record, files: Vec<File>) -> Result<Vec<File>, Failure> {
    Ok(files)
}

struct Job<'a> {
    args: &'a BenchArgs,
    program: &'a Program,
    settings: &'a Settings,
    frames: &'a Rc<Frames>,
    sizes: &'a [u32],
}

fn about(name: &str, software: String, threads: Option<u32>) -> record::Engine {
    record::Engine {
        name: name.into(),
        software,
        threads,
        timing: Timing::Measured,
        notes: Vec::new(),
        unavailable: None,
        latency: None,
        points: Vec::new(),
        origin: None,
    }
}

/// An engine, or the reason why there is none.
fn contender<E: Engine + 'static>(mut about: record::Engine, engine: Result<E, String>) -> Contender {
    match engine {
        Ok(engine) => Contender::new(about, Some(Box::new(engine))),
        Err(message) => {
            about.unavailable = Some(line(&message));
            Contender::new(about, None)
        }
    }
}

impl Job<'_> {
    fn wants(&self, engine: BenchEngine) -> bool {
        self.args.engines.is_empty() || self.args.engines.contains(&engine)
    }

    /// The firmware's figures, and the engines that are to be measured.
    fn contenders(
        &self,
        exchange: &Exchange,
        folder: &Path,
        progress: &Progress,
    ) -> Result<(Option<record::Engine>, Vec<Contender>), Failure> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let mut contenders = Vec::new();
        if self.wants(BenchEngine::Candle) {
            contenders.push(self.candle(exchange, threads));
        }
        for (engine, name, one) in [
            (BenchEngine::EmulatorOne, "emulator, one thread", true),
            (BenchEngine::Emulator, "emulator, all threads", false),
        ] {
            if self.wants(engine) {
                let about = about(name, NN2HDL.into(), Some(if one { 1 } else { threads }));
                let emulated = emulator::Emulated::new(self.program, Rc::clone(self.frames), one);
                contenders.push(contender(about, emulated));
            }
        }
        let mut firmware = None;
        if self.wants(BenchEngine::Verilator) || self.wants(BenchEngine::Firmware) {
            let mut say = |what: &str| progress.say(what, 0, 0);
            let watcher = Watcher::new(progress, None, self.settings.target.effort);
            let compiled = design::compile(self.program, self.settings, folder, &watcher);
            if self.wants(BenchEngine::Verilator) {
                contenders.push(self.verilator(&compiled, &mut say));
            }
            firmware = self.wants(BenchEngine::Firmware).then(|| self.firmware(&compiled));
        }
        Ok((firmware, contenders))
    }

    #[cfg(feature = "train")]
    fn candle(&self, exchange: &Exchange, threads: u32) -> Contender {
        let about = about("candle, float", nn2hdl_train::CANDLE.into(), Some(threads));
        let network = match &exchange.float {
            Some(onnx) => float::Candle::new(onnx, Rc::clone(self.frames)),
            None => {
                Err(exchange.notes.first().cloned().unwrap_or_else(|| "there is no float network".into()))
            }
        };
        contender(about, network)
    }

    #[cfg(not(feature = "train"))]
    fn candle(&self, _: &Exchange, _: u32) -> Contender {
        let mut about = about("candle, float", "candle".into(), None);
        let help = "build it with `cargo build --release --features train`";
        about.unavailable = Some(format!("this nn2hdl was built without candle; {help}"));
        Contender::new(about, None)
    }

    fn verilator(&self, compiled: &Result<design::Compiled, String>, say: &mut dyn FnMut(&str)) -> Contender {
        let toolchain = Toolchain::find();
        let software =
            toolchain.as_ref().map_or("Verilator".into(), |tools| tools.verilator_version().to_owned());
        let about = about("Verilator", software, Some(1));
        let named = self.args.engines.contains(&BenchEngine::Verilator);
        let built = match (compiled, toolchain) {
            (Err(message), _) => Err(message.clone()),
            (Ok(compiled), _) if compiled.report.lut_estimate > LARGE && !named => Err(format!(
                "about {} look-up tables take Verilator long to build; ask for a larger II, or name `--engines verilator`",
                grouped(compiled.report.lut_estimate)
            )),
            (_, Err(error)) => Err(error.to_string()),
            (Ok(compiled), Ok(tools)) => {
                design::Verilated::new(&tools, compiled, Rc::clone(self.frames), say)
            }
        };
        contender(about, built)
    }

    /// One image every II cycles, whatever the size of the buffer.
    fn firmware(&self, compiled: &Result<design::Compiled, String>) -> record::Engine {
        let mut about = about("firmware", NN2HDL.into(), None);
        about.timing = Timing::Model;
        match compiled {
            Err(message) => about.unavailable = Some(line(message)),
            Ok(compiled) => {
                let rate = compiled.rate();
                let point = |&size: &u32| Point {
                    size,
                    images_per_second: Some(rate),
                    rounds: Vec::new(),
                    skipped: None,
                };
                about.points = self.sizes.iter().map(point).collect();
                about.latency = Some(compiled.latency());
                let report = &compiled.report;
                about.notes.push(format!(
                    "model: {} MHz ÷ II {}; latency {} cycles to the last beat; nothing has been placed and routed",
                    report.clock_mhz, report.ii_cycles, report.latency_last_cycles
                ));
            }
        }
        about
    }
}
