//! `eval`: physics metrics of networks and of the road finder.

pub mod chamber;
#[cfg(feature = "train")]
mod float;
mod network;
pub mod real;
pub mod words;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

use nn2hdl_muon::metrics::observe::ObserveError;
use nn2hdl_muon::metrics::sample::Described;
use nn2hdl_muon::metrics::{Bins, Condition, Evaluation, Gallery, Roads, Sample, Scorer, evaluate};
use nn2hdl_muon::{Event, Parameters, Reader, Simulation};
use serde::Serialize;

use crate::args::EvalArgs;
use crate::directory::{can_write, write_file};
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped};
use crate::simulation;
use network::{Marks, Network};
use real::OnReal;

const EVENTS: u64 = 10_000;
/// Factors on the nominal background.
const BACKGROUNDS: [f64; 2] = [1.0, 5.0];
const MAJORITIES: [usize; 2] = [4, 5];

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    seconds: f64,
    networks: Vec<Checked<'a>>,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
    real: &'a [OnReal],
    report: Option<String>,
}

/// A network whose mask was compared with its score.
#[derive(Serialize)]
struct Checked<'a> {
    network: &'a str,
    mask_is_score_at_threshold: Option<bool>,
    marks: Option<Marks>,
}

pub fn run(args: &EvalArgs, output: Output) -> Result<u8, Failure> {
    if args.what.iter().any(|name| name == "chamber") {
        if args.what.len() > 1 {
            let help = "`nn2hdl eval chamber` looks at the simulation, all other names are measured together";
            return Err(Failure::usage("`chamber` stands alone", help));
        }
        return chamber::run(args, output);
    }
    can_report(args.output.as_deref())?;
    let begun = Instant::now();
    if !(args.fake_rate > 0.0 && args.fake_rate < 1.0) {
        return Err(Failure::usage(
            format!("a fake rate of {} is not possible", args.fake_rate),
            "0.01 is 1 %",
        ));
    }
    let chambers = args.real.as_deref().map(real::load).transpose()?;
    let conditions = conditions(args)?;
    let names = args.what.iter().filter(|name| *name != "road-finder");
    let networks: Vec<Network> = names.map(|name| Network::load(name)).collect::<Result<_, _>>()?;
    let floats = floats(args)?;
    let roads = MAJORITIES.map(Roads::new);
    let scorers: Vec<&dyn Scorer> = (networks.iter().map(|network| network as &dyn Scorer))
        .chain(floats.iter().map(AsRef::as_ref))
        .chain(roads.iter().map(|roads| roads as &dyn Scorer))
        .collect();

    let progress = Progress::new();
    let mut gallery = Gallery::new(BACKGROUNDS.len());
    let mut look = |condition: usize, thresholds: &[f32], event: &Event, scores: &[&[f32]]| {
        gallery.look(condition, event, scores[0], thresholds[0]);
    };
    let mut stage = |what: &str, done: u64, total: u64| progress.say(what, done as usize, total as usize);
    let evaluation = evaluate(&scorers, conditions, args.fake_rate, Bins::default(), &mut look, &mut stage)
        .map_err(|error| failed(error, args.test.as_deref()))?;
    let thresholds = evaluation.scorers.iter().map(|working| working.chosen.threshold);
    let real = match &chambers {
        Some(chambers) => (scorers.iter().zip(thresholds))
            .map(|(scorer, threshold)| real::run(chambers, *scorer, threshold))
            .collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    drop(progress);

    let checked: Vec<Checked<'_>> = (networks.iter())
        .map(|network| Checked {
            network: network.name(),
            mask_is_score_at_threshold: network.marks().map(|marks| marks.agree()),
            marks: network.marks(),
        })
        .collect();
    let mut text = words::words(&evaluation);
    if !real.is_empty() {
        text.push_str(&real::words(&real));
    }
    text.push_str(&masks(&checked));
    let differ = checked.iter().any(|checked| checked.mask_is_score_at_threshold == Some(false));
    let report = Report {
        schema: "nn2hdl.eval/1",
        seconds: begun.elapsed().as_secs_f64(),
        networks: checked,
        evaluation: &evaluation,
        real: &real,
        report: args.output.as_ref().map(|path| path.display().to_string()),
    };
    write_report(args.output.as_deref(), || report_of(&evaluation, gallery, &real))?;
    if let Some(file) = &report.report {
        text.push_str(&format!("wrote {file}\n"));
    }
    output.result(&report, &text);
    Ok(if differ { 3 } else { 0 })
}

#[cfg(feature = "report")]
fn report_of(evaluation: &Evaluation, gallery: Gallery, real: &[OnReal]) -> Result<String, Failure> {
    crate::report::evaluation(evaluation, &gallery.examples(), real)
}

#[cfg(not(feature = "report"))]
fn report_of(_: &Evaluation, _: Gallery, _: &[OnReal]) -> Result<String, Failure> {
    Err(without_reports())
}

#[cfg(not(feature = "report"))]
fn without_reports() -> Failure {
    let help = "build it with `cargo build --release --features report`";
    Failure::new("no-report", "", "this nn2hdl was built without reports", help)
}

/// Refuses a report that could not be written, before any work.
fn can_report(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    if path.is_dir() {
        return Err(Failure::usage(format!("{}: is a directory", path.display()), "name the report's file"));
    }
    #[cfg(not(feature = "report"))]
    return Err(without_reports());
    #[cfg(feature = "report")]
    can_write(path)
}

fn write_report(path: Option<&Path>, page: impl FnOnce() -> Result<String, Failure>) -> Result<(), Failure> {
    match path {
        Some(path) => write_file(path, page()?.as_bytes()),
        None => Ok(()),
    }
}

/// The float networks of the zoo models named, if they were asked for.
#[cfg(feature = "train")]
fn floats(args: &EvalArgs) -> Result<Vec<Box<dyn Scorer>>, Failure> {
    let models = args.what.iter().filter(|_| args.float).filter_map(|name| nn2hdl_models::find(name));
    let floats = models.filter_map(float::Float::of);
    floats.map(|float| float.map(|float| Box::new(float) as Box<dyn Scorer>)).collect()
}

#[cfg(not(feature = "train"))]
fn floats(args: &EvalArgs) -> Result<Vec<Box<dyn Scorer>>, Failure> {
    if args.float {
        let help = "build it with `cargo build --release --features train`";
        return Err(Failure::new("no-train", "--float", "this nn2hdl was built without training", help));
    }
    Ok(Vec::new())
}

fn masks(checked: &[Checked<'_>]) -> String {
    let mut text = String::new();
    let score = |score: Option<f64>| score.map_or("none".into(), |score| score.to_string());
    for Checked { network, marks, .. } in checked {
        let Some(marks) = marks else { continue };
        let hits = grouped(marks.hits);
        let line = if marks.agree() {
            let least = score(marks.least_marked);
            format!("{network}: on {hits} hits `mask` is `score` ≥ a threshold; least marked score {least}\n")
        } else {
            format!(
                "{network}: `mask` is NOT `score` ≥ a threshold: least marked score {}, greatest unmarked {}, {} marked \
                 voxels without a hit\n",
                score(marks.least_marked),
                score(marks.greatest_unmarked),
                marks.marked_without_hit
            )
        };
        text.push('\n');
        text.push_str(&line);
    }
    text
}

fn failed(error: ObserveError, test: Option<&Path>) -> Failure {
    match (error, test) {
        (ObserveError::File(error), Some(path)) => unreadable(path, &error.to_string()),
        (error, _) => Failure::new("eval", "", error.to_string(), ""),
    }
}

fn unreadable(path: &Path, message: &str) -> Failure {
    let help = "`nn2hdl data muon` writes such a file";
    Failure::new("events", "", message, help).about(path.display().to_string())
}

/// The samples: a file of events stands for the test sample of its background.
fn conditions(args: &EvalArgs) -> Result<Vec<Condition<'static>>, Failure> {
    let mut from_file = None;
    let (mut base, mut seed, mut events) = match &args.test {
        None => {
            let simulation = simulation::muon(args.config.as_deref(), None)?;
            (simulation.parameters().clone(), args.seed, args.events.unwrap_or(EVENTS))
        }
        Some(_) => (Parameters::default(), args.seed, EVENTS),
    };
    if let Some(path) = &args.test {
        let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
        let reader =
            Reader::new(BufReader::new(file)).map_err(|error| unreadable(path, &error.to_string()))?;
        let header = reader.header().clone();
        (base, seed, events) = (header.parameters, header.seed, header.events);
        if !BACKGROUNDS.contains(&base.background) {
            let message = format!("its background is {} × nominal", base.background);
            let help = "networks are tested at 1 and 5 × the nominal background";
            return Err(Failure::new("events", "", message, help).about(path.display().to_string()));
        }
        let described = Described {
            origin: path.display().to_string(),
            seed,
            events,
            muons: None,
            parameters: base.clone(),
        };
        from_file = Some((base.background, Sample::read(described, reader)));
    }
    if seed == args.calibration_seed {
        let message = format!("seed {seed} is that of the calibration samples too");
        return Err(Failure::usage(message, "thresholds are chosen on other events: `--calibration-seed S`"));
    }
    let mut conditions = Vec::new();
    for background in BACKGROUNDS {
        let parameters = Parameters { background, ..base.clone() };
        let simulation = Simulation::new(parameters)
            .map_err(|error| Failure::new("parameter", error.name, error.problem, ""))?;
        let simulated = |seed, muons| Sample::simulated(simulation.clone(), seed, events, muons);
        let test = match from_file.take_if(|(of_file, _)| *of_file == background) {
            Some((_, sample)) => sample,
            None => simulated(seed, None),
        };
        conditions.push(Condition {
            name: format!("background × {background}"),
            calibration: simulated(args.calibration_seed, Some(0)),
            test,
        });
    }
    Ok(conditions)
}
