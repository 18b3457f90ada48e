//! The report of `compile`: what was made, what it takes, when it answers, how it is wired.

use nn2hdl_compiler::artifact::Report;
use nn2hdl_compiler::netlist::Cost;
use nn2hdl_runtime::interface::{PortMap, Probe};
use nn2hdl_runtime::range::{self, join};
use nn2hdl_runtime::{Decoder, Encoder, Interval, Program, Reduction, Step, Value, ValueId};

use super::bars::{Bar, Group, bars, symbol};
use super::streams::streams;
use super::{Entry, Picture, Section, Table, page};
use crate::failure::Failure;
use crate::forecast::work;
use crate::output::grouped;

/// What the report is about.
pub struct Design<'a> {
    /// The program.
    pub program: &'a Program,
    /// Figures and port map.
    pub report: &'a Report,
    /// Where and when its values can be seen.
    pub probes: &'a [Probe],
}

/// The page. Equal designs give equal bytes.
pub fn design(design: &Design<'_>) -> Result<String, Failure> {
    let layers = layers(design);
    let mut sections = vec![summary(design), layer_tables(design, &layers)];
    sections.extend(streams(design.report));
    sections.extend([ranges(design.program)?, ports(design.report), check(design.report)]);
    page(&format!("{}: firmware report", design.program.name), sections)
}

/// One step of the main block.
struct Layer<'a> {
    name: &'a str,
    step: &'a Step,
    /// `None` where the cost cannot be told apart.
    cost: Cost,
    /// Cycles from the frame's first beat to when its inputs begin, its result begins, its result ends.
    time: Option<(u32, u32, u32)>,
}

/// The layers, and last what the top module itself takes.
fn layers<'a>(design: &Design<'a>) -> Vec<Layer<'a>> {
    let main = design.program.main();
    let mut layers: Vec<Layer<'a>> = (main.steps.iter())
        .map(|step| Layer { name: step.name(), step, cost: Cost::default(), time: time(design, step) })
        .collect();
    for module in &design.report.per_layer {
        let longest = (layers.iter().enumerate())
            .filter(|(_, layer)| is_module_of(&module.module, &design.report.top, layer.name))
            .max_by_key(|(_, layer)| layer.name.len());
        if let Some((number, _)) = longest {
            layers[number].cost += module.cost;
        }
    }
    layers
}

