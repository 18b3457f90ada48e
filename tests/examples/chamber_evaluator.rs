//! Chamber networks as cycle-accurate netlists on simulated events, against the emulator.
//!
//!     cargo run --release -p nn2hdl-tests --example chamber_evaluator -- FRAMES II NAME[+NAME] …
//!
//! For each network: frames, differing codes, and the distance from the first beat in to the last beat out beside
//! latency + (N − 1) · II.

use nn2hdl_compiler::front::onnx::{encode, join};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::find;
use nn2hdl_muon::geometry::STRIPS;
use nn2hdl_muon::{Parameters, Simulation};
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::random::emulate;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|text| text.parse::<u32>().ok());
    let (Some(frames), Some(ii)) = (number(), number()) else {
        eprintln!("usage: chamber_evaluator FRAMES II NAME[+NAME] …");
        std::process::exit(2);
    };
    let parameters = Parameters { background: 5.0, ..Parameters::default() };
    let simulation = Simulation::new(parameters).expect("sound parameters");
    let bytes = |n: u32| simulation.event(79, n.into()).image().bytes();
    let images: Vec<i64> = (0..frames).flat_map(bytes).map(i64::from).collect();
    for names in arguments {
        let whole = names.split('+').map(|name| {
            let model = find(name).unwrap_or_else(|| panic!("the zoo has no {name}"));
            front::read(model.onnx).unwrap_or_else(|problems| panic!("{name}: {}", problems[0]))
        });
        let whole = whole.reduce(|first, second| join(first, second).expect("the networks fit"));
        let graph = front::import(&encode(&whole.expect("a name"))).unwrap_or_else(|p| panic!("{}", p[0]));
        let program =
            front::compile(&graph, &Options::default()).unwrap_or_else(|p| panic!("{}", p[0])).program;
        let netlist = compile(&program, ii);
        let pairs = netlist.signature.inputs[0].shape.ends_with(&[STRIPS / 2]);
        let joined = |pair: &[i64]| pair[0] | pair[1];
        let inputs = [if pairs { images.chunks(2).map(joined).collect() } else { images.clone() }];
        let expected = emulate(&program, &inputs, frames as usize);
        let found = evaluate(&netlist, &inputs, frames as usize, None);
        let pairs = expected.iter().flatten().zip(found.outputs.iter().flatten());
        let differing = pairs.filter(|(a, b)| a != b).count();
        let signature = &netlist.signature;
        let promised = signature.latency_last_cycles + (frames - 1) * signature.ii_cycles;
        let taken = found.last[frames as usize - 1] - found.sent[0];
        println!(
            "{names} II {ii}: {frames} frames, {differing} differing codes, {taken} cycles, promised {promised}"
        );
        assert!(differing == 0 && taken == promised as usize, "{names}: the netlist is not the emulator");
    }
}
