//! The network's steps as candle operators with gradients of their own. Tensors are float32 on the CPU.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Storage, Tensor,
};

use crate::kernel::{self, Geometry};
use crate::quantize::{self, Codes, Stairs};
use crate::recipe::Activation;

/// Runs `work` on a tensor's elements in row-major order.
pub(crate) fn with_slice<R>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(work(slice(storage, layout)?)),
        _ => candle_core::bail!("training runs on the CPU"),
    }
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let all = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&all[from..to]),
        None => candle_core::bail!("a tensor must be contiguous"),
    }
}

/// Convolution of `x [n, in, h, w]` with `weight [out, in, rows, columns]` plus `bias [out]`.
pub(crate) struct Convolve {
    pub geometry: Geometry,
    /// Whether the gradient of `x` is wanted.
    pub backward: bool,
}

impl CustomOp3 for Convolve {
    fn name(&self) -> &'static str {
        "convolve"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (slice(x, x_layout)?, slice(weight, weight_layout)?);
        let out = kernel::convolve(self.geometry, x, weight, slice(bias, bias_layout)?);
        let Geometry { outputs, height, width, .. } = self.geometry;
        let images = x.len() / self.geometry.input();
        Ok((CpuStorage::F32(out), (images, outputs, height, width).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (by_weight, by_bias) =
            with_slice(grad, |grad| with_slice(x, |x| kernel::weight_gradient(self.geometry, x, grad)))??;
        let by_x = if self.backward {
            let back = with_slice(grad, |grad| {
                with_slice(weight, |weight| kernel::convolve_back(self.geometry, grad, weight))
            })??;
            Some(Tensor::from_vec(back, x.shape(), &Device::Cpu)?)
        } else {
            None
        };
        let by_weight = Tensor::from_vec(by_weight, weight.shape(), &Device::Cpu)?;
        Ok((by_x, Some(by_weight), Some(Tensor::from_vec(by_bias, bias.shape(), &Device::Cpu)?)))
    }
}

/// `Relu`, and a quantizer if there is one. Straight-through gradient: where the value is from 0 to the quantizer's greatest;
/// with one bit, where it is at most one step from the least value that becomes 1.
pub(crate) struct Activate(pub Option<Activation>);

impl Activate {
    /// Where the gradient passes: above the first and up to the second.
    fn window(&self) -> (f32, f32) {
        match self.0 {
            None => (0.0, f32::INFINITY),
            Some(activation @ Activation { bits: 1, rounding, .. }) => {
                let step = activation.greatest();
                let truncates =
                    matches!(rounding, nn2hdl_runtime::Rounding::Trn | nn2hdl_runtime::Rounding::TrnZero);
                let threshold = if truncates { step } else { step / 2.0 };
                ((threshold - step) as f32, (threshold + step) as f32)
            }
            Some(activation) => (0.0, activation.greatest() as f32),
        }
    }
}

impl CustomOp1 for Activate {
    fn name(&self) -> &'static str {
        "activate"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut values = slice(x, layout)?.to_vec();
        activate(&mut values, self.0);
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (low, high) = self.window();
        let passed = with_slice(grad, |grad| {
            with_slice(x, |x| {
                let pass = |(&grad, &x): (&f32, &f32)| if x > low && x <= high { grad } else { 0.0 };
                grad.iter().zip(x).map(pass).collect::<Vec<f32>>()
            })
        })??;
        Tensor::from_vec(passed, x.shape(), &Device::Cpu).map(Some)
    }
}

/// `Relu`, and a quantizer if there is one, in place.
pub(crate) fn activate(values: &mut [f32], activation: Option<Activation>) {
    match activation {
        Some(activation) => Stairs::new(activation).apply(values),
        None => values.iter_mut().for_each(|value| *value = value.max(0.0)),
    }
}

/// Quantizes `weight [out, …]` with `fraction [out]` fraction bits.
///
/// Gradients, with `q` the quantized weight: `∂q/∂w = 1` unless saturated, then 0; `∂q/∂f = ln 2 · (w − q)`, the derivative
/// of the expected rounding error (arXiv:2405.00645, section 3), and `−ln 2 · q` where saturated. None for pruned weights.
pub(crate) struct QuantizeWeights {
    pub codes: Arc<Codes>,
    pub limits: Arc<[u8]>,
}

impl QuantizeWeights {
    /// Values of the weights.
    pub fn apply(&self, weight: &[f32], fraction: &[f32]) -> Vec<f32> {
        let per_channel = (weight.len() / fraction.len().max(1)).max(1);
        let limits = self.limits.chunks(per_channel);
        let channels = weight.chunks(per_channel).zip(limits).zip(fraction);
        let quantized = channels.flat_map(|((weights, limits), &fraction)| {
            let fraction = quantize::whole(fraction);
            let step = 2f32.powi(-fraction);
            let value = move |(&w, &limit)| self.codes.code(w, fraction, limit) as f32 * step;
            weights.iter().zip(limits).map(value)
        });
        quantized.collect()
    }
}

