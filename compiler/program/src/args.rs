//! The command line as it is typed.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use nn2hdl_runtime::Quantizer;

/// Compiles trained, quantized neural networks into verified trigger firmware.
#[derive(Debug, Parser)]
#[command(name = "nn2hdl", version, arg_required_else_help = true, subcommand_required = true)]
#[command(
    after_help = "Exit status: 0 done; 1 not possible, with the reason; 2 wrong usage; 3 a difference was found."
)]
pub struct Args {
    /// The verb.
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object on stdout; words go to stderr
    #[arg(long, global = true)]
    pub json: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say everything that keeps a model from being compiled, and what it would cost
    Check(CheckArgs),
    /// Turn a model into Verilog, its emulator's program and a report
    Compile(CompileArgs),
    /// Run the bit-exact emulator
    Emulate(EmulateArgs),
    /// Compare the Verilog in Verilator, or the HLS C++ in C simulation, with the emulator, frame by frame
    Cosim(CosimArgs),
    /// Map the Verilog with Yosys: look-up tables, flip-flops, carry blocks and memories by layer
    Synth(SynthArgs),
    /// Measure images per second against buffer size: float on CPU, emulator, Verilator, firmware, other runtimes
    Bench(BenchArgs),
    /// List a model's layers, shapes, formats, parameters and bit operations
    Inspect(InspectArgs),
    /// Write the sample frames of a zoo model, or list the zoo
    Sample(SampleArgs),
    /// Simulate the detector that a zoo model is made for
    Data(DataArgs),
    /// Measure the physics: networks and the conventional baseline on simulated and real events
    Eval(EvalArgs),
    /// Quantize a float model on calibration frames, without training
    Quantize(QuantizeArgs),
    /// Make a network smaller without training
    Prune(PruneArgs),
    /// Train a network of the recipe, quantized and pruned (needs the cargo feature `train`)
    Train(TrainArgs),
}

/// Settings of a design, each also a key of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, ClapArgs)]
pub struct DesignArgs {
    /// Clock frequency in MHz [default: 320]
    #[arg(long, value_name = "F")]
    pub clock_mhz: Option<f64>,
    /// Cycles between frames, at most [default: 1]
    #[arg(long, value_name = "N")]
    pub ii: Option<u32>,
    /// Format of the inputs, such as `fixed<16,6>`; NAME=T for one input, repeatable
    #[arg(long, value_name = "T")]
    pub input_format: Vec<InputFormat>,
    /// Format of weights and results in a model without quantizers
    #[arg(long, value_name = "T")]
    pub default_format: Option<Quantizer>,
    /// End the network at this tensor or node
    #[arg(long, value_name = "NAME")]
    pub output_node: Option<String>,
    /// Most bits that a function table's input has [default: 12]
    #[arg(long, value_name = "N")]
    pub table_bits: Option<u32>,
    /// How much is tried for each adder graph [default: default]
    #[arg(long, value_name = "HOW")]
    pub effort: Option<Tried>,
    /// Read settings from a TOML file: the long options' names as keys
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Read the delay model from a JSON file
    #[arg(long, value_name = "FILE.json")]
    pub delays: Option<PathBuf>,
}

/// How much is tried for each adder graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tried {
    /// Sharing without search
    Fast,
    /// A search that takes milliseconds a graph
    Default,
    /// Twenty-five times that search, or what `compile --budget` allows; Ctrl-C ends it and keeps what was found
    Thorough,
}

/// `T` or `NAME=T`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFormat {
    /// The input; every input if there is none.
    pub name: Option<String>,
    /// The format.
    pub format: Quantizer,
}

impl std::str::FromStr for InputFormat {
    type Err = nn2hdl_runtime::format::FormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.rsplit_once('=') {
            Some((name, format)) => Self { name: Some(name.to_owned()), format: format.parse()? },
            None => Self { name: None, format: text.parse()? },
        })
    }
}

/// `check`.
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// ONNX or QONNX file, or the name of a zoo model; A+B puts model B behind model A
    pub model: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub design: DesignArgs,
}

