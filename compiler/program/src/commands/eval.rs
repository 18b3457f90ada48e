//! `eval`.
use crate::args::EvalArgs;
use crate::failure::Failure;
use crate::output::Output;

pub fn run(_args: &EvalArgs, _output: Output) -> Result<u8, Failure> {
    Err(Failure::usage("not yet", ""))
}
