//! The verbs.

pub mod bench;
mod check;
mod compile;
mod cosim;
mod csim;
mod data;
mod emulate;
pub mod eval;
mod inspect;
mod prune;
mod quantize;
mod sample;
mod synth;
#[cfg(feature = "train")]
mod train;

use nn2hdl_compiler::front::observe::{self, Observation};
use nn2hdl_compiler::front::{self, Lowered};

use crate::args::Command;
use crate::failure::Failure;
use crate::model::Model;
use crate::output::Output;
use crate::settings::Settings;

/// Does what was asked; the exit status is 0, or 3 if verification found a difference.
pub fn run(command: Command, output: Output) -> Result<u8, Failure> {
    match command {
        Command::Bench(args) => bench::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Compile(args) => compile::run(&args, output),
        Command::Emulate(args) => emulate::run(&args, output),
        Command::Cosim(args) => cosim::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Prune(args) => prune::run(&args, output),
        Command::Quantize(args) => quantize::run(&args, output),
        Command::Synth(args) => synth::run(&args, output),
        Command::Sample(args) => sample::run(&args, output),
        Command::Data(args) => data::run(&args, output),
        Command::Eval(args) => eval::run(&args, output),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(&args, output),
        #[cfg(not(feature = "train"))]
        Command::Train(_) => Err(Failure::new(
            "no-train",
            "",
            "this nn2hdl was built without training",
            "build it with `cargo build --release --features train`",
        )),
    }
}

/// The program of a model, under the model's name.
fn lower(model: &Model, settings: &Settings) -> Result<Lowered, Failure> {
    let lowered = front::load(&model.bytes, &settings.options);
    let mut lowered = lowered.map_err(|problems| Failure::from(problems).about(&model.origin))?;
    lowered.program.name.clone_from(&model.name);
    Ok(lowered)
}

/// The watched program of a model, under the model's name.
fn observe(model: &Model, settings: &Settings) -> Result<Observation, Failure> {
    let observed = observe::observe(&model.bytes, &settings.options);
    let mut observed = observed.map_err(|problems| Failure::from(problems).about(&model.origin))?;
    observed.program.name.clone_from(&model.name);
    Ok(observed)
}
