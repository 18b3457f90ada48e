//! Everything that `compile` delivers, as bytes in memory.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use nn2hdl_runtime::interface::{PortMap, Probe, Signature};
use nn2hdl_runtime::{Decoder, Encoder, Op, Program, Step, TableId};
use serde::Serialize;

use crate::back::{hls, verilog, wrapper};
use crate::diagnostic::Diagnostic;
use crate::netlist::cost::{self, LayerCost};
use crate::netlist::explain::{Movement, Waiting, delays, movements};
use crate::netlist::{Netlist, Target, Watch, build};

/// A file of the result, by its path inside the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path, `/`-separated.
    pub path: String,
    /// Contents.
    pub bytes: Vec<u8>,
}

/// What `compile` found and made.
pub struct Artifacts {
    /// The design.
    pub netlist: Netlist,
    /// Figures and port map.
    pub report: Report,
    /// Where the program's values can be seen.
    pub probes: Vec<Probe>,
    /// Every file of the result, `report.json` included.
    pub files: Vec<File>,
}

/// The contents of `report.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// The program and version that wrote it.
    pub generator: String,
    /// Name of the model.
    pub model: String,
    /// Clock in MHz.
    pub clock_mhz: f64,
    /// How much was tried for each adder graph.
    pub effort: String,
    /// Where the timing comes from.
    pub timing: &'static str,
    /// Cycles between frames.
    pub ii_cycles: u32,
    /// Cycles from the first input beat to the first output beat.
    pub latency_cycles: u32,
    /// Cycles from the first input beat to the last output beat.
    pub latency_last_cycles: u32,
    /// `latency_last_cycles` at the clock asked for, in ns.
    pub latency_ns: f64,
    /// Additions and subtractions.
    pub adders: u64,
    /// Bits of their results, see [`cost::Cost`].
    pub adder_bits: u64,
    /// Look-up tables, estimated.
    pub lut_estimate: u64,
    /// Flip-flops.
    pub ff_estimate: u64,
    /// DSP blocks: none are asked for.
    pub dsp: u64,
    /// Block memories: none are used.
    pub bram: u64,
    /// Weights and biases.
    pub parameters: usize,
    /// Weights that are not zero.
    pub nonzero_weights: usize,
    /// Wall time of compilation, in s.
    pub compile_seconds: f64,
    /// Name of the top module.
    pub top: String,
    /// Inputs.
    pub inputs: Vec<InputReport>,
    /// Outputs.
    pub outputs: Vec<OutputReport>,
    /// Estimates by layer.
    pub per_layer: Vec<LayerCost>,
    /// How inputs and layers are spread over time, and why; empty if frames come every cycle.
    pub schedule: Vec<Movement>,
    /// Memories of the top module that delay what meets something later.
    pub delays: Vec<Waiting>,
    /// What the user ought to know.
    pub notes: Vec<String>,
}

/// An input: port, tensor, and what the host does before it.
#[derive(Clone, Debug, Serialize)]
pub struct InputReport {
    /// Port and tensor.
    #[serde(flatten)]
    pub port: PortMap,
    /// From values to codes.
    pub encoder: Encoder,
}

/// An output: port, tensor, and what the host does behind it.
#[derive(Clone, Debug, Serialize)]
pub struct OutputReport {
    /// Port and tensor.
    #[serde(flatten)]
    pub port: PortMap,
    /// From codes to values.
    pub decoder: Decoder,
}

/// The contents of `trace.json`.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct TraceFile {
    /// Name and version of this form.
    pub schema: String,
    /// How the design is driven and read.
    pub signature: Signature,
    /// Where its values can be seen.
    pub probes: Vec<Probe>,
    /// Modules with many instances.
    pub replicated: Vec<String>,
}

/// Remembers whether a search was stopped.
struct Noted<'a> {
    watch: &'a dyn Watch,
    stopped: AtomicBool,
}

impl Watch for Noted<'_> {
    fn begin(&self, layer: &str, done: usize, total: usize) {
        self.watch.begin(layer, done, total);
    }

    fn search(&self) {
        self.watch.search();
    }

    fn stop(&self) -> bool {
        let stop = self.watch.stop();
        self.stopped.fetch_or(stop, Relaxed);
        stop
    }
}

