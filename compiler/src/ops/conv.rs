//! `Conv`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::matmul::{integer_weights, multiplied, scales_along_sum};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Linear, ONNX, Operator, Role, Sample, bounded, broadcast, operand};
use crate::front::lower::{Contraction, Field, Lower, Quantity, Ratio, coordinates};
use crate::graph::Tensor;

/// `y[0, m, p] = Σ_{c, k} x[0, g + c, p × stride + k × dilation − pad] × w[m, c, k] + bias[m]`, with 0 outside `x`.
///
/// Over one or more spatial axes; `g` is the first channel of `m`'s group.
#[derive(Clone, Debug, Default)]
pub struct Conv {
    /// Number of groups.
    pub group: usize,
    /// Strides; 1 if empty.
    pub strides: Vec<usize>,
    /// Dilations; 1 if empty.
    pub dilations: Vec<usize>,
    /// Positions put before each axis, then those after each; none if empty.
    pub pads: Vec<usize>,
    /// What takes the place of `pads`.
    pub auto_pad: AutoPad,
}

/// How the padding is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoPad {
    /// As stated.
    #[default]
    NotSet,
    /// None.
    Valid,
    /// Such that `ceil(extent / stride)` positions come out; an odd one is put after.
    SameUpper,
    /// The same; an odd one is put before.
    SameLower,
}

pub(super) const ENTRY: Entry = Entry { name: "Conv", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let mut list = |name: &str, least: i64| -> Result<Vec<usize>, Fault> {
        let values: &[i64] = attributes.get(name)?.unwrap_or(&[]);
        if values.iter().any(|&v| !(least..1 << 20).contains(&v)) {
            return Err(Fault::unsupported(
                format!("{name} are {values:?}"),
                format!("{name} of at least {least} are supported"),
            ));
        }
        Ok(values.iter().map(|&v| v as usize).collect())
    };
    let (strides, dilations, pads) = (list("strides", 1)?, list("dilations", 1)?, list("pads", 0)?);
    attributes.ignore("kernel_shape");
    let group = usize::try_from(attributes.or("group", 1i64)?).unwrap_or(0);
    let auto_pad = match attributes.or("auto_pad", "NOTSET")? {
        "NOTSET" => AutoPad::NotSet,
        "VALID" => AutoPad::Valid,
        "SAME_UPPER" => AutoPad::SameUpper,
        "SAME_LOWER" => AutoPad::SameLower,
        other => {
            return Err(Fault::unsupported(
                format!("auto_pad is {other}"),
                "use NOTSET, VALID, SAME_UPPER or SAME_LOWER",
            ));
        }
    };
    Ok(Arc::new(Conv { group, strides, dilations, pads, auto_pad }))
}

/// Along one spatial axis.
#[derive(Clone, Copy, Debug)]
struct Window {
    stride: usize,
    dilation: usize,
    before: usize,
    out: usize,
}

impl Conv {
    fn windows(&self, x: &[usize], w: &[usize]) -> Result<Vec<Window>, Fault> {
        let axes = x.len().saturating_sub(2);
        let fault = |text: &str| Fault::shape(format!("{text}: the input is {x:?}, the weights are {w:?}"));
        if axes == 0
            || w.len() != x.len()
            || self.group == 0
            || w[1].checked_mul(self.group) != Some(x[1])
            || !w[0].is_multiple_of(self.group)
        {
            return Err(fault("input, weights and groups do not fit"));
        }
        for (list, length) in [(&self.strides, axes), (&self.dilations, axes), (&self.pads, 2 * axes)] {
            if !list.is_empty() && list.len() != length {
                return Err(fault("an attribute has the wrong number of entries"));
            }
        }
        (0..axes)
            .map(|axis| {
                let get = |list: &[usize], n: usize, default| list.get(n).copied().unwrap_or(default);
                let (stride, dilation) = (get(&self.strides, axis, 1), get(&self.dilations, axis, 1));
                let (extent, span) = (x[axis + 2], w[axis + 2].saturating_sub(1) * dilation + 1);
                let (before, after) = match self.auto_pad {
                    AutoPad::NotSet => (get(&self.pads, axis, 0), get(&self.pads, axes + axis, 0)),
                    AutoPad::Valid => (0, 0),
                    same => {
                        let total = ((extent.div_ceil(stride) - 1) * stride + span).saturating_sub(extent);
                        let less = total / 2;
                        if same == AutoPad::SameUpper { (less, total - less) } else { (total - less, less) }
                    }
                };
                let room = (extent + before + after)
                    .checked_sub(span)
                    .ok_or_else(|| fault("the kernel is larger than the input"))?;
                Ok(Window { stride, dilation, before, out: room / stride + 1 })
            })
            .collect()
    }

    fn target(&self, x: &[usize], w: &[usize]) -> Result<Vec<usize>, Fault> {
        let windows = self.windows(x, w)?;
        let mut shape = vec![x[0], w[0]];
        shape.extend(windows.iter().map(|window| window.out));
        bounded(shape)
    }
}

