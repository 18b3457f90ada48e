//! Modules with handshakes around the bare top, and what Vivado needs to build any of them.
//!
//! A beat of the AXI4-Stream wrapper holds the beat of every input side by side, the first input in the low bits, filled
//! up with zeros to whole bytes; outputs likewise.

use askama::Template;
use nn2hdl_runtime::interface::{PortMap, Signature};

use super::verilog::File;
use crate::netlist::name::Names;

/// The part that `build.tcl` takes if none is given: a Virtex UltraScale+ of CMS's trigger boards.
const PART: &str = "xcvu13p-flga2577-2-e";

/// The parametric blocks that wrappers use.
const BLOCKS: &[(&str, &str)] = &[
    ("nn2hdl_fifo.v", include_str!("../../../hdl/nn2hdl_fifo.v")),
    ("nn2hdl_frames.v", include_str!("../../../hdl/nn2hdl_frames.v")),
    ("nn2hdl_start.v", include_str!("../../../hdl/nn2hdl_start.v")),
];

#[derive(Template)]
#[template(path = "axis.v")]
struct AxisView {
    doc: Vec<String>,
    name: String,
    top: String,
    parameters: String,
    input_bus: String,
    output_bus: String,
    input_range: String,
    output_range: String,
    payload: String,
    result_bytes: String,
    connections: Vec<String>,
    has_unused: bool,
    unused: String,
}

#[derive(Template)]
#[template(path = "ap.v")]
struct ApView {
    doc: Vec<String>,
    name: String,
    top: String,
    core: String,
    control: String,
    core_valid: String,
    result_valid: String,
    parameters: String,
    ports: Vec<String>,
    connections: Vec<String>,
    valids: Vec<String>,
}

#[derive(Template)]
#[template(path = "constraints.xdc", escape = "none")]
struct ConstraintsView {
    period: String,
}

#[derive(Template)]
#[template(path = "build.tcl", escape = "none")]
struct BuildView {
    top: String,
    axis: String,
    ap: String,
    part: &'static str,
    part_at: usize,
    top_at: usize,
}

/// The wrappers of a design: their names and their files, each by its path in the result's directory.
pub struct Wrappers {
    /// Module with AXI4-Stream ports.
    pub axis: String,
    /// Module with `ap_ctrl_hs` ports.
    pub ap: String,
    /// Wrappers, their blocks, `rtl/wrappers.f`, which lists both, and the files for Vivado.
    pub files: Vec<File>,
}

/// Wraps a design; `taken` are the files of its modules, whose names no wrapper gets.
pub fn wrap(signature: &Signature, clock_mhz: f64, taken: &[File]) -> Wrappers {
    let mut names = Names::default();
    let blocks = BLOCKS.iter().map(|(name, _)| *name);
    taken.iter().map(|file| file.name.as_str()).chain(blocks).for_each(|name| {
        names.reserve(name.trim_end_matches(".v"));
    });
    let axis = names.claim(&format!("{}_axis", signature.top));
    let ap = names.claim(&format!("{}_ap", signature.top));
    let print = |text: Result<String, askama::Error>| {
        text.expect("a template that only substitutes cannot fail") + "\n"
    };
    let mut files: Vec<File> = BLOCKS
        .iter()
        .map(|(name, text)| File { name: format!("rtl/{name}"), text: (*text).to_owned() })
        .collect();
    let mut add = |name: String, text| files.push(File { name, text: print(text) });
    add(format!("rtl/{axis}.v"), axis_view(signature, &axis).render());
    add(format!("rtl/{ap}.v"), ap_view(signature, &ap).render());
    let list: Vec<&str> = BLOCKS.iter().map(|(name, _)| *name).collect();
    let list = format!("{}\n{axis}.v\n{ap}.v\n", list.join("\n"));
    let period = format!("{:.3}", 1e3 / clock_mhz);
    let top = signature.top.clone();
    add("constraints.xdc".into(), ConstraintsView { period }.render());
    let build = BuildView { top, axis: axis.clone(), ap: ap.clone(), part: PART, part_at: 0, top_at: 1 };
    add("build.tcl".into(), build.render());
    files.push(File { name: "rtl/wrappers.f".into(), text: list });
    Wrappers { axis, ap, files }
}

/// Bits that count to `n`.
fn bits(n: u32) -> u32 {
    32 - n.leading_zeros()
}

/// Beats that the core takes and gives, cycles between frames, and the bits that count to the latter two.
fn rhythm(signature: &Signature) -> (u32, u32, u32, u32) {
    let beats = |ports: &[PortMap]| ports.first().map_or(1, |port| port.travel.beats() as u32);
    let (taken, given) = (beats(&signature.inputs), beats(&signature.outputs));
    (taken, given, signature.ii_cycles, bits(signature.ii_cycles.max(given)))
}

