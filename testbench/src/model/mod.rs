//! A Verilog module compiled to machine code and loaded into this process.

mod build;
mod generated;
mod harness;
mod library;

use std::path::PathBuf;

use serde::Serialize;

use crate::{Error, Layout, Port, Rows, Toolchain};
use library::Instance;

/// What to compile.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// The Verilog files, complete: what they include or read at run time is not part of the cache's key.
    pub sources: Vec<PathBuf>,
    /// The name of the top module.
    pub top: String,
    /// The name of the clock port.
    pub clock: String,
    /// The top module's ports, in the order they take in a row; the clock may be listed and is left out of the rows.
    pub ports: Vec<Port>,
    /// How hard the C++ compiler tries.
    pub optimization: Optimization,
    /// Which signals a waveform can show.
    pub trace: Trace,
    /// Modules to compile once and call for each instance, instead of flattening them: the build of replicated
    /// engines then costs one engine. Ignored when tracing, which needs the signals inside.
    pub blocks: Vec<String>,
}

impl BuildRequest {
    /// A request with the clock `clk`, optimised, flat, without waveforms.
    pub fn new(top: impl Into<String>, sources: Vec<PathBuf>, ports: Vec<Port>) -> Self {
        Self {
            sources,
            top: top.into(),
            clock: "clk".into(),
            ports,
            optimization: Optimization::O1,
            trace: Trace::Off,
            blocks: Vec::new(),
        }
    }
}

/// How hard the C++ compiler tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimization {
    /// Builds fastest, runs about 14 times slower than `O1`: for small designs run for few cycles.
    O0,
    /// Runs as fast as higher levels.
    O1,
}

/// Which signals a waveform can show. Tracing makes a model slower to build and to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// None; no waveform can be written.
    Off,
    /// Those of the top module and of this many levels of hierarchy in all, from 1.
    Depth(u32),
    /// All.
    Full,
}

/// What a build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The model was found in the cache; nothing is left to do.
    Cached,
    /// Verilator translates the Verilog to C++.
    Verilating,
    /// The C++ compiler is at work.
    Compiling {
        /// Files compiled so far.
        done: usize,
        /// Files in all.
        total: usize,
    },
    /// The model is linked.
    Linking,
}

/// What a build took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BuildStats {
    /// Whether the model came from the cache.
    pub cached: bool,
    /// Seconds on the clock.
    pub wall_seconds: f64,
    /// CPU seconds of the tools (of every tool this process ran in that time, if builds overlap); `None` where
    /// the system does not tell.
    pub cpu_seconds: Option<f64>,
}

/// The state a model's registers and memories have before the first edge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PowerUp {
    /// All zeros.
    #[default]
    Zeros,
    /// Random bits from a seed, as in hardware: what does not rely on them is properly reset.
    Random(u32),
}

/// A waveform that a model writes while it runs: a VCD file.
#[derive(Debug, Clone)]
pub struct WaveformFile(pub PathBuf);

/// How a model starts.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// The state before the first edge.
    pub power_up: PowerUp,
    /// Where to write a waveform, if anywhere. The file is complete up to the last [`Model::run`] that returned.
    pub waveform: Option<WaveformFile>,
}

/// A compiled module and its state.
///
/// Two models are independent of each other, also when they are of the same module.
#[derive(Debug)]
pub struct Model {
    instance: Instance,
    inputs: Layout,
    outputs: Layout,
    traced: bool,
    stats: BuildStats,
}

impl Model {
    /// Compiles a module, or takes it from the cache, and starts it with [`Start::default`].
    ///
    /// The cache is at `NN2HDL_CACHE`, else `nn2hdl` under `XDG_CACHE_HOME` or `~/.cache`.
    pub fn build(
        toolchain: &Toolchain,
        request: &BuildRequest,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Self, Error> {
        build::build(toolchain, request, progress)
    }

    /// Begins again from power-up; a waveform that was being written is closed.
    pub fn start(&mut self, start: &Start) -> Result<(), Error> {
        if start.waveform.is_some() && !self.traced {
            return Err(Error::NotTraced);
        }
        self.instance.start(start)
    }

    /// Runs one clock cycle for each row of inputs and returns as many rows of outputs; the state carries over
    /// to the next call.
    ///
    /// In a cycle the inputs are set while the clock is low, the outputs are sampled just before the rising
    /// edge, and then the clock rises: row *t* of the result is what a register would sample at the edge
    /// that samples row *t* of `inputs`. Input bits beyond a port's width are ignored.
    pub fn run(&mut self, inputs: &Rows) -> Result<Rows, Error> {
        if inputs.width() != self.inputs.words() {
            return Err(Error::RowWidth { expected: self.inputs.words(), found: inputs.width() });
        }
        let mut outputs = Rows::zeroed(self.outputs.words(), inputs.len());
        self.instance.run(inputs.len(), inputs.words(), outputs.words_mut())?;
        Ok(outputs)
    }

    /// Where the input ports lie in a row, without the clock.
    pub fn inputs(&self) -> &Layout {
        &self.inputs
    }

    /// Where the output ports lie in a row.
    pub fn outputs(&self) -> &Layout {
        &self.outputs
    }

    /// What the build took.
    pub fn build_stats(&self) -> BuildStats {
        self.stats
    }
}
