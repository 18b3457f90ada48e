//! `models/onnx_bench.py`, with stand-ins for numpy and ONNX Runtime: what it prints is what `nn2hdl bench` reads.

mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use run::command;
use serde_json::Value;

const NUMPY: &str = "
class Array:
    def __init__(self, shape): self.shape = tuple(shape)
    def __len__(self): return self.shape[0]
    def __eq__(self, other): return self
    def astype(self, kind): return self
    def reshape(self, *shape): return self
    def all(self, axis): return self
    def sum(self): return self.shape[0] - 1
def load(path): return {'x': Array((4, 3))} if 'frames' in str(path) else {'y': Array((4, 2))}
def resize(array, shape): return Array(shape)
def asarray(array): return array
def all(arrays, axis): return arrays[0]
";

const RUNTIME: &str = "
import time
from numpy import Array
__version__ = '0.0'
class SessionOptions: pass
class Value:
    def __init__(self, name): self.name, self.type = name, 'tensor(float)'
class OrtValue:
    @staticmethod
    def ortvalue_from_numpy(array, device, number): return array
class Binding:
    def bind_ortvalue_input(self, name, value): self.shape = value.shape
    def bind_output(self, name, device, number): pass
    def synchronize_outputs(self): pass
class InferenceSession:
    def __init__(self, path, options, providers): self.providers = providers
    def get_providers(self): return self.providers
    def get_inputs(self): return [Value('x')]
    def get_outputs(self): return [Value('y')]
    def io_binding(self): return Binding()
    def run(self, names, feed): return self.check(feed['x'].shape)
    def run_with_iobinding(self, binding): self.check(binding.shape)
    def check(self, shape):
        global runs
        runs += 1
        if shape[0] == 8: raise RuntimeError('eight is too many\\nand more')
        return [Array((shape[0], 2))]
# A run takes a millisecond, however busy the machine is.
runs = 0
time.perf_counter = lambda: runs / 1000
def get_available_providers(): return ['CPUExecutionProvider', 'CUDAExecutionProvider']
";

struct Setting {
    root: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("modules")).unwrap();
        fs::write(root.path().join("modules/numpy.py"), NUMPY).unwrap();
        fs::write(root.path().join("modules/onnxruntime.py"), RUNTIME).unwrap();
        let dir = root.path().join("dir");
        fs::create_dir(&dir).unwrap();
        for name in ["float.onnx", "frames.npz", "answers.npz"] {
            fs::write(dir.join(name), "").unwrap();
        }
        fs::write(dir.join("bench.json"), r#"{"model": "tracer-conv"}"#).unwrap();
        Self { root }
    }

    fn modules(&self) -> PathBuf {
        self.root.path().join("modules")
    }

    fn dir(&self) -> String {
        self.root.path().join("dir").to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_script("onnx_bench.py", args)
    }

    fn run_script(&self, script: &str, args: &[&str]) -> Output {
        let mut python = Command::new("python3");
        python.arg("-B").arg(path(script)).args(args).env("PYTHONPATH", self.modules()).output().unwrap()
    }
}

