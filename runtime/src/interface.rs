//! How a design is driven, read and observed, as data: nobody has to parse Verilog.

use serde::{Deserialize, Serialize};

use crate::format::Format;
use crate::id::ValueId;

/// One axis that is spread over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// The axis.
    pub axis: usize,
    /// Positions in one beat.
    pub lanes: usize,
    /// Beats along the axis; the last one may be padded.
    pub beats: usize,
    /// Cycles from one beat along the axis to the next.
    pub interval: usize,
}

impl Spread {
    /// Cycles from the first beat along the axis to the last.
    pub fn reach(&self) -> usize {
        (self.beats - 1) * self.interval
    }
}

/// How a tensor moves over its wires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    /// Axes from the slowest to the fastest, within a beat.
    pub order: Vec<usize>,
    /// The axes that are spread over time, the slowest first; none if all elements are one beat.
    pub spread: Vec<Spread>,
    /// Cycles from the frame's first input beat to this tensor's first beat.
    pub phase: u32,
}

impl Travel {
    /// A whole tensor of `rank` axes in one beat.
    pub fn whole(rank: usize, phase: u32) -> Self {
        Self { order: (0..rank).collect(), spread: Vec::new(), phase }
    }

    /// Beats of one frame.
    pub fn beats(&self) -> usize {
        self.spread.iter().map(|spread| spread.beats).product()
    }

    /// Cycles from the frame's first beat to beat `beat`.
    pub fn cycle(&self, beat: usize) -> usize {
        self.along(beat).map(|(spread, beat)| beat * spread.interval).sum()
    }

    /// Cycles from the frame's first beat to its last.
    pub fn reach(&self) -> usize {
        self.spread.iter().map(Spread::reach).sum()
    }

    /// Whether a beat of a frame follows the other without a gap.
    pub fn is_contiguous(&self) -> bool {
        self.reach() + 1 == self.beats()
    }

    /// The beat along each axis, the fastest first.
    fn along(&self, mut beat: usize) -> impl Iterator<Item = (&Spread, usize)> {
        self.spread.iter().rev().map(move |spread| {
            let here = beat % spread.beats;
            beat /= spread.beats;
            (spread, here)
        })
    }

    /// The shape of one beat of a tensor of `shape`.
    pub fn beat_shape(&self, shape: &[usize]) -> Vec<usize> {
        let mut beat = shape.to_vec();
        self.spread.iter().for_each(|spread| beat[spread.axis] = spread.lanes);
        beat
    }

    /// The flat element of the tensor at flat position `n` of beat `beat`, or `None` in padding.
    pub fn element(&self, shape: &[usize], beat: usize, n: usize) -> Option<usize> {
        let mut at = crate::index::point(n, &self.beat_shape(shape));
        for (spread, beat) in self.along(beat) {
            at[spread.axis] += beat * spread.lanes;
            if at[spread.axis] >= shape[spread.axis] {
                return None;
            }
        }
        Some(at.iter().zip(shape).fold(0, |flat, (&coordinate, &extent)| flat * extent + coordinate))
    }
}

/// The top module's interface: `clk`, `rst` (synchronous, active high), `in_valid`, inputs, `out_valid`, outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Name of the top module.
    pub top: String,
    /// Inputs.
    pub inputs: Vec<PortMap>,
    /// Outputs.
    pub outputs: Vec<PortMap>,
    /// Cycles from the first input beat to the first output beat.
    pub latency_cycles: u32,
    /// Cycles from the first input beat to the last output beat.
    pub latency_last_cycles: u32,
    /// Cycles between the first beats of consecutive frames.
    pub ii_cycles: u32,
}

/// One input or output and the tensor on it. Element `n` of a beat is at bits `n × width …`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortMap {
    /// Name of the Verilog port.
    pub port: String,
    /// Name of the tensor in the source model.
    pub name: String,
    /// Shape of the tensor, without the frame axis.
    pub shape: Vec<usize>,
    /// Format of every element.
    pub format: Format,
    /// How it moves.
    pub travel: Travel,
}

impl PortMap {
    /// Elements in one beat.
    pub fn beat_elements(&self) -> usize {
        self.travel.beat_shape(&self.shape).iter().product()
    }

    /// Bits of the port.
    pub fn width(&self) -> u32 {
        self.beat_elements() as u32 * self.format.width
    }

    /// The beats of one frame of codes; padding is zero.
    pub fn split(&self, frame: &[i64]) -> Vec<Vec<i64>> {
        (0..self.travel.beats())
            .map(|beat| {
                (0..self.beat_elements())
                    .map(|n| self.travel.element(&self.shape, beat, n).map_or(0, |flat| frame[flat]))
                    .collect()
            })
            .collect()
    }

    /// The frame of codes in `beats`.
    pub fn join(&self, beats: &[Vec<i64>]) -> Vec<i64> {
        let mut frame = vec![0; self.shape.iter().product()];
        for (beat, codes) in beats.iter().enumerate() {
            for (n, &code) in codes.iter().enumerate() {
                if let Some(flat) = self.travel.element(&self.shape, beat, n) {
                    frame[flat] = code;
                }
            }
        }
        frame
    }
}

/// Where a program value can be seen in a design.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The calls that lead to the value, outermost first, as the emulator's trace names them.
    pub path: Vec<String>,
    /// The value, in its own block.
    pub value: ValueId,
    /// Its name.
    pub name: String,
    /// The layer that computes it.
    pub layer: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How it travels; the phase counts from the frame's first input beat.
    pub travel: Travel,
    /// Where each element of one beat is.
    pub elements: Vec<Place>,
}

/// Some bits of a wire, or a constant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Instances that lead to the wire and the wire, joined by dots; empty for a constant.
    pub wire: String,
    /// First bit.
    pub lo: u32,
    /// Whether the uppermost bit is a sign.
    pub signed: bool,
    /// Number of bits.
    pub width: u32,
    /// The value of a constant.
    pub constant: Option<i64>,
}
