//! Programs that are watched: the same network with the codes of every quantizer as further outputs, and flags that
//! tell which elements left its range.

use nn2hdl_runtime::program::VERSION;
use nn2hdl_runtime::{Program, validate};
use serde::{Deserialize, Serialize};

use super::{Options, load};
use crate::diagnostic::Diagnostic;

/// The schema of the serialized form.
const SCHEMA: &str = "nn2hdl.observe/1";

/// A program whose quantizers are watched.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    schema: String,
    /// Number of the network's own outputs, which come first.
    pub outputs: usize,
    /// What each input's encoder keeps, if it is one of steps.
    pub bounds: Vec<Option<Bounds>>,
    /// The quantizers, in order.
    pub quantizers: Vec<Observed>,
    /// The program.
    pub program: Program,
}

/// A quantizer that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// The model's node, behind the calls that lead to it.
    pub layer: String,
    /// The tensor that it delivers.
    pub tensor: String,
    /// Whether what leaves the range wraps; else it saturates.
    pub wraps: bool,
    /// The output that holds its codes.
    pub codes: usize,
    /// What tells its overflows.
    pub overflow: Counted,
}

/// What tells the overflows of a quantizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// There are none, whatever the input is.
    Never,
    /// Nothing: the function before it is not monotone and its input too wide for a table.
    Unknown,
    /// An output of its shape: 1 where the value was below the range, 2 above it, else 0.
    Flags(usize),
}

/// What an encoder of steps keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// One for each channel, used in turn.
    pub channels: Vec<Limits>,
    /// Number of consecutive elements (row-major) that share a channel.
    pub inner: usize,
}

/// The real values that an encoder keeps: those from `least` to `greatest`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The least of them.
    pub least: f64,
    /// The greatest of them; less than `least` if there are none.
    pub greatest: f64,
    /// Whether lesser values have greater codes.
    pub falling: bool,
}

impl Limits {
    /// −1 if the code of `value` would be below the range, 1 if above, else 0.
    pub fn side(&self, value: f64) -> i8 {
        let low = if self.falling { 1 } else { -1 };
        if value < self.least {
            low
        } else if value > self.greatest {
            -low
        } else {
            0
        }
    }
}

impl Bounds {
    /// [`Limits::side`] for the element at flat position `element` of a frame.
    pub fn side(&self, element: usize, value: f64) -> i8 {
        self.channels[element / self.inner % self.channels.len()].side(value)
    }
}

/// Reads and lowers a model file, watched. The network's own outputs and their codes are those of [`load`].
///
/// # Errors
/// Those of [`load`].
pub fn observe(bytes: &[u8], options: &Options) -> Result<Observation, Vec<Diagnostic>> {
    let lowered = load(bytes, &Options { observe: true, ..options.clone() })?;
    let extra: usize =
        lowered.quantizers.iter().map(|one| 1 + usize::from(matches!(one.overflow, Counted::Flags(_)))).sum();
    Ok(Observation {
        schema: SCHEMA.into(),
        outputs: lowered.program.outputs.len() - extra,
        bounds: lowered.bounds,
        quantizers: lowered.quantizers,
        program: lowered.program,
    })
}

impl Observation {
    /// The serialized form.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("no map keys that JSON cannot hold")
    }

    /// Reads the serialized form.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Self { schema, outputs, bounds, quantizers, program } = &read;
        if schema != SCHEMA || program.version != VERSION {
            return Err(format!(
                "it is {schema} with a program of version {}, not {SCHEMA}",
                program.version
            ));
        }
        validate::validate(program).map_err(|error| error.to_string())?;
        let shape =
            |output: usize| (output < program.outputs.len()).then(|| &program.output_value(output).shape);
        let held = quantizers.iter().all(|one| match (shape(one.codes), one.overflow) {
            (Some(codes), Counted::Flags(flags)) => shape(flags) == Some(codes),
            (codes, _) => codes.is_some(),
        });
        let bounded = bounds.len() == program.inputs.len()
            && bounds.iter().flatten().all(|bounds| !bounds.channels.is_empty() && bounds.inner > 0);
        if held && bounded && *outputs <= program.outputs.len() {
            Ok(read)
        } else {
            Err("its parts contradict each other".into())
        }
    }
}
