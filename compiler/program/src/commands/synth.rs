//! `synth`: Yosys on an emitted design.

use serde::Serialize;

use crate::args::SynthArgs;
use crate::design;
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped, table};
use crate::synthesis::{Usage, synthesize};

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    tool: &'a str,
    family: &'a str,
    flatten: bool,
    #[serde(flatten)]
    total: Usage,
    lut_estimate: Option<u64>,
    ff_estimate: Option<u64>,
    per_layer: Vec<Layer<'a>>,
}

#[derive(Serialize)]
struct Layer<'a> {
    module: &'a str,
    instances: u64,
    #[serde(flatten)]
    usage: Usage,
}

pub fn run(args: &SynthArgs, output: Output) -> Result<u8, Failure> {
    let design = design::load(&args.dir)?;
    let estimates = design::report(&args.dir)?;
    let estimate = |key: &str| estimates[key].as_u64();
    let legal = |c: char| c.is_ascii_alphanumeric();
    if args.family.is_empty() || !args.family.chars().all(legal) {
        return Err(Failure::usage(
            format!("`{}` is no family of devices", args.family),
            "use one of Yosys' synth_xilinx, such as xcup, xcu or xc7",
        ));
    }
    let progress = Progress::new();
    let mut say = |what: &str, done: usize, total: usize| progress.say(what, done, total);
    let found = synthesize(&design.sources, &design.signature.top, &args.family, args.flatten, &mut say)?;
    drop(progress);
    let layers = found.layers.iter();
    let report = Report {
        schema: "nn2hdl.synth/1",
        tool: &found.tool,
        family: &args.family,
        flatten: args.flatten,
        total: found.total,
        lut_estimate: estimate("lut_estimate"),
        ff_estimate: estimate("ff_estimate"),
        per_layer: layers
            .map(|layer| Layer { module: &layer.module, instances: layer.instances, usage: layer.usage })
            .collect(),
    };
    output.result(&report, &words(&report));
    Ok(0)
}

fn words(report: &Report<'_>) -> String {
    let row = |name: String, instances: String, usage: &Usage| {
        let Usage { lut, ff, carry, dsp, bram } = *usage;
        let counts = [lut, ff, carry, dsp, bram].map(grouped);
        [name, instances].into_iter().chain(counts).collect::<Vec<String>>()
    };
    let head = ["module", "instances", "LUT", "FF", "carry", "DSP", "BRAM 18k"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for layer in &report.per_layer {
        rows.push(row(layer.module.to_owned(), layer.instances.to_string(), &layer.usage));
    }
    rows.push(row("total".into(), String::new(), &report.total));
    let how = if report.flatten { "flattened" } else { "hierarchy kept" };
    let mut text = format!("{}, synth_xilinx -family {} -nodsp, {how}\n", report.tool, report.family);
    text.push_str(&table(&rows));
    if let (Some(lut), Some(ff)) = (report.lut_estimate, report.ff_estimate) {
        let ratio = |found: u64, estimate: u64| found as f64 / estimate.max(1) as f64;
        text.push_str(&format!(
            "the report's model: {} LUT, {} FF; Yosys over model: {:.2}, {:.2}\n",
            grouped(lut),
            grouped(ff),
            ratio(report.total.lut, lut),
            ratio(report.total.ff, ff)
        ));
    }
    text
}
