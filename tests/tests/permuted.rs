//! What must not matter: the order of hidden units, and the names of nodes.

use nn2hdl_compiler::front::onnx::{self, ConstantTensor, TensorData};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::netlist::cost;
use nn2hdl_models::find;
use nn2hdl_runtime::Program;
use nn2hdl_tests::design::compile;
use nn2hdl_tests::random::{codes, emulate};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

fn program(bytes: &[u8]) -> Program {
    let graph = front::import(bytes).unwrap_or_else(|problems| panic!("{}", problems[0]));
    front::compile(&graph, &Options::default()).unwrap_or_else(|problems| panic!("{}", problems[0])).program
}

/// The tensor with the entries of `axis` in the given order.
fn reordered(tensor: &mut ConstantTensor, axis: usize, order: &[usize]) {
    let inner: usize = tensor.shape[axis + 1..].iter().product();
    let TensorData::Float(data) = &mut tensor.data else { panic!("weights are floats") };
    let before = data.clone();
    for (n, value) in data.iter_mut().enumerate() {
        let at = n / inner % order.len();
        *value = before[n - at * inner + order[at] * inner];
    }
}

#[test]
fn hidden_units_may_be_permuted_and_nodes_renamed() {
    let bytes = find("muon-window").expect("the zoo has it").onnx;
    let mut model = onnx::decode(bytes).expect("the zoo's models are sound");
    let original = program(bytes);
    let mut rng = SmallRng::seed_from_u64(5);
    for units in [24usize, 16] {
        let mut order: Vec<usize> = (0..units).collect();
        order.shuffle(&mut rng);
        let mut moved = 0;
        for tensor in model.main.initializers.values_mut() {
            let axes: Vec<usize> =
                (0..tensor.shape.len()).filter(|&axis| tensor.shape[axis] == units).collect();
            for axis in axes {
                reordered(tensor, axis, &order);
                moved += 1;
            }
        }
        assert_eq!(moved, 3, "weights before, bias and weights behind the {units} units");
    }
    for (number, node) in model.main.nodes.iter_mut().enumerate() {
        node.name = format!("renamed_{number}");
    }
    let permuted = program(&onnx::encode(&model));
    let frames = 2000;
    let inputs = codes(&original, frames, 1);
    assert_eq!(emulate(&permuted, &inputs, frames), emulate(&original, &inputs, frames));
    let (before, after) = (cost::total(&compile(&original, 1)).lut, cost::total(&compile(&permuted, 1)).lut);
    println!("LUT estimate {before}, permuted {after}");
    assert!(before.abs_diff(after) * 100 <= before * 3, "{before} and {after}");
}
