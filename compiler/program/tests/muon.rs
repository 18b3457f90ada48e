//! `data` and `eval`: files, figures, messages.

mod run;

use std::fs;
use std::path::Path;

use nn2hdl_compiler::front::onnx::{
    Attribute, ConstantTensor, ElementType, Model, RawGraph, RawInput, RawNode, encode,
};
use run::run;
use serde_json::Value;

const QONNX: &str = "qonnx.custom_op.general";

/// A network of the chamber's interface: a hit's score is the number of hits beside it in other layers; `mask` is
/// `score` ≥ `threshold`. Where `gated` is false, voxels without a hit are marked as well. Without the output `score`, the
/// tensor `logits` is the score, whose channels have different scales.
fn network(path: &Path, threshold: f64, gated: bool, outputs: &[&str]) {
    let (layers, columns) = (6_usize, 9_usize);
    let mut graph = RawGraph { name: "counter".into(), ..RawGraph::default() };
    let value = |name: &str| RawInput {
        name: name.into(),
        shape: [1, 6, 8, 384].map(Some).to_vec(),
        ranked: true,
        dtype: Some(ElementType::Float32),
    };
    graph.inputs = vec![value("image")];
    graph.outputs = outputs.iter().map(|name| value(name)).collect();
    let mut scalar = |name: &str, value: f64| {
        graph.initializers.insert(name.into(), ConstantTensor::float(Vec::new(), vec![value]));
    };
    for (name, value) in
        [("one", 1.0), ("zero", 0.0), ("four", 4.0), ("gain", 256.0), ("edge", threshold - 1.0)]
    {
        scalar(name, value);
    }
    let weight = |n: usize| {
        let (to, from) = (n / (layers * columns), n / columns % layers);
        f64::from(u8::from(to != from))
    };
    let weights = (0..layers * layers * columns).map(weight).collect();
    let weights = ConstantTensor::float(vec![layers, layers, 1, columns], weights);
    graph.initializers.insert("weight".into(), weights);
    let scales = (0..layers).map(|layer| if layer % 2 == 0 { 1.0 } else { 0.5 }).collect();
    graph.initializers.insert("scales".into(), ConstantTensor::float(vec![layers, 1, 1, 1], scales));
    let mut node = |operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, Attribute)]| {
        graph.nodes.push(RawNode {
            name: output.into(),
            op_type: operator.into(),
            domain: if operator == "Quant" { QONNX.into() } else { String::new() },
            inputs: inputs.iter().map(|&input| input.into()).collect(),
            outputs: vec![output.into()],
            attributes: attributes.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            ..RawNode::default()
        });
    };
    let quant = |signed: i64, mode: &str| {
        let mode = Attribute::String(mode.into());
        [("signed", Attribute::Int(signed)), ("narrow", Attribute::Int(0)), ("rounding_mode", mode)]
    };
    let ints = |values: &[i64]| Attribute::Ints(values.to_vec());
    node("Quant", &["image", "one", "zero", "one"], "image_q", &quant(0, "ROUND"));
    node("Quant", &["weight", "scales", "zero", "four"], "weight_q", &quant(1, "ROUND"));
    let shape = [("kernel_shape", ints(&[1, columns as i64])), ("pads", ints(&[0, 4, 0, 4]))];
    node("Conv", &["image_q", "weight_q"], "logits", &shape);
    node("Mul", &["image_q", "gain"], "gate", &[]);
    node("Add", &["logits", "gate"], "sum", &[]);
    node("Sub", &["sum", "gain"], "score", &[]);
    node("Sub", &[if gated { "score" } else { "logits" }, "edge"], "margin", &[]);
    node("Quant", &["margin", "one", "zero", "one"], "mask", &quant(0, "FLOOR"));
    let mut model = Model::new(graph, 17);
    model.opsets.push((QONNX.into(), 1));
    fs::write(path, encode(&model)).unwrap();
}

fn refused(args: &[&str], code: i32, says: &[&str]) {
    let ran = run(args);
    assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.stderr);
    assert!(ran.stdout.is_empty() && ran.stderr.matches("error[").count() == 1, "{}", ran.stderr);
    says.iter().for_each(|word| assert!(ran.stderr.contains(word), "`{word}` is not in {}", ran.stderr));
}

