//! The float network on candle.

use std::rc::Rc;

use nn2hdl_train::{Export, Flavour, Float, Trained};

use super::engine::{Ask, Burst, Engine, repeat};
use super::frames::Frames;

/// A zoo model's float stage as an ONNX file for images of `shape`, layers × partitions × strips or pairs of them; none for other
/// shapes.
pub fn of(stage: &[u8], shape: &[usize]) -> Option<Vec<u8>> {
    let &[nn2hdl_muon::geometry::LAYERS, height, width] = shape else { return None };
    let trained = Trained::from_bytes(stage).ok()?;
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

#[cfg(test)]
mod tests {
    use nn2hdl_compiler::front::onnx;
    use nn2hdl_models::zoo;

    use super::*;

    #[test]
    fn float_stages_have_the_extents_of_their_models() {
        let mut widths = Vec::new();
        for model in zoo() {
            let Some(stage) = model.float else { continue };
            let shape = |bytes: &[u8]| onnx::decode(bytes).unwrap().main.inputs[0].shape[1..].to_vec();
            let own: Vec<usize> = shape(model.onnx).into_iter().map(Option::unwrap).collect();
            let exported = shape(&of(stage, &own).unwrap());
            assert_eq!(exported, own.iter().copied().map(Some).collect::<Vec<_>>(), "{}", model.name);
            widths.push(own[2]);
        }
        assert!(widths.contains(&384) && widths.contains(&192), "{widths:?}");
        assert!(of(zoo()[1].float.unwrap(), &[96]).is_none());
    }
}
