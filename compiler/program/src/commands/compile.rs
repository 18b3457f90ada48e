//! `compile`: a model becomes a directory.

use std::path::Path;
use std::time::Duration;

use nn2hdl_compiler::artifact::{self, Artifacts, File, Report};
use nn2hdl_compiler::cmvm::Effort;
use serde::Serialize;

use super::{lower, observe};
use crate::args::{CompileArgs, Tried};
use crate::directory::{Kind, Place};
use crate::failure::Failure;
use crate::forecast::forecast;
use crate::output::{Output, Progress, grouped, table};
use crate::report::{self, Design};
use crate::watcher::Watcher;
use crate::{model, settings};

#[derive(Serialize)]
struct Compiled<'a> {
    schema: &'static str,
    directory: String,
    files: Vec<&'a str>,
    report: &'a Report,
}

pub fn run(args: &CompileArgs, output: Output) -> Result<u8, Failure> {
    let model = model::load(args.model.as_deref())?;
    let mut settings = settings::resolve(&args.design, &model)?;
    let place = Place::new(&args.output, Kind::Design)?;
    let budget = budget(args, settings.target.effort)?;
    if budget.is_some() {
        settings.target.effort = Effort::Thorough { times: u32::MAX };
    }
    let progress = Progress::new();
    progress.say("reading the model", 0, 0);
    let lowered = lower(&model, &settings)?;
    if let Some(problem) = forecast(&lowered.program, settings.target.ii).refusal(&model.name) {
        return Err(Failure::from(problem).about(&model.origin));
    }
    let watcher = Watcher::new(&progress, budget, settings.target.effort);
    let Artifacts { report, probes, mut files, .. } =
        artifact::compile(&lowered.program, &settings.target, lowered.notes, &watcher)
            .map_err(|problem| Failure::from(problem).about(&model.origin))?;
    progress.say("writing", 0, 0);
    let page = report::design(&Design { program: &lowered.program, report: &report, probes: &probes })?;
    files.push(File { path: "report.html".into(), bytes: page.into_bytes() });
    files.push(File { path: "observe.json".into(), bytes: observe(&model, &settings)?.to_bytes() });
    place.write(&files)?;
    drop(progress);

    let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let words = words(&report, &names, &args.output);
    let directory = args.output.display().to_string();
    output.result(&Compiled { schema: "nn2hdl.compile/1", directory, files: names, report: &report }, &words);
    Ok(0)
}

/// The seconds of `--budget`.
fn budget(args: &CompileArgs, resolved: Effort) -> Result<Option<Duration>, Failure> {
    let Some(seconds) = args.budget else { return Ok(None) };
    if args.design.effort == Some(Tried::Default) || resolved == Effort::Fast {
        let message = format!("the effort `{resolved}` takes no budget");
        return Err(Failure::usage(message, "leave out `--effort` or `--budget`"));
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(budget) if seconds > 0.0 => Ok(Some(budget)),
        _ => Err(Failure::usage(
            format!("a budget of {seconds} seconds is not possible"),
            "`--budget 60` takes a minute",
        )),
    }
}

fn words(report: &Report, files: &[&str], dir: &Path) -> String {
    let verilog = files.iter().filter(|file| file.ends_with(".v")).count();
    let dir = dir.display();
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut text = table(&[
        row("model", report.model.clone()),
        row("clock", format!("{} MHz", report.clock_mhz)),
        row("latency", format!("{} cycles, {:.1} ns", report.latency_last_cycles, report.latency_ns)),
        row("initiation interval", format!("{} cycles", report.ii_cycles)),
        row("adders", grouped(report.adders)),
        row("LUT, FF (model)", format!("{}, {}", grouped(report.lut_estimate), grouped(report.ff_estimate))),
        row("DSP, BRAM", format!("{}, {}", report.dsp, report.bram)),
        row("nonzero weights", grouped(report.nonzero_weights as u64)),
        row("Verilog", format!("{verilog} files, top `{}`", report.top)),
        row("HLS C++", format!("hls/{0}.cpp, top `{0}`", report.top)),
    ]);
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&format!(
        "\nwrote {dir}; next: `nn2hdl cosim {dir}` checks it in Verilator, with `--hls` the C++ in g++\n"
    ));
    text
}
