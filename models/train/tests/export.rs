//! The exported networks compute what the trainer computes.

use std::path::Path;

use nn2hdl_compiler::front::{self, Options};
use nn2hdl_runtime::{Emulator, Program};
use nn2hdl_train::{
    Batch, Export, Flavour, Float, LAYERS, Recipe, Settings, Source, Synthetic, TrainError, Trained, train,
};

const RECIPE: &str = r#"
seed = 3
[[network.layer]]
outputs = 5
rows = 3
columns = 5
bits = 5
max_digits = 2
activation = { bits = 3, fraction = 1 }
[[network.layer]]
outputs = 4
rows = 1
columns = 3
bits = 6
activation = { bits = 4, fraction = 2, rounding = "RND" }
[[network.layer]]
outputs = 7
rows = 3
columns = 1
bits = 4
activation = { bits = 1, fraction = 0, rounding = "TRN" }
[[network.layer]]
outputs = 6
rows = 1
columns = 1
bits = 6
[validation]
every = 20
batches = 1
batch = 16
[[stage]]
name = "float"
steps = 60
batch = 16
rate = 5e-3
quantize = false
[[stage]]
name = "quantized"
steps = 60
batch = 16
rate = 2e-3
quantize = true
prune = { budget = 1500, start = 5, end = 40, every = 5 }
"#;

const SOURCE: Synthetic = Synthetic { seed: 5, height: 4, width: 24 };

fn trained(dir: &Path) -> Result<[Trained; 2], TrainError> {
    let recipe = Recipe::parse(RECIPE)?;
    let settings = Settings { dir, start: None, progress: false, stop: &|| false };
    let outcome = train(&recipe, &SOURCE, &settings)?;
    Ok([Trained::load(&outcome.files[0])?, Trained::load(&outcome.files[1])?])
}

/// Images with noise of every density.
fn images(n: usize) -> Batch {
    let mut batch = Batch::new(n, SOURCE.height, SOURCE.width);
    SOURCE.fill(1 << 50, &mut batch);
    let plane = SOURCE.height * SOURCE.width;
    let mut state = 1u32;
    for (voxel, value) in batch.x.iter_mut().enumerate() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let density = (voxel / plane % n) as f64 / n as f64;
        *value = if f64::from(state) / f64::from(u32::MAX) < density { 1.0 } else { *value };
    }
    batch
}

fn lower(bytes: &[u8], output: Option<&str>) -> Program {
    let options = Options { output_node: output.map(Into::into), ..Options::default() };
    let graph = front::import(bytes).unwrap_or_else(|problems| panic!("{problems:?}"));
    front::compile(&graph, &options).unwrap_or_else(|problems| panic!("{problems:?}")).program
}

/// Values of the program's only output, `[image][layer][partition][strip]`.
fn emulate(program: &Program, batch: &Batch) -> Vec<f64> {
    let plane = batch.height * batch.width;
    let codes = |n: usize| {
        (0..LAYERS)
            .flat_map(move |layer| &batch.x[(layer * batch.n + n) * plane..][..plane])
            .map(|&x| x as i64)
    };
    let codes: Vec<i64> = (0..batch.n).flat_map(codes).collect();
    let answer = Emulator::new(program).unwrap().run(&[&codes], batch.n).unwrap();
    program.outputs[0].decoder.decode(&answer[0], LAYERS * plane)
}

#[test]
fn qonnx_has_the_same_bits() {
    let dir = tempfile::tempdir().unwrap();
    let [float, quantized] = trained(dir.path()).unwrap();
    assert!(quantized.costs().iter().sum::<f64>() <= 1500.0, "{:?}", quantized.costs());
    assert!(quantized.is_exact() && !float.is_exact());
    let batch = images(40);
    let (n, plane) = (batch.n, batch.height * batch.width);
    let logits = quantized.forward(&batch).unwrap();
    let by_image = |at: usize| {
        let (image, layer, voxel) = (at / plane / LAYERS, at / plane % LAYERS, at % plane);
        (layer * n + image) * plane + voxel
    };
    let expected: Vec<f64> = (0..logits.len()).map(|at| logits[by_image(at)].into()).collect();
    let distinct = expected.iter().map(|z| z.to_bits()).collect::<std::collections::BTreeSet<_>>();
    assert!(distinct.len() > 20, "the logits say little: {} values", distinct.len());
    let export =
        Export { flavour: Flavour::Qonnx, height: SOURCE.height, width: SOURCE.width, threshold: 0.0 };
    let bytes = quantized.export(&export).unwrap();
    assert_eq!(emulate(&lower(&bytes, Some("logits")), &batch), expected);
    for threshold in [-1.3, -0.25, 0.0, 0.4] {
        let bytes = quantized.export(&Export { threshold, ..export }).unwrap();
        let mask = emulate(&lower(&bytes, None), &batch);
        let marked = |at: usize| batch.x[by_image(at)] == 1.0 && expected[at] >= threshold;
        let wanted: Vec<f64> = (0..mask.len()).map(|at| f64::from(u8::from(marked(at)))).collect();
        assert_eq!(mask, wanted, "threshold {threshold}");
        assert!(mask.contains(&1.0) && mask.contains(&0.0));
    }
    assert!(float.export(&export).is_err(), "a float stage has no QONNX");
    let exported = float.export(&Export { flavour: Flavour::Float, ..export }).unwrap();
    candle_computes_the_same(&exported, &float, &batch, by_image);
    assert!(quantized.export(&Export { flavour: Flavour::Plain, ..export }).is_ok());
    assert_eq!(bytes, quantized.export(&export).unwrap(), "the same bytes each time");
}

/// candle on the exported float network against the trainer's own arithmetic, which sums in another order.
fn candle_computes_the_same(onnx: &[u8], float: &Trained, batch: &Batch, by_image: impl Fn(usize) -> usize) {
    let expected = float.forward(batch).unwrap();
    let network = Float::new(onnx).unwrap();
    let x: Vec<f32> = (0..batch.x.len()).map(|at| batch.x[by_image(at)]).collect();
    assert!(network.frames(vec![x[1..].to_vec()], batch.n).is_err() && network.frames(vec![], 1).is_err());
    let frames = network.frames(vec![x], batch.n).unwrap();
    let [logits] = network.run(&frames).unwrap().try_into().unwrap();
    let scale = expected.iter().fold(0f32, |most, z| most.max(z.abs()));
    assert!(logits.len() == expected.len() && scale > 0.1);
    for (at, found) in logits.iter().enumerate() {
        let expected = expected[by_image(at)];
        assert!((found - expected).abs() <= 1e-5 * scale, "{at}: {found} is not {expected}");
    }
}

#[test]
fn candle_says_what_it_does_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let [_, quantized] = trained(dir.path()).unwrap();
    let export = Export { flavour: Flavour::Qonnx, height: 4, width: 24, threshold: 0.0 };
    let refused = Float::new(&quantized.export(&export).unwrap()).unwrap_err();
    assert!(refused.contains("`Quant`"), "{refused}");
    assert!(Float::new(b"no file").is_err());
}