impl CustomOp2 for QuantizeWeights {
    fn name(&self) -> &'static str {
        "quantize-weights"
    }

    fn cpu_fwd(
        &self,
        weight: &CpuStorage,
        weight_layout: &Layout,
        fraction: &CpuStorage,
        fraction_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let quantized = self.apply(slice(weight, weight_layout)?, slice(fraction, fraction_layout)?);
        Ok((CpuStorage::F32(quantized), weight_layout.shape().clone()))
    }

    fn bwd(
        &self,
        weight: &Tensor,
        fraction: &Tensor,
        quantized: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let weights = with_slice(weight, <[f32]>::to_vec)?;
        let fractions = with_slice(fraction, <[f32]>::to_vec)?;
        let quantized = with_slice(quantized, <[f32]>::to_vec)?;
        let mut by_weight = with_slice(grad, <[f32]>::to_vec)?;
        let mut by_fraction = vec![0f32; fractions.len()];
        let per_channel = weights.len() / fractions.len();
        for (n, grad) in by_weight.iter_mut().enumerate() {
            let channel = n / per_channel;
            if self.limits[n] == 0 {
                *grad = 0.0;
            } else if self.codes.saturates(weights[n], quantize::whole(fractions[channel])) {
                by_fraction[channel] -= *grad * quantized[n];
                *grad = 0.0;
            } else {
                by_fraction[channel] += *grad * (weights[n] - quantized[n]);
            }
        }
        by_fraction.iter_mut().for_each(|grad| *grad *= std::f32::consts::LN_2);
        Ok((
            Some(Tensor::from_vec(by_weight, weight.shape(), &Device::Cpu)?),
            Some(Tensor::from_vec(by_fraction, fraction.shape(), &Device::Cpu)?),
        ))
    }
}

/// Brings biases on their accumulator's grid; the gradient passes.
pub(crate) struct QuantizeBias {
    /// Fraction bits of each channel's accumulator.
    pub fractions: Vec<i32>,
}

impl QuantizeBias {
    /// Values of the biases.
    pub fn apply(&self, bias: &[f32]) -> Vec<f32> {
        let value = |(&bias, &fraction): (&f32, &i32)| {
            (quantize::bias_code(bias, fraction) as f64 * 2f64.powi(-fraction)) as f32
        };
        bias.iter().zip(&self.fractions).map(value).collect()
    }
}

impl CustomOp1 for QuantizeBias {
    fn name(&self) -> &'static str {
        "quantize-bias"
    }

    fn cpu_fwd(&self, bias: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.apply(slice(bias, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.clone()))
    }
}

/// The weighted mean of `−(β p log σ(z) + (1 − p) log(1 − σ(z)))` over all voxels, a scalar of logits `z`.
pub(crate) struct CrossEntropy {
    pub truth: Arc<[f32]>,
    pub weight: Arc<[f32]>,
    pub beta: f64,
}

impl CrossEntropy {
    /// Sum of the loss, and sum of the weights.
    pub fn sums(&self, logits: &[f32]) -> (f64, f64) {
        let (mut loss, mut sum) = (0.0, 0.0);
        for ((&z, &p), &weight) in logits.iter().zip(&*self.truth).zip(&*self.weight) {
            if weight != 0.0 {
                let (z, p, weight) = (f64::from(z), f64::from(p), f64::from(weight));
                let log = (-z.abs()).exp().ln_1p();
                // −log σ(z) = max(−z, 0) + log(1 + e^−|z|), stable for either sign.
                loss += weight * (self.beta * p * ((-z).max(0.0) + log) + (1.0 - p) * (z.max(0.0) + log));
                sum += weight;
            }
        }
        (loss, sum)
    }
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (loss, sum) = self.sums(slice(logits, layout)?);
        Ok((CpuStorage::F32(vec![(loss / sum.max(f64::MIN_POSITIVE)) as f32]), ().into()))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let factor = f64::from(grad.to_scalar::<f32>()?);
        let sum: f64 = self.weight.iter().map(|&weight| f64::from(weight)).sum();
        let slope = |((&z, &p), &weight): ((&f32, &f32), &f32)| {
            if weight == 0.0 {
                return 0.0;
            }
            let (p, sigmoid) = (f64::from(p), 1.0 / (1.0 + (-f64::from(z)).exp()));
            let by_z = (1.0 - p) * sigmoid - self.beta * p * (1.0 - sigmoid);
            (factor * f64::from(weight) * by_z / sum) as f32
        };
        let by_logits = with_slice(logits, |logits| {
            logits.iter().zip(&*self.truth).zip(&*self.weight).map(slope).collect::<Vec<f32>>()
        })?;
        Tensor::from_vec(by_logits, logits.shape(), &Device::Cpu).map(Some)
    }
}