/// Whether a module is one of the layer's engines: named after the layer, perhaps with a number.
fn is_module_of(module: &str, top: &str, layer: &str) -> bool {
    let mut name = String::new();
    for c in format!("{top}_{layer}").chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    module.strip_prefix(name.trim_end_matches('_')).is_some_and(|rest| {
        let number = rest.strip_prefix('_').unwrap_or(rest);
        number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn time(design: &Design<'_>, step: &Step) -> Option<(u32, u32, u32)> {
    let main = design.program.main();
    let seen = |id: ValueId| {
        if let Some(input) = main.params.iter().position(|&param| param == id) {
            return design.report.inputs.get(input).map(|input| &input.port.travel);
        }
        let probe = design.probes.iter().find(|probe| probe.path.is_empty() && probe.value == id)?;
        Some(&probe.travel)
    };
    let begin = step.reads().filter_map(|id| seen(id).map(|travel| travel.phase)).max().unwrap_or(0);
    let out = step.writes().iter().filter_map(|&id| seen(id)).max_by_key(|travel| travel.phase)?;
    Some((begin.min(out.phase), out.phase, out.phase + out.reach() as u32))
}

fn row<const N: usize>(cells: [String; N]) -> Vec<String> {
    cells.to_vec()
}

fn head(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|&cell| cell.to_owned()).collect()
}

fn summary(design: &Design<'_>) -> Section {
    let Report { model, top, inputs, outputs, parameters, nonzero_weights, notes, .. } = design.report;
    let report = design.report;
    let tensors = |ports: Vec<&PortMap>| {
        let all: Vec<String> = ports
            .iter()
            .map(|port| format!("{} ({}, {})", port.name, extents(&port.shape), port.format))
            .collect();
        all.join("; ")
    };
    let mut section = Section::default();
    section.texts.push(format!(
        "{model} is a network of {} layers, {} weights and biases, {} weights that are not zero. In: {}. Out: {}.",
        design.program.main().steps.len(),
        grouped(*parameters as u64),
        grouped(*nonzero_weights as u64),
        tensors(inputs.iter().map(|input| &input.port).collect()),
        tensors(outputs.iter().map(|output| &output.port).collect()),
    ));
    section.texts.push(format!(
        "The integer program in program.json is the definition of the answer; the Verilog (top module {top}) equals it in \
         every bit. Timing: {}. LUT and FF are estimates until a tool has mapped the design.",
        if report.timing == "model" { "model, nothing has been placed and routed" } else { report.timing },
    ));
    let ns = |cycles: u32| format!("{:.1} ns", f64::from(cycles) * 1e3 / report.clock_mhz);
    let cycles = |cycles: u32| format!("{cycles} cycles, {}", ns(cycles));
    let figures = vec![
        head(&["figure", "value"]),
        row(["clock".into(), format!("{} MHz", report.clock_mhz)]),
        row(["latency, first beat in to first beat out".into(), cycles(report.latency_cycles)]),
        row(["latency, first beat in to last beat out".into(), cycles(report.latency_last_cycles)]),
        row(["initiation interval".into(), cycles(report.ii_cycles)]),
        row(["adders (bits)".into(), format!("{} ({})", grouped(report.adders), grouped(report.adder_bits))]),
        row(["LUT, estimated".into(), grouped(report.lut_estimate)]),
        row(["FF, estimated".into(), grouped(report.ff_estimate)]),
        row(["DSP, BRAM".into(), format!("{}, {}", report.dsp, report.bram)]),
    ];
    section.tables.push(Table::prose("", figures));
    section.texts.extend(notes.iter().map(|note| format!("Note: {note}")));
    section
}

fn layer_tables(design: &Design<'_>, layers: &[Layer<'_>]) -> Section {
    let (program, report) = (design.program, design.report);
    let main = program.main();
    let mut section = Section::new("Layers");
    let mut rows = vec![head(&[
        "layer",
        "computes",
        "result",
        "formats in",
        "format out",
        "parameters",
        "nonzero",
        "adders",
        "adder bits",
        "LUT",
        "FF",
        "cycles",
    ])];
    let mut rest = Cost {
        adders: report.adders,
        adder_bits: report.adder_bits,
        lut: report.lut_estimate,
        ff: report.ff_estimate,
    };
    for Layer { name, step, cost, time } in layers {
        let value = main.value(step.writes()[0]);
        let mut formats: Vec<String> = Vec::new();
        for id in step.reads() {
            let format = main.value(id).format.to_string();
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        let (parameters, nonzero) = work(program, step).parameters(program);
        let mut cells = row([
            (*name).to_owned(),
            computes(program, step),
            extents(&value.shape),
            formats.join(" "),
            value.format.to_string(),
            grouped(parameters),
            grouped(nonzero),
        ]);
        cells.extend([cost.adders, cost.adder_bits, cost.lut, cost.ff].map(grouped));
        cells.push(time.map_or("–".into(), |(begin, first, last)| when(begin, first, last)));
        rows.push(cells);
        rest = Cost {
            adders: rest.adders.saturating_sub(cost.adders),
            adder_bits: rest.adder_bits.saturating_sub(cost.adder_bits),
            lut: rest.lut.saturating_sub(cost.lut),
            ff: rest.ff.saturating_sub(cost.ff),
        };
    }
    let mut last = |name: &str, cost: Cost, cycles: String| {
        let mut cells = vec![name.to_owned()];
        cells.extend(std::iter::repeat_n(String::new(), 6));
        cells.extend([cost.adders, cost.adder_bits, cost.lut, cost.ff].map(grouped));
        cells.push(cycles);
        rows.push(cells);
    };
    last("borders, registers between layers", rest, String::new());
    let all = Cost {
        adders: report.adders,
        adder_bits: report.adder_bits,
        lut: report.lut_estimate,
        ff: report.ff_estimate,
    };
    last("in all", all, when(0, report.latency_cycles, report.latency_last_cycles));
    section.legend = [
        ("one", "LUT (first picture); from operands to result (second)"),
        ("two", "FF"),
        ("pale", "further beats"),
    ]
    .map(|(colour, name)| Entry { symbol: symbol(colour), name: name.into() })
    .into();
    section.pictures = vec![costs(layers), times(layers, report)];
    section.tables.push(Table::new("Cycles count from the frame's first beat", rows));
    section
}

fn when(begin: u32, first: u32, last: u32) -> String {
    if last > first { format!("{begin} → {first}…{last}") } else { format!("{begin} → {first}") }
}

fn costs(layers: &[Layer<'_>]) -> Picture {
    let most = layers.iter().map(|layer| layer.cost.lut.max(layer.cost.ff)).max().unwrap_or(0);
    let line = |count: u64, colour, unit: &str| {
        vec![Bar { from: 0.0, to: count as f64, colour, figure: format!("{} {unit}", grouped(count)) }]
    };
    let groups = layers.iter().map(|layer| Group {
        name: layer.name.to_owned(),
        lines: vec![line(layer.cost.lut, "one", "LUT"), line(layer.cost.ff, "two", "FF")],
    });
    Picture {
        svg: bars(&groups.collect::<Vec<_>>(), most as f64),
        caption: "cost of each layer, estimated".into(),
    }
}

fn times(layers: &[Layer<'_>], report: &Report) -> Picture {
    let groups = layers.iter().filter_map(|layer| {
        let (begin, first, last) = layer.time?;
        let mut line = Vec::new();
        let figure = when(begin, first, last);
        let bar = |from: u32, to: u32, colour| Bar {
            from: from.into(),
            to: to.into(),
            colour,
            figure: figure.clone(),
        };
        line.push(bar(begin, first, "one"));
        if last > first {
            line.push(bar(first, last, "pale"));
        }
        Some(Group { name: layer.name.to_owned(), lines: vec![line] })
    });
    Picture {
        svg: bars(&groups.collect::<Vec<_>>(), report.latency_last_cycles.into()),
        caption: "time of each layer, in cycles from the frame's first beat".into(),
    }
}

/// The kernel's form in words.
fn computes(program: &Program, step: &Step) -> String {
    match step {
        Step::Call(call) => format!("calls {} × {}", program.block(call.block).name, call.repeat),
        Step::Kernel(kernel) if kernel.extent.is_empty() && kernel.is_copy() => "moves data".into(),
        Step::Kernel(kernel) if kernel.extent.is_empty() => "element by element".into(),
        Step::Kernel(kernel) => {
            let name = match kernel.reduction {
                Reduction::Sum => "sum",
                Reduction::Max => "maximum",
                Reduction::Min => "minimum",
            };
            let scattered = if kernel.scatter.is_some() { ", scattered" } else { "" };
            format!("{name} over {}{scattered}", extents(&kernel.extent))
        }
    }
}

fn extents(shape: &[usize]) -> String {
    if shape.is_empty() {
        "scalar".into()
    } else {
        shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
    }
}

fn ranges(program: &Program) -> Result<Section, Failure> {
    let main = program.main();
    let (elements, _) = range::block(program, main).map_err(|(layer, error)| {
        Failure::new("range", layer, error.to_string(), "this is a bug in nn2hdl; please report it")
    })?;
    let mut section = Section::new("Formats and ranges");
    section.texts.push(
        "The interval of codes is proved from the weights for every possible input; value = code × 2^−(fraction bits), before \
         the model's own scales. No sum wraps or saturates: widths follow from these intervals."
            .into(),
    );
    let mut rows = vec![head(&[
        "tensor",
        "shape",
        "format",
        "least code",
        "greatest code",
        "format holds",
        "bits needed",
    ])];
    for (id, intervals) in main.value_ids().zip(&elements) {
        let Value { name, shape, format } = main.value(id);
        let proved = join(intervals);
        let holds = format.interval();
        rows.push(row([
            name.clone(),
            extents(shape),
            format.to_string(),
            proved.lo.to_string(),
            proved.hi.to_string(),
            between(holds),
            format!("{} of {}", proved.width().1 + u32::from(format.signed && proved.lo >= 0), format.width),
        ]));
    }
    section.tables.push(Table::new("", rows));
    Ok(section)
}

fn between(interval: Interval) -> String {
    format!("{} … {}", interval.lo, interval.hi)
}

fn ports(report: &Report) -> Section {
    let mut section = Section::new("Ports");
    section.texts.push(
        "Besides these the top module has clk, rst (synchronous, active high), in_valid and out_valid, one bit each. Element 0 of \
         a beat is in the low bits, row-major. The beats of one frame are contiguous; frames may follow back to back or \
         with gaps."
            .into(),
    );
    let mut rows = vec![head(&[
        "port",
        "direction",
        "bits",
        "tensor",
        "shape",
        "format",
        "bits of an element",
        "elements in a beat",
        "beats",
        "from code and to code",
    ])];
    let mut add = |direction: &str, port: &PortMap, coded: String| {
        rows.push(row([
            port.port.clone(),
            direction.into(),
            format!("[{}:0]", port.width().saturating_sub(1)),
            port.name.clone(),
            extents(&port.shape),
            port.format.to_string(),
            format!("n·{0} to n·{0} + {1}", port.format.width, port.format.width - 1),
            format!("{}: {}", port.beat_elements(), beat(port)),
            port.travel.beats().to_string(),
            coded,
        ]));
    };
    for input in &report.inputs {
        add("in", &input.port, encoder(&input.encoder));
    }
    for output in &report.outputs {
        add("out", &output.port, decoder(&output.decoder));
    }
    section.tables.push(Table::new("Element n of a beat", rows));
    section
}

/// What one beat holds.
fn beat(port: &PortMap) -> String {
    let spread = &port.travel.spread;
    if spread.is_empty() {
        return "the whole tensor".into();
    }
    let axes: Vec<String> = spread.iter().map(|spread| spread.axis.to_string()).collect();
    let axes = axes.join(", then ");
    format!("{} along axis {axes}", extents(&port.travel.beat_shape(&port.shape)))
}

fn encoder(encoder: &Encoder) -> String {
    match encoder {
        Encoder::Fixed(quantizer) => format!("code = {quantizer} of the value"),
        Encoder::Index(positions) => format!("code = the index, {positions} for none of the positions"),
        Encoder::Steps { channels, .. } => {
            let most = channels.iter().map(|steps| steps.thresholds.len()).max().unwrap_or(0);
            format!("{} step functions of up to {most} thresholds, in report.json", channels.len())
        }
    }
}

fn decoder(decoder: &Decoder) -> String {
    match decoder.channels.as_slice() {
        [one] if one.offset == 0.0 => format!("value = code × {}", one.scale),
        [one] => format!("value = code × {} + {}", one.scale, one.offset),
        many => format!("value = code × scale + offset, {} channels, in report.json", many.len()),
    }
}

fn check(report: &Report) -> Section {
    let mut section = Section::new("How to check it");
    let rows = [
        ["command", "what it does"],
        [
            "nn2hdl cosim DIR",
            "runs the Verilog in Verilator against the emulator, back to back, with gaps, through resets",
        ],
        [
            "nn2hdl emulate DIR --input X.npz --output Y.npz",
            "the answers of the firmware on your own frames, bit by bit",
        ],
    ];
    section.tables.push(Table::prose("", rows.map(|cells| head(&cells)).into()));
    section.texts.push(format!("DIR is the directory of this file. Written by {}.", report.generator));
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_belong_to_their_layer() {
        assert!(is_module_of("t_Conv_a", "t", "Conv_a") && is_module_of("t_Conv_a_12", "t", "Conv_a"));
        assert!(is_module_of("t_net_fc1", "t", "/net//fc1"));
        assert!(!is_module_of("t_Conv_ab", "t", "Conv_a") && !is_module_of("t", "t", "Conv_a"));
    }
}
