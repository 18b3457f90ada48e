//! A hand-made design of two layers, and what is done to it: the comparison names the layer.

use std::fs;
use std::path::PathBuf;

use nn2hdl_runtime::interface::{Place, PortMap, Probe, Signature, Spread, Travel};
use nn2hdl_runtime::{
    Block, Decoder, Encoder, Expr, Format, Input, Kernel, Op, Output, Program, Quantizer, Read, Step,
};
use nn2hdl_testbench::Toolchain;
use nn2hdl_testbench::cosim::{CosimError, Design, Settings, Simulation, Verdict, cosim, random_codes};

const SHAPE: [usize; 1] = [2];

fn format(width: u32) -> Format {
    Format::new(true, width, 0).unwrap()
}

/// `double`: twice the input; `plus`: three more.
fn program() -> Program {
    let mut program = Program::new("hand");
    let mut block = Block::new("main");
    let [x, doubled, y] = [("x", 4), ("doubled", 5), ("y", 6)]
        .map(|(name, width)| block.add_value(name, SHAPE.to_vec(), format(width)));
    (block.params, block.results) = (vec![x], vec![y]);
    for (name, from, to, op) in [("double", x, doubled, 1), ("plus", doubled, y, 3)] {
        let mut body = Expr::read();
        let (read, constant) = (body.result(), body.constant(op));
        body.push(if op == 1 { Op::Shl(read, constant) } else { Op::Add(read, constant) });
        block.steps.push(Step::Kernel(Kernel::elementwise(name, to, vec![Read::same(from, 1)], body)));
    }
    program.blocks.push(block);
    program.inputs.push(Input { name: "x".into(), encoder: Encoder::Fixed(Quantizer::from(format(4))) });
    program.outputs.push(Output { name: "y".into(), decoder: Decoder::fixed(0) });
    program
}

/// Verilator is part of what these tests need: without it they fail, and say how to install it.
fn toolchain() -> Toolchain {
    Toolchain::find().unwrap_or_else(|error| panic!("{error}"))
}

const VERILOG: &str = "
module hand (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [7:0] x,
    output wire out_valid,
    output wire [11:0] y
);
    reg [3:0] valid;
    always @(posedge clk) if (rst) valid <= 4'd0; else valid <= {valid[2:0], in_valid};
    assign out_valid = valid[3];
    reg [7:0] held;
    always @(posedge clk) held <= x;
    reg [9:0] doubled;
    always @(posedge clk) doubled <= {held[7:4], 1'b0, held[3:0], 1'b0};
    reg [11:0] sum;
    always @(posedge clk) sum <= {{doubled[9], doubled[9:5]} + 6'd3, {doubled[4], doubled[4:0]} + 6'd3};
    reg [11:0] last;
    always @(posedge clk) last <= sum;
    assign y = last;
endmodule
";

fn design(directory: &std::path::Path, change: [&str; 2]) -> Design {
    let source: PathBuf = directory.join("hand.v");
    assert!(VERILOG.contains(change[0]));
    fs::write(&source, VERILOG.replacen(change[0], change[1], 1)).unwrap();
    let port = |name: &str, width, phase| PortMap {
        port: name.into(),
        name: name.into(),
        shape: SHAPE.to_vec(),
        format: format(width),
        travel: Travel::whole(1, phase),
    };
    let program = program();
    let place = |wire: &str, lo, width| Place { wire: wire.into(), lo, signed: true, width, constant: None };
    let probe = |value: usize, layer: &str, wire: &str, width, phase| Probe {
        path: Vec::new(),
        value: nn2hdl_runtime::ValueId::new(value),
        name: wire.into(),
        layer: layer.into(),
        shape: SHAPE.to_vec(),
        travel: Travel::whole(1, phase),
        elements: vec![place(wire, 0, width), place(wire, width, width)],
    };
    Design {
        sources: vec![source],
        program,
        signature: Signature {
            top: "hand".into(),
            inputs: vec![port("x", 4, 0)],
            outputs: vec![port("y", 6, 4)],
            latency_cycles: 4,
            latency_last_cycles: 4,
            ii_cycles: 1,
        },
        probes: vec![probe(1, "double", "doubled", 5, 2), probe(2, "plus", "sum", 6, 3)],
        replicated: Vec::new(),
    }
}

