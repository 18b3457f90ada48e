//! `bench`: what is measured, merged and written.

mod run;

use std::fs;
use std::path::Path;

use run::run;
use serde_json::{Value, json};

const QUICK: [&str; 4] = ["--seconds", "0.001", "--engines", "emulator,firmware"];

fn engine<'a>(record: &'a Value, name: &str) -> &'a Value {
    let engines = record["engines"].as_array().unwrap();
    engines.iter().find(|engine| engine["name"] == name).unwrap_or_else(|| panic!("no {name} in {engines:?}"))
}

/// A result of another runtime.
fn other(model: &str, name: &str, rate: f64) -> Value {
    json!({
        "schema": "nn2hdl.bench/1", "generator": "other 1", "model": model, "command": "other", "unix_seconds": 1,
        "machine": {"processor": "p", "threads": 64, "system": "s", "memory_bytes": null, "load": null, "accelerator": "a GPU"},
        "data": "d", "seconds_per_point": 1.0, "rounds": 1,
        "engines": [{
            "name": name, "software": "other 1", "threads": null, "timing": "measured",
            "latency": {"median_us": 20.0, "p99_us": null, "count": 3},
            "points": [{"size": 1, "images_per_second": rate}, {"size": 16, "images_per_second": null, "skipped": "no memory"}]
        }]
    })
}

fn write(path: &Path, value: &Value) -> String {
    fs::write(path, value.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn every_size_is_measured_and_the_files_are_written() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("out");
    let shown = dir.to_str().unwrap();
    let args = [
        "bench",
        "tracer-conv",
        "--sizes",
        "16,1,4,4",
        "--seconds",
        "0.2",
        "--ii",
        "2",
        "-o",
        shown,
        "--json",
    ];
    let ran = run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = ran.json();
    assert_eq!((&record["schema"], &record["model"]), (&"nn2hdl.bench/1".into(), &"tracer-conv".into()));
    for name in ["emulator, one thread", "emulator, all threads", "Verilator"] {
        let engine = engine(&record, name);
        assert_eq!(engine["unavailable"], Value::Null, "{engine}");
        let points = engine["points"].as_array().unwrap();
        assert_eq!(
            points.iter().map(|point| point["size"].as_u64().unwrap()).collect::<Vec<_>>(),
            [1, 4, 16]
        );
        for point in points {
            let rounds = point["rounds"].as_array().unwrap();
            assert!(!rounds.is_empty() && rounds.iter().all(|rate| rate.as_f64().unwrap() > 0.0), "{point}");
        }
        assert!(engine["latency"]["median_us"].as_f64().unwrap() > 0.0 && engine["timing"] == "measured");
    }
    // 320 MHz and an II of at most 2, as `compile` reports it.
    let firmware = engine(&record, "firmware");
    let report = run::compile("tracer-conv", &root.path().join("design"), &["--ii", "2"])["report"].clone();
    let rate = 320e6 / report["ii_cycles"].as_f64().unwrap();
    assert_eq!(
        (&firmware["timing"], firmware["points"][2]["images_per_second"].as_f64()),
        (&"model".into(), Some(rate))
    );
    let latency = firmware["latency"]["median_us"].as_f64().unwrap() * 1e3;
    assert!((latency - report["latency_ns"].as_f64().unwrap()).abs() < 1e-6);

    let mut names: Vec<String> =
        fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let expected = [
        "answers.npz",
        "bench.html",
        "bench.json",
        "bench.svg",
        "float.onnx",
        "frames.npz",
        "quantized.onnx",
    ];
    assert_eq!(names, expected);
    let written: Value = serde_json::from_slice(&fs::read(dir.join("bench.json")).unwrap()).unwrap();
    assert_eq!(written["engines"], record["engines"]);
    // The directory is known as bench's own, and what it holds can be merged, into another one.
    let file = dir.join("bench.json");
    let again = |dir: &Path, more: &[&str]| {
        let dir = dir.to_str().unwrap();
        run(&[&["bench", "tracer-conv", "--sizes", "2", "-o", dir], &QUICK[..], more].concat())
    };
    let with = ["--with", file.to_str().unwrap()];
    let other = again(&root.path().join("other"), &with);
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    assert!(other.stdout.contains("firmware (2)") && other.stdout.contains("wrote "), "{}", other.stdout);
    let own = dir.join("float.onnx");
    let refused = [
        (again(&dir, &with), "lies in it"),
        (run(&["bench", own.to_str().unwrap(), "-o", shown]), "lies in it"),
        (run(&["bench", &format!("tracer-conv+{}", own.display()), "-o", shown]), "lies in it"),
        (again(&root.path().join("design"), &[]), "a compiled design"),
    ];
    for (ran, says) in refused {
        assert!(ran.code == Some(1) && ran.stderr.contains(says), "{}", ran.stderr);
    }
    let compiled = run(&["compile", "tracer-conv", "-o", shown]);
    assert!(
        compiled.code == Some(1) && compiled.stderr.contains("only `nn2hdl bench`"),
        "{}",
        compiled.stderr
    );
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), written);
    assert_eq!(again(&dir, &[]).code, Some(0));
}

