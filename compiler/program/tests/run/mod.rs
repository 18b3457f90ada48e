//! Runs the program.

#![allow(dead_code)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// The program with arguments, not yet started.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nn2hdl"));
    command.args(args);
    command
}

/// What one run printed, and its exit status.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// stdout as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs the program to its end; it must not be killed and must not panic.
pub fn run(args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = command(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
    assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("internal"), "{}", ran.stderr);
    ran
}

/// Compiles a model into `dir` and expects success.
pub fn compile(model: &str, dir: &Path, options: &[&str]) -> Value {
    let dir = dir.to_str().unwrap();
    let ran = run(&[&["compile", model, "-o", dir, "--json"], options].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()
}