#[test]
fn data_are_the_same_bytes_every_time() {
    let root = tempfile::tempdir().unwrap();
    for name in ["events.muon", "events.npz"] {
        let paths = ["a", "b"].map(|folder| root.path().join(folder).join(name));
        for path in &paths {
            let path = path.to_str().unwrap();
            let ran = run(&["data", "muon", "--events", "1500", "--seed", "3", "-o", path, "--json"]);
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            let json = ran.json();
            assert_eq!(json["schema"], "nn2hdl.data/1");
            assert_eq!((&json["events"], &json["seed"]), (&1500.into(), &3.into()));
            assert_eq!(json["bytes"], fs::metadata(path).unwrap().len());
            assert!((15.0..25.0).contains(&json["hits_per_event"].as_f64().unwrap()));
        }
        let [first, second] = paths.map(|path| fs::read(path).unwrap());
        assert!(first == second, "{name}");
        let left = fs::read_dir(root.path().join("a")).unwrap().count();
        assert!(left <= 2, "temporary files are left");
    }
}

#[test]
fn every_parameter_is_listed_and_can_be_set() {
    let root = tempfile::tempdir().unwrap();
    let (config, out) = (root.path().join("c.toml"), root.path().join("events"));
    let listed = run(&["data", "muon", "--parameters", "--json"]).json();
    let parameters = listed["parameters"].as_array().unwrap();
    let mut text = String::new();
    for parameter in parameters {
        let [name, default] = ["name", "default"].map(|key| &parameter[key]);
        assert!(parameter["source"].as_str().is_some_and(|source| !source.is_empty()), "{name}");
        text.push_str(&format!("{} = {default}\n", name.as_str().unwrap()));
    }
    fs::write(&config, text).unwrap();
    let [config, out] = [&config, &out].map(|path| path.to_str().unwrap());
    let base = ["data", "muon", "--events", "20", "-o", out, "--config", config, "--json"];
    assert_eq!(run(&base).json()["parameters"]["background"], 1.0);
    let ran = run(&[&base[..], &["--background", "5"]].concat());
    assert_eq!(ran.json()["parameters"]["background"], 5.0);
}

#[test]
fn senseless_data_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let (config, out) = (root.path().join("c.toml"), root.path().join("events"));
    let [path, target] = [&config, &out].map(|path| path.to_str().unwrap());
    let base = ["data", "muon", "--events", "20", "-o", target, "--config", path];
    for (text, says) in [
        ("efficency = 0.9", &["efficency", "did you mean `efficiency`"][..]),
        ("efficiency = 1.5", &["efficiency", "is not a probability", "c.toml"]),
        ("efficiency = \"high\"", &["efficiency", "a number"]),
        ("cluster_sizes = [1.0]", &["cluster_sizes", "six numbers"]),
        ("pt_max = 1", &["pt_max"]),
        ("efficiency = ", &["c.toml"]),
    ] {
        fs::write(&config, text).unwrap();
        refused(&base, 2, says);
    }
    let data = |rest: &[&'static str]| [&["data", "muon"], rest].concat();
    refused(&[&base[..6], &["--background=-1"]].concat(), 2, &["background"]);
    refused(&[&base[..6], &["--background", "nan"]].concat(), 2, &["background"]);
    refused(&data(&["--events", "200000", "-o", "x.npz"]), 2, &["200,000", "100,000"]);
    refused(&data(&["--events", "20"]), 2, &["-o FILE"]);
    refused(&data(&["-o", "x"]), 2, &["--events N"]);
    assert!(!out.exists(), "a refused command wrote a file");
}