fn compared(change: [&str; 2]) -> (Verdict, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let design = design(directory.path(), change);
    let inputs = random_codes(&design.program, 50, 1);
    let settings = Settings { seed: 1, waveforms: vec![directory.path().to_owned()] };
    let verdict = cosim(&toolchain(), &design, &inputs, 50, &settings, &mut |_| {});
    (verdict.unwrap_or_else(|error| panic!("{error}")), directory)
}

fn named(change: [&str; 2], layer: &str, cycle_in_frame: usize) {
    let (verdict, directory) = compared(change);
    assert!(!verdict.is_equal());
    let first = verdict.first_difference.unwrap();
    assert_eq!((first.layer.as_str(), first.cycle_in_frame), (layer, cycle_in_frame), "{first:?}");
    assert_eq!(verdict.waveform, Some(directory.path().join("cosim.vcd")));
}

#[test]
fn an_honest_design_is_equal() {
    let (verdict, _directory) = compared(["", ""]);
    assert!(verdict.is_equal(), "{verdict:?}");
    assert_eq!((verdict.latency_cycles, verdict.ii_cycles, verdict.runs.len()), (Some(4), Some(1), 3));
}

#[test]
fn buffers_give_the_emulators_answers_and_a_changed_design_does_not() {
    let (good, bad) = (["", ""], ["+ 6'd3}", "+ 6'd2}"]);
    for (change, wrong) in [(good, 0), (bad, 7)] {
        let directory = tempfile::tempdir().unwrap();
        let design = design(directory.path(), change);
        let inputs = random_codes(&design.program, 5, 1);
        let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
        let expected = nn2hdl_runtime::Emulator::new(&design.program).unwrap().run(&slices, 5).unwrap();
        let mut simulation = Simulation::build(&toolchain(), &design, &mut |_| {}).unwrap();
        let buffer = simulation.buffer(&inputs, 5, 7).unwrap();
        for _ in 0..2 {
            let rows = simulation.run(&buffer).unwrap();
            assert_eq!(rows.len(), 2 + 7 + 6);
            assert_eq!(simulation.mismatches(&buffer, &rows, &expected, 5).unwrap(), wrong);
        }
    }
}

#[test]
fn a_changed_constant_shift_or_sign_is_named() {
    named(["+ 6'd3}", "+ 6'd2}"], "plus", 3);
    named(["{held[7:4], 1'b0,", "{1'b0, held[7:4],"], "double", 2);
    named(["{{doubled[9], doubled[9:5]}", "{{1'b0, doubled[9:5]}"], "plus", 3);
}

#[test]
fn a_removed_register_is_named() {
    named(
        ["    reg [7:0] held;\n    always @(posedge clk) held <= x;", "    wire [7:0] held = x;"],
        "double",
        2,
    );
    let sum = "    reg [11:0] sum;\n    always @(posedge clk) sum <= ";
    named([sum, "    wire [11:0] sum = "], "plus", 3);
    named(
        ["    reg [11:0] last;\n    always @(posedge clk) last <= sum;", "    wire [11:0] last = sum;"],
        "output y",
        4,
    );
}

#[test]
fn faults_in_time_are_the_output_stage() {
    named(["out_valid = valid[3]", "out_valid = valid[2]"], "output out_valid", 3);
    named(["if (rst) valid <= 4'd0; else", "if (rst) valid <= 4'd8; else"], "output out_valid", 0);
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings { seed: 1, waveforms: Vec::new() };
    let changes: [fn(&mut Design); 6] = [
        |design| design.signature.outputs.clear(),
        |design| design.signature.inputs[0].format.width = 5,
        |design| {
            design.signature.inputs[0].travel.spread.push(Spread { axis: 0, lanes: 1, beats: 1, interval: 1 })
        },
        |design| design.signature.ii_cycles = 0,
        |design| design.probes[0].travel.spread.push(Spread { axis: 7, lanes: 1, beats: 9, interval: 1 }),
        |design| design.probes[1].elements.truncate(1),
    ];
    for change in changes {
        let mut design = design(directory.path(), ["", ""]);
        change(&mut design);
        let inputs = random_codes(&design.program, 2, 1);
        let result = cosim(&toolchain(), &design, &inputs, 2, &settings, &mut |_| {});
        assert!(matches!(result, Err(CosimError::Inconsistent(_))));
    }
}
