//! Networks on images, streamed: models of others, and a U-net of two levels.
//!
//! The frameworks' own answers for the models of others are compared in `compiler/tests/front_golden.rs`.

use std::collections::BTreeSet;

use nn2hdl_compiler::front::network::Description;
use nn2hdl_compiler::front::onnx::{Model, encode};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::{Graph, Tensor};
use nn2hdl_compiler::netlist::cost;
use nn2hdl_compiler::netlist::plan::plan;
use nn2hdl_compiler::ops::{Add, AutoPad, AveragePool, Fixed, MaxPool, Windows};
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::{compile, evaluate};
use nn2hdl_tests::public;
use nn2hdl_tests::random::{codes, emulate};
use nn2hdl_tests::verilator::both;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn lowered(model: &Model, options: &Options) -> (Graph, Program) {
    let graph = front::import(&encode(model)).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let program =
        front::compile(&graph, options).unwrap_or_else(|problems| panic!("{}", problems[0])).program;
    (graph, program)
}

/// The network's outputs in float arithmetic, by the operators' references, against the emulator's decoded ones.
fn agrees_with_reference(graph: &Graph, program: &Program, inputs: &[Vec<i64>], frames: usize) {
    let answers = emulate(program, inputs, frames);
    let (input, output) = (program.input_value(0), program.output_value(0));
    for frame in 0..frames {
        let codes = &inputs[0][frame * input.len()..(frame + 1) * input.len()];
        let data = codes.iter().map(|&code| code as f64 * 2f64.powi(-input.format.frac)).collect();
        let shape = graph.info(graph.inputs[0]).shape.clone().expect("a shape");
        let expected =
            graph.evaluate(&[Tensor::new(shape, data)]).unwrap_or_else(|problem| panic!("{problem}"));
        let codes = &answers[0][frame * output.len()..(frame + 1) * output.len()];
        let found = program.outputs[0].decoder.decode(codes, output.len());
        assert_eq!(found, expected[0].data, "{}, frame {frame}", program.name);
    }
}

/// The public network with branches, on images of 16 × 16 instead of 256 × 256: one position per cycle.
#[test]
fn a_small_image_of_the_branched_network() {
    let Some((mut model, options)) = public::model("branched_model") else { return };
    let shape = &mut model.main.inputs[0].shape;
    assert_eq!(shape[1..], [Some(256), Some(256), Some(3)]);
    shape[1..3].fill(Some(16));
    let (graph, program) = lowered(&model, &options);
    agrees_with_reference(&graph, &program, &codes(&program, 1, 3), 1);
    both(&program, 256, 3, 10);
}

/// Its whole images, in the emulator and the evaluator. A minute and more, so only where `NN2HDL_FULL` is set.
#[test]
fn whole_images_of_the_branched_network() {
    if std::env::var_os("NN2HDL_FULL").is_none() {
        return;
    }
    let Some((model, options)) = public::model("branched_model") else { return };
    let (_, program) = lowered(&model, &options);
    let netlist = compile(&program, 65_536);
    let inputs = codes(&program, 1, 4);
    let found = evaluate(&netlist, &inputs, 1, None);
    assert_eq!(found.outputs, emulate(&program, &inputs, 1));
    let signature = &netlist.signature;
    println!("II {}, latency {} cycles", signature.ii_cycles, signature.latency_last_cycles);
}

#[test]
fn small_convolution_models_in_verilator() {
    for (name, intervals) in [("conv1d_small", [1, 5, 10]), ("conv2d_small", [8, 64, 130])] {
        let Some((model, options)) = public::model(name) else { return };
        let (_, program) = lowered(&model, &options);
        for ii in intervals {
            both(&program, ii, 50, 200);
        }
    }
}

/// A `.safetensors` file of float32 tensors.
fn weights(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (number, (name, shape)) in tensors.iter().enumerate() {
        let begin = data.len();
        let random = codes_of(number as u64 + 7, shape.iter().product());
        data.extend(random.flat_map(|code| (code as f32 / 2.0).to_le_bytes()));
        let tensor = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert((*name).to_owned(), tensor);
    }
    let header = serde_json::Value::from(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

/// Random whole numbers from −3 to 3.
fn codes_of(seed: u64, count: usize) -> impl Iterator<Item = i64> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..count).map(move |_| rng.random_range(-3..=3))
}

fn unet() -> (Graph, Program) {
    let tensors: &[(&str, &[usize])] = &[
        ("entry.weight", &[3, 1, 3, 3]),
        ("entry.bias", &[3]),
        ("middle.weight", &[4, 3, 3, 3]),
        ("middle.bias", &[4]),
        ("bottom.weight", &[5, 4, 3, 3]),
        ("bottom.bias", &[5]),
        ("rise.weight", &[5, 3, 2, 2]),
        ("joined.weight", &[3, 7, 3, 3]),
        ("joined.bias", &[3]),
        ("finest.weight", &[2, 6, 3, 3]),
        ("finest.bias", &[2]),
        ("score.weight", &[2, 2, 1, 1]),
    ];
    let description = Description::parse(include_str!("../networks/unet.toml"));
    let model = description.and_then(|description| description.model(Some(&weights(tensors))));
    lowered(&model.unwrap_or_else(|problems| panic!("{}", problems[0])), &Options::default())
}

