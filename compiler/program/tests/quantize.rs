//! `quantize` and `prune`: what they write, and what they refuse.

mod run;

use std::path::Path;

use nn2hdl_compiler::front::onnx::{ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode};
use run::{command, run};

/// A `.npy` file of float32.
fn npy(path: &Path, shape: &str, values: &[f32]) {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    header.push_str(&" ".repeat((118 - header.len() % 64) % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// `y = relu(x × w + b)` with 3 inputs and 2 outputs.
fn model(path: &Path) {
    let value = |name: &str, extent| RawInput {
        name: name.into(),
        shape: vec![None, Some(extent)],
        ranked: true,
        dtype: Some(ElementType::Float32),
    };
    let node = |operator: &str, inputs: &[&str], output: &str| RawNode {
        name: operator.to_lowercase(),
        op_type: operator.into(),
        inputs: inputs.iter().map(|&input| input.into()).collect(),
        outputs: vec![output.into()],
        ..RawNode::default()
    };
    let graph = RawGraph {
        name: "tiny".into(),
        inputs: vec![value("x", 3)],
        outputs: vec![value("y", 2)],
        initializers: [
            ("w".into(), ConstantTensor::float(vec![3, 2], vec![0.5, -1.25, 0.3, 0.7, -0.9, 0.1])),
            ("b".into(), ConstantTensor::float(vec![2], vec![0.25, -0.125])),
        ]
        .into(),
        nodes: vec![
            node("MatMul", &["x", "w"], "product"),
            node("Add", &["product", "b"], "sum"),
            node("Relu", &["sum"], "y"),
        ],
    };
    std::fs::write(path, encode(&Model::new(graph, 17))).unwrap();
}

const FRAMES: [f32; 12] = [1.0, -2.0, 0.5, 0.25, 1.5, -1.0, 2.0, 0.0, -0.75, -1.5, 1.0, 1.0];

#[test]
fn a_float_model_is_quantized_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    model(Path::new(&at("tiny.onnx")));
    npy(Path::new(&at("x.npy")), "(4, 3)", &FRAMES);
    let config = "bits = 6\nmethod = \"min-max\"\n[layers.matmul]\nweight-bits = 5\n";
    std::fs::write(at("q.toml"), config).unwrap();
    let ran = run(&[
        "quantize",
        &at("tiny.onnx"),
        "--calibration",
        &at("x.npy"),
        "-o",
        &at("q.onnx"),
        "--report",
        &at("r.json"),
        "--config",
        &at("q.toml"),
        "--activation-bits",
        "7",
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["schema"], "nn2hdl.quantize/1");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(at("r.json")).unwrap()).unwrap();
    assert_eq!(report, written);
    let bits: Vec<_> = report["tensors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["tensor"].clone(), t["bits"].clone()))
        .collect();
    assert_eq!(bits[0], ("x".into(), 7.into()));
    assert_eq!(bits[1], ("w".into(), 5.into()));
    assert_eq!(bits[3], ("y".into(), 11.into()));
    assert_eq!(report["tensors"][0]["saturated"], 0);
    assert!(report["tensors"][1]["sqnr_db"].as_f64().unwrap() > 20.0);

    let words = run(&["quantize", &at("tiny.onnx"), "--calibration", &at("x.npy"), "-o", &at("q.onnx")]);
    assert!(
        words.stdout.contains("SQNR") && words.stdout.contains("largest in the same place"),
        "{}",
        words.stdout
    );
    let ran = run(&["emulate", &at("q.onnx"), "--input", &at("x.npy"), "--output", &at("y.npy")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn each_wrong_thing_has_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    model(Path::new(&at("tiny.onnx")));
    npy(Path::new(&at("x.npy")), "(4, 3)", &FRAMES);
    npy(Path::new(&at("wide.npy")), "(3, 4)", &FRAMES);
    npy(Path::new(&at("none.npy")), "(0, 3)", &[]);
    let mut frames = FRAMES;
    frames[7] = f32::NAN;
    npy(Path::new(&at("nan.npy")), "(4, 3)", &frames);
    let ran = run(&["quantize", &at("tiny.onnx"), "--calibration", &at("x.npy"), "-o", &at("q.onnx")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    std::fs::write(at("bad.toml"), "bits = 6\nmetod = \"mse\"\n").unwrap();
    std::fs::write(at("method.toml"), "method = \"mean\"\n").unwrap();
    let (tiny, done, x) = (at("tiny.onnx"), at("q.onnx"), at("x.npy"));
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&[&tiny, "--calibration", &at("absent.npy")], 1, "no-input", "no such file"),
        (&[&tiny, "--calibration", &at("wide.npy")], 1, "input-array", "expected is [frames, 3]"),
        (&[&tiny, "--calibration", &at("none.npy")], 1, "no-frames", "no frames"),
        (&[&tiny, "--calibration", &at("nan.npy")], 1, "input-array", "frame 2, element 1"),
        (&[&done, "--calibration", &x], 1, "already-quantized", "compile the model as it is"),
        (&[&tiny, "--calibration", &x, "--bits", "1"], 2, "usage", "2 to 24"),
        (&[&tiny, "--calibration", &x, "--percentile", "99"], 2, "usage", "--method percentile"),
        (
            &[&tiny, "--calibration", &x, "--method", "percentile", "--percentile", "0"],
            2,
            "usage",
            "at most 100",
        ),
        (&[&tiny, "--calibration", &x, "--config", &at("bad.toml")], 2, "config", "did you mean `method`"),
        (&[&tiny, "--calibration", &x, "--config", &at("method.toml")], 2, "usage", "min-max"),
    ];
    for (arguments, code, kind, text) in cases {
        let out = at("out.onnx");
        let ran = run(&[&["quantize", "-o", &out, "--json"], *arguments].concat());
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {}", ran.stderr);
        let problems = ran.json()["problems"].clone();
        assert_eq!(problems.as_array().unwrap().len(), 1, "{arguments:?}: {problems}");
        assert_eq!(problems[0]["code"], *kind, "{arguments:?}");
        assert!(problems.to_string().contains(text), "{arguments:?}: {problems}");
        assert!(!Path::new(&out).exists(), "{arguments:?}: nothing is written");
    }
    assert!(command(&["quantize", &tiny]).output().unwrap().status.code() == Some(2));
}

#[test]
fn a_quantized_model_is_pruned_and_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    model(Path::new(&at("tiny.onnx")));
    npy(Path::new(&at("x.npy")), "(4, 3)", &FRAMES);
    let (tiny, x, q, p) = (at("tiny.onnx"), at("x.npy"), at("q.onnx"), at("p.onnx"));
    let ran = run(&["quantize", &tiny, "--calibration", &x, "-o", &q]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = run(&[
        "prune",
        &q,
        "--calibration",
        &x,
        "--lut-fraction",
        "0.7",
        "-o",
        &p,
        "--report",
        &at("r.json"),
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["schema"], &report["method"]), (&"nn2hdl.prune/1".into(), &"digits".into()));
    let lut = |when: &str| report["lut"][when].as_f64().unwrap();
    assert!(lut("after") <= 0.7 * lut("before"), "{report}");
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(at("r.json")).unwrap()).unwrap();
    assert_eq!(report, written);
    let compiled = run::compile(&p, Path::new(&at("design")), &[]);
    assert_eq!(compiled["report"]["lut_estimate"], report["lut"]["after"]);

    let words = run(&["prune", &tiny, "--sparsity", "0.5", "-o", &p]);
    assert!(words.stdout.contains("6 → 3"), "{}", words.stdout);
}

#[test]
fn what_cannot_be_pruned_has_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    model(Path::new(&at("tiny.onnx")));
    npy(Path::new(&at("x.npy")), "(4, 3)", &FRAMES);
    let (tiny, x, q, out) = (at("tiny.onnx"), at("x.npy"), at("q.onnx"), at("out.onnx"));
    let ran = run(&["quantize", &tiny, "--calibration", &x, "-o", &q]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let formats = ["--input-format", "fixed<8,3>", "--default-format", "fixed<8,3>"];
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&[&tiny], 2, "usage", "`--sparsity S` is missing"),
        (&[&tiny, "--sparsity", "1.5"], 2, "usage", "is no share"),
        (&[&tiny, "--method", "digits"], 2, "usage", "--lut N"),
        (&[&tiny, "--method", "structured", "--lut", "5"], 2, "usage", "only the method `digits`"),
        (&[&tiny, "--method", "structured", "--sparsity", "0.5"], 2, "usage", "--calibration X"),
        (
            &[&tiny, "--method", "structured", "--sparsity", "0.5", "--calibration", &x],
            1,
            "nothing-to-prune",
            "--method magnitude",
        ),
        (&[&q, "--lut", "1", "--calibration", &x], 1, "budget", "larger budget"),
        (
            &[&tiny, "--lut", "20", "--calibration", &x, formats[0], formats[1], formats[2], formats[3]],
            1,
            "nothing-to-prune",
            "nn2hdl quantize",
        ),
    ];
    for (arguments, code, kind, text) in cases {
        let ran = run(&[&["prune", "-o", &out, "--json"], *arguments].concat());
        assert_eq!(ran.code, Some(*code), "{arguments:?}: {}", ran.stderr);
        let problems = ran.json()["problems"].clone();
        assert_eq!(problems.as_array().unwrap().len(), 1, "{arguments:?}: {problems}");
        assert_eq!(problems[0]["code"], *kind, "{arguments:?}: {problems}");
        assert!(problems.to_string().contains(text), "{arguments:?}: {problems}");
        assert!(!Path::new(&out).exists(), "{arguments:?}: nothing is written");
    }
}
