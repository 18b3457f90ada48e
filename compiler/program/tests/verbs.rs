//! The verbs: exit status, JSON, messages.

mod run;

use std::fs;
use std::path::Path;

use nn2hdl_models::find;
use run::{compile, run};

/// A `.npy` file with the given header fields and bytes.
fn npy(path: &Path, descr: &str, shape: &str, data: &[u8]) {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    fs::write(path, bytes).unwrap();
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn a_model_is_emulated_as_its_design_is() {
    let folder = tempfile::tempdir().unwrap();
    let [dir, of_dir, of_model] =
        ["design", "a.npy", "b.npy"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    compile("muon-window", Path::new(&dir), &[]);
    for (source, path) in [(dir.as_str(), &of_dir), ("muon-window", &of_model)] {
        let ran = run(&["emulate", source, "--input", "muon-window", "--output", path]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    assert_eq!(fs::read(of_dir).unwrap(), fs::read(of_model).unwrap());
    let ran = run(&["emulate", &dir, "--input", "muon-window", "--output-node", "x"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is a directory"), "{}", ran.stderr);
}

#[test]
fn zoo_models_compile_and_their_samples_are_exact() {
    let root = tempfile::tempdir().unwrap();
    for (model, latency) in [("muon-window", 6), ("tracer-conv", 3), ("tracer-graph", 12)] {
        let dir = root.path().join(model);
        let compiled = compile(model, &dir, &[]);
        assert_eq!(compiled["schema"], "nn2hdl.compile/1");
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(dir.join("report.json")).unwrap()).unwrap();
        assert_eq!(report, compiled["report"]);
        assert_eq!((&report["model"], &report["ii_cycles"]), (&model.into(), &1.into()));
        let measured = report["latency_cycles"].as_u64().unwrap();
        assert!(measured <= 2 * latency, "{model}: {measured} cycles");
        for key in [
            "adders",
            "adder_bits",
            "lut_estimate",
            "ff_estimate",
            "dsp",
            "bram",
            "parameters",
            "nonzero_weights",
        ] {
            assert!(report[key].is_u64(), "{key}");
        }

        let out = root.path().join("out.npz");
        let ran = run(&[
            "emulate",
            dir.to_str().unwrap(),
            "--input",
            model,
            "--output",
            out.to_str().unwrap(),
            "--json",
        ]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let json = ran.json();
        assert_eq!(json["sample"]["equal_frames"], json["frames"], "{model}");
        assert!(out.is_file());
    }
}

#[test]
fn the_sample_as_a_file_gives_the_same_answers() {
    let root = tempfile::tempdir().unwrap();
    let (dir, sample) = (root.path().join("dir"), root.path().join("sample.npz"));
    compile("muon-window", &dir, &[]);
    assert_eq!(run(&["sample", "muon-window", "-o", sample.to_str().unwrap()]).code, Some(0));
    let answers = ["muon-window", sample.to_str().unwrap()].map(|input| {
        let out = root.path().join("out.npy");
        let ran = run(&[
            "emulate",
            dir.to_str().unwrap(),
            "--input",
            input,
            "--output",
            out.to_str().unwrap(),
            "--raw",
            "--json",
        ]);
        // The sample holds floats, which are no codes.
        assert_eq!(ran.code, Some(1));
        let ran = run(&[
            "emulate",
            dir.to_str().unwrap(),
            "--input",
            input,
            "--output",
            out.to_str().unwrap(),
            "--json",
        ]);
        assert_eq!(
            (ran.code, ran.json()["outputs"][0]["shape"].clone()),
            (Some(0), serde_json::json!([200, 4]))
        );
        fs::read(out).unwrap()
    });
    assert!(answers[0] == answers[1] && answers[0].starts_with(b"\x93NUMPY"));
}

#[test]
fn bad_tensors_are_refused_with_their_names() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("dir");
    compile("tracer-conv", &dir, &[]);
    let array = root.path().join("x.npy");
    let refused = |descr: &str, shape: &str, data: &[u8], words: &[&str], raw: bool| {
        npy(&array, descr, shape, data);
        let args = ["emulate", dir.to_str().unwrap(), "--input", array.to_str().unwrap(), "--raw"];
        let ran = run(&args[..if raw { 5 } else { 4 }]);
        assert_eq!(ran.code, Some(1), "{words:?}");
        words.iter().for_each(|word| assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr));
    };
    let mut values = vec![0f32; 80];
    refused(
        "'<f4'",
        "(2, 20, 2)",
        &floats(&values),
        &["x.npy", ": x:", "[2, 20, 2]", "[frames, 2, 20]"],
        false,
    );
    refused("'<f4'", "(2, 20)", &floats(&values[..40]), &["add an axis"], false);
    refused("'<f4'", "(3, 2, 20)", &floats(&values), &["ends after"], false);
    refused("'|O'", "(2,)", &[0; 16], &["pickled"], false);
    refused("[('a', '<f4')]", "(2,)", &[0; 16], &["structured"], false);
    refused("'<f4'", "(2, 2, 20)", &floats(&values), &["integer codes"], true);
    refused("'|i1'", "(2, 2, 20)", &[100; 80], &["frame 0, element 0", "100", "-16..=15"], true);
    values[41] = f32::NAN;
    refused("'<f4'", "(2, 2, 20)", &floats(&values), &["frame 1, element 1", "NaN"], false);
    fs::write(&array, b"junk").unwrap();
    assert_eq!(run(&["emulate", dir.to_str().unwrap(), "--input", array.to_str().unwrap()]).code, Some(1));
    let ran = run(&["emulate", dir.to_str().unwrap(), "--input", "moun-window"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("did you mean `muon-window`?"), "{}", ran.stderr);
}

#[test]
fn wrong_usage_is_2_and_failure_is_1() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("dir");
    let dir = dir.to_str().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&[], 2, "Usage"),
        (&["compile", "muon-window"], 2, "--output"),
        (&["compile", "-o", dir], 2, "tracer-conv"),
        (&["compile", "muon-window", "-o", dir, "--ii", "0"], 2, "II"),
        (&["compile", "muon-window", "-o", dir, "--clock-mhz", "nan"], 2, "MHz"),
        (
            &["compile", "muon-window", "-o", dir, "--default-format", "fixed<99,1>"],
            2,
            "ufixed<8,0,RND_CONV,SAT>",
        ),
        (&["compile", "moun-window", "-o", dir], 1, "muon-window"),
        (&["compile", "muon-window", "-o", dir, "--output-node", "nowhere"], 1, "nowhere"),
        (&["compile", "muon-window", "-o", dir, "--input-format", "windw=fixed<8,4>"], 1, "window"),
        (&["compile", "muon-window", "-o", "/proc/nn2hdl"], 1, "/proc"),
        (&["emulate", dir, "--input", "muon-window"], 1, "nn2hdl compile"),
        (&["cosim", dir, "--random", "0"], 2, "random"),
        (&["cosim", dir], 1, "nn2hdl compile"),
        (&["--version"], 0, ""),
        (&["help", "cosim"], 0, ""),
    ];
    for (args, code, word) in cases {
        let ran = run(args);
        assert_eq!(ran.code, Some(*code), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
        let json = run(&[args, &["--json"][..]].concat());
        if *code != 0 && !args.is_empty() {
            assert_eq!(json.json()["schema"], "nn2hdl.error/1", "{args:?}");
        }
    }
    assert!(!Path::new(dir).exists());
}

#[test]
fn files_that_are_no_models_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let (file, dir) = (root.path().join("broken.onnx"), root.path().join("dir"));
    for bytes in [&b""[..], b"\xff\xff\xff\xff", b"<html>not found</html>", &[8; 4096]] {
        fs::write(&file, bytes).unwrap();
        let ran = run(&["compile", file.to_str().unwrap(), "-o", dir.to_str().unwrap()]);
        assert!(ran.code == Some(1) && ran.stderr.contains("broken.onnx"), "{}", ran.stderr);
        let ran = run(&["check", file.to_str().unwrap(), "--json"]);
        assert!(ran.code == Some(1) && !ran.json()["problems"].as_array().unwrap().is_empty());
    }
    assert!(!dir.exists());
}

#[test]
fn models_are_joined_by_name_and_by_path() {
    let dir = tempfile::tempdir().unwrap();
    let plus = dir.path().join("a+b");
    fs::create_dir(&plus).unwrap();
    let file = |name: &str| plus.join(name).display().to_string();
    fs::write(file("bx+1.onnx"), find("muon-segment-bx").unwrap().onnx).unwrap();
    for model in ["muon-segment-bx+muon-head".into(), format!("{}+muon-head", file("bx+1.onnx"))] {
        let ran = run(&["inspect", &model, "--json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    let missing = file("c.onnx");
    for (model, says) in [
        ("muon-segment-bx+muon-haed", "did you mean `muon-head`?"),
        ("muon-segment-bx+", "missing beside a `+`"),
        ("+muon-head", "missing beside a `+`"),
        (&format!("muon-head+{missing}"), "no file or zoo model"),
        ("muon-window+muon-window", "? × 4 does not fit the next network's `window` of ? × 96"),
        (&["muon-head"; 100].join("+"), "more than 64"),
    ] {
        let ran = run(&["inspect", model]);
        assert!(ran.code == Some(1) && ran.stderr.contains(says), "{model}: {}", ran.stderr);
    }
}

#[test]
fn check_and_inspect_say_what_a_model_is() {
    let ran = run(&["check", "muon-window", "--json"]);
    let json = ran.json();
    assert_eq!((ran.code, json["schema"].as_str()), (Some(0), Some("nn2hdl.check/1")));
    assert!(
        json["problems"].as_array().unwrap().is_empty() && json["forecast"]["adders"].as_u64().unwrap() > 100
    );
    let ran = run(&["check", "tracer-graph", "--ii", "4", "--json"]);
    assert_eq!((ran.code, ran.json()["problems"][0]["code"].clone()), (Some(1), "no-stream".into()));
    let json = run(&["inspect", "tracer-graph", "--json"]).json();
    // Two calls of one block share its weights.
    assert_eq!((json["parameters"].as_u64(), json["nonzero_weights"].as_u64()), (Some(60), Some(51)));
    assert!(json["bit_operations"].as_u64().unwrap() > 10_000);
    assert!(run(&["inspect", "muon-window"]).stdout.contains("ufixed<3,2>"));
}

#[test]
fn a_configuration_file_sets_what_the_options_set() {
    let root = tempfile::tempdir().unwrap();
    let (config, dir) = (root.path().join("design.toml"), root.path().join("dir"));
    fs::write(&config, "clock-mhz = 200\nii = 7\n[input-format]\nx = \"fixed<5,3>\"\n").unwrap();
    let options = ["--config", config.to_str().unwrap()];
    let report = compile("tracer-conv", &dir, &options)["report"].clone();
    assert_eq!((report["clock_mhz"].as_f64(), report["ii_cycles"].as_u64()), (Some(200.0), Some(7)));
    let report = compile("tracer-conv", &dir, &[&options[..], &["--ii", "1"]].concat())["report"].clone();
    assert_eq!(report["ii_cycles"].as_u64(), Some(1));
    for (text, word) in
        [("clock_mhz = 1", "did you mean `clock-mhz`"), ("ii = \"x\"", "ii"), ("ii", "design.toml")]
    {
        fs::write(&config, text).unwrap();
        let ran = run(&[&["check", "tracer-conv"], &options[..]].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(word), "{}", ran.stderr);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child =
        run::command(&["inspect", "muon-window"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn only_directories_of_its_own_are_replaced() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("design");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    let ran = run(&["compile", "tracer-conv", "-o", dir.to_str().unwrap()]);
    assert!(ran.code == Some(1) && ran.stderr.contains("not written by nn2hdl"), "{}", ran.stderr);
    assert_eq!(
        (
            fs::read_to_string(dir.join("notes.txt")).unwrap().as_str(),
            fs::read_dir(root.path()).unwrap().count()
        ),
        ("mine", 1)
    );
    fs::write(dir.join("report.json"), "{}").unwrap();
    assert_eq!(run(&["compile", "tracer-conv", "-o", dir.to_str().unwrap()]).code, Some(1));

    fs::remove_dir_all(&dir).unwrap();
    compile("tracer-conv", &dir, &[]);
    compile("muon-window", &dir, &[]);
    assert!(dir.join("rtl/muon_window.v").is_file() && !dir.join("rtl/tracer_conv.v").exists());

    let before = fs::read(dir.join("rtl/muon_window.v")).unwrap();
    assert_eq!(run(&["compile", "tracer-graph", "--ii", "3", "-o", dir.to_str().unwrap()]).code, Some(1));
    assert_eq!(fs::read(dir.join("rtl/muon_window.v")).unwrap(), before, "a failure leaves what was there");
}

/// Training is compiled in on demand; the verb is there always.
#[test]
fn train_says_what_it_needs() {
    let root = tempfile::tempdir().unwrap();
    let recipe = root.path().join("recipe.toml");
    fs::write(&recipe, "sead = 1\n").unwrap();
    let ran = run(&["train", recipe.to_str().unwrap(), "-o", root.path().join("out").to_str().unwrap()]);
    assert_eq!(ran.code, Some(1));
    let expected = if cfg!(feature = "train") { "sead" } else { "cargo build --release --features train" };
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}
