//! The netlist's checks and its evaluator on small hand-made designs.

use nn2hdl_compiler::back::verilog;
use nn2hdl_compiler::netlist::validate::validate;
use nn2hdl_compiler::netlist::{Bits, Driver, Evaluator, Module, NetId, Netlist, TracePoint};
use nn2hdl_runtime::ValueId;
use nn2hdl_runtime::interface::{Signature, Travel};

const BYTE: Bits = Bits { signed: true, width: 8 };

fn netlist(modules: Vec<Module>) -> Netlist {
    let top = modules.last().map(|module| module.name.clone()).unwrap_or_default();
    let signature = Signature {
        top,
        inputs: Vec::new(),
        outputs: Vec::new(),
        latency_cycles: 0,
        latency_last_cycles: 0,
        ii_cycles: 1,
    };
    Netlist { modules, signature, trace: Vec::new() }
}

/// An inner module that passes `a` on and counts, and a top around it.
fn small() -> Netlist {
    let mut inner = Module::new("inner");
    let a = inner.add_input("a", vec![BYTE])[0];
    let count = inner.add(BYTE, Driver::Register { d: NetId(0), reset: true });
    let next = inner.add(BYTE, Driver::Add { a: count, b: a, shift_a: 0, shift_b: 0, subtract: false });
    inner.nets[count.index()].driver = Driver::Register { d: next, reset: true };
    inner.add_output("y", vec![count, a]);
    let mut top = Module::new("top");
    let valid = top.add_input("in_valid", vec![Bits::BIT])[0];
    let x = top.add_input("x", vec![BYTE]);
    let y = top.add_instance("u", 0, &inner, vec![x]).remove(0);
    top.add_output("out_valid", vec![valid]);
    top.add_output("y", y.clone());
    let mut netlist = netlist(vec![inner, top]);
    netlist.trace.push(TracePoint {
        path: Vec::new(),
        value: ValueId(0),
        name: "next".into(),
        layer: "count".into(),
        shape: vec![1],
        travel: Travel::whole(1, 0),
        scope: vec!["u".into()],
        module: 0,
        nets: vec![next],
    });
    netlist
}

#[test]
fn cycles_are_as_hardware_has_them() {
    let netlist = small();
    validate(&netlist).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut evaluator = Evaluator::new(&netlist).expect("there is no loop");
    let probe =
        evaluator.probe(&netlist.trace[0].scope, netlist.trace[0].nets[0]).expect("the instance exists");
    let mut step = |rst, x| {
        let (valid, outputs) = evaluator.step(rst, !rst, &[vec![x]]);
        (valid, outputs[0][0], outputs[0][1], evaluator.read(probe))
    };
    assert_eq!(step(true, 5), (false, 0, 5, 5));
    assert_eq!(step(false, 100), (true, 0, 100, 100));
    assert_eq!(step(false, 100), (true, 100, 100, -56));
    assert_eq!(step(true, 1), (false, -56, 1, -55));
    assert_eq!(step(false, -1), (true, 0, -1, -1));
    assert!(evaluator.probe(&["v".into()], NetId(0)).is_none());
}

#[test]
fn probes_name_wires_of_the_text() {
    let netlist = small();
    let probes = verilog::probes(&netlist);
    let place = &probes[0].elements[0];
    assert_eq!((place.wire.as_str(), place.lo, place.width, place.signed), ("u.sum_2", 0, 8, true));
    let inner = verilog::print(&netlist).into_iter().find(|file| file.name == "inner.v").expect("a file");
    assert!(inner.text.contains("wire [7:0] sum_2 = state_1 + a;"), "{}", inner.text);
}

#[test]
fn a_loop_through_an_instance_is_refused() {
    let mut netlist = small();
    let x = netlist.modules[1].instances[0].inputs[0][0];
    netlist.modules[1].instances[0].inputs[0][0] = NetId(3);
    assert!(matches!(netlist.modules[1].nets[3].driver, Driver::Output { element: 1, .. }) && x == NetId(1));
    let error = Evaluator::new(&netlist).map(|_| ()).expect_err("the output feeds the input it comes from");
    assert!(error.to_string().contains("depends on itself"), "{error}");
}

#[test]
fn each_fault_is_found() {
    type Damage = fn(&mut Netlist);
    let cases: [(&str, Damage); 14] = [
        ("module names", |it| it.modules[0].name = "Top".into()),
        ("module names", |it| it.modules[0].name = "wire".into()),
        ("port names", |it| it.modules[0].inputs[0].name = "clk".into()),
        ("port names", |it| it.modules[0].inputs[0].name = "Y".into()),
        ("instance names", |it| it.modules[1].instances[0].name = "x".into()),
        ("earlier modules", |it| it.modules[1].instances[0].module = 1),
        ("instance's nets", |it| it.modules[1].instances[0].inputs[0][0] = NetId(0)),
        ("operands come earlier", |it| it.modules[0].nets[2].driver = Driver::Extend(NetId(2))),
        ("slice lies within", |it| it.modules[0].nets[2].driver = Driver::Slice { a: NetId(0), lo: 1 }),
        ("constant fits", |it| it.modules[0].nets[2].driver = Driver::Const(128)),
        ("condition is one bit", |it| {
            it.modules[0].nets[2].driver = Driver::Select(NetId(0), NetId(0), NetId(1))
        }),
        ("one word for each address", |it| {
            it.modules[0].nets[2].driver = Driver::Rom { a: NetId(0), data: vec![0; 255] };
        }),
        ("register has its input's bits", |it| it.modules[0].nets[2].bits.width = 7),
        ("trace point's instances", |it| it.trace[0].scope[0] = "v".into()),
    ];
    for (rule, damage) in cases {
        let mut netlist = small();
        damage(&mut netlist);
        let faults = validate(&netlist).expect_err(rule);
        assert!(faults.iter().any(|fault| fault.to_string().contains(rule)), "{rule}: {faults:?}");
    }
}
