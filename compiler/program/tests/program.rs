//! The program as its users meet it: exit status, JSON, messages, and directories that are whole or absent.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

fn nn2hdl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nn2hdl"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// Refused with status 1, one clear message and nothing on stdout or in the folder.
fn refused(folder: &Path, arguments: &[&str], says: &[&str]) {
    let before = fs::read_dir(folder).expect("the folder").count();
    let output = nn2hdl(folder, arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty() && message.contains("error[") && message.contains("help:"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    for words in says {
        assert!(message.contains(words), "{arguments:?} does not say `{words}`: {message}");
    }
    let after = fs::read_dir(folder).expect("the folder").count();
    assert_eq!(after, before, "{arguments:?} left something behind");
}

/// Whether a directory is a finished result: every file of `files.f` and every JSON is whole.
fn whole(directory: &Path) -> bool {
    let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
    let parses = |name: &str| read(name).is_some_and(|text| serde_json::from_str::<Value>(&text).is_ok());
    let Some(list) = read("rtl/files.f") else { return false };
    let complete =
        |name: &str| read(&format!("rtl/{name}")).is_some_and(|text| text.ends_with("endmodule\n"));
    ["program.json", "report.json", "trace.json"].iter().all(|name| parses(name))
        && !list.is_empty()
        && list.lines().filter(|line| line.ends_with(".v")).all(complete)
}

#[test]
fn compile_emulate_and_inspect() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let compiled = nn2hdl(folder, &["compile", "muon-window", "-o", "out", "--json"]);
    assert_eq!(compiled.status.code(), Some(0), "{}", String::from_utf8_lossy(&compiled.stderr));
    assert!(json(&compiled)["schema"].as_str().is_some_and(|schema| schema.starts_with("nn2hdl.")));
    assert!(whole(&folder.join("out")));
    let report: Value =
        serde_json::from_slice(&fs::read(folder.join("out/report.json")).expect("the report")).expect("JSON");
    for key in [
        "model",
        "clock_mhz",
        "ii_cycles",
        "latency_cycles",
        "adders",
        "adder_bits",
        "lut_estimate",
        "ff_estimate",
        "dsp",
        "bram",
        "parameters",
        "nonzero_weights",
        "compile_seconds",
        "inputs",
        "outputs",
    ] {
        assert!(!report[key].is_null(), "report.json has no {key}");
    }
    let first: Vec<Vec<u8>> = sources(&folder.join("out"));
    // The same input gives the same bytes, over the directory that nn2hdl wrote itself.
    assert!(nn2hdl(folder, &["compile", "muon-window", "-o", "out"]).status.success());
    assert_eq!(first, sources(&folder.join("out")));

    assert!(nn2hdl(folder, &["sample", "muon-window", "-o", "sample.npz"]).status.success());
    let emulate = ["emulate", "out", "--input", "sample.npz", "--output", "y.npy"];
    let output = nn2hdl(folder, &emulate);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::read(folder.join("y.npy")).is_ok_and(|bytes| bytes.starts_with(b"\x93NUMPY")));
    // The sample holds values, not codes.
    refused(folder, &[&emulate[..], &["--raw"]].concat(), &["--raw"]);
    for verb in ["check", "inspect"] {
        let output = nn2hdl(folder, &[verb, "muon-window", "--json"]);
        assert!(output.status.success());
        assert!(json(&output)["schema"].is_string(), "{verb}");
    }
}

fn sources(directory: &Path) -> Vec<Vec<u8>> {
    let list = fs::read_to_string(directory.join("rtl/files.f")).expect("the list of files");
    list.lines().map(|name| fs::read(directory.join("rtl").join(name)).expect("a listed file")).collect()
}

#[test]
fn wrong_usage_ends_in_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["compile", "muon-window"][..], &["nonsense"], &[], &["compile", "--ii", "x"]] {
        assert_eq!(nn2hdl(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn bad_input_gets_one_clear_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("empty.onnx"), b"").expect("a file");
    fs::write(folder.join("garbage.onnx"), b"not a model at all, only words").expect("a file");
    fs::create_dir(folder.join("foreign")).expect("a folder");
    fs::write(folder.join("foreign/precious.txt"), b"precious").expect("a file");
    refused(folder, &["compile", "missing.onnx", "-o", "out"], &["missing.onnx"]);
    refused(folder, &["compile", "muon-windw", "-o", "out"], &["muon-window"]);
    refused(folder, &["compile", "empty.onnx", "-o", "out"], &["empty.onnx"]);
    refused(folder, &["compile", "garbage.onnx", "-o", "out"], &["garbage.onnx"]);
    refused(folder, &["compile", "muon-window", "-o", "foreign"], &["foreign", "not written by nn2hdl"]);
    refused(folder, &["compile", "tracer-graph", "-o", "out", "--ii", "4"], &["--ii 1"]);
    refused(folder, &["compile", "muon-window", "-o", "out", "--clock-mhz", "2000"], &["--clock-mhz"]);
    refused(folder, &["compile", "muon-window", "-o", "out", "--output-node", "logitz"], &["logitz"]);
    refused(folder, &["emulate", "foreign", "--input", "x.npy", "--output", "y.npy"], &["foreign"]);
    refused(folder, &["cosim", "nowhere"], &["nowhere"]);
    assert_eq!(fs::read(folder.join("foreign/precious.txt")).expect("still there"), b"precious");
}

#[test]
fn a_damaged_program_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert!(nn2hdl(folder, &["compile", "muon-window", "-o", "out"]).status.success());
    assert!(nn2hdl(folder, &["sample", "muon-window", "-o", "sample.npz"]).status.success());
    let path = folder.join("out/program.json");
    let text = fs::read_to_string(&path).expect("the program");
    let emulate = ["emulate", "out", "--input", "sample.npz", "--output", "y.npy"];
    for damaged in [
        text[..text.len() / 2].to_owned(),
        text.replacen("\"version\":1", "\"version\":99", 1),
        text.replacen("\"width\":1", "\"width\":1000", 1),
        text.replacen("[96", "[960000000000", 1),
        String::new(),
    ] {
        assert_ne!(damaged, text);
        fs::write(&path, damaged).expect("the program can be damaged");
        refused(folder, &emulate, &[]);
    }
}

/// Killed at any time, `compile` leaves its directory whole or absent.
#[test]
fn an_interrupted_compile_leaves_nothing_half_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (mut absent, mut finished) = (0, 0);
    for number in 0..60u64 {
        let out = folder.join("out");
        if number % 3 == 0 {
            let _ = fs::remove_dir_all(&out);
        }
        let existed = out.exists();
        let mut child = Command::new(env!("CARGO_BIN_EXE_nn2hdl"))
            .args(["compile", "muon-window", "-o", "out"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(number * 7 % 240));
        let _ = child.kill();
        let _ = child.wait();
        if out.exists() {
            finished += 1;
            assert!(whole(&out), "killed after {} ms, the directory is half written", number * 7 % 240);
        } else {
            absent += 1;
            assert!(!existed, "killed after {} ms, a finished directory is gone", number * 7 % 240);
        }
    }
    println!("{finished} times whole, {absent} times absent");
    // A compile that nobody interrupts also clears away what the killed ones left.
    assert!(nn2hdl(folder, &["compile", "muon-window", "-o", "out"]).status.success());
    let left: Vec<_> =
        fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["out"], "what killed compiles left is cleared away");
}
