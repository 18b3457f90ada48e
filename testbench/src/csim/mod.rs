//! C simulation: emitted HLS C++, compiled by g++, against the emulator, frame by frame.
//!
//! The functions need the headers of `ap_int`. They are those of Vitis HLS, or the ones that its vendor published under
//! the Apache licence.

mod build;
mod headers;

use std::path::PathBuf;

use nn2hdl_runtime::{EmulateError, Emulator, Program, Step};
use serde::Serialize;

use crate::{BuildStats, Error, Optimization};
pub use build::CModel;
pub use headers::HlsToolchain;

/// An emitted design and what it is said to compute.
#[derive(Debug, Clone)]
pub struct CDesign {
    /// The folder of the emitted files: `TOP.h`, `TOP.cpp`, `weights.h`, `tb.cpp`.
    pub folder: PathBuf,
    /// Name of the top function.
    pub top: String,
    /// The definition of the answer.
    pub program: Program,
}

/// What a comparison is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CStage {
    /// The emulator computes the answers.
    Emulate,
    /// The C++ compiler is at work.
    Build,
    /// Frames go through the function.
    Simulate,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CVerdict {
    /// Frames given.
    pub frames: usize,
    /// Frames whose answer was wrong.
    pub mismatches: usize,
    /// The first code that differs.
    pub first_difference: Option<CDifference>,
    /// Seconds that the function took for all frames.
    pub simulation_seconds: f64,
    /// What compiling took.
    pub build: BuildStats,
}

/// The first code that differs: by frame, then by output, then by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CDifference {
    /// `output NAME`.
    pub layer: String,
    /// The frame, counted from 0.
    pub frame: usize,
    /// The row-major element of the output.
    pub element: usize,
    /// The emulator's code.
    pub expected: i64,
    /// The function's code.
    pub found: i64,
}

impl CVerdict {
    /// Whether the design is what it is said to be.
    pub fn is_equal(&self) -> bool {
        self.mismatches == 0
    }
}

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CsimError {
    /// The tools or the design failed.
    #[error(transparent)]
    Bench(#[from] Error),
    /// The emulator refused the program or the frames.
    #[error("emulator: {0}")]
    Emulate(#[from] EmulateError),
}

/// Compares a design with the emulator on `frames` frames; `inputs[i]` holds `frames` × elements codes.
///
/// # Errors
/// If the comparison cannot be made; a difference is a verdict, not an error.
pub fn csim(
    toolchain: &HlsToolchain,
    design: &CDesign,
    inputs: &[Vec<i64>],
    frames: usize,
    progress: &mut dyn FnMut(CStage),
) -> Result<CVerdict, CsimError> {
    progress(CStage::Emulate);
    let slices: Vec<&[i64]> = inputs.iter().map(Vec::as_slice).collect();
    let expected = Emulator::new(&design.program)?.run(&slices, frames)?;
    progress(CStage::Build);
    let model = CModel::build(toolchain, &design.folder, &design.top, optimization(design, frames)?)?;
    progress(CStage::Simulate);
    let lengths: Vec<usize> =
        (0..design.program.outputs.len()).map(|n| design.program.output_value(n).len()).collect();
    let (found, simulation_seconds) = model.run(inputs, frames, &lengths)?;
    let (mut mismatches, mut first_difference) = (0, None);
    for frame in 0..frames {
        let wrong = expected.iter().zip(&found).zip(&lengths).enumerate().find_map(|(n, ((a, b), &len))| {
            let (a, b) = (&a[frame * len..][..len], &b[frame * len..][..len]);
            a.iter().zip(b).position(|(a, b)| a != b).map(|element| CDifference {
                layer: format!("output {}", design.program.outputs[n].name),
                frame,
                element,
                expected: a[element],
                found: b[element],
            })
        });
        mismatches += usize::from(wrong.is_some());
        first_difference = first_difference.or(wrong);
    }
    Ok(CVerdict { frames, mismatches, first_difference, simulation_seconds, build: model.build_stats() })
}

/// Optimization costs 10 µs a byte of text and saves 0.35 µs of each evaluation of a kernel's body.
fn optimization(design: &CDesign, frames: usize) -> Result<Optimization, Error> {
    const BYTES: usize = 28;
    let path = design.folder.join(format!("{}.cpp", design.top));
    let text = std::fs::metadata(&path).map_err(Error::file(&path))?.len() as usize;
    let mut work: Vec<usize> = Vec::new();
    for block in &design.program.blocks {
        let of_step = |step: &Step| match step {
            Step::Kernel(kernel) => kernel.extent.iter().product::<usize>() * block.value(kernel.out).len(),
            Step::Call(call) => work[call.block.index()].saturating_mul(call.repeat as usize),
        };
        work.push(block.steps.iter().map(of_step).fold(0, usize::saturating_add));
    }
    let evaluations = work.last().copied().unwrap_or(0).saturating_mul(frames);
    Ok(if evaluations / BYTES > text { Optimization::O1 } else { Optimization::O0 })
}
