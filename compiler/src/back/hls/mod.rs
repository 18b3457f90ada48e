//! HLS C++ from a program: one function for each kernel and each block, integer mantissas in `ap_int`, widths from the
//! interval analysis of every node, so that nothing wraps but what the program wraps.
//!
//! A tensor is a one-dimensional array in row-major order. The pragmas aim at the initiation interval asked for: with
//! one cycle everything is unrolled and inlined into one pipeline; otherwise layers are processes of a dataflow region.

mod bench;
mod block;
mod expr;
mod index;
mod kernel;
mod ports;
mod schedule;
mod tables;
mod types;

use askama::Template;
use nn2hdl_runtime::Program;
use nn2hdl_runtime::interface::Signature;

use crate::netlist::name::Names;
use block::{Code, FunctionView};
use kernel::KernelView;
use ports::PortView;
use tables::Tables;

/// A file of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What the emitted function is called, and what it is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the top function.
    pub top: String,
    /// Names of the inputs.
    pub inputs: Vec<String>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Initiation interval in cycles.
    pub ii: u32,
    /// Clock frequency in MHz.
    pub clock_mhz: f64,
}

impl Settings {
    /// The names that the Verilog of the same program has.
    pub fn new(signature: &Signature, clock_mhz: f64) -> Self {
        let ports = |ports: &[nn2hdl_runtime::interface::PortMap]| {
            ports.iter().map(|port| port.port.clone()).collect()
        };
        Self {
            top: signature.top.clone(),
            inputs: ports(&signature.inputs),
            outputs: ports(&signature.outputs),
            ii: signature.ii_cycles,
            clock_mhz,
        }
    }

    /// Names from the program alone.
    pub fn of(program: &Program, ii: u32) -> Self {
        let mut names = Names::default();
        let top = names.claim(&program.name);
        let inputs = program.inputs.iter().map(|input| names.claim(&input.name)).collect();
        let outputs = program.outputs.iter().map(|output| names.claim(&output.name)).collect();
        Self { top, inputs, outputs, ii, clock_mhz: 320.0 }
    }
}

/// Functions of the emitted file that every design has.
const HELPERS: [&str; 4] = ["copy", "fork", "floor_div", "floor_mod"];

/// What `design.cpp` substitutes.
#[derive(Template)]
#[template(path = "design.cpp")]
struct DesignView {
    top: String,
    namespace: String,
    doc: String,
    kernels: Vec<KernelView>,
    blocks: Vec<FunctionView>,
    main: FunctionView,
}

/// What `design.h` substitutes.
#[derive(Template)]
#[template(path = "design.h")]
struct HeaderView {
    doc: String,
    guard: String,
    ports: Vec<PortView>,
    top: String,
    arguments: String,
}

/// What `vitis.tcl` substitutes.
#[derive(Template)]
#[template(path = "vitis.tcl")]
struct ScriptView {
    top: String,
    period: String,
}

/// What `hls.mk` substitutes.
#[derive(Template)]
#[template(path = "hls.mk")]
struct MakeView {
    top: String,
}

/// The files of a validated program: header, functions, tables, test bench with frames and answers, scripts.
pub fn print(program: &Program, settings: &Settings) -> Vec<File> {
    let mut names = Names::default();
    names.reserve(&settings.top);
    let namespace = names.claim("layers");
    for name in HELPERS {
        names.reserve(name);
    }
    let mut code = Code::new(program, Tables::new(program, names), &namespace);
    let main = code.main(settings);
    let Code { kernels, blocks, tables, .. } = code;
    let weights = tables.print(program, &settings.top, &namespace);
    let doc = clean(&program.name);
    let arguments = main.arguments.clone();
    let ports = ports::ports(program, settings);
    let frames = bench::frames(program);
    let top = settings.top.clone();
    let guard = format!("{}_H", top.to_uppercase());
    let tb = bench::view(program, settings);
    let design = DesignView { top: top.clone(), namespace, doc: doc.clone(), kernels, blocks, main };
    let file = |name: String, text: Result<String, askama::Error>| File {
        name,
        // The template's last newline is not part of what it renders.
        text: text.expect("a template that only substitutes cannot fail") + "\n",
    };
    let header = HeaderView { doc, guard, ports, top: top.clone(), arguments };
    let period = format!("{:.3}", 1e3 / settings.clock_mhz);
    vec![
        file(format!("{top}.h"), header.render()),
        file(format!("{top}.cpp"), design.render()),
        File { name: "weights.h".into(), text: weights },
        file("tb.cpp".into(), tb.render()),
        File { name: "frames.txt".into(), text: frames.inputs },
        File { name: "answers.txt".into(), text: frames.answers },
        file("vitis.tcl".into(), ScriptView { top: top.clone(), period }.render()),
        file("Makefile".into(), MakeView { top }.render()),
    ]
}

/// Text of the model that can stand in a comment.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c == '\\' || c.is_control() { '_' } else { c }).collect()
}