/// `compile`.
#[derive(Debug, ClapArgs)]
pub struct CompileArgs {
    /// ONNX or QONNX file, or the name of a zoo model; A+B puts model B behind model A
    pub model: Option<String>,
    /// Directory to write, whole or not at all
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Search thoroughly for adder graphs, for so long in all: each layer gets an equal share of what is left, and each
    /// of its matrices half of what the layer has left
    #[arg(long, value_name = "SECONDS")]
    pub budget: Option<f64>,
    /// Settings.
    #[command(flatten)]
    pub design: DesignArgs,
}

/// `emulate`.
#[derive(Debug, ClapArgs)]
pub struct EmulateArgs {
    /// Directory that `compile` wrote, or a model: an ONNX or QONNX file, or the name of a zoo model
    #[arg(value_name = "DIR|MODEL")]
    pub source: String,
    /// .npy, .npz or .safetensors file, or the name of a zoo model: its sample
    #[arg(long, value_name = "X")]
    pub input: String,
    /// .npy (one output) or .npz file to write
    #[arg(long, value_name = "Y")]
    pub output: Option<PathBuf>,
    /// Arrays are integer codes, not values
    #[arg(long)]
    pub raw: bool,
    /// Count, for each input and quantizer, what saturated and what wrapped, and the bits that were never used
    #[arg(long)]
    pub stats: bool,
    /// Write these counts to a JSON file
    #[arg(long, value_name = "R.json")]
    pub stats_report: Option<PathBuf>,
    /// Write these counts into the directory's report.html, in place of earlier ones
    #[arg(long)]
    pub html: bool,
    /// End in 1, before anything is written to Y, if a value saturated or wrapped
    #[arg(long, value_name = "WHAT")]
    pub deny: Option<Denied>,
    /// Settings, of a model only.
    #[command(flatten)]
    pub design: DesignArgs,
}

/// What `emulate` does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Denied {
    /// Values that saturate or wrap.
    Overflow,
}

/// `cosim`.
#[derive(Debug, ClapArgs)]
pub struct CosimArgs {
    /// Directory that `compile` wrote
    pub dir: PathBuf,
    /// .npy, .npz or .safetensors file, or the name of a zoo model: its sample
    #[arg(long, value_name = "X", conflicts_with = "random")]
    pub input: Option<String>,
    /// Number of random frames over the whole range of the inputs' formats [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub random: Option<u32>,
    /// Seed of frames, gaps and idle cycles
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Arrays are integer codes, not values
    #[arg(long, requires = "input")]
    pub raw: bool,
    /// Compare the HLS C++, compiled by g++, instead of the Verilog (no cycles are counted)
    #[arg(long)]
    pub hls: bool,
}

/// `synth`.
#[derive(Debug, ClapArgs)]
pub struct SynthArgs {
    /// Directory that `compile` wrote
    pub dir: PathBuf,
    /// Family of devices, as Yosys' synth_xilinx names it
    #[arg(long, value_name = "NAME", default_value = "xcup")]
    pub family: String,
    /// Map the whole design at once, as is done for comparisons, instead of each distinct module once
    #[arg(long)]
    pub flatten: bool,
}

/// What `bench` measures by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchEngine {
    /// The float network on candle (needs the cargo feature `train`)
    Candle,
    /// The emulator on one thread
    EmulatorOne,
    /// The emulator on all threads
    Emulator,
    /// The emitted Verilog in Verilator
    Verilator,
    /// The firmware: clock ÷ II, a model
    Firmware,
}

