//! How a design is driven and read, as data, so that nobody has to parse Verilog.

use nn2hdl_runtime::Format;
use serde::{Deserialize, Serialize};

use crate::schedule::Travel;

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
        (0..self.travel.beats)
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