#[test]
fn results_of_others_are_merged_and_named_apart() {
    let root = tempfile::tempdir().unwrap();
    let [a, b] = [("a.json", "GPU"), ("b.json", "GPU")]
        .map(|(file, name)| write(&root.path().join(file), &other("muon-window", name, 1234.0)));
    let args = ["bench", "--sizes", "1", "--json", "--with", &a, "--with", &b];
    let ran = run(&[&args[..], &QUICK[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = ran.json();
    assert_eq!(record["model"], "muon-window");
    for (name, file) in [("GPU", &a), ("GPU (2)", &b)] {
        let engine = engine(&record, name);
        assert_eq!(engine["points"][0]["images_per_second"], 1234.0);
        assert_eq!(
            (&engine["origin"]["file"], &engine["origin"]["command"]),
            (&json!(file), &json!("other"))
        );
    }
    let words = run(&[&["bench", "--sizes", "1", "--with", &a], &QUICK[..]].concat()).stdout;
    for text in ["1.23k", "20.0 µs", "a GPU", "buffers of 16 left out: no memory", "model: 320 MHz ÷ II 1"]
    {
        assert!(words.contains(text), "`{text}` is not in {words}");
    }
}

#[test]
fn what_cannot_be_measured_says_so_and_the_rest_is() {
    let quick = ["--sizes", "1", "--seconds", "0.001", "--json"];
    let ran = run(&[&["bench", "tracer-graph", "--ii", "3"], &quick[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = ran.json();
    let rate = |record: &Value, name: &str| engine(record, name)["points"][0]["images_per_second"].as_f64();
    assert!(rate(&record, "emulator, all threads").unwrap() > 0.0);
    for name in ["firmware", "Verilator"] {
        let reason = engine(&record, name)["unavailable"].as_str().unwrap();
        assert!(reason.contains("cannot be streamed"), "{name}: {reason}");
    }
    let reason = engine(&record, "candle, float")["unavailable"].as_str().unwrap();
    assert!(reason.contains("--features train") || reason.contains("is not run"), "{reason}");

    let chamber = ["bench", "muon-segment-bx", "--engines", "emulator"];
    let record = run(&[&chamber, &quick[..]].concat()).json();
    assert!(record["data"].as_str().unwrap().contains("simulated chamber images"), "{record}");
    assert!(rate(&record, "emulator, all threads").unwrap() > 0.0);
    assert_eq!(record["engines"].as_array().unwrap().len(), 1);
    let pairs = ["bench", "muon-segment-pairs", "--engines", "emulator"];
    let record = run(&[&pairs, &quick[..]].concat()).json();
    assert!(record["data"].as_str().unwrap().contains("chamber images of pairs of strips"), "{record}");
}

#[test]
fn a_file_named_as_a_zoo_model_is_measured_as_itself() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("muon-segment.onnx");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/tracers/tracer_conv.onnx"), &file)
        .unwrap();
    let float = |model: &str, dir: &str| {
        let dir = root.path().join(dir);
        let ran = run(&[&["bench", model, "-o", dir.to_str().unwrap(), "--sizes", "1"], &QUICK[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        fs::read(dir.join("float.onnx")).unwrap()
    };
    assert!(float(file.to_str().unwrap(), "file") == float("tracer-conv", "zoo"));
}

#[cfg(unix)]
#[test]
fn peers_are_asked_in_turn() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let peer = |name: &str, text: &str| {
        let path = root.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let greeting = r#"echo '{"schema": "nn2hdl.bench-peer/1", "engines": [{"name": "stub", "software": "sh", "threads": 1},
        {"name": "absent", "software": "sh", "threads": null, "unavailable": "no such thing"}]}' | tr -d '\n'; echo"#;
    let answer = r#"while read line; do case $line in
        *'"size":4'*) echo '{"error": "four is too many"}';;
        *) echo '{"images": 5000, "seconds": 0.5, "durations": [0.25]}';; esac; done"#;
    let checks = "[ -e \"$1/frames.npz\" ] && [ -e \"$1/float.onnx\" ] || exit 1";
    let good = peer("good", &format!("{checks}\n{greeting}\n{answer}"));
    let base = |peer: &str| {
        run(&[&["bench", "tracer-conv", "--sizes", "1,4", "--json", "--peer", peer], &QUICK[..]].concat())
    };
    let ran = base(&good);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let record = ran.json();
    let stub = engine(&record, "stub");
    assert_eq!(
        (&stub["points"][0]["images_per_second"], &stub["latency"]["median_us"]),
        (&json!(10_000.0), &json!(250_000.0))
    );
    assert_eq!(stub["points"][1]["skipped"], "four is too many");
    assert_eq!(engine(&record, "absent")["unavailable"], "no such thing");

    let cases = [
        ("no-such-command-anywhere".to_owned(), "cannot be started"),
        (peer("silent", "exit 0"), "no greeting"),
        (peer("babble", "echo hello"), "not understood"),
        (peer("other", r#"echo '{"schema": "x/1", "engines": []}'"#), "speaks `x/1`"),
    ];
    for (peer, says) in cases {
        let ran = base(&peer);
        assert_eq!(ran.code, Some(1), "{peer}");
        assert!(ran.stderr.matches("error[").count() == 1 && ran.stderr.contains(says), "{}", ran.stderr);
    }
    // A peer that breaks off costs its own figures only.
    let ran = base(&peer("mute", &format!("{greeting}\nread line")));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(engine(&ran.json(), "stub")["unavailable"], "it ended");
}

#[test]
fn bad_input_is_one_clear_error() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str, value: &Value| write(&root.path().join(name), value);
    let broken = root.path().join("broken.json");
    fs::write(&broken, "{").unwrap();
    let mut negative = other("muon-window", "n", 1.0);
    negative["engines"][0]["points"][0]["images_per_second"] = json!(-1.0);
    let mut unsorted = other("muon-window", "n", 1.0);
    unsorted["engines"][0]["points"][1]["size"] = json!(1);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = other("muon-window", "n", 1.0);
        change(&mut value["engines"][0]);
        value
    };
    let vast = changed(&|engine| engine["points"][1]["size"] = json!(1_048_577));
    let many = changed(&|engine| engine["points"] = (1..=65).map(|size| json!({"size": size})).collect());
    let fast = changed(&|engine| engine["points"][0]["images_per_second"] = json!(1.1e15));
    let slow = changed(&|engine| engine["points"][0]["images_per_second"] = json!(1e-300));
    let unnamed = changed(&|engine| engine["name"] = json!(" "));
    let lines = changed(&|engine| engine["name"] = json!("one\ntwo"));
    let long = changed(&|engine| engine["name"] = json!("n".repeat(201)));
    let mut missing = other("muon-window", "n", 1.0);
    missing.as_object_mut().unwrap().remove("machine");
    let cases = [
        (broken.to_str().unwrap().to_owned(), "no JSON"),
        (file("a.json", &json!({"schema": "nn2hdl.report/1"})), "nn2hdl.report/1"),
        (file("b.json", &json!([])), "no `schema`"),
        (file("c.json", &negative), "from 1e-9 to 1e15"),
        (file("d.json", &unsorted), "ascend"),
        (file("e.json", &missing), "machine"),
        (file("f.json", &vast), "1048577"),
        (file("g.json", &many), "65 sizes"),
        (file("h.json", &fast), "from 1e-9 to 1e15"),
        (file("n.json", &slow), "from 1e-9 to 1e15"),
        (file("i.json", &unnamed), "1 to 200 characters"),
        (file("j.json", &lines), "1 to 200 characters"),
        (file("k.json", &long), "1 to 200 characters"),
        (file("l.json", &other("muon-segment", "n", 1.0)), "`muon-segment`, not of `muon-window`"),
        (root.path().join("absent.json").to_str().unwrap().to_owned(), "absent.json"),
    ];
    for (path, says) in &cases {
        let ran = run(&[&["bench", "--with", path], &QUICK[..]].concat());
        assert_eq!(ran.code, Some(1), "{path}");
        let clear = ran.stderr.matches("error[").count() == 1
            && ran.stderr.contains(says)
            && ran.stderr.contains(".json");
        assert!(clear && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    let least = changed(&|engine| {
        engine["name"] = json!("n".repeat(200));
        engine["points"] = json!([{"size": 1_048_576, "images_per_second": 1e15}]);
    });
    let ran = run(&[&["bench", "--sizes", "1", "--with", &file("m.json", &least)], &QUICK[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let dir = root.path().join("nothing");
    let nothing = [
        "bench",
        "tracer-graph",
        "--ii",
        "3",
        "--engines",
        "firmware",
        "-o",
        dir.to_str().unwrap(),
        "--sizes",
        "1",
    ];
    let ran = run(&nothing);
    assert!(ran.code == Some(1) && ran.stdout.is_empty() && !dir.exists(), "{}", ran.stderr);
    for says in ["nothing was measured", "firmware: ", "cannot be streamed", "choose other `--engines`"] {
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    let usage: [&[&str]; 6] = [
        &["--sizes", "0"],
        &["--sizes", "1,x"],
        &["--seconds", "0"],
        &["--seconds", "nan"],
        &["--engines", "abacus"],
        &["muon-segment", "--sizes", "1048576"],
    ];
    for args in usage {
        let ran = run(&[&["bench"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
    }
    let taken = root.path().join("mine");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("thesis.tex"), "years").unwrap();
    let ran = run(&["bench", "-o", taken.to_str().unwrap()]);
    assert!(ran.code == Some(1) && ran.stderr.contains("not written by nn2hdl"), "{}", ran.stderr);
    let ran = run(&["bench", "no-such-model"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("muon-window"), "{}", ran.stderr);
}
