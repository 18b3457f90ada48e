//! Pruning of small networks of our own.

use std::collections::BTreeMap;

use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, decode, encode,
};
use nn2hdl_compiler::front::{self, Options};
use nn2hdl_compiler::graph::Tensor;
use nn2hdl_compiler::netlist::Target;
use nn2hdl_compiler::prune::estimate::estimate;
use nn2hdl_compiler::prune::{Budget, Pruned, magnitude, structured, to_lut};
use nn2hdl_compiler::quantize::format::{Method, Per, ScaleKind};
use nn2hdl_compiler::quantize::{Settings, graph, quantize};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

fn quiet(_: &str, _: usize, _: usize) {}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]) -> RawNode {
    RawNode {
        name: format!("{output}_node"),
        op_type: operator.into(),
        inputs: inputs.iter().map(|&name| name.into()).collect(),
        outputs: vec![output.into()],
        attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
        ..RawNode::default()
    }
}

fn value(name: &str, shape: &[usize]) -> RawInput {
    let shape = shape.iter().copied().map(Some).collect();
    RawInput { name: name.into(), shape, ranked: true, dtype: Some(ElementType::Float32) }
}

/// 6 inputs → 8 → 2, or a convolution 2 × 5 → 4 × 5 that is flattened → 3. Channel 1 of the first layer is without
/// effect, channel 2 nearly so.
fn network(convolution: bool) -> Model {
    let mut rng = SmallRng::seed_from_u64(5);
    let mut random = |shape: &[usize]| {
        let count = shape.iter().product();
        let values = (0..count).map(|_| f64::from(rng.random_range(-1.0f32..1.0))).collect();
        ConstantTensor::float(shape.to_vec(), values)
    };
    let (first, second) =
        if convolution { (random(&[4, 2, 3]), random(&[20, 3])) } else { (random(&[6, 8]), random(&[8, 2])) };
    let mut initializers: BTreeMap<String, ConstantTensor> =
        [("w0", first), ("w1", second)].map(|(name, constant)| (name.to_owned(), constant)).into();
    let (channels, outputs) = if convolution { (4, 3) } else { (8, 2) };
    initializers.insert("b0".into(), random(&[channels]));
    initializers.insert("b1".into(), random(&[outputs]));
    let per_channel = if convolution { 5 } else { 1 };
    if let Some(second) = initializers.get_mut("w1") {
        let values =
            second.floats().unwrap().iter().enumerate().map(|(at, value)| match at / outputs / per_channel {
                1 => 0.0,
                2 => value * 0.01,
                _ => *value,
            });
        *second = ConstantTensor::float(
            second.shape.clone(),
            values.map(|value| f64::from(value as f32)).collect(),
        );
    }
    let pads = ("pads", Attribute::Ints(vec![1, 1]));
    let mut nodes = if convolution {
        vec![
            node("Conv", &["x", "w0", "b0"], "sum", &[pads]),
            node("Relu", &["sum"], "relu", &[]),
            node("Flatten", &["relu"], "flat", &[]),
            node("MatMul", &["flat", "w1"], "product", &[]),
        ]
    } else {
        vec![
            node("Gemm", &["x", "w0", "b0"], "sum", &[]),
            node("Relu", &["sum"], "relu", &[]),
            node("MatMul", &["relu", "w1"], "product", &[]),
        ]
    };
    nodes.push(node("Add", &["product", "b1"], "y", &[]));
    let input = if convolution { value("x", &[1, 2, 5]) } else { value("x", &[1, 6]) };
    let graph = RawGraph {
        name: "small".into(),
        inputs: vec![input],
        outputs: vec![value("y", &[1, outputs])],
        initializers,
        nodes,
    };
    Model::new(graph, 17)
}

fn frames(model: &Model, count: usize, seed: u64) -> Vec<Vec<Tensor>> {
    let shape: Vec<usize> = model.main.inputs[0].shape.iter().map(|extent| extent.unwrap()).collect();
    let mut rng = SmallRng::seed_from_u64(seed);
    // Neighbours are alike, as in data.
    let mut frame = || {
        let common = rng.random_range(-1.0f64..1.0);
        (0..shape.iter().product()).map(|_| common + rng.random_range(-0.5..0.5)).collect()
    };
    (0..count).map(|_| vec![Tensor::new(shape.clone(), frame())]).collect()
}

fn quantized(convolution: bool) -> Model {
    let settings = Settings {
        weight_bits: 7,
        activation_bits: 7,
        output_bits: 10,
        layers: BTreeMap::new(),
        method: Method::MinMax,
        per: if convolution { Per::Channel } else { Per::Tensor },
        scale: ScaleKind::PowerOfTwo,
    };
    let model = network(convolution);
    quantize(&model, &frames(&model, 100, 1), &settings, &mut quiet).unwrap().model
}

/// Mean square of the differences of the outputs, relative.
fn difference(a: &Model, b: &Model, frames: &[Vec<Tensor>]) -> f64 {
    let (a, b) = (graph(a).unwrap(), graph(b).unwrap());
    let (mut noise, mut signal) = (0.0, 0.0);
    for frame in frames {
        let (a, b) = (a.evaluate(frame).unwrap().swap_remove(0), b.evaluate(frame).unwrap().swap_remove(0));
        for (a, b) in a.data.iter().zip(&b.data) {
            noise += (a - b).powi(2);
            signal += a * a;
        }
    }
    noise / signal
}

