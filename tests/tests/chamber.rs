//! The segment head: as Rust, as a network, and streaming behind the networks that mark voxels.

use nn2hdl_compiler::front::onnx::{encode, join};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_models::find;
use nn2hdl_muon::segments::{Segment, segments};
use nn2hdl_muon::{Image, Parameters, Simulation};
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::random::emulate;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn program(names: &[&str]) -> Program {
    let decoded = names.iter().map(|name| {
        let model = find(name).unwrap_or_else(|| panic!("the zoo has no {name}"));
        front::read(model.onnx).unwrap_or_else(|problems| panic!("{name}: {}", problems[0]))
    });
    let whole =
        decoded.reduce(|first, second| join(first, second).expect("the networks fit")).expect("a network");
    let graph = front::import(&encode(&whole)).unwrap_or_else(|problems| panic!("{}", problems[0]));
    front::compile(&graph, &Options::default()).unwrap_or_else(|problems| panic!("{}", problems[0])).program
}

/// Images of simulated muons with much background, and random ones.
fn images(seed: u64, count: u64) -> Vec<Image> {
    let parameters = Parameters { background: 20.0, ..Parameters::default() };
    let simulation = Simulation::new(parameters).expect("sound parameters");
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut image = |n: u64| {
        let mut image = simulation.event_with(seed, n, (n % 5) as usize).image();
        let noise = [0, 0, 300, 2000][n as usize % 4];
        (0..noise).for_each(|_| image.set(rng.random_range(0..6 * 8 * 384)));
        image
    };
    (0..count).map(&mut image).collect()
}

fn codes(images: &[Image]) -> Vec<i64> {
    images.iter().flat_map(|image| image.bytes()).map(i64::from).collect()
}

#[test]
fn the_head_is_one_function_in_rust_and_as_a_network() {
    let program = program(&["muon-head"]);
    let images = images(1, 400);
    let found = emulate(&program, &[codes(&images)], images.len());
    let mut many = 0;
    for (n, image) in images.iter().enumerate() {
        let mut expected: Vec<Vec<i64>> = vec![Vec::new(); 4];
        let segments = segments(image);
        many += usize::from(segments.len() == 4);
        for &Segment { quality, layers, partition, strip } in &segments {
            let fields = [quality.into(), layers as i64, partition as i64, strip.into()];
            expected.iter_mut().zip(fields).for_each(|(column, field)| column.push(field));
        }
        expected.iter_mut().for_each(|column| column.resize(4, 0));
        let here: Vec<&[i64]> = found.iter().map(|column| &column[4 * n..4 * n + 4]).collect();
        assert_eq!(here, expected, "image {n}");
    }
    assert!(many > 20, "{many} images with four segments");
}

#[test]
fn networks_and_head_stream_as_the_emulator_says() {
    for (names, ii, frames) in [
        (&["muon-head"][..], 384, 4),
        (&["muon-head"], 24, 8),
        (&["muon-segment-bx", "muon-head"], 384, 4),
        (&["muon-segment-bx", "muon-head"], 96, 4),
    ] {
        let program = program(names);
        let netlist = compile(&program, ii);
        let inputs = [codes(&images(2, frames))];
        let expected = emulate(&program, &inputs, frames as usize);
        assert!(expected[0].iter().any(|&quality| quality > 0));
        for gaps in [None, Some(3)] {
            let found = evaluate(&netlist, &inputs, frames as usize, gaps);
            assert_eq!(found.outputs, expected, "{names:?} at II {ii}");
        }
    }
}
