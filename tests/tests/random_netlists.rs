//! Random netlists of every driver and width, evaluator against Verilator, without a lint warning.

use std::cmp::Ordering;

use nn2hdl_compiler::netlist::{Bits, Driver, Evaluator, Module, NetId, Netlist};
use nn2hdl_runtime::interface::Signature;
use nn2hdl_testbench::Optimization;
use nn2hdl_tests::verilog::{Cycle, run};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn bits(rng: &mut SmallRng) -> Bits {
    let signed = rng.random_bool(0.5);
    let most = match rng.random_range(0..10) {
        0 => 64,
        1..4 => 33,
        _ => 8,
    };
    Bits { signed, width: rng.random_range(1..=most).min(if signed { 64 } else { 63 }) }
}

/// A net with exactly these bits.
fn fitted(rng: &mut SmallRng, module: &mut Module, to: Bits) -> NetId {
    let from = NetId(rng.random_range(0..module.nets.len() as u32));
    let width = module.bits(from).width;
    match to.width.cmp(&width) {
        Ordering::Equal if module.bits(from) == to => from,
        Ordering::Less => {
            module.add(to, Driver::Slice { a: from, lo: rng.random_range(0..=width - to.width) })
        }
        _ => module.add(to, Driver::Extend(from)),
    }
}

fn driver(rng: &mut SmallRng, module: &mut Module, to: Bits) -> Option<(Bits, Driver)> {
    let count = module.nets.len() as u32;
    let mut any = || NetId(rng.random_range(0..count));
    let (a, b) = (any(), any());
    let width = module.bits(a).width;
    let shift = |rng: &mut SmallRng| if rng.random_bool(0.5) { 0 } else { rng.random_range(0..12) };
    Some(match rng.random_range(0..14) {
        0 => (to, Driver::Const(to.read(rng.random::<i64>().into()))),
        1 => (to, Driver::Slice { a, lo: rng.random_range(0..=width.checked_sub(to.width)?) }),
        2 => (to, Driver::Shl { a, n: shift(rng) }),
        3 => (Bits { width: to.width.max(width), ..to }, Driver::Extend(a)),
        4 => {
            let sum = width + module.bits(b).width;
            (
                Bits { signed: false, width: if sum < 64 { sum } else { return None } },
                Driver::Concat(vec![a, b]),
            )
        }
        5 | 6 => {
            let (shift_a, shift_b) = (shift(rng), shift(rng));
            (to, Driver::Add { a, b, shift_a, shift_b, subtract: rng.random_bool(0.5) })
        }
        7 => (to, Driver::Mul(a, b)),
        8 => (to, Driver::Max(a, b)),
        9 => (to, Driver::Min(a, b)),
        10 => (Bits::BIT, Driver::Lt(a, b)),
        11 => (to, Driver::Select(fitted(rng, module, Bits::BIT), a, b)),
        12 => {
            let address = Bits { signed: rng.random_bool(0.5), width: rng.random_range(1..=8) };
            let data = (0..1 << address.width).map(|_| rng.random()).collect();
            (to, Driver::Rom { a: fitted(rng, module, address), data })
        }
        _ => (module.bits(a), Driver::Register { d: a, reset: rng.random_bool(0.5) }),
    })
}

/// A module of about `size` nets that may instantiate `below`.
fn module(rng: &mut SmallRng, name: String, below: &[Module], size: usize, is_top: bool) -> Module {
    let mut module = Module::new(name);
    if is_top {
        let valid = module.add_input("in_valid", vec![Bits::BIT])[0];
        let valid = module.register(valid, true);
        module.add_output("out_valid", vec![valid]);
    }
    for port in 0..rng.random_range(1..=2) {
        let elements = (0..rng.random_range(1..=5)).map(|_| bits(rng)).collect();
        module.add_input(format!("x_{port}"), elements);
    }
    let mut loops = Vec::new();
    while module.nets.len() < size {
        let to = bits(rng);
        match rng.random_range(0..20) {
            0 if !below.is_empty() => {
                let index = rng.random_range(0..below.len());
                let inner = &below[index];
                let ports = inner.inputs.iter();
                let inputs = ports
                    .map(|port| port.elements.iter().map(|&to| fitted(rng, &mut module, to)).collect())
                    .collect();
                let name = format!("u_{}", module.instances.len());
                module.add_instance(name, index, inner, inputs);
            }
            1 => loops.push(module.add(to, Driver::Register { d: NetId(0), reset: true })),
            _ => {
                if let Some((bits, driver)) = driver(rng, &mut module, to) {
                    module.add(bits, driver);
                }
            }
        }
    }
    for register in loops {
        let to = module.bits(register);
        let next = fitted(rng, &mut module, to);
        module.nets[register.index()].driver = Driver::Register { d: next, reset: true };
    }
    for port in 0..rng.random_range(1..=2) {
        let (count, most) = (rng.random_range(1..=12), module.nets.len() as u32);
        let nets = (0..count).map(|_| NetId(rng.random_range(0..most))).collect();
        module.add_output(format!("y_{port}"), nets);
    }
    module
}

fn netlist(seed: u64) -> Netlist {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut modules: Vec<Module> = Vec::new();
    for n in 0..12 {
        let module = module(&mut rng, format!("part_{n}"), &modules, 60, false);
        modules.push(module);
    }
    let top = module(&mut rng, "random".into(), &modules, 200, true);
    modules.push(top);
    let signature = Signature {
        top: "random".into(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        latency_cycles: 0,
        latency_last_cycles: 0,
        ii_cycles: 1,
    };
    Netlist { modules, signature, trace: Vec::new() }
}

#[test]
fn evaluator_and_verilator_agree() {
    let seeds = std::env::var("NN2HDL_RANDOM_NETLISTS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    for seed in 0..seeds {
        let netlist = netlist(seed);
        let mut evaluator = Evaluator::new(&netlist).expect("operands come earlier, so there are no loops");
        let mut rng = SmallRng::seed_from_u64(seed);
        let cycles: Vec<Cycle> = (0..400)
            .map(|at| Cycle {
                rst: at < 2 || rng.random_bool(0.05),
                in_valid: rng.random(),
                inputs: netlist.top().inputs[1..]
                    .iter()
                    .map(|port| {
                        let corner = rng.random_range(0..4);
                        let code = |rng: &mut SmallRng| match corner {
                            0 => 0,
                            1 => -1,
                            2 => 1 << rng.random_range(0..63),
                            _ => rng.random::<i64>(),
                        };
                        port.elements.iter().map(|bits| bits.read(code(&mut rng).into())).collect()
                    })
                    .collect(),
            })
            .collect();
        let found = run(&netlist, &cycles, Optimization::O0);
        for (at, (cycle, found)) in cycles.iter().zip(found).enumerate() {
            let expected = evaluator.step(cycle.rst, cycle.in_valid, &cycle.inputs);
            assert_eq!(found, expected, "seed {seed}, cycle {at}");
        }
    }
}
