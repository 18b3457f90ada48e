//! The exhaustive sweep: every primitive and every quantizer, all widths up to four bits, every input: definition =
//! emulator = evaluator = Verilator, without a lint warning.

use std::collections::BTreeMap;

use nn2hdl_compiler::cmvm::Effort;
use nn2hdl_compiler::datapath::elaborate::{Engine, Site, Source, elaborate};
use nn2hdl_compiler::datapath::linear::Optimizer;
use nn2hdl_compiler::netlist::{Bits, Driver, Evaluator, Module, Net, NetId, Netlist, engine};
use nn2hdl_compiler::schedule::Delays;
use nn2hdl_compiler::schedule::pipeline::pipeline;
use nn2hdl_runtime::index::points;
use nn2hdl_runtime::interface::Signature;
use nn2hdl_runtime::{Kernel, Op, Program, Step, ValueId, expr};
use nn2hdl_testbench::Optimization;
use nn2hdl_tests::cells::Cells;
use nn2hdl_tests::random::emulate;
use nn2hdl_tests::verilog::{Cycle, run};

/// All inputs: four bits of `a`, four of `b` and `c`; `d` is `a` and `b` together.
const INPUTS: i64 = 1 << 9;

/// Cells in one module.
const CHUNK: usize = 128;

fn kernels(program: &Program) -> impl Iterator<Item = &Kernel> {
    program
        .main()
        .steps
        .iter()
        .filter_map(|step| if let Step::Kernel(kernel) = step { Some(kernel) } else { None })
}

/// The codes of each program input, one for each of all inputs.
fn codes(program: &Program) -> Vec<Vec<i64>> {
    let inputs = (0..program.inputs.len()).map(|n| program.input_value(n));
    inputs
        .map(|value| {
            let (from, bits) = match &value.name[..1] {
                "a" | "d" => (0, value.format),
                "b" => (4, value.format),
                _ => (8, value.format),
            };
            let bits = Bits { signed: bits.signed, width: bits.width };
            (0..INPUTS).map(|word| bits.read((word >> from).into())).collect()
        })
        .collect()
}

/// What the primitives' definition says of an elementwise kernel at position `p`.
fn define(program: &Program, kernel: &Kernel, p: usize, operand: &dyn Fn(u32) -> i64) -> i64 {
    let mut values: Vec<i128> = Vec::new();
    for op in kernel.body.nodes() {
        let value = match op {
            Op::Read(slot) => operand(*slot).into(),
            Op::Param { table, index } => program.table(*table)[index.at(&[p], &[]) as usize].into(),
            Op::Lut { table, row, base, a, .. } => {
                let at = i128::from(row.at(&[p], &[])) + values[a.index()] - i128::from(*base);
                program.table(*table)[at as usize].into()
            }
            other => expr::apply(other, |id| values[id.index()]).expect("small operands stay small"),
        };
        values.push(value);
    }
    values[values.len() - 1] as i64
}

fn engine_of(program: &Program, kernel: &Kernel, optimizer: &mut Optimizer<'_>) -> Engine {
    let block = program.main();
    let site = Site {
        program,
        block,
        positions: points(&block.value(kernel.out).shape).collect(),
        reduction: None,
        streamed: &|_, _| false,
        interval: &|tap| block.value(tap.value).format.interval(),
        beats: &|p| vec![p.to_vec()],
    };
    let mut engines = elaborate(kernel, &site, optimizer).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(engines.len(), 1);
    engines.remove(0)
}

/// Puts the nets of `module` into `chunk`; its outputs there.
fn inline(chunk: &mut Module, module: &Module, inputs: &[NetId]) -> Vec<NetId> {
    let mut map: Vec<NetId> = Vec::new();
    for Net { bits, driver } in &module.nets {
        let at = |id: &NetId| map[id.index()];
        let driver = match driver {
            Driver::Input { element, .. } => {
                map.push(inputs[*element as usize]);
                continue;
            }
            Driver::Slice { a, lo } => Driver::Slice { a: at(a), lo: *lo },
            Driver::Shl { a, n } => Driver::Shl { a: at(a), n: *n },
            Driver::Extend(a) => Driver::Extend(at(a)),
            Driver::Concat(parts) => Driver::Concat(parts.iter().map(at).collect()),
            &Driver::Add { ref a, ref b, shift_a, shift_b, subtract } => {
                Driver::Add { a: at(a), b: at(b), shift_a, shift_b, subtract }
            }
            Driver::Mul(a, b) => Driver::Mul(at(a), at(b)),
            Driver::Max(a, b) => Driver::Max(at(a), at(b)),
            Driver::Min(a, b) => Driver::Min(at(a), at(b)),
            Driver::Lt(a, b) => Driver::Lt(at(a), at(b)),
            Driver::Select(a, b, c) => Driver::Select(at(a), at(b), at(c)),
            Driver::Rom { a, data } => Driver::Rom { a: at(a), data: data.clone() },
            Driver::Const(value) => Driver::Const(*value),
            Driver::Output { .. } | Driver::Register { .. } | Driver::Delay { .. } => {
                unreachable!("one cycle is long enough here")
            }
        };
        map.push(chunk.add(*bits, driver));
    }
    module.outputs[0].1.iter().map(|id| map[id.index()]).collect()
}