impl Operator for Conv {
    fn name(&self) -> &'static str {
        "Conv"
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
        let windows = self.windows(&x.shape, &w.shape)?;
        let x = lower.affine(&x)?;
        let (multipliers, x) =
            if self.group == 1 { lower.fold_axis(&x, 1)? } else { (vec![1; w.shape[1]], x) };
        let (weights, scale) = integer_weights(lower, &w)?;
        let weights = multiplied(&weights, &w.shape, 1, &multipliers)?;
        if (1..w.shape.len()).any(|axis| scale.varies(axis)) {
            return Err(scales_along_sum());
        }
        let shape = lower.output_shape(0);
        let mut scale_shape = vec![1; shape.len()];
        scale_shape[1] = scale.shape()[0];
        let scale = Field::new(scale_shape, scale.entries().to_vec());
        let at = coordinates(shape.len(), x.framed);
        let (per_group, channels) = (w.shape[0] / self.group, w.shape[1]);
        let first = if self.group == 1 {
            Index::Const(0)
        } else {
            at[1].clone().div(per_group as i64) * channels as i64
        };
        let mut place = vec![at[0].clone(), first + Index::r(0)];
        for (axis, window) in windows.iter().enumerate() {
            let tap = Index::r(axis + 1) * window.dilation as i64;
            place.push(at[axis + 2].clone() * window.stride as i64 + tap + -(window.before as i64));
        }
        let mut which = vec![at[1].clone()];
        which.extend((0..w.shape.len() - 1).map(Index::r));
        let weight = Index::flatten(&which, &w.shape);
        let extent = w.shape[1..].to_vec();
        let y = lower.contract(Contraction {
            x: &x,
            at: place,
            extent,
            weights,
            weight,
            scale,
            shape: shape.clone(),
        })?;
        let Some(bias) = inputs.get(2).and_then(Option::as_ref) else { return Ok(vec![y]) };
        let values = bias.values()?;
        let mut bias_shape = vec![1; shape.len()];
        bias_shape[1] = *values.shape().first().ok_or_else(|| Fault::shape("the bias is not a list"))?;
        let bias = Field::new(bias_shape, values.entries().to_vec());
        let one = Ratio::from_integer(1.into());
        Ok(vec![broadcast::extend(&y, &bias, |link, value| link.then(&one, value))?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, w) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let windows = self.windows(&x.shape, &w.shape)?;
        let shape = self.target(&x.shape, &w.shape)?;
        let per_group = w.shape[0] / self.group;
        let taps: Vec<Vec<usize>> = points(&w.shape[1..]).collect();
        let data = points(&shape)
            .map(|p| {
                let mut sum = inputs.get(2).copied().flatten().map_or(0.0, |bias| bias.data[p[1]]);
                let first = p[0] * x.shape[1] + p[1] / per_group * w.shape[1];
                for (tap, weight) in taps.iter().zip(&w.data[p[1] * taps.len()..]) {
                    // The flat position in the input, unless it is outside.
                    let mut flat = Some(first + tap[0]);
                    for (axis, window) in windows.iter().enumerate() {
                        let position = p[axis + 2] * window.stride + tap[axis + 1] * window.dilation;
                        let (at, extent) = (position.wrapping_sub(window.before), x.shape[axis + 2]);
                        flat = flat.filter(|_| at < extent).map(|flat| flat * extent + at);
                    }
                    sum += flat.map_or(0.0, |flat| x.data[flat] * weight);
                }
                sum
            })
            .collect();
        Ok(vec![Tensor::new(shape, data)])
    }

    fn role(&self) -> Role {
        Role::Product
    }

    fn linear(&self, inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        operand(inputs, 1).ok()?.constant?;
        let bias = operand(inputs, 2).ok().map(|_| 2);
        Some(Linear { input: 0, weights: 1, bias, axis: 0, channels: 1 })
    }

    fn patches(&self, x: &Tensor, weights: &[usize]) -> Option<Vec<f64>> {
        (self.group == 1).then_some(())?;
        let windows = self.windows(&x.shape, weights).ok()?;
        let positions: Vec<usize> = windows.iter().map(|window| window.out).collect();
        let taps: Vec<Vec<usize>> = points(&weights[1..]).collect();
        let mut rows = Vec::with_capacity(positions.iter().product::<usize>() * taps.len());
        for p in points(&positions) {
            for tap in &taps {
                let inside = windows.iter().enumerate().try_fold(tap[0], |flat, (axis, window)| {
                    let at = (p[axis] * window.stride + tap[axis + 1] * window.dilation)
                        .wrapping_sub(window.before);
                    (at < x.shape[axis + 2]).then(|| flat * x.shape[axis + 2] + at)
                });
                rows.push(inside.map_or(0.0, |flat| x.data[flat]));
            }
        }
        Some(rows)
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let one = |list: &[usize]| list.to_vec();
    let cases = [
        (one(&[1, 2, 7]), one(&[3, 2, 3]), Conv { group: 1, pads: one(&[1, 1]), ..Conv::default() }),
        (
            one(&[1, 2, 8]),
            one(&[2, 1, 3]),
            Conv { group: 2, strides: one(&[2]), dilations: one(&[2]), ..Conv::default() },
        ),
        (
            one(&[1, 2, 4, 5]),
            one(&[2, 2, 3, 2]),
            Conv { group: 1, strides: one(&[1, 2]), auto_pad: AutoPad::SameUpper, ..Conv::default() },
        ),
    ];
    cases
        .into_iter()
        .map(|(x, w, conv)| {
            let (w, bias) = (dice.tensor(&w, 4, 2), dice.tensor(&w[..1], 5, 3));
            sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", &x);
                let (w, bias) = (graph.constant("w", w), graph.constant("bias", bias));
                let y = graph.add("y", conv, &[x, w, bias]);
                graph.output(y);
            })
        })
        .collect()
}
