//! Frames that are run together.

/// Consecutive frames: the codes of each input, and room for those of each output.
pub(super) struct Batch<'a> {
    pub frames: usize,
    pub inputs: Vec<&'a [i64]>,
    pub outputs: Vec<&'a mut [i64]>,
}

impl<'a> Batch<'a> {
    /// All frames of a run.
    pub fn new(frames: usize, inputs: &[&'a [i64]], outputs: &'a mut [Vec<i64>]) -> Self {
        Self { frames, inputs: inputs.to_vec(), outputs: outputs.iter_mut().map(Vec::as_mut_slice).collect() }
    }

    /// The same frames in batches of `size`, the last of which may be smaller.
    pub fn split(mut self, size: usize) -> Vec<Self> {
        let mut batches = Vec::with_capacity(self.frames.div_ceil(size));
        while self.frames > size {
            let (inputs, rest): (Vec<_>, Vec<_>) =
                self.inputs.into_iter().map(|codes| codes.split_at(codes.len() / self.frames * size)).unzip();
            let (outputs, room): (Vec<_>, Vec<_>) = self
                .outputs
                .into_iter()
                .map(|codes| {
                    let at = codes.len() / self.frames * size;
                    codes.split_at_mut(at)
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
