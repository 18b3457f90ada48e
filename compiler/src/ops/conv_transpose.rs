//! `ConvTranspose`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::conv::biased;
use super::matmul::{integer_weights, multiplied, scales_along_sum};
use super::sample::{Dice, sample};
use super::window::{AutoPad, Windows, list};
use super::{Entry, Fault, Import, Known, Linear, ONNX, Operator, Role, Sample, bounded, operand};
use crate::front::lower::{Contraction, Field, Lower, Quantity, Ratio, coordinates};
use crate::graph::Tensor;

/// `y[0, m, o] = Σ_{c, i, k : i × stride + k × dilation − pad = o} x[0, c, i] × w[c, m, k] + bias[m]`.
///
/// Each of the phases of `o` modulo the stride sums its own taps: nothing is multiplied by the zeros between positions.
#[derive(Clone, Debug, Default)]
pub struct ConvTranspose {
    /// Number of groups.
    pub group: usize,
    /// Strides, dilations and pads, the latter taken from the output.
    pub windows: Windows,
    /// Positions added behind each axis; none if empty.
    pub output_padding: Vec<usize>,
    /// Spatial extents of the output, from which the padding then follows; the other way round if empty.
    pub output_shape: Vec<usize>,
}

pub(super) const ENTRY: Entry = Entry { name: "ConvTranspose", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let windows = Windows::import(import)?;
    import.attributes.ignore("kernel_shape");
    let output_padding = list(import, "output_padding", 0)?;
    let output_shape = list(import, "output_shape", 1)?;
    let group = usize::try_from(import.attributes.or("group", 1i64)?).unwrap_or(0);
    Ok(Arc::new(ConvTranspose { group, windows, output_padding, output_shape }))
}

/// Along one spatial axis.
#[derive(Clone, Copy, Debug)]
struct Phases {
    stride: usize,
    dilation: usize,
    before: usize,
    out: usize,
    /// Taps of one phase.
    taps: usize,
}

impl ConvTranspose {
    fn phases(&self, x: &[usize], w: &[usize]) -> Result<Vec<Phases>, Fault> {
        let axes = x.len().saturating_sub(2);
        let fits = axes > 0
            && w.len() == x.len()
            && self.group > 0
            && w[0] == x[1]
            && w[0].is_multiple_of(self.group)
            && w[2..].iter().all(|&n| n > 0);
        if !fits {
            return Err(Fault::shape(format!(
                "input, weights and groups do not fit: the input is {x:?}, the weights are {w:?}"
            )));
        }
        self.windows.check(axes)?;
        let lists = [&self.output_padding, &self.output_shape];
        if lists.iter().any(|list| !list.is_empty() && list.len() != axes) {
            return Err(Fault::shape("output_padding or output_shape has the wrong number of entries"));
        }
        (0..axes)
            .map(|n| {
                let (stride, dilation) = (self.windows.stride(n), self.windows.dilation(n));
                let (extent, span) = (x[n + 2], (w[n + 2] - 1) * dilation + 1);
                let extra = self.output_padding.get(n).copied().unwrap_or(0);
                let full = (extent - 1) * stride + span + extra;
                let small =
                    || Fault::shape("the padding leaves nothing of the output, or its shape is too large");
                let (before, out) = match (self.output_shape.get(n), self.windows.auto_pad) {
                    (None, AutoPad::NotSet | AutoPad::Valid) => {
                        let (before, after) = match self.windows.auto_pad {
                            AutoPad::Valid => (0, 0),
                            _ => self.windows.pad(n, axes),
                        };
                        (before, full.checked_sub(before + after).filter(|&out| out > 0).ok_or_else(small)?)
                    }
                    (stated, pad) => {
                        let out = stated.copied().unwrap_or(extent * stride);
                        // Positions that no tap reaches lie behind.
                        let total = full.saturating_sub(out);
                        // ONNX puts the odd position before unless SAME_UPPER is stated.
                        (pad.split(total).0, out)
                    }
                };
                Ok(Phases { stride, dilation, before, out, taps: span.div_ceil(stride) })
            })
            .collect()
    }

    fn target(&self, x: &[usize], w: &[usize]) -> Result<Vec<usize>, Fault> {
        let phases = self.phases(x, w)?;
        let channels = w[1].checked_mul(self.group).ok_or_else(|| Fault::shape("too many channels"))?;
        bounded([x[0], channels].into_iter().chain(phases.iter().map(|phase| phase.out)).collect())
    }
}

/// The weights by channel, output channel and, along each spatial axis, phase of the output and tap: zero where no
/// weight belongs to the tap.
fn by_phase(weights: &[i64], w: &[usize], phases: &[Phases]) -> (Vec<i64>, Vec<usize>) {
    let spans: Vec<usize> = phases.iter().map(|phase| phase.taps * phase.stride).collect();
    let shape: Vec<usize> = w[..2].iter().copied().chain(spans).collect();
    let mut spread = vec![0; shape.iter().product()];
    for (p, &weight) in points(w).zip(weights) {
        let at = p.iter().enumerate().map(|(n, &at)| if n < 2 { at } else { at * phases[n - 2].dilation });
        spread[at.zip(&shape).fold(0, |flat, (at, &n)| flat * n + at)] = weight;
    }
    (spread, shape)
}

