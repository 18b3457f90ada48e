//! Frames that are run together.

use super::codes::{Codes, CodesMut};

/// Consecutive frames: the codes of each input, and room for those of each output.
pub(super) struct Batch<'a> {
    pub frames: usize,
    pub inputs: Vec<Codes<'a>>,
    pub outputs: Vec<CodesMut<'a>>,
}

impl Batch<'_> {
    /// The same frames in batches of `size`, the last of which may be smaller.
    pub fn split(mut self, size: usize) -> Vec<Self> {
        let mut batches = Vec::with_capacity(self.frames.div_ceil(size));
        while self.frames > size {
            let head = |len: usize| len / self.frames * size;
            let (inputs, rest): (Vec<_>, Vec<_>) =
                self.inputs.into_iter().map(|codes| codes.split_at(head(codes.len()))).unzip();
            let (outputs, room): (Vec<_>, Vec<_>) = self
                .outputs
                .into_iter()
                .map(|codes| {
                    let at = head(codes.len());
                    codes.split_at(at)
                })
                .unzip();
            batches.push(Self { frames: size, inputs, outputs });
            self = Self { frames: self.frames - size, inputs: rest, outputs: room };
        }
        if self.frames > 0 {
            batches.push(self);
        }
        batches
    }
}
