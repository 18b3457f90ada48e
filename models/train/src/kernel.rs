//! Direct convolution on vectors: stride 1, zero padding that keeps the extents, images as `[channel][row][column]`.
//!
//! A convolution here has few channels and long rows, so no matrix is unfolded: a block of [`BLOCK`] output channels
//! times two vectors of columns stays in registers while all taps are added. Every sum runs in an order that does not
//! depend on the number of threads.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Output channels that are computed together.
const BLOCK: usize = 6;
/// Output channels of one tile of the weights' gradient.
const TILE: usize = 4;
/// Columns of taps of one tile of the weights' gradient.
const TAPS: usize = 3;
/// Columns are padded to a multiple of this: two vectors of the widest kind.
const COLUMNS: usize = 32;
/// Images whose gradients one task adds up.
const IMAGES: usize = 8;

/// Extents of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel height, odd.
    pub rows: usize,
    /// Kernel width, odd.
    pub columns: usize,
    /// Image height.
    pub height: usize,
    /// Image width.
    pub width: usize,
}

impl Geometry {
    /// Elements of one input image.
    pub fn input(self) -> usize {
        self.inputs * self.height * self.width
    }

    /// Elements of one output image.
    pub fn output(self) -> usize {
        self.outputs * self.height * self.width
    }

    /// The convolution that takes the gradient of the output to that of the input.
    pub fn transposed(self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, ..self }
    }

    fn padded_width(self) -> usize {
        self.width.next_multiple_of(COLUMNS)
    }

    fn stride(self) -> usize {
        self.padded_width() + self.columns.next_multiple_of(TAPS) - 1
    }

    fn plane(self) -> usize {
        (self.height + self.rows - 1) * self.stride()
    }

    /// Copies an image between the zero borders of `padded`.
    fn pad(self, image: &[f32], padded: &mut [f32]) {
        let (left, top) = (self.columns / 2, self.rows / 2);
        for (channel, plane) in
            image.chunks_exact(self.height * self.width).zip(padded.chunks_mut(self.plane()))
        {
            for (row, to) in channel.chunks_exact(self.width).zip(plane.chunks_mut(self.stride()).skip(top)) {
                to[left..left + self.width].copy_from_slice(row);
            }
        }
    }

    /// Weights as `[block][input][row][column][BLOCK]`, zero for channels beyond the last.
    fn pack(self, weight: &[f32]) -> Vec<f32> {
        let taps = self.inputs * self.rows * self.columns;
        let mut packed = vec![0.0; self.outputs.div_ceil(BLOCK) * taps * BLOCK];
        for (output, weights) in weight.chunks_exact(taps).enumerate() {
            let block = &mut packed[output / BLOCK * taps * BLOCK..][..taps * BLOCK];
            for (to, &from) in block.chunks_exact_mut(BLOCK).zip(weights) {
                to[output % BLOCK] = from;
            }
        }
        packed
    }
}

/// `out[n][o] = bias[o] + Σ weight[o][i] ⋆ x[n][i]` for whole images, one after the other.
pub(crate) fn convolve(geometry: Geometry, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let packed = geometry.pack(weight);
    let images = x.len() / geometry.input();
    let mut out = vec![0.0; images * geometry.output()];
    let tasks = out.par_chunks_mut(geometry.output() * IMAGES).zip(x.par_chunks(geometry.input() * IMAGES));
    tasks.for_each(|(out, x)| {
        let mut padded = vec![0.0; geometry.inputs * geometry.plane()];
        for (out, x) in out.chunks_exact_mut(geometry.output()).zip(x.chunks_exact(geometry.input())) {
            geometry.pad(x, &mut padded);
            Arch::new().dispatch(Forward { geometry, padded: &padded, packed: &packed, bias, out });
        }
    });
    out
}

/// The gradient of the input: `grad` convolved with the turned weights.
pub(crate) fn convolve_back(geometry: Geometry, grad: &[f32], weight: &[f32]) -> Vec<f32> {
    let taps = geometry.rows * geometry.columns;
    let mut turned = vec![0.0; weight.len()];
    for (n, kernel) in weight.chunks_exact(taps).enumerate() {
        let (output, input) = (n / geometry.inputs, n % geometry.inputs);
        let to = &mut turned[(input * geometry.outputs + output) * taps..][..taps];
        to.iter_mut().zip(kernel.iter().rev()).for_each(|(to, &from)| *to = from);
    }
    convolve(geometry.transposed(), grad, &turned, &vec![0.0; geometry.inputs])
}