fn bits_of(program: &Program, id: ValueId) -> Bits {
    let format = program.main().value(id).format;
    Bits { signed: format.signed, width: format.width }
}

/// Modules of many distinct cells each, and for each output of `program` where it is: chunk and first element.
fn design(program: &Program) -> (Netlist, Vec<(usize, usize)>) {
    let delays = Delays::default();
    let adder = |width: u32| delays.add(width);
    let mut optimizer = Optimizer::new(Effort::Default, None, &adder, 64, &());
    let mut known: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut places = Vec::new();
    let mut chunks: Vec<(Module, Vec<NetId>, Vec<Vec<NetId>>)> = Vec::new();
    for kernel in kernels(program) {
        let engine = engine_of(program, kernel, &mut optimizer);
        let taps: Vec<ValueId> =
            engine.sources.iter().filter_map(Source::element).map(|tap| tap.value).collect();
        let intervals: Vec<_> = engine.datapath.wires().map(|wire| engine.datapath.interval(wire)).collect();
        let key =
            format!("{taps:?} {:?} {intervals:?} {:?}", engine.datapath.cells(), engine.datapath.outputs);
        if let Some(&place) = known.get(&key) {
            places.push(place);
            continue;
        }
        let arrivals = vec![0.0; taps.len()];
        let stages =
            pipeline(&engine.datapath, &arrivals, 1e6, &delays, None).expect("a cycle is long enough here");
        if known.len().is_multiple_of(CHUNK) {
            let mut module = Module::new(format!("cells_{}", chunks.len()));
            let params = program.main().params.iter();
            let inputs = params
                .map(|&id| module.add_input(&program.main().value(id).name, vec![bits_of(program, id)]));
            let inputs = inputs.collect();
            chunks.push((module, Vec::new(), inputs));
        }
        let last = chunks.len() - 1;
        let (chunk, outputs, inputs) = &mut chunks[last];
        let of = |value: &ValueId| {
            let port = program.main().params.iter().position(|id| id == value).expect("cells read inputs");
            inputs[port][0]
        };
        let inputs: Vec<NetId> = taps.iter().map(of).collect();
        let place = (last, outputs.len());
        let (module, elements) = engine::module("cell", &engine.datapath, &stages);
        let inputs: Vec<NetId> = elements.iter().map(|element| inputs[element.input]).collect();
        outputs.extend(inline(chunk, &module, &inputs));
        known.insert(key, place);
        places.push(place);
    }
    println!("{} cells, {} distinct, {} modules", places.len(), known.len(), chunks.len());
    let mut top = Module::new("cells");
    let in_valid = top.add_input("in_valid", vec![Bits::BIT]);
    let params = program.main().params.iter();
    let inputs: Vec<Vec<NetId>> =
        params.map(|&id| top.add_input(&program.main().value(id).name, vec![bits_of(program, id)])).collect();
    top.add_output("out_valid", in_valid);
    let mut modules = Vec::new();
    for (n, (mut module, outputs, _)) in chunks.into_iter().enumerate() {
        module.add_output("y", outputs);
        let nets = top.add_instance(format!("u_{n}"), n, &module, inputs.clone()).remove(0);
        top.add_output(format!("y_{n}"), nets);
        modules.push(module);
    }
    modules.push(top);
    let signature = Signature {
        top: "cells".into(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        latency_cycles: 0,
        latency_last_cycles: 0,
        ii_cycles: 1,
    };
    (Netlist { modules, signature, trace: Vec::new() }, places)
}

#[test]
fn every_cell_is_right_on_every_input() {
    let Cells { program, names, .. } = Cells::all();
    let codes = codes(&program);
    let emulated = emulate(&program, &codes, INPUTS as usize);
    let (netlist, places) = design(&program);
    let cycles: Vec<Cycle> = (0..INPUTS as usize)
        .map(|at| Cycle {
            rst: false,
            in_valid: true,
            inputs: codes.iter().map(|codes| vec![codes[at]]).collect(),
        })
        .collect();
    let mut evaluator = Evaluator::new(&netlist).expect("cells have no loops");
    let evaluated: Vec<_> = cycles.iter().map(|cycle| evaluator.step(false, true, &cycle.inputs)).collect();
    let verilated = run(&netlist, &cycles, Optimization::O0);
    let mut answers = 0;
    for ((kernel, name), (&(chunk, first), emulated)) in
        kernels(&program).zip(&names).zip(places.iter().zip(&emulated))
    {
        let positions = program.main().value(kernel.out).len();
        let params = &program.main().params;
        let slots: Vec<usize> = kernel
            .reads
            .iter()
            .map(|read| params.iter().position(|&id| id == read.value).expect("cells read inputs"))
            .collect();
        for at in 0..INPUTS as usize {
            for p in 0..positions {
                let defined = define(&program, kernel, p, &|slot| codes[slots[slot as usize]][at]);
                let inputs: Vec<i64> = slots.iter().map(|&slot| codes[slot][at]).collect();
                let found = [
                    emulated[at * positions + p],
                    evaluated[at].1[chunk][first + p],
                    verilated[at].1[chunk][first + p],
                ];
                assert_eq!(
                    found, [defined; 3],
                    "emulator, evaluator, Verilator: {name} at {inputs:?}, position {p}"
                );
                answers += 1;
            }
        }
    }
    println!("{answers} answers compared");
}
