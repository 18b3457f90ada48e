//! The design: Verilator, and the firmware's own figures.

use std::path::Path;
use std::rc::Rc;

use nn2hdl_compiler::artifact::{self, Artifacts, Report};
use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::netlist::Watch;
use nn2hdl_runtime::{Emulator, Program};
use nn2hdl_testbench::Progress as Build;
use nn2hdl_testbench::Toolchain;
use nn2hdl_testbench::cosim::{Design, Simulation};

use super::engine::{Ask, Burst, Engine, repeat};
use super::frames::Frames;
use super::record::Latency;
use crate::forecast::forecast;
use crate::settings::Settings;

/// Frames whose answers are compared with the emulator's before anything is measured.
const COMPARED: usize = 4;
/// Cycles of one buffer.
const MOST_ROWS: u64 = 1 << 22;

/// A compiled design, and its report.
pub struct Compiled {
    design: Design,
    /// Clock, II and latency.
    pub report: Report,
}

/// Compiles a program and writes its Verilog into `dir`.
///
/// # Errors
/// Why there is no design of it.
pub fn compile(
    program: &Program,
    settings: &Settings,
    dir: &Path,
    watch: &dyn Watch,
) -> Result<Compiled, String> {
    let told = |problem: Diagnostic| match problem.help.is_empty() {
        true => problem.message,
        false => format!("{}; {}", problem.message, problem.help),
    };
    if let Some(problem) = forecast(program, settings.target.ii).refusal(&program.name) {
        return Err(told(problem));
    }
    let made = artifact::compile(program, &settings.target, Vec::new(), watch).map_err(told)?;
    let Artifacts { netlist, report, probes, files } = made;
    let list = files.iter().find(|file| file.path == "rtl/files.f");
    let list = list.map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default();
    let mut sources = Vec::new();
    for name in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let wanted = format!("rtl/{name}");
        let path = dir.join(name);
        let file = files.iter().find(|file| file.path == wanted).map(|file| file.bytes.as_slice());
        std::fs::write(&path, file.unwrap_or_default())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        sources.push(path);
    }
    let replicated = netlist.replicated();
    let signature = netlist.signature;
    let design = Design { sources, program: program.clone(), signature, probes, replicated };
    Ok(Compiled { design, report })
}

impl Compiled {
    /// Images per second of the firmware: one every II cycles.
    pub fn rate(&self) -> f64 {
        self.report.clock_mhz * 1e6 / f64::from(self.report.ii_cycles)
    }

    /// From the first beat in to the last beat out.
    pub fn latency(&self) -> Latency {
        let us = self.report.latency_ns / 1e3;
        Latency { median_us: us, p99_us: Some(us), count: 0 }
    }
}

/// The design in Verilator.
pub struct Verilated {
    simulation: Simulation,
    frames: Rc<Frames>,
    rows_per_image: u64,
}

impl Verilated {
    /// Builds the simulation, or takes it from the cache, and compares a few frames with the emulator.
    ///
    /// # Errors
    /// Why there is no simulation to be trusted.
    pub fn new(
        toolchain: &Toolchain,
        compiled: &Compiled,
        frames: Rc<Frames>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let design = &compiled.design;
        let mut progress = |step: Build| match step {
            Build::Cached => say("Verilator: from the cache"),
            Build::Verilating => say("Verilator: Verilog to C++"),
            Build::Compiling { done, total } => say(&format!("Verilator: C++ file {done} of {total}")),
            Build::Linking => say("Verilator: linking"),
        };
        let simulation =
            Simulation::build(toolchain, design, &mut progress).map_err(|error| error.to_string())?;
        let rows_per_image = design.signature.ii_cycles.into();
        let mut verilated = Self { simulation, frames, rows_per_image };
        verilated.compare(&design.program)?;
        Ok(verilated)
    }

    fn compare(&mut self, program: &Program) -> Result<(), String> {
        let few = self.frames.count.min(COMPARED);
        let cut = |codes: &Vec<i64>| codes[..codes.len() / self.frames.count * few].to_vec();
        let inputs: Vec<Vec<i64>> = self.frames.codes.iter().map(cut).collect();
        let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
        let emulator = Emulator::new(program).map_err(|error| error.to_string())?;
        let expected = emulator.run(&slices, few).map_err(|error| error.to_string())?;
        let told = |error: nn2hdl_testbench::Error| error.to_string();
        let buffer = self.simulation.buffer(&inputs, few, few).map_err(told)?;
        let rows = self.simulation.run(&buffer).map_err(told)?;
        match self.simulation.mismatches(&buffer, &rows, &expected, few).map_err(told)? {
            0 => Ok(()),
            wrong => {
                Err(format!("{wrong} of {few} frames differ from the emulator: `nn2hdl cosim` says where"))
            }
        }
    }
}

impl Engine for Verilated {
    fn burst(&mut self, ask: Ask) -> Result<Burst, String> {
        if (ask.size as u64).saturating_mul(self.rows_per_image) > MOST_ROWS {
            return Err(format!("more than {MOST_ROWS} cycles in one buffer"));
        }
        let told = |error: nn2hdl_testbench::Error| error.to_string();
        let buffer = self.simulation.buffer(&self.frames.codes, self.frames.count, ask.size).map_err(told)?;
        repeat(ask, || self.simulation.run(&buffer).map(drop).map_err(told))
    }
}