/// The gradients of weights and bias.
pub(crate) fn weight_gradient(geometry: Geometry, x: &[f32], grad: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let columns = geometry.columns.next_multiple_of(TAPS);
    let outputs = geometry.outputs.next_multiple_of(TILE);
    let size = outputs * geometry.inputs * geometry.rows * columns;
    let tasks = x.par_chunks(geometry.input() * IMAGES).zip(grad.par_chunks(geometry.output() * IMAGES));
    let partial: Vec<(Vec<f32>, Vec<f32>)> = tasks
        .map(|(x, grad)| {
            let mut sum = vec![0.0; size];
            let mut bias = vec![0.0; geometry.outputs];
            let mut padded = vec![0.0; geometry.inputs * geometry.plane()];
            let mut wide = vec![0.0; outputs * geometry.height * geometry.padded_width()];
            for (x, grad) in x.chunks_exact(geometry.input()).zip(grad.chunks_exact(geometry.output())) {
                geometry.pad(x, &mut padded);
                let rows = grad.chunks_exact(geometry.width).zip(wide.chunks_mut(geometry.padded_width()));
                rows.for_each(|(from, to)| to[..geometry.width].copy_from_slice(from));
                Arch::new().dispatch(Backward { geometry, padded: &padded, grad: &wide, sum: &mut sum });
                for (bias, channel) in
                    bias.iter_mut().zip(grad.chunks_exact(geometry.height * geometry.width))
                {
                    *bias += channel.iter().sum::<f32>();
                }
            }
            (sum, bias)
        })
        .collect();
    let (mut sum, mut bias) = (vec![0.0; size], vec![0.0; geometry.outputs]);
    for (weights, biases) in &partial {
        sum.iter_mut().zip(weights).for_each(|(sum, x)| *sum += x);
        bias.iter_mut().zip(biases).for_each(|(sum, x)| *sum += x);
    }
    let rows = sum.chunks_exact(columns).take(geometry.outputs * geometry.inputs * geometry.rows);
    (rows.flat_map(|row| &row[..geometry.columns]).copied().collect(), bias)
}

struct Forward<'a> {
    geometry: Geometry,
    padded: &'a [f32],
    packed: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { geometry: g, padded, packed, bias, out } = self;
        let lanes = S::F32_LANES;
        let taps = g.inputs * g.rows * g.columns;
        let (stride, plane) = (g.stride(), g.plane());
        for (block, weights) in packed.chunks_exact(taps * BLOCK).enumerate() {
            let first = block * BLOCK;
            let kept = BLOCK.min(g.outputs - first);
            let mut start = [simd.splat_f32s(0.0); BLOCK];
            for (start, &bias) in start.iter_mut().zip(&bias[first..]) {
                *start = simd.splat_f32s(bias);
            }
            for row in 0..g.height {
                for column in (0..g.width).step_by(2 * lanes) {
                    let mut sum = start.map(|start| [start, start]);
                    let mut weights = weights.as_chunks::<BLOCK>().0;
                    for input in 0..g.inputs {
                        for tap in 0..g.rows {
                            let from = input * plane + (row + tap) * stride + column;
                            let x = &padded[from..from + 2 * lanes + g.columns - 1];
                            let here;
                            (here, weights) = weights.split_at(g.columns);
                            for (shift, weight) in here.iter().enumerate() {
                                let x = S::as_simd_f32s(&x[shift..shift + 2 * lanes]).0;
                                let (low, high) = (x[0], x[1]);
                                for (sum, &weight) in sum.iter_mut().zip(weight) {
                                    let weight = simd.splat_f32s(weight);
                                    sum[0] = simd.mul_add_e_f32s(weight, low, sum[0]);
                                    sum[1] = simd.mul_add_e_f32s(weight, high, sum[1]);
                                }
                            }
                        }
                    }
                    for (n, sum) in sum.iter().enumerate().take(kept) {
                        let to = ((first + n) * g.height + row) * g.width + column;
                        let room = (g.width - column).min(2 * lanes);
                        let to = &mut out[to..to + room];
                        if room == 2 * lanes {
                            let to = S::as_mut_simd_f32s(to).0;
                            (to[0], to[1]) = (sum[0], sum[1]);
                        } else {
                            let (low, high) = to.split_at_mut(room.min(lanes));
                            simd.partial_store_f32s(low, sum[0]);
                            simd.partial_store_f32s(high, sum[1]);
                        }
                    }
                }
            }
        }
    }
}