impl Operator for ConvTranspose {
    fn name(&self) -> &'static str {
        "ConvTranspose"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, w) = (operand(inputs, 0)?, operand(inputs, 1)?);
        if !w.is_constant() {
            return Err(Fault::unsupported(
                "the weights are computed at run time",
                "weights must be constant",
            ));
        }
        let phases = self.phases(&x.shape, &w.shape)?;
        let shape = self.target(&x.shape, &w.shape)?;
        let x = lower.affine(&x)?;
        let (multipliers, x) =
            if self.group == 1 { lower.fold_axis(&x, 1)? } else { (vec![1; w.shape[0]], x) };
        let (weights, scale) = integer_weights(lower, &w)?;
        let weights = multiplied(&weights, &w.shape, 0, &multipliers)?;
        if (0..w.shape.len()).any(|axis| axis != 1 && scale.varies(axis)) {
            return Err(scales_along_sum());
        }
        let (weights, spread) = by_phase(&weights, &w.shape, &phases);
        let (per_group, inputs_per_group) = (w.shape[1], w.shape[0] / self.group);
        let mut scale_shape = vec![1; shape.len()];
        let by_channel: Vec<Ratio> = match scale.varies(1) {
            true => (0..shape[1]).map(|m| scale.entries()[m % per_group].clone()).collect(),
            false => vec![scale.entries()[0].clone()],
        };
        scale_shape[1] = by_channel.len();
        let scale = Field::new(scale_shape, by_channel);
        let at = coordinates(shape.len(), x.framed);
        let (group, within) = match self.group {
            1 => (Index::Const(0), at[1].clone()),
            _ => (at[1].clone().div(per_group as i64), at[1].clone().modulo(per_group as i64)),
        };
        let channel = group * inputs_per_group as i64 + Index::r(0);
        let mut place = vec![at[0].clone(), channel.clone()];
        let mut which = vec![channel, within];
        let mut extent = vec![inputs_per_group];
        for (n, phase) in phases.iter().enumerate() {
            let moved = at[n + 2].clone() + phase.before as i64;
            let stride = phase.stride as i64;
            place.push(moved.clone().div(stride) + Index::r(n + 1) * -1);
            which.push(moved.modulo(stride) + Index::r(n + 1) * stride);
            extent.push(phase.taps);
        }
        let weight = Index::flatten(&which, &spread);
        let y = lower.contract(Contraction { x: &x, at: place, extent, weights, weight, scale, shape })?;
        let Some(bias) = inputs.get(2).and_then(Option::as_ref) else { return Ok(vec![y]) };
        Ok(vec![biased(&y, bias)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, w) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let phases = self.phases(&x.shape, &w.shape)?;
        let shape = self.target(&x.shape, &w.shape)?;
        let flat =
            |at: &[usize], shape: &[usize]| at.iter().zip(shape).fold(0, |flat, (&at, &n)| flat * n + at);
        let mut y = Tensor::new(shape.clone(), vec![0.0; shape.iter().product()]);
        if let Some(bias) = inputs.get(2).copied().flatten() {
            points(&shape).zip(&mut y.data).for_each(|(p, value)| *value = bias.data[p[1]]);
        }
        let inputs_per_group = w.shape[0] / self.group;
        for (i, &value) in points(&x.shape).zip(&x.data) {
            for k in points(&w.shape[1..]) {
                let mut o = vec![i[0], i[1] / inputs_per_group * w.shape[1] + k[0]];
                for (n, phase) in phases.iter().enumerate() {
                    let at = i[n + 2] * phase.stride + k[n + 1] * phase.dilation;
                    o.push(at.wrapping_sub(phase.before));
                }
                if o.iter().zip(&shape).all(|(&at, &n)| at < n) {
                    let tap: Vec<usize> = std::iter::once(i[1]).chain(k.iter().copied()).collect();
                    y.data[flat(&o, &shape)] += value * w.data[flat(&tap, &w.shape)];
                }
            }
        }
        Ok(vec![y])
    }

    fn role(&self) -> Role {
        Role::Product
    }

    fn linear(&self, inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        operand(inputs, 1).ok()?.constant?;
        (self.group == 1).then_some(())?;
        let bias = operand(inputs, 2).ok().map(|_| 2);
        Some(Linear { input: 0, weights: 1, bias, axis: 1, channels: 1 })
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let plain = Windows::default;
    let cases: [(&[usize], &[usize], ConvTranspose); 5] = [
        (
            &[1, 2, 4],
            &[2, 3, 3],
            ConvTranspose {
                group: 1,
                windows: Windows { strides: vec![2], pads: vec![1, 0], ..plain() },
                ..ConvTranspose::default()
            },
        ),
        (
            &[1, 2, 3],
            &[2, 2, 2],
            ConvTranspose {
                group: 2,
                windows: Windows { strides: vec![3], dilations: vec![2], ..plain() },
                output_padding: vec![1],
                ..ConvTranspose::default()
            },
        ),
        (
            &[1, 1, 2, 3],
            &[1, 2, 2, 2],
            ConvTranspose {
                group: 1,
                windows: Windows { strides: vec![2, 2], ..plain() },
                ..ConvTranspose::default()
            },
        ),
        (
            &[1, 1, 4],
            &[1, 1, 4],
            ConvTranspose {
                group: 1,
                windows: Windows { strides: vec![2], ..plain() },
                output_shape: vec![8],
                ..ConvTranspose::default()
            },
        ),
        (
            &[1, 1, 3],
            &[1, 1, 2],
            ConvTranspose {
                group: 1,
                windows: Windows { strides: vec![3], auto_pad: AutoPad::SameUpper, ..plain() },
                ..ConvTranspose::default()
            },
        ),
    ];
    cases
        .into_iter()
        .map(|(x, w, operator)| {
            let channels = w[1] * operator.group;
            let (w, bias) = (dice.tensor(w, 4, 2), dice.tensor(&[channels], 5, 3));
            sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", x);
                let (w, bias) = (graph.constant("w", w), graph.constant("bias", bias));
                let y = graph.add("y", operator, &[x, w, bias]);
                graph.output(y);
            })
        })
        .collect()
}
