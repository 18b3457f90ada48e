//! A netlist as Verilog, linted and run by Verilator.

use std::fs;
use std::path::{Path, PathBuf};

use nn2hdl_compiler::back::verilog;
use nn2hdl_compiler::netlist::validate::validate;
use nn2hdl_compiler::netlist::{Netlist, Port as NetPort};
use nn2hdl_testbench::{BuildRequest, Model, Optimization, Port, Rows, Toolchain, lint};

/// One clock cycle of a design: what goes in.
#[derive(Clone, Debug, Default)]
pub struct Cycle {
    /// Reset.
    pub rst: bool,
    /// Whether a beat arrives.
    pub in_valid: bool,
    /// Elements of each data input port.
    pub inputs: Vec<Vec<i64>>,
}

/// Verilator is part of what the tests need: without it they fail, and say how to install it.
pub fn toolchain() -> Toolchain {
    Toolchain::find().unwrap_or_else(|error| panic!("{error}"))
}

/// Writes the emitted files into `folder`; the Verilog sources.
pub fn write(netlist: &Netlist, folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for file in verilog::print(netlist) {
        let path = folder.join(&file.name);
        fs::write(&path, &file.text).expect("the folder can be written");
        if path.extension().is_some_and(|extension| extension == "v") {
            sources.push(path);
        }
    }
    sources
}

/// Prints, lints and builds a design, and runs it: `out_valid` and the elements of each data output, cycle by cycle.
pub fn run(netlist: &Netlist, cycles: &[Cycle], optimization: Optimization) -> Vec<(bool, Vec<Vec<i64>>)> {
    validate(netlist).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let toolchain = toolchain();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sources = write(netlist, folder.path());
    let top = netlist.top();
    lint(&toolchain, &sources, &top.name).unwrap_or_else(|error| panic!("{error}"));
    let mut ports = vec![Port::input("clk", 1), Port::input("rst", 1)];
    ports.extend(top.inputs.iter().map(|port| Port::input(&port.name, port.width())));
    ports.extend(top.outputs.iter().map(|(port, _)| Port::output(&port.name, port.width())));
    let request = BuildRequest { optimization, ..BuildRequest::new(&top.name, sources, ports) };
    let mut model = Model::build(&toolchain, &request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
    println!("{}: {} cycles, model {:?}", top.name, cycles.len(), model.build_stats());
    let layout = model.inputs().clone();
    let position =
        |name: &str| layout.range(layout.position(name).expect("the model has the netlist's ports"));
    let mut rows = Rows::zeroed(layout.words(), cycles.len());
    for (at, cycle) in cycles.iter().enumerate() {
        let row = rows.row_mut(at);
        row[position("rst").start] = cycle.rst.into();
        row[position("in_valid").start] = cycle.in_valid.into();
        for (port, codes) in top.inputs[1..].iter().zip(&cycle.inputs) {
            pack(port, codes, &mut row[position(&port.name)]);
        }
    }
    let out = model.run(&rows).unwrap_or_else(|error| panic!("{error}"));
    let layout = model.outputs();
    (0..cycles.len())
        .map(|at| {
            let ports = top.outputs.iter();
            let mut read: Vec<Vec<i64>> = ports
                .map(|(port, _)| {
                    unpack(port, &out.row(at)[layout.range(layout.position(&port.name).expect("an output"))])
                })
                .collect();
            (read.remove(0) == [1], read)
        })
        .collect()
}

/// Elements of different widths side by side.
fn pack(port: &NetPort, codes: &[i64], words: &mut [u32]) {
    let mut at = 0;
    for (bits, &code) in port.elements.iter().zip(codes) {
        for bit in 0..bits.width {
            words[at / 32] |= ((code >> bit & 1) as u32) << (at % 32);
            at += 1;
        }
    }
}

fn unpack(port: &NetPort, words: &[u32]) -> Vec<i64> {
    let mut at = 0;
    let mut bit = || {
        at += 1;
        i128::from(words[(at - 1) / 32] >> ((at - 1) % 32) & 1)
    };
    port.elements.iter().map(|bits| bits.read((0..bits.width).fold(0, |code, n| code | bit() << n))).collect()
}