struct Backward<'a> {
    geometry: Geometry,
    padded: &'a [f32],
    grad: &'a [f32],
    sum: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { geometry: g, padded, grad, sum } = self;
        let lanes = S::F32_LANES;
        let columns = g.columns.next_multiple_of(TAPS);
        let (stride, plane, width) = (g.stride(), g.plane(), g.padded_width());
        let channel = g.height * width;
        for first in (0..g.outputs).step_by(TILE) {
            for input in 0..g.inputs {
                for tap in 0..g.rows {
                    for shift in (0..columns).step_by(TAPS) {
                        let mut tile = [[simd.splat_f32s(0.0); TAPS]; TILE];
                        for row in 0..g.height {
                            let from = input * plane + (row + tap) * stride + shift;
                            let x = &padded[from..from + width + TAPS - 1];
                            let x: [&[S::f32s]; TAPS] =
                                std::array::from_fn(|n| S::as_simd_f32s(&x[n..n + width]).0);
                            let grad: [&[S::f32s]; TILE] = std::array::from_fn(|n| {
                                S::as_simd_f32s(&grad[(first + n) * channel + row * width..][..width]).0
                            });
                            for at in 0..width / lanes {
                                for m in 0..TILE {
                                    for n in 0..TAPS {
                                        tile[m][n] = simd.mul_add_e_f32s(grad[m][at], x[n][at], tile[m][n]);
                                    }
                                }
                            }
                        }
                        for (m, tile) in tile.iter().enumerate() {
                            let to = (((first + m) * g.inputs + input) * g.rows + tap) * columns + shift;
                            for (to, &tile) in sum[to..to + TAPS].iter_mut().zip(tile) {
                                *to += simd.reduce_sum_f32s(tile);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let step = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*state >> 24) as f32 - 128.0
        };
        (0..count).map(|_| step(&mut state)).collect()
    }

    /// Small integers: every order of summation gives the same bits.
    #[test]
    fn agrees_with_the_definition() {
        for (inputs, outputs, rows, columns, height, width) in
            [(6, 12, 3, 11, 8, 64), (2, 5, 3, 9, 4, 21), (12, 6, 1, 1, 8, 64), (1, 7, 5, 3, 3, 40)]
        {
            let g = Geometry { inputs, outputs, rows, columns, height, width };
            let images = 11;
            let x = noise(images * g.input(), 1);
            let weight: Vec<f32> =
                noise(outputs * inputs * rows * columns, 2).iter().map(|w| (w / 16.0).round()).collect();
            let grad: Vec<f32> = noise(images * g.output(), 3).iter().map(|w| (w / 32.0).round()).collect();
            let bias = noise(outputs, 4);
            let (mut out, mut back) = (vec![0.0; grad.len()], vec![0.0; x.len()]);
            let (mut by_weight, mut by_bias) = (vec![0.0; weight.len()], vec![0.0; outputs]);
            for n in 0..images {
                for o in 0..outputs {
                    for r in 0..height {
                        for c in 0..width {
                            let at = ((n * outputs + o) * height + r) * width + c;
                            out[at] += bias[o];
                            by_bias[o] += grad[at];
                            for (i, p, q) in (0..inputs).flat_map(|i| {
                                (0..rows).flat_map(move |p| (0..columns).map(move |q| (i, p, q)))
                            }) {
                                let (y, x_) = (r + p, c + q);
                                let (top, left) = (rows / 2, columns / 2);
                                if y < top || x_ < left || y - top >= height || x_ - left >= width {
                                    continue;
                                }
                                let from = ((n * inputs + i) * height + y - top) * width + x_ - left;
                                let w = ((o * inputs + i) * rows + p) * columns + q;
                                out[at] += weight[w] * x[from];
                                back[from] += weight[w] * grad[at];
                                by_weight[w] += grad[at] * x[from];
                            }
                        }
                    }
                }
            }
            assert_eq!(convolve(g, &x, &weight, &bias), out);
            assert_eq!(convolve_back(g, &grad, &weight), back);
            assert_eq!(weight_gradient(g, &x, &grad), (by_weight, by_bias));
        }
    }
}
