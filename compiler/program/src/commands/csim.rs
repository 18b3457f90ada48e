//! `cosim --hls`: C simulation against the emulator.

use nn2hdl_compiler::netlist::name::is_legal;
use nn2hdl_testbench::cosim::Design;
use nn2hdl_testbench::csim::{CDesign, CStage, CVerdict, CsimError, HlsToolchain, csim};
use serde::Serialize;

use super::cosim::{bench, emulator};
use crate::args::CosimArgs;
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped};

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    simulation: &'static str,
    #[serde(flatten)]
    verdict: &'a CVerdict,
    seed: u64,
}

/// Compares the HLS C++ of a design with its program on `frames` frames.
pub fn run(
    args: &CosimArgs,
    design: &Design,
    inputs: &[Vec<i64>],
    frames: usize,
    output: Output,
) -> Result<u8, Failure> {
    let folder = args.dir.join("hls");
    if !folder.is_dir() {
        let place = folder.display().to_string();
        return Err(Failure::new("no-design", place, "there is no HLS C++", "compile the model again"));
    }
    let top = design.signature.top.clone();
    if !is_legal(&top) {
        let place = args.dir.join("trace.json").display().to_string();
        let message = format!("`{top}` is no name of a function");
        return Err(Failure::new("damaged-design", place, message, "compile the model again"));
    }
    let toolchain = HlsToolchain::find().map_err(bench)?;
    let design = CDesign { folder, top, program: design.program.clone() };
    let progress = Progress::new();
    let mut say = |stage: CStage| {
        let what = match stage {
            CStage::Emulate => "emulating",
            CStage::Build => "building the simulation: C++",
            CStage::Simulate => "simulating",
        };
        progress.say(what, 0, 0);
    };
    let verdict = csim(&toolchain, &design, inputs, frames, &mut say).map_err(|error| match error {
        CsimError::Bench(error) => bench(error),
        CsimError::Emulate(error) => emulator(&error),
    })?;
    drop(progress);
    let report = Report { schema: "nn2hdl.cosim/1", simulation: "hls", verdict: &verdict, seed: args.seed };
    output.result(&report, &words(&verdict));
    Ok(if verdict.is_equal() { 0 } else { 3 })
}

fn words(verdict: &CVerdict) -> String {
    let (frames, rate) = (verdict.frames, verdict.frames as f64 / verdict.simulation_seconds);
    let mut text = format!(
        "{} frames in C simulation, {} mismatches; {} frames/s\n",
        grouped(frames as u64),
        verdict.mismatches,
        grouped(rate as u64)
    );
    if let Some(first) = &verdict.first_difference {
        text.push_str(&format!(
            "first difference: {}, frame {}, element {}: {} expected, {} found\n",
            first.layer, first.frame, first.element, first.expected, first.found
        ));
    }
    text.push_str(if verdict.is_equal() { "equal\n" } else { "DIFFERENT\n" });
    text
}