fn axis_view(signature: &Signature, name: &str) -> AxisView {
    let (taken, given, ii, counter) = rhythm(signature);
    let width = |ports: &[PortMap]| ports.iter().map(PortMap::width).sum::<u32>();
    let (input, output) = (width(&signature.inputs), width(&signature.outputs));
    let bus = |width: u32| width.div_ceil(8) * 8;
    // A beat holds its place from its frame's start until it is taken, three registers and a frame later than its latency.
    let flying = (signature.latency_last_cycles + 3).div_ceil(ii) + 1;
    let (before, behind) = (bits(2 * taken), bits(flying * given + given));
    let parameters = format!(
        ".WI({input}), .WO({output}), .BI({taken}), .BO({given}), .II({ii}), .CB({counter}), .AI({before}), \
         .AO({behind})"
    );
    let mut connections = connect(&signature.inputs, input, "core_data");
    connections.extend(connect(&signature.outputs, output, "result"));
    let pad = bus(output) - output;
    let layout = |direction: &str, ports: &[PortMap]| {
        let mut at = 0;
        let parts = ports.iter().map(|port| {
            let from = at;
            at += port.width();
            format!("{direction}_axis_tdata[{}:{from}]: {}", at - 1, port.port)
        });
        parts.collect::<Vec<_>>()
    };
    let mut doc = vec![
        format!(
            "{} with AXI4-Stream ports: {taken} beats a frame in, {given} out, tlast on the last.",
            signature.top
        ),
        "error is high from a misplaced s_axis_tlast until reset.".to_owned(),
    ];
    doc.extend(layout("s", &signature.inputs));
    doc.extend(layout("m", &signature.outputs));
    AxisView {
        doc,
        name: name.to_owned(),
        top: signature.top.clone(),
        parameters,
        input_bus: range(bus(input)),
        output_bus: range(bus(output)),
        input_range: range(input),
        output_range: range(output),
        payload: format!("s_axis_tdata[{}:0]", input - 1),
        result_bytes: if pad > 0 { format!("{{{pad}'d0, m_data}}") } else { "m_data".to_owned() },
        connections,
        has_unused: bus(input) > input,
        unused: format!("{{1'b0, s_axis_tdata[{}:{input}]}}", bus(input) - 1),
    }
}

/// Ports joined to neighbouring bits of a wire of `total` bits.
fn connect(ports: &[PortMap], total: u32, wire: &str) -> Vec<String> {
    let mut at = 0;
    let join = |port: &PortMap| {
        let from = at;
        at += port.width();
        match port.width() {
            width if width == total => format!(".{}({wire})", port.port),
            1 => format!(".{}({wire}[{from}])", port.port),
            _ => format!(".{}({wire}[{}:{from}])", port.port, at - 1),
        }
    };
    ports.iter().map(join).collect()
}

fn ap_view(signature: &Signature, name: &str) -> ApView {
    let (taken, given, ii, counter) = rhythm(signature);
    let mut names = Names::default();
    let all = || signature.inputs.iter().chain(&signature.outputs);
    let control = ["ap_clk", "ap_rst", "ap_start", "ap_done", "ap_idle", "ap_ready"];
    for name in control.into_iter().chain([name, signature.top.as_str(), "nn2hdl_start"]) {
        names.reserve(name);
    }
    let named: Vec<String> = all().map(|port| names.claim(&port.port)).collect();
    let connections = all().zip(&named).map(|(port, name)| format!(".{}({name})", port.port)).collect();
    let (inputs, outputs) = named.split_at(signature.inputs.len());
    let valids: Vec<String> = outputs.iter().map(|name| names.claim(&format!("{name}_ap_vld"))).collect();
    let mut ports: Vec<String> = (signature.inputs.iter().zip(inputs))
        .map(|(port, name)| format!("input wire {}{name}", range(port.width())))
        .collect();
    for ((port, name), valid) in signature.outputs.iter().zip(outputs).zip(&valids) {
        ports.push(format!("output wire {}{name}", range(port.width())));
        ports.push(format!("output wire {valid}"));
    }
    let flying = bits(signature.latency_last_cycles / ii + 2);
    ApView {
        doc: vec![
            format!("{} with ap_ctrl_hs ports: a frame is read in {taken} cycles,", signature.top),
            format!("the first from ap_start on; results begin {} cycles later.", signature.latency_cycles),
        ],
        name: name.to_owned(),
        top: signature.top.clone(),
        core: names.claim("u_core"),
        control: names.claim("u_control"),
        core_valid: names.claim("core_valid"),
        result_valid: names.claim("result_valid"),
        parameters: format!(".BI({taken}), .BO({given}), .II({ii}), .CB({counter}), .CF({flying})"),
        ports,
        connections,
        valids,
    }
}

/// The declaration of a vector's range, with a space behind, or nothing for one bit.
fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0] ", width - 1) }
}
