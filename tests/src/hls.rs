//! A program's HLS C++ in C simulation against the emulator.

use std::fs;
use std::path::Path;

use nn2hdl_compiler::back::hls::{self, File, Settings};
use nn2hdl_runtime::Program;
use nn2hdl_testbench::csim::{self, CDesign, CVerdict, HlsToolchain};

/// The compiler and the headers are part of what the tests need: without them they fail, and say how to install them.
///
/// # Panics
/// If they are missing.
pub fn toolchain() -> HlsToolchain {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/ap_types");
    HlsToolchain::find()
        .or_else(|error| HlsToolchain::with_headers(&installed).map_err(|_| error))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Runs `frames` frames of `inputs` through the C++ of `program` made for an initiation interval.
///
/// # Panics
/// If it does not compile, or on any difference.
pub fn csim(program: &Program, ii: u32, inputs: &[Vec<i64>], frames: usize) -> CVerdict {
    let verdict = verdict_on(program, ii, inputs, frames, &|_| {});
    assert!(verdict.is_equal(), "{}: {verdict:#?}", program.name);
    verdict
}

/// As [`csim()`], on files that `damage` has changed, whatever the verdict.
///
/// # Panics
/// If it does not compile.
pub fn verdict_on(
    program: &Program,
    ii: u32,
    inputs: &[Vec<i64>],
    frames: usize,
    damage: &dyn Fn(&mut Vec<File>),
) -> CVerdict {
    let settings = Settings::of(program, ii);
    let mut files = hls::print(program, &settings);
    damage(&mut files);
    let folder = tempfile::tempdir().expect("a folder for the design");
    for file in &files {
        fs::write(folder.path().join(&file.name), &file.text).expect("a file of the design");
    }
    let design = CDesign { folder: folder.path().to_owned(), top: settings.top, program: program.clone() };
    csim::csim(&toolchain(), &design, inputs, frames, &mut |_| {})
        .unwrap_or_else(|error| panic!("{}: {error}", program.name))
}
