//! Codes become beats; random codes.

use nn2hdl_runtime::Program;
use nn2hdl_runtime::interface::Signature;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::pack;
use crate::stimulus::Frame;

/// Fewer frames are sent more than once, so that an interval can be measured and neighbours can disturb.
const FEWEST: usize = 4;

/// The beats of every frame.
pub(super) fn frames(signature: &Signature, inputs: &[Vec<i64>], frames: usize) -> Vec<Frame> {
    repeated(signature, inputs, frames, frames.max(FEWEST))
}

/// The beats of `count` frames, which are taken in turn from the `frames` given.
pub(super) fn repeated(
    signature: &Signature,
    inputs: &[Vec<i64>],
    frames: usize,
    count: usize,
) -> Vec<Frame> {
    (0..count)
        .map(|number| {
            let frame = number % frames;
            let ports: Vec<Vec<Vec<i64>>> = (signature.inputs.iter().zip(inputs))
                .map(|(map, codes)| {
                    let len = codes.len() / frames;
                    map.split(&codes[frame * len..][..len])
                })
                .collect();
            let beats = (0..ports.first().map_or(1, Vec::len))
                .map(|beat| {
                    let words = signature.inputs.iter().zip(&ports);
                    words.map(|(map, beats)| pack(&beats[beat], map.format.width)).collect()
                })
                .collect();
            Frame { beats }
        })
        .collect()
}

/// Random codes for every input, over the whole range of its format. The first frames are the extremes: all least,
/// all greatest, mixed; later ones are uniform, or drawn from the extremes and the codes about zero.
pub fn random_codes(program: &Program, frames: usize, seed: u64) -> Vec<Vec<i64>> {
    let mut random = SmallRng::seed_from_u64(seed);
    (0..program.inputs.len())
        .map(|input| {
            let value = program.input_value(input);
            let range = value.format.interval();
            let (lo, hi) = (range.lo as i64, range.hi as i64);
            let special: Vec<i64> =
                [lo, hi, 0, 1, -1].into_iter().filter(|&code| value.format.holds(code)).collect();
            let mut codes = Vec::with_capacity(frames * value.len());
            for frame in 0..frames {
                let kind = if frame < 3 { frame } else { 3 + random.random_range(0..4) };
                codes.extend((0..value.len()).map(|_| match kind {
                    0 => lo,
                    1 => hi,
                    2 => {
                        if random.random() {
                            lo
                        } else {
                            hi
                        }
                    }
                    3 => special[random.random_range(0..special.len())],
                    _ => random.random_range(lo..=hi),
                }));
            }
            codes
        })
        .collect()
}
