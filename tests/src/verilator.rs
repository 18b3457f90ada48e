//! A program's Verilog in Verilator against the emulator.

use std::fs;

use nn2hdl_compiler::artifact::{self, Artifacts, File};
use nn2hdl_compiler::netlist::Target;
use nn2hdl_runtime::Program;
use nn2hdl_runtime::interface::{Probe, Signature};
use nn2hdl_testbench::Toolchain;
use nn2hdl_testbench::cosim::{self, Design, Settings, Verdict};

use crate::design::evaluate;
use crate::random::{codes, emulate};

/// Compiles `program` and runs `frames` frames of random codes: in every arrival pattern each output code, the latency
/// and the initiation interval must be as promised, without a lint warning.
///
/// # Panics
/// On any difference, and if Verilator is missing.
pub fn cosim(program: &Program, ii: u32, frames: usize) -> Verdict {
    let verdict = verdict(program, ii, &codes(program, frames, 1), frames);
    assert!(verdict.is_equal(), "{}: {verdict:#?}", program.name);
    verdict
}

/// What Verilator says of `program` compiled for an initiation interval.
///
/// # Panics
/// If the program cannot be compiled or Verilator is missing.
pub fn verdict(program: &Program, ii: u32, inputs: &[Vec<i64>], frames: usize) -> Verdict {
    verdict_on(program, ii, inputs, frames, &|_| {})
}

/// As [`verdict`], on files that `damage` has changed.
///
/// # Panics
/// If the program cannot be compiled or Verilator is missing.
pub fn verdict_on(
    program: &Program,
    ii: u32,
    inputs: &[Vec<i64>],
    frames: usize,
    damage: &dyn Fn(&mut Vec<File>),
) -> Verdict {
    let mut artifacts = compile(program, ii);
    damage(&mut artifacts.files);
    simulate(program, &artifacts, inputs, frames)
}

/// `program` compiled for an initiation interval: its netlist, and the files that Verilator reads.
///
/// # Panics
/// If the program cannot be compiled.
pub fn compile(program: &Program, ii: u32) -> Artifacts {
    let target = Target { ii, ..Target::default() };
    artifact::compile(program, &target, Vec::new(), &())
        .unwrap_or_else(|problem| panic!("{}: {problem}", program.name))
}

/// What Verilator says of a compiled program.
///
/// # Panics
/// If Verilator is missing.
pub fn simulate(program: &Program, artifacts: &Artifacts, inputs: &[Vec<i64>], frames: usize) -> Verdict {
    let folder = tempfile::tempdir().expect("a folder for the design");
    let mut sources = Vec::new();
    for file in &artifacts.files {
        let path = folder.path().join(&file.path);
        fs::create_dir_all(path.parent().expect("files lie in the folder")).expect("a folder");
        fs::write(&path, &file.bytes).expect("a file of the design");
        if file.path.ends_with(".v") {
            sources.push(path);
        }
    }
    let signature: Signature = artifacts.netlist.signature.clone();
    let probes: Vec<Probe> = artifacts.probes.clone();
    let replicated = artifacts.netlist.replicated();
    let design = Design { sources, program: program.clone(), signature, probes, replicated };
    let toolchain = Toolchain::find().unwrap_or_else(|error| panic!("{error}"));
    let settings = Settings { seed: 1, waveforms: vec![folder.path().to_owned()] };
    cosim::cosim(&toolchain, &design, inputs, frames, &settings, &mut |_| {})
        .unwrap_or_else(|error| panic!("{}: {error}", program.name))
}

/// Evaluator, on at most `evaluated` frames of random codes, and Verilator: every code, the latency, and last output −
/// first input = latency + (N − 1) · II.
///
/// # Panics
/// On any difference, and if Verilator is missing.
pub fn both(program: &Program, ii: u32, evaluated: usize, frames: usize) {
    let artifacts = compile(program, ii);
    let signature = &artifacts.netlist.signature;
    let few = frames.min(evaluated);
    let inputs = codes(program, few, 2);
    let found = evaluate(&artifacts.netlist, &inputs, few, None);
    assert_eq!(found.outputs, emulate(program, &inputs, few), "{}: evaluator", program.name);
    let promised = signature.latency_last_cycles + (few as u32 - 1) * signature.ii_cycles;
    assert_eq!(found.last[few - 1] - found.sent[0], promised as usize, "{}", program.name);
    let verdict = simulate(program, &artifacts, &codes(program, frames, 1), frames);
    assert!(verdict.is_equal(), "{}: {verdict:#?}", program.name);
    assert_eq!(verdict.ii_cycles, Some(signature.ii_cycles as usize), "{}", program.name);
    assert_eq!(verdict.latency_cycles, Some(signature.latency_cycles as usize), "{}", program.name);
    println!(
        "{}: II {}, latency {} cycles, {frames} frames back to back, with gaps and through a reset, 0 differing bits",
        program.name, signature.ii_cycles, signature.latency_cycles
    );
}