fn path(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(script)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn pytorch_is_asked_for_where_it_is_not_there() {
    let setting = Setting::new();
    fs::write(setting.modules().join("onnx.py"), "raise ImportError('No module named onnx')").unwrap();
    let ran = setting.run_script("torch_bench.py", &[&setting.dir()]);
    let said = "error: No module named onnx\n  help: python3 -m pip install numpy onnx torch\n";
    assert_eq!((ran.status.code(), stderr(&ran).as_str()), (Some(1), said));
}

#[test]
fn results_on_cpu_and_gpu_can_be_merged() {
    let setting = Setting::new();
    fs::write(setting.root.path().join("dir/quantized.onnx"), "").unwrap();
    for (device, names) in [
        ("cpu", vec!["ONNX Runtime, float", "ONNX Runtime, quantized"]),
        (
            "cuda",
            vec!["ONNX Runtime, GPU, float, with transfers", "ONNX Runtime, GPU, float, without transfers"],
        ),
    ] {
        let file = setting.root.path().join("out.json");
        let file = file.to_str().unwrap();
        let quick = ["--sizes", "8,2,1", "--seconds", "0.05", "--device", device, "-o", file];
        let ran = setting.run(&[&[setting.dir().as_str()], &quick[..]].concat());
        assert!(ran.status.success(), "{}", stderr(&ran));
        let merged =
            ["bench", "tracer-conv", "--sizes", "1", "--engines", "emulator", "--with", file, "--json"];
        let output = command(&merged).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        for name in names {
            let engines = record["engines"].as_array().unwrap();
            let engine = engines.iter().find(|engine| engine["name"] == name).unwrap();
            let point = |n: usize| &engine["points"][n];
            assert_eq!([0, 1, 2].map(|n| point(n)["size"].as_u64().unwrap()), [1, 2, 8]);
            assert!(point(1)["images_per_second"].as_f64().unwrap() > 0.0, "{engine}");
            assert_eq!(point(2)["skipped"], "eight is too many");
            assert!(engine["latency"]["count"].as_u64().unwrap() > 0 && engine["origin"]["file"] == file);
            let notes = engine["notes"].as_array().unwrap();
            let agrees = notes.iter().any(|note| note == "3 of 4 frames have the emulator's answers");
            assert_eq!(agrees, name.contains("quantized"), "{notes:?}");
        }
    }
}

#[test]
fn a_peer_answers_line_by_line() {
    let setting = Setting::new();
    let peer = format!("python3 {} --serve", path("onnx_bench.py").display());
    let args =
        ["bench", "tracer-conv", "--sizes", "2,8", "--engines", "emulator", "--seconds", "0.05", "--json"];
    let output = command(&[&args[..], &["--peer", &peer]].concat())
        .env("PYTHONPATH", setting.modules())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [_, float, quantized] = record["engines"].as_array().unwrap().as_slice() else { panic!("{record}") };
    assert_eq!(float["name"], "ONNX Runtime, float");
    assert!(float["points"][0]["rounds"].as_array().unwrap().len() == 3, "{float}");
    assert_eq!(float["points"][1]["skipped"], "eight is too many");
    assert_eq!(quantized["unavailable"], Value::Null);
}

#[test]
fn what_is_missing_or_wrong_is_said_in_one_line() {
    let setting = Setting::new();
    let dir = setting.dir();
    let empty = setting.root.path().join("modules");
    let cases: [(&[&str], i32, &str); 6] = [
        (&[empty.to_str().unwrap()], 1, "frames.npz is not there"),
        (&[], 2, "DIR"),
        (&[&dir, "--sizes", "0"], 2, "sizes are from 1"),
        (&[&dir, "--sizes", "two"], 2, "--sizes"),
        (&[&dir, "--seconds", "nan"], 2, "nan"),
        (&[&dir, "--device", "abacus"], 2, "abacus"),
    ];
    for (args, code, says) in cases {
        let ran = setting.run(args);
        assert_eq!(ran.status.code(), Some(code), "{args:?}: {}", stderr(&ran));
        assert!(stderr(&ran).contains(says) && !stderr(&ran).contains("Traceback"), "{}", stderr(&ran));
    }
    // One form is not there: the other is measured.
    let ran = setting.run(&[&dir, "--sizes", "1", "--seconds", "0.01"]);
    let record: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(record["engines"][1]["unavailable"], "there is no quantized.onnx");
    assert_eq!(record["engines"][0]["points"].as_array().unwrap().len(), 1);
    for (text, says) in [("{", "bench.json"), ("[]", "names no model"), (r#"{"model": 1}"#, "names no model")]
    {
        fs::write(Path::new(&dir).join("bench.json"), text).unwrap();
        let ran = setting.run(&[&dir]);
        assert!(ran.status.code() == Some(1) && stderr(&ran).contains(says), "{}", stderr(&ran));
        assert!(!stderr(&ran).contains("Traceback"), "{}", stderr(&ran));
    }
    fs::write(Path::new(&dir).join("bench.json"), r#"{"model": "m"}"#).unwrap();
    fs::remove_file(setting.modules().join("onnxruntime.py")).unwrap();
    fs::write(setting.modules().join("onnxruntime.py"), "raise ImportError('no onnxruntime')").unwrap();
    let ran = setting.run(&[&dir]);
    assert!(ran.status.code() == Some(1) && stderr(&ran).contains("pip install"), "{}", stderr(&ran));
}