#[test]
fn a_network_is_measured_beside_the_road_finder() {
    let root = tempfile::tempdir().unwrap();
    let (path, report) = (root.path().join("counter.onnx"), root.path().join("report.html"));
    network(&path, 3.0, true, &["score", "mask"]);
    let [model, page] = [&path, &report].map(|path| path.to_str().unwrap());
    let eval = ["eval", model, "--events", "200", "--fake-rate", "0.05", "-o", page, "--json"];
    let ran = run(&eval);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let json = ran.json();
    assert_eq!(json["schema"], "nn2hdl.eval/1");
    let network = &json["networks"][0];
    assert_eq!(network["network"], "counter");
    assert_eq!(network["mask_is_score_at_threshold"], true);
    let figures = json["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 6, "three scorers at two backgrounds");
    assert_eq!(figures[0]["shipped"]["threshold"], 3.0);
    let chosen = &json["scorers"][0]["chosen"];
    assert!(chosen["fakes"].as_u64() <= Some(10) && chosen["images"] == 200, "{chosen}");
    assert_eq!(json["equal_fakes"].as_array().unwrap().len(), 4);
    for equal in json["equal_fakes"].as_array().unwrap() {
        assert!(equal["chosen"]["fakes"].as_u64() <= equal["chosen"]["allowed"].as_u64(), "{equal}");
        let (paired, at) =
            (&equal["paired"], |key: &str| equal[key]["efficiency"]["passed"].as_i64().unwrap());
        let difference = paired["first_only"].as_i64().unwrap() - paired["second_only"].as_i64().unwrap();
        assert_eq!(difference, at("at") - at("baseline_at"));
    }
    let html = fs::read_to_string(&report).unwrap();
    assert!(html.contains("Voxel ROC") && html.matches("<svg").count() > 10);
    assert!(!html.contains("<script") && !html.contains("src=") && !html.contains("NaN"));
    // The same figures and the same page again.
    let mut again = run(&eval).json();
    let mut first = json.clone();
    [&mut again, &mut first].into_iter().for_each(|json| json["seconds"] = Value::Null);
    assert_eq!(first, again);
    assert_eq!(html, fs::read_to_string(&report).unwrap());
}

#[test]
fn channels_of_different_scale_are_compared_by_value() {
    let root = tempfile::tempdir().unwrap();
    let figures = |outputs: &[&str]| {
        let path = root.path().join("counter.onnx");
        network(&path, 3.0, true, outputs);
        let json = run(&["eval", path.to_str().unwrap(), "--events", "100", "--json"]).json();
        assert_eq!(json["networks"][0]["mask_is_score_at_threshold"], true, "{outputs:?}");
        json["figures"].clone()
    };
    assert_eq!(figures(&["mask"]), figures(&["score", "mask"]));
}

#[test]
fn a_mask_that_is_not_its_score_is_a_difference() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("open.onnx");
    network(&path, 3.0, false, &["score", "mask"]);
    let ran = run(&["eval", path.to_str().unwrap(), "--events", "100"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stdout.contains("`mask` is NOT"), "{}", ran.stdout);
}

#[test]
fn a_file_of_events_is_the_test_sample_of_its_background() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("events");
    let file = path.to_str().unwrap();
    let data = ["data", "muon", "--events", "300", "--seed", "20001", "--background", "5", "-o", file];
    assert_eq!(run(&data).code, Some(0));
    let figures = |args: &[&str]| {
        let ran = run(&[&["eval", "road-finder", "--json"], args].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.json()["figures"].clone()
    };
    assert_eq!(figures(&["--test", file]), figures(&["--events", "300"]));

    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    refused(&["eval", "road-finder", "--test", file], 1, &[file, "0 of 300 events", "help"]);
    fs::write(&path, "words").unwrap();
    refused(&["eval", "road-finder", "--test", file], 1, &["no file of muon events"]);
}

#[test]
fn senseless_measurements_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("events.json");
    let real = path.to_str().unwrap();
    fs::write(&path, r#"{"events": [{"digis": [[[1, 2], 6, 0, 0, 0]], "muons": [], "segments": []}]}"#)
        .unwrap();
    refused(&["eval", "muon-windw"], 1, &["muon-window"]);
    refused(&["eval", "muon-window"], 1, &["[6, 16]", "score"]);
    refused(&["eval", "chamber"], 2, &["--real"]);
    refused(&["eval", "chamber", "road-finder", "--real", real], 2, &["stands alone"]);
    refused(&["eval", "chamber", "--real", real], 1, &["events.json", "(6, 0, 0)"]);
    refused(&["eval", "chamber", "--real", "absent.json"], 1, &["absent.json"]);
    refused(&["eval", "road-finder", "--fake-rate", "1.5"], 2, &["1.5"]);
    refused(&["eval", "road-finder", "--seed", "7", "--calibration-seed", "7"], 2, &["calibration"]);
    refused(&["eval", "road-finder", "-o", root.path().to_str().unwrap()], 2, &["is a directory"]);
}

#[test]
fn the_zoo_answers_its_samples() {
    for name in ["muon-segment", "muon-segment-bx"] {
        let ran = run(&["emulate", name, "--input", name, "--json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.json()["sample"]["equal_frames"], 24, "{name}: {}", ran.stdout);
    }
    // Ended elsewhere, the network has no answers in the sample.
    let ran = run(&[
        "emulate",
        "muon-segment-bx",
        "--input",
        "muon-segment-bx",
        "--output-node",
        "logits",
        "--json",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.json()["sample"].is_null(), "{}", ran.stdout);
}