/// `bench`.
#[derive(Debug, ClapArgs)]
pub struct BenchArgs {
    /// ONNX or QONNX file, or the name of a zoo model [default: muon-window]
    pub model: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub design: DesignArgs,
    /// Images in a buffer
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4,8,16,32,64,128,256,512,1024,2048",
        value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub sizes: Vec<u32>,
    /// What is measured [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub engines: Vec<BenchEngine>,
    /// Seconds for each engine and size; a buffer that would take four times as long is left out
    #[arg(long, value_name = "S", default_value_t = 0.8)]
    pub seconds: f64,
    /// Measure another runtime in turn with the rest, such as `python3 models/onnx_bench.py --serve`; repeatable
    #[arg(long, value_name = "COMMAND")]
    pub peer: Vec<String>,
    /// Add the engines of another machine's or runtime's result; repeatable
    #[arg(long, value_name = "FILE.json")]
    pub with: Vec<PathBuf>,
    /// Directory for bench.json, bench.html, bench.svg and what other runtimes need: float.onnx, quantized.onnx, frames.npz, answers.npz
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `inspect`.
#[derive(Debug, ClapArgs)]
pub struct InspectArgs {
    /// ONNX or QONNX file, or the name of a zoo model; A+B puts model B behind model A
    pub model: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub design: DesignArgs,
}

/// `sample`.
#[derive(Debug, ClapArgs)]
pub struct SampleArgs {
    /// The zoo model; without it, the zoo is listed
    pub name: Option<String>,
    /// The .npz file to write
    #[arg(short, long, value_name = "FILE.npz")]
    pub output: Option<PathBuf>,
}

/// What can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Detector {
    /// A muon chamber of 6 layers × 8 partitions × 384 strips
    Muon,
}

/// `data`.
#[derive(Debug, ClapArgs)]
pub struct DataArgs {
    /// The detector
    pub detector: Detector,
    /// List every parameter of the simulation with unit, default, meaning and source
    #[arg(long, conflicts_with_all = ["events", "seed", "output", "background", "config"])]
    pub parameters: bool,
    /// Number of events
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub events: Option<u64>,
    /// Seed of the sample
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Factor on the nominal background [default: 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub background: Option<f64>,
    /// Read parameters of the simulation from a TOML file
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// File of events to write; FILE.npz: arrays `x` and `truth` of bytes, frames × 6 × 8 × 384
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `eval`.
#[derive(Debug, ClapArgs)]
pub struct EvalArgs {
    /// `chamber` (the simulation against real events), `road-finder`, or networks: zoo models or ONNX files
    #[arg(required = true)]
    pub what: Vec<String>,
    /// Test on this file of `nn2hdl data muon`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["events", "config"])]
    pub test: Option<PathBuf>,
    /// Number of events of each test sample, and of muon-free images of each calibration sample [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub events: Option<u64>,
    /// Seed of the test samples
    #[arg(long, value_name = "S", default_value_t = 20_001)]
    pub seed: u64,
    /// Seed of the calibration samples, on which thresholds are chosen
    #[arg(long, value_name = "S", default_value_t = 20_002)]
    pub calibration_seed: u64,
    /// Read parameters of the simulation from a TOML file
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Real events as `scripts/me0-events` writes them
    #[arg(long, value_name = "EVENTS.json")]
    pub real: Option<PathBuf>,
    /// Share of muon-free images in which a network may find a segment; its threshold follows
    #[arg(long, value_name = "F", default_value_t = 0.01)]
    pub fake_rate: f64,
    /// Measure the float networks of the zoo models too (needs the cargo feature `train`)
    #[arg(long)]
    pub float: bool,
    /// Write a report: one HTML file
    #[arg(short, long, value_name = "REPORT.html")]
    pub output: Option<PathBuf>,
}

/// What a format covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CalibrationMethod {
    /// All values
    MinMax,
    /// All but the outermost
    Percentile,
    /// What makes the mean square error least
    Mse,
}

/// What shares a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Granularity {
    /// A whole tensor
    Tensor,
    /// The weights of one output channel
    Channel,
}

/// Which scales may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scales {
    /// Powers of two: scaling is wiring
    PowerOfTwo,
    /// Any of 12 significant bits: scaling takes tables or multiplications by constants
    Arbitrary,
}

/// How to quantize, each also a key of the configuration file.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct QuantizeSettings {
    /// Bits of weights, inputs and results [default: 8]
    #[arg(long, value_name = "N")]
    pub bits: Option<u32>,
    /// Bits of weights [default: as --bits]
    #[arg(long, value_name = "N")]
    pub weight_bits: Option<u32>,
    /// Bits of inputs and of the results of layers [default: as --bits]
    #[arg(long, value_name = "N")]
    pub activation_bits: Option<u32>,
    /// Bits of results that no later layer reads [default: 4 more than of other results, up to 12]
    #[arg(long, value_name = "N")]
    pub output_bits: Option<u32>,
    /// What a format covers [default: mse]
    #[arg(long)]
    pub method: Option<CalibrationMethod>,
    /// Share of the values that `percentile` covers, in percent [default: 99.9]
    #[arg(long, value_name = "P")]
    pub percentile: Option<f64>,
    /// What shares a scale among weights; inputs and results have one scale each [default: channel]
    #[arg(long)]
    pub per: Option<Granularity>,
    /// Which scales may be chosen [default: power-of-two]
    #[arg(long)]
    pub scale: Option<Scales>,
}

