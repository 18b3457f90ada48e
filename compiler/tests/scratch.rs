#![allow(missing_docs)]
use nn2hdl_compiler::front::{Options, compile, import};
use nn2hdl_compiler::netlist::{Target, build};
fn mem() -> String { std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS")).collect::<Vec<_>>().join(" ") }
#[test]
fn scratch() {
    let bytes = std::fs::read("/work/shared/data/models/branched_model_ch_last.onnx").unwrap();
    let options = Options { input_format: "fixed<8,1>".parse().ok(), ..Options::default() };
    let t = std::time::Instant::now();
    let graph = import(&bytes).unwrap();
    let program = compile(&graph, &options).unwrap().program;
    println!("{:?} {}", t.elapsed(), mem());
    let b = program.main();
    for s in &b.steps {
        let nn2hdl_runtime::Step::Kernel(k) = s else { panic!() };
        let v = b.value(k.out);
        println!("{} {:?} {:?} {} reads {:?}", k.name, v.shape, k.extent, v.format, k.reads.iter().map(|r| b.value(r.value).name.clone()).collect::<Vec<_>>());
    }
    println!("total {} of {} values", b.values.iter().map(|v| v.len()).sum::<usize>(), b.values.len());
    let t = std::time::Instant::now();
    let target = Target { ii: 65536, ..Target::default() };
    let net = build(&program, &program.name, &target, &mut |_, _, _| {}).unwrap();
    println!("{:?} {} nets {} modules {} top nets {} latency {} {}", t.elapsed(), mem(), net.modules.iter().map(|m| m.nets.len()).sum::<usize>(), net.modules.len(), net.top().nets.len(), net.signature.latency_cycles, net.signature.latency_last_cycles);
    let t = std::time::Instant::now();
    let e = nn2hdl_runtime::Emulator::new(&program).unwrap();
    println!("{:?} {}", t.elapsed(), mem());
    let t = std::time::Instant::now();
    let x = vec![3i64; program.input_value(0).len()];
    e.run(&[&x], 1).unwrap();
    println!("{:?} {}", t.elapsed(), mem());
}