#[test]
fn a_budget_is_met_at_a_small_loss() {
    let (options, target) = (Options::default(), Target::default());
    for convolution in [false, true] {
        let model = quantized(convolution);
        let before = estimate(&model, &options, &target).unwrap().total.lut;
        let (calibration, test) = (frames(&model, 100, 2), frames(&model, 100, 3));
        for (share, most) in [(0.8, 0.005), (0.5, 0.05)] {
            let Pruned { model: pruned, report } =
                to_lut(&model, &calibration, Budget::Share(share), (&options, &target), &mut quiet).unwrap();
            let after = estimate(&decode(&encode(&pruned)).unwrap(), &options, &target).unwrap().total.lut;
            assert!(after as f64 <= share * before as f64, "{after} of {before}");
            assert_eq!(report.lut.map(|lut| (lut.before, lut.after)), Some((before, after)));
            let error = difference(&model, &pruned, &test);
            assert!(error < most, "{convolution} {share}: {error}");

            // Taking out the smallest weights until as little is left is worse.
            let mut sparsity = 0.0;
            let plain = loop {
                sparsity += 0.05;
                let plain = magnitude(&model, &[], sparsity, (&options, &target), &mut quiet).unwrap();
                if plain.report.lut.unwrap().after <= after {
                    break plain.model;
                }
            };
            assert!(error < 0.5 * difference(&model, &plain, &test), "{convolution} {share}: {error}");
        }
    }
}

#[test]
fn a_model_within_its_budget_stays_and_an_absurd_one_is_refused() {
    let (options, target) = (Options::default(), Target::default());
    let model = quantized(false);
    let calibration = frames(&model, 10, 2);
    let same = to_lut(&model, &calibration, Budget::Lut(1 << 30), (&options, &target), &mut quiet).unwrap();
    assert_eq!(difference(&model, &same.model, &calibration), 0.0);
    assert!(same.report.notes[0].contains("within the budget"), "{:?}", same.report.notes);

    let problems = to_lut(&model, &calibration, Budget::Lut(3), (&options, &target), &mut quiet).unwrap_err();
    assert_eq!((problems.len(), problems[0].code), (1, "budget"), "{problems:?}");
    let float = network(false);
    let options = Options {
        default_format: "fixed<8,3>".parse().ok(),
        input_format: "fixed<8,3>".parse().ok(),
        ..options
    };
    let problems =
        to_lut(&float, &calibration, Budget::Share(0.5), (&options, &target), &mut quiet).unwrap_err();
    assert_eq!((problems.len(), problems[0].code), (1, "nothing-to-prune"), "{problems:?}");
}

#[test]
fn the_smallest_weights_become_zero() {
    let model = network(false);
    let pruned = magnitude(&model, &[], 0.25, (&Options::default(), &Target::default()), &mut quiet).unwrap();
    let layers: Vec<_> =
        pruned.report.layers.iter().map(|layer| (layer.nonzero.before, layer.nonzero.after)).collect();
    assert_eq!(layers, [(48, 36), (14, 12)]);
    let weights = graph(&pruned.model).unwrap();
    let find = |name: &str| weights.info(weights.find(name).unwrap()).constant.clone().unwrap();
    let (old, new) = (find("w0"), find("sum_node/weights"));
    let most = old
        .data
        .iter()
        .zip(&new.data)
        .filter(|(_, new)| **new == 0.0)
        .fold(0f64, |m, (old, _)| m.max(old.abs()));
    assert!(
        old.data.iter().zip(&new.data).all(|(old, new)| new == old || (*new == 0.0 && old.abs() <= most))
    );
    assert!(new.data.iter().filter(|new| **new != 0.0).all(|new| new.abs() >= most));
}

#[test]
fn channels_without_effect_go_first_and_tensors_shrink() {
    let target = (&Options::default(), &Target::default());
    for (convolution, is_quantized) in [(false, false), (true, false), (false, true), (true, true)] {
        let model = if is_quantized { quantized(convolution) } else { network(convolution) };
        let (calibration, channels) = (frames(&model, 50, 2), if convolution { 4 } else { 8 });
        let share = 2.0 / f64::from(channels);
        let pruned = structured(&model, &calibration, share, target, &mut quiet).unwrap();
        assert_eq!(
            pruned.report.notes.len(),
            1,
            "only the last layer's channels stay: {:?}",
            pruned.report.notes
        );
        let error = difference(&model, &pruned.model, &frames(&model, 50, 3));
        assert!(error < 1e-3, "{convolution} {is_quantized}: {error}");
        let changed = graph(&decode(&encode(&pruned.model)).unwrap()).unwrap();
        let relu = changed.info(changed.find("relu").unwrap()).shape.clone().unwrap();
        assert_eq!(relu[1], channels as usize - 2);
        if is_quantized {
            front::compile(&changed, &Options::default()).unwrap();
        }
    }
}