/// `quantize`.
#[derive(Debug, ClapArgs)]
pub struct QuantizeArgs {
    /// ONNX or QONNX file, or the name of a zoo model; A+B puts model B behind model A
    pub model: Option<String>,
    /// Frames to calibrate on: .npy, .npz or .safetensors file with arrays named as the inputs, axis 0 is the frame
    #[arg(long, value_name = "X")]
    pub calibration: String,
    /// QONNX file to write
    #[arg(short, long, value_name = "OUT.onnx")]
    pub output: PathBuf,
    /// How.
    #[command(flatten)]
    pub settings: QuantizeSettings,
    /// How much is tried for each adder graph [default: default]
    #[arg(long, value_name = "HOW")]
    pub effort: Option<Tried>,
    /// Read settings from a TOML file: the long options' names as keys, and `[layers.NODE]` with `weight-bits`, `activation-bits`
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// Write the report to a JSON file
    #[arg(long, value_name = "R.json")]
    pub report: Option<PathBuf>,
}

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PruneMethod {
    /// The smallest weights of each layer
    Magnitude,
    /// Whole channels whose absence changes the results of the next layer least
    Structured,
    /// Signed digits of quantized weights that change the outputs least for what they take
    Digits,
}

/// `prune`.
#[derive(Debug, ClapArgs)]
pub struct PruneArgs {
    /// ONNX or QONNX file, or the name of a zoo model; A+B puts model B behind model A
    pub model: Option<String>,
    /// QONNX file to write
    #[arg(short, long, value_name = "OUT.onnx")]
    pub output: PathBuf,
    /// Frames to calibrate on: .npy, .npz or .safetensors file with arrays named as the inputs, axis 0 is the frame
    #[arg(long, value_name = "X")]
    pub calibration: Option<String>,
    /// What is taken out [default: digits with a budget of LUT, otherwise magnitude]
    #[arg(long)]
    pub method: Option<PruneMethod>,
    /// Share of each layer's weights (magnitude) or channels (structured) that is taken out, 0 to 1
    #[arg(long, value_name = "S", conflicts_with_all = ["lut", "lut_fraction"])]
    pub sparsity: Option<f64>,
    /// Look-up tables that the design may take, as `compile` estimates them
    #[arg(long, value_name = "N", conflicts_with = "lut_fraction")]
    pub lut: Option<u64>,
    /// The same as a share of what the model takes, 0 to 1
    #[arg(long, value_name = "F")]
    pub lut_fraction: Option<f64>,
    /// Write the report to a JSON file
    #[arg(long, value_name = "R.json")]
    pub report: Option<PathBuf>,
    /// Settings of the design whose look-up tables are counted.
    #[command(flatten)]
    pub design: DesignArgs,
}

/// `train`.
#[derive(Debug, ClapArgs)]
#[cfg_attr(not(feature = "train"), allow(dead_code))]
pub struct TrainArgs {
    /// TOML file (network, stages, loss, source of events), or the name of a zoo model that has a recipe
    pub recipe: String,
    /// Directory of parameters, checkpoint, log and ONNX files; a training found there goes on
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Start from the parameters of this stage's file (.safetensors)
    #[arg(long, value_name = "FILE")]
    pub start: Option<PathBuf>,
    /// Partitions of an image in the ONNX files [default: those of the source's whole image]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub height: Option<u16>,
    /// Strips, or pairs of strips, of an image in the ONNX files [default: those of the source's whole image]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub width: Option<u16>,
    /// Logit from which the ONNX files mark a voxel [default: the last validation's, at the recipe's share of false positives]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub threshold: Option<f64>,
}
