//! A directory that `compile` wrote, read back.

use std::path::{Component, Path, PathBuf};

use nn2hdl_compiler::artifact::TraceFile;
use nn2hdl_compiler::front::observe::Observation;
use nn2hdl_runtime::{LoadError, Program};
use nn2hdl_testbench::cosim::Design;

use crate::failure::Failure;
use crate::model::read;

fn part(dir: &Path, name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    if !dir.join("report.json").is_file() {
        let help = "compile a model first: `nn2hdl compile MODEL -o DIR`";
        return Err(Failure::new(
            "no-design",
            dir.display().to_string(),
            "is no directory that `nn2hdl compile` wrote",
            help,
        ));
    }
    read(&dir.join(name), limit)
}

fn damaged(dir: &Path, name: &str, message: String) -> Failure {
    Failure::new("damaged-design", dir.join(name).display().to_string(), message, "compile the model again")
}

/// The program of a design.
pub fn program(dir: &Path) -> Result<Program, Failure> {
    let bytes = part(dir, "program.json", nn2hdl_runtime::program::SIZE_LIMIT as u64)?;
    Program::from_bytes(&bytes).map_err(|error: LoadError| damaged(dir, "program.json", error.to_string()))
}

/// The watched program of a design.
pub fn observation(dir: &Path) -> Result<Observation, Failure> {
    let bytes = part(dir, "observe.json", 2 * nn2hdl_runtime::program::SIZE_LIMIT as u64)?;
    Observation::from_bytes(&bytes).map_err(|message| damaged(dir, "observe.json", message))
}

/// `report.html` of a design.
pub fn page(dir: &Path) -> Result<String, Failure> {
    let bytes = part(dir, "report.html", 1 << 28)?;
    String::from_utf8(bytes).map_err(|error| damaged(dir, "report.html", error.to_string()))
}

/// The fault of a report that another version wrote.
pub fn strange_page(dir: &Path) -> Failure {
    damaged(dir, "report.html", "is not a report of this version".into())
}

/// `report.json` of a design.
pub fn report(dir: &Path) -> Result<serde_json::Value, Failure> {
    let bytes = part(dir, "report.json", 1 << 28)?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(dir, "report.json", error.to_string()))
}

/// All that a comparison needs.
pub fn load(dir: &Path) -> Result<Design, Failure> {
    let program = program(dir)?;
    let trace: TraceFile = serde_json::from_slice(&part(dir, "trace.json", 4 << 30)?)
        .map_err(|error| damaged(dir, "trace.json", error.to_string()))?;
    let list = part(dir, "rtl/files.f", 1 << 24)?;
    let list = String::from_utf8(list).map_err(|error| damaged(dir, "rtl/files.f", error.to_string()))?;
    let mut sources = Vec::new();
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let path = Path::new(line);
        if !path.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(damaged(dir, "rtl/files.f", format!("`{line}` is not a file of this directory")));
        }
        let path: PathBuf = dir.join("rtl").join(path);
        if !path.is_file() {
            return Err(damaged(dir, "rtl/files.f", format!("`{line}` is missing")));
        }
        sources.push(path);
    }
    Ok(Design {
        sources,
        program,
        signature: trace.signature,
        probes: trace.probes,
        replicated: trace.replicated,
    })
}
