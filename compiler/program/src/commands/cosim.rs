//! `cosim`: Verilator, or C simulation, against the emulator.

use std::path::PathBuf;

use nn2hdl_runtime::EmulateError;
use nn2hdl_testbench::cosim::{ArrivalVerdict, CosimError, Settings, Stage, Verdict, cosim, random_codes};
use nn2hdl_testbench::stimulus::Arrival;
use nn2hdl_testbench::{Error, Progress as Build, Toolchain};
use serde::Serialize;

use super::csim;
use crate::args::CosimArgs;
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped};
use crate::{design, tensors};

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    #[serde(flatten)]
    verdict: &'a Verdict,
    seed: u64,
}

pub fn run(args: &CosimArgs, output: Output) -> Result<u8, Failure> {
    let design = design::load(&args.dir)?;
    let (inputs, frames) = match &args.input {
        Some(source) => {
            let frames = tensors::read_frames(source, &design.program, args.raw)?;
            (frames.codes, frames.count)
        }
        None => {
            let frames = args.random.unwrap_or(1000) as usize;
            (random_codes(&design.program, frames, args.seed), frames)
        }
    };
    if frames == 0 {
        return Err(Failure::new(
            "no-frames",
            args.input.as_deref().unwrap_or(""),
            "there are no frames to compare",
            "",
        ));
    }
    if args.hls {
        return csim::run(args, &design, &inputs, frames, output);
    }
    let toolchain = Toolchain::find().map_err(bench)?;
    let settings = Settings { seed: args.seed, waveforms: vec![args.dir.clone(), PathBuf::from(".")] };
    let progress = Progress::new();
    let mut say = |stage: Stage| {
        let (what, done, total) = describe(stage);
        progress.say(&what, done, total);
    };
    let verdict =
        cosim(&toolchain, &design, &inputs, frames, &settings, &mut say).map_err(|error| match error {
            CosimError::Bench(error) => bench(error),
            CosimError::Emulate(error) => emulator(&error),
            CosimError::Inconsistent(message) => Failure::new(
                "damaged-design",
                args.dir.display().to_string(),
                message,
                "compile the model again",
            ),
        })?;
    drop(progress);
    output.result(&Report { schema: "nn2hdl.cosim/1", verdict: &verdict, seed: args.seed }, &words(&verdict));
    Ok(if verdict.is_equal() { 0 } else { 3 })
}

/// The emulator refused what `compile` wrote.
pub(super) fn emulator(error: &EmulateError) -> Failure {
    Failure::new("emulator", "", error.to_string(), "compile the model again")
}

/// Errors of the bench carry their own way out in the text.
pub(super) fn bench(error: Error) -> Failure {
    let text = error.to_string();
    let (message, help) = text.split_once("\nhelp: ").unwrap_or((&text, ""));
    Failure::new("simulation", "", message, help)
}

fn describe(stage: Stage) -> (String, usize, usize) {
    let build = |what: &str, step: Build| match step {
        Build::Cached => (format!("{what}: from the cache"), 1, 1),
        Build::Verilating => (format!("{what}: Verilator"), 0, 0),
        Build::Compiling { done, total } => (format!("{what}: C++"), done, total),
        Build::Linking => (format!("{what}: linking"), 1, 1),
    };
    match stage {
        Stage::Lint => ("lint".into(), 0, 0),
        Stage::Emulate => ("emulating".into(), 0, 0),
        Stage::Build(step) => build("building the simulation", step),
        Stage::Simulate(arrival) => (format!("simulating, {}", pattern(arrival)), 0, 0),
        Stage::BuildTraced(step) => build("building the simulation with waveforms", step),
        Stage::Locate => ("looking for the first difference".into(), 0, 0),
    }
}

fn pattern(arrival: Arrival) -> &'static str {
    match arrival {
        Arrival::BackToBack => "back to back",
        Arrival::Gaps => "gaps",
        Arrival::ResetMidStream => "reset in mid-stream",
    }
}

fn words(verdict: &Verdict) -> String {
    let figure = |figure: Option<usize>| figure.map_or("?".into(), |figure| figure.to_string());
    let mut text = format!(
        "{} frames, {} mismatches; latency {} cycles (last beat {}), II {} cycles, as measured\n",
        grouped(verdict.frames as u64),
        verdict.mismatches,
        figure(verdict.latency_cycles),
        figure(verdict.latency_last_cycles),
        figure(verdict.ii_cycles),
    );
    for ArrivalVerdict { arrival, cycles, sent, mismatches, fault_count, .. } in &verdict.runs {
        let (cycles, sent) = (grouped(*cycles as u64), grouped(*sent as u64));
        text.push_str(&format!(
            "  {}: {sent} frames in {cycles} cycles, {mismatches} mismatches, {fault_count} faults in time\n",
            pattern(*arrival)
        ));
    }
    if let Some(lint) = &verdict.lint {
        text.push_str(&format!("lint is not content:\n{lint}\n"));
    }
    if let Some(first) = &verdict.first_difference {
        let path =
            if first.path.is_empty() { String::new() } else { format!(" in {}", first.path.join(" / ")) };
        text.push_str(&format!("first difference: layer {}{path}, frame {}", first.layer, first.frame));
        if let Some(element) = first.element {
            text.push_str(&format!(", element {element}"));
        }
        text.push_str(&format!(", cycle {} ({} into the frame)", first.cycle, first.cycle_in_frame));
        if let (Some(expected), Some(found)) = (first.expected, first.found) {
            text.push_str(&format!(
                ": {expected} expected, {found} on {}",
                if first.wire.is_empty() { "a constant" } else { &first.wire }
            ));
        }
        text.push('\n');
    }
    if let Some(path) = &verdict.waveform {
        text.push_str(&format!("waveform: {}\n", path.display()));
    }
    for note in &verdict.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(if verdict.is_equal() { "equal\n" } else { "DIFFERENT\n" });
    text
}
