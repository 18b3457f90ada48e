//! Frames per second against buffer size, of designs of the zoo: emulator on one thread, netlist evaluator, Verilator.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nn2hdl_compiler::artifact;
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::netlist::Target;
use nn2hdl_models::find;
use nn2hdl_runtime::Emulator;
use nn2hdl_testbench::Toolchain;
use nn2hdl_testbench::cosim::{Design, Simulation, random_codes};
use nn2hdl_tests::design::{compile, evaluate};

const SIZES: [usize; 3] = [1, 16, 256];
/// Networks, each with its II and the largest buffer of the netlist evaluator.
const DESIGNS: [(&str, u32, usize); 2] = [("muon-window", 1, 256), ("muon-segment-bx", 384, 1)];

fn bench(criterion: &mut Criterion) {
    for (name, ii, most) in DESIGNS {
        let model = find(name).expect("the zoo has it");
        let graph = front::import(model.onnx).expect("it is an ONNX file");
        let program = front::compile(&graph, &Options::default()).expect("it has a program").program;
        let emulator = Emulator::new(&program).expect("it can be run").with_threads(1);
        let netlist = compile(&program, ii);

        let folder = tempfile::tempdir().expect("a folder");
        let target = Target { ii, ..Target::default() };
        let made = artifact::compile(&program, &target, Vec::new(), &()).expect("a design");
        let list = made.files.iter().find(|file| file.path == "rtl/files.f").expect("a list of files");
        let names = String::from_utf8_lossy(&list.bytes).into_owned();
        let sources = names.lines().map(|name| {
            let path = folder.path().join(name);
            let file =
                made.files.iter().find(|file| file.path == format!("rtl/{name}")).expect("a listed file");
            std::fs::write(&path, &file.bytes).expect("a written file");
            path
        });
        let design = Design {
            sources: sources.collect(),
            program: program.clone(),
            signature: made.netlist.signature.clone(),
            probes: made.probes,
            replicated: made.netlist.replicated(),
        };
        let toolchain = Toolchain::find().unwrap_or_else(|error| panic!("{error}"));
        let mut simulation =
            Simulation::build(&toolchain, &design, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));

        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for size in SIZES {
            let codes = random_codes(&program, size, 1);
            let slices: Vec<&[i64]> = codes.iter().map(Vec::as_slice).collect();
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::new("emulator, one thread", size), |b| {
                b.iter(|| emulator.run(&slices, size).expect("answers"));
            });
            let buffer = simulation.buffer(&codes, size, size).expect("beats");
            group.bench_function(BenchmarkId::new("Verilator", size), |b| {
                b.iter(|| simulation.run(&buffer).expect("answers"));
            });
            if size <= most {
                group.bench_function(BenchmarkId::new("netlist evaluator", size), |b| {
                    b.iter(|| evaluate(&netlist, &codes, size, None));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