/// Compiles a validated program for `target`. `notes` go into the report.
pub fn compile(
    program: &Program,
    target: &Target,
    mut notes: Vec<String>,
    watch: &dyn Watch,
) -> Result<Artifacts, Diagnostic> {
    let start = Instant::now();
    let noted = Noted { watch, stopped: AtomicBool::new(false) };
    let netlist = build(program, &program.name, target, &noted)?;
    if noted.stopped.into_inner() {
        notes.push("the search for adder graphs was stopped: another run may find others".into());
    }
    let printed = verilog::print(&netlist);
    let wrappers = wrapper::wrap(&netlist.signature, target.clock_mhz, &printed);
    let mut files: Vec<File> = Vec::new();
    files.extend(
        printed
            .into_iter()
            .map(|file| File { path: format!("rtl/{}", file.name), bytes: file.text.into_bytes() }),
    );
    let wrapped = wrappers.files.into_iter();
    files.extend(wrapped.map(|file| File { path: file.name, bytes: file.text.into_bytes() }));
    let settings = hls::Settings::new(&netlist.signature, target.clock_mhz);
    let emitted = hls::print(program, &settings).into_iter();
    files.extend(
        emitted.map(|file| File { path: format!("hls/{}", file.name), bytes: file.text.into_bytes() }),
    );
    files.push(File { path: "program.json".into(), bytes: program.to_bytes() });
    let probes = verilog::probes(&netlist);
    let trace = TraceFile {
        schema: "nn2hdl.trace/1".into(),
        signature: netlist.signature.clone(),
        probes: probes.clone(),
        replicated: netlist.replicated(),
    };
    files.push(File { path: "trace.json".into(), bytes: json(&trace) });
    let schedule = movements(program, target.ii)?;
    let mut report = report(program, &netlist, target, schedule, notes);
    report.compile_seconds = start.elapsed().as_secs_f64();
    files.push(File { path: "report.json".into(), bytes: json(&report) });
    Ok(Artifacts { netlist, report, probes, files })
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("reports have string keys only");
    bytes.push(b'\n');
    bytes
}

fn report(
    program: &Program,
    netlist: &Netlist,
    target: &Target,
    schedule: Vec<Movement>,
    notes: Vec<String>,
) -> Report {
    let Signature { inputs, outputs, top, latency_cycles, latency_last_cycles, ii_cycles } =
        netlist.signature.clone();
    let cost = cost::total(netlist);
    let (parameters, nonzero_weights) = parameters(program);
    Report {
        schema: "nn2hdl.report/1",
        generator: format!("nn2hdl {}", env!("CARGO_PKG_VERSION")),
        model: program.name.clone(),
        clock_mhz: target.clock_mhz,
        effort: target.effort.to_string(),
        timing: "model",
        ii_cycles,
        latency_cycles,
        latency_last_cycles,
        latency_ns: f64::from(latency_last_cycles) * 1e3 / target.clock_mhz,
        adders: cost.adders,
        adder_bits: cost.adder_bits,
        lut_estimate: cost.lut,
        ff_estimate: cost.ff,
        dsp: 0,
        bram: 0,
        parameters,
        nonzero_weights,
        compile_seconds: 0.0,
        top,
        inputs: (inputs.into_iter().zip(&program.inputs))
            .map(|(port, input)| InputReport { port, encoder: input.encoder.clone() })
            .collect(),
        outputs: (outputs.into_iter().zip(&program.outputs))
            .map(|(port, output)| OutputReport { port, decoder: output.decoder.clone() })
            .collect(),
        per_layer: cost::layers(netlist),
        schedule,
        delays: delays(netlist),
        notes,
    }
}

/// Constants that are added or multiplied, and how many multiplied ones are not zero.
fn parameters(program: &Program) -> (usize, usize) {
    let (mut weights, mut added): (BTreeSet<TableId>, BTreeSet<TableId>) = Default::default();
    for step in program.blocks.iter().flat_map(|block| &block.steps) {
        let Step::Kernel(kernel) = step else { continue };
        for expr in [&kernel.body, &kernel.finish] {
            for op in expr.nodes() {
                let found = match op {
                    Op::Mul(..) => &mut weights,
                    Op::Add(..) | Op::Sub(..) => &mut added,
                    _ => continue,
                };
                found.extend(op.operands().filter_map(|id| match &expr.nodes()[id.index()] {
                    Op::Param { table, .. } => Some(*table),
                    _ => None,
                }));
            }
        }
    }
    let nonzero = weights.iter().flat_map(|&id| program.table(id)).filter(|&&weight| weight != 0).count();
    (weights.union(&added).map(|&id| program.table(id).len()).sum(), nonzero)
}
