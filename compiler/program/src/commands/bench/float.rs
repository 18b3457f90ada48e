//! The float network on candle.

use std::rc::Rc;

use nn2hdl_models::find;
use nn2hdl_train::{Export, Flavour, Float, Trained};

use super::engine::{Ask, Burst, Engine, repeat};
use super::frames::Frames;

/// Extents of a chamber image.
const EXTENTS: (usize, usize) = (nn2hdl_muon::geometry::PARTITIONS, nn2hdl_muon::geometry::STRIPS);

/// The float network that a zoo model was quantized from, as an ONNX file; none of a model that has none.
pub fn of(model: &str) -> Option<Vec<u8>> {
    let trained = Trained::from_bytes(find(model)?.float?).ok()?;
    let (height, width) = EXTENTS;
    trained.export(&Export { flavour: Flavour::Float, height, width, threshold: 0.0 }).ok()
}

/// A network on candle, and its frames.
pub struct Candle {
    network: Float,
    frames: Rc<Frames>,
}

impl Candle {
    /// The network of an ONNX file without quantizers.
    ///
    /// # Errors
    /// What candle does not run.
    pub fn new(onnx: &[u8], frames: Rc<Frames>) -> Result<Self, String> {
        Ok(Self { network: Float::new(onnx)?, frames })
    }
}

impl Engine for Candle {
    fn burst(&mut self, ask: Ask) -> Result<Burst, String> {
        let values = (0..self.frames.values.len()).map(|input| self.frames.buffer(input, ask.size));
        let frames = self.network.frames(values.collect(), ask.size)?;
        repeat(ask, || self.network.run(&frames).map(drop))
    }
}
