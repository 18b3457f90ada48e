//! The `nn2hdl` program: the only part of nn2hdl that touches files and the terminal.

mod args;
mod commands;
mod config;
mod design;
mod directory;
mod failure;
mod forecast;
mod model;
mod names;
mod output;
mod ranges;
mod report;
mod settings;
mod simulation;
mod synthesis;
mod tensors;
mod watcher;

use std::panic;
use std::process::ExitCode;
use std::thread;

use clap::Parser;

use failure::Failure;
use output::Output;

/// Stack of the working thread: long delay chains and deep call trees are walked recursively.
const STACK: usize = 1 << 30;

fn main() -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    let output = Output::new(json);
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error, output),
    };
    panic::set_hook(Box::new(|_| {}));
    let work = thread::Builder::new().stack_size(STACK).spawn(move || commands::run(args.command, output));
    let result = match work.map(thread::JoinHandle::join) {
        Ok(Ok(result)) => result,
        Ok(Err(payload)) => Err(Failure::internal(payload.as_ref())),
        Err(error) => Err(Failure::new("no-thread", "", error.to_string(), "")),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit)
        }
    }
}

/// Help and version are no failure; anything else is wrong usage.
fn usage(error: &clap::Error, output: Output) -> ExitCode {
    // A reader that has gone away is no reason to fail.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let message = error.render().to_string();
    let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ");
    output.failure_json(&Failure::usage(first, "see `nn2hdl --help`"));
    ExitCode::from(2)
}