#[test]
fn a_unet_of_two_levels() {
    let (graph, program) = unet();
    let frames = 20;
    let inputs = codes(&program, frames, 5);
    agrees_with_reference(&graph, &program, &inputs, frames);
    let expected = emulate(&program, &inputs, frames);
    let kinds: BTreeSet<i64> = expected[0].iter().copied().collect();
    assert!(kinds.len() > 30, "the network is hardly alive: {kinds:?}");
    for ii in [1024, 256, 128, 64, 16, 8, 4] {
        let netlist = compile(&program, ii);
        let found = evaluate(&netlist, &inputs, frames, Some(u64::from(ii)));
        assert_eq!(found.outputs, expected, "II {ii}");
        println!("II {ii}: {}, {} adder bits", netlist.signature.ii_cycles, cost::total(&netlist).adder_bits);
    }
    for ii in [256, 16] {
        both(&program, ii, 5, 50);
    }
}

/// An average pool whose counts differ at the image's borders.
fn averaged(extent: usize, windows: Windows, format: &str) -> (Graph, Program) {
    let mut graph = Graph::new(format!("mean_{}_{extent}", windows.strides[0]));
    let x = graph.input("x", &[1, 1, extent, extent]);
    let twice = graph.add("twice", Add, &[x, x]);
    let fixed = |text: &str| Fixed { format: text.parse().expect("a format") };
    let rounded = graph.add("rounded", fixed("fixed<5,3,TRN,SAT>"), &[twice]);
    let pool = AveragePool { kernel: vec![3, 3], windows, count_pad: false };
    let mean = graph.add("mean", pool, &[rounded]);
    let y = graph.add("y", fixed(format), &[mean]);
    graph.output(y);
    let options = Options { input_format: "fixed<5,3>".parse().ok(), ..Options::default() };
    let program = front::compile(&graph, &options).expect("it has a program").program;
    (graph, program)
}

/// 9 functions for 400 positions.
#[test]
fn averages_of_what_is_inside() {
    for (pads, stride) in [(vec![1; 4], 1), (vec![1, 0, 1, 0], 2)] {
        for rounding in ["RND", "RND_CONV"] {
            let windows =
                Windows { pads: pads.clone(), strides: vec![stride; 2], ceil: true, ..Windows::default() };
            let (graph, program) = averaged(20, windows, &format!("fixed<6,3,{rounding},SAT>"));
            let inputs = codes(&program, 10, 6);
            agrees_with_reference(&graph, &program, &inputs, 10);
            let expected = emulate(&program, &inputs, 10);
            for ii in [400, 20, 10] {
                let found = evaluate(&compile(&program, ii), &inputs, 10, Some(1));
                assert_eq!(found.outputs, expected, "{} II {ii}", program.name);
            }
            both(&program, 400, 2, 10);
        }
    }
}

/// More positions than are remembered: the reason, and a way out.
#[test]
fn constants_of_too_many_positions_are_refused_with_the_reason() {
    let windows = |pads| Windows { pads, strides: vec![1; 2], ..Windows::default() };
    let (_, program) = averaged(300, windows(vec![1; 4]), "fixed<6,3,RND,SAT>");
    let problem = plan(&program, 90_000).expect_err("90,000 positions");
    assert!(problem.message.contains("differ from position to position"), "{problem}");
    assert!(problem.help.contains("counts its padding"), "{problem}");
    let (_, program) = averaged(300, windows(vec![0; 4]), "fixed<6,3,RND,SAT>");
    assert!(plan(&program, 90_000).is_ok());
}

/// What is beyond the limits is refused before memory is taken, with a way out.
#[test]
fn networks_that_are_too_large_are_refused() {
    let options = Options { input_format: "fixed<5,3>".parse().ok(), ..Options::default() };
    let refused = |layers: usize, kernel: usize| {
        let mut graph = Graph::new("large");
        let mut x = graph.input("x", &[1, 16, 1024, 1024]);
        let windows = Windows { auto_pad: AutoPad::SameUpper, ..Windows::default() };
        for n in 0..layers {
            x = graph.add(
                format!("pool{n}"),
                MaxPool { kernel: vec![kernel; 2], windows: windows.clone() },
                &[x],
            );
        }
        graph.output(x);
        let problems = front::compile(&graph, &options).expect_err("it is too large");
        assert!(problems[0].help.contains("a smaller or cropped input"), "{}", problems[0]);
        (problems[0].code.to_string(), problems[0].node.clone())
    };
    assert_eq!(refused(9, 1), ("program-too-large".to_owned(), "pool8".to_owned()));
    assert_eq!(refused(1, 17), ("kernel-too-large".to_owned(), "pool0".to_owned()));
}
