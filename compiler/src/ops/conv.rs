//! `Conv`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::matmul::{integer_weights, multiplied, scales_along_sum};
use super::sample::{Dice, sample};
use super::window::{AutoPad, Window, Windows};
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
    /// How the kernel moves.
    pub windows: Windows,
}

pub(super) const ENTRY: Entry = Entry { name: "Conv", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let windows = Windows::import(import)?;
    import.attributes.ignore("kernel_shape");
    let group = usize::try_from(import.attributes.or("group", 1i64)?).unwrap_or(0);
    Ok(Arc::new(Conv { group, windows }))
}

impl Conv {
    fn windows(&self, x: &[usize], w: &[usize]) -> Result<Vec<Window>, Fault> {
        let fits = x.len() > 2
            && w.len() == x.len()
            && self.group > 0
            && w[1].checked_mul(self.group) == Some(x[1])
            && w[0].is_multiple_of(self.group);
        if !fits {
            return Err(Fault::shape(format!(
                "input, weights and groups do not fit: the input is {x:?}, the weights are {w:?}"
            )));
        }
        self.windows.over(&x[2..], &w[2..])
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
        let shape = self.target(&x.shape, &w.shape)?;
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
            place.push(window.index(at[axis + 2].clone(), Index::r(axis + 1)));
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
        Ok(vec![biased(&y, bias)?])
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
                        let at = window.at(p[axis + 2], tap[axis + 1]) as usize;
                        let extent = x.shape[axis + 2];
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
                    let at = window.at(p[axis], tap[axis + 1]) as usize;
                    (at < x.shape[axis + 2]).then(|| flat * x.shape[axis + 2] + at)
                });
                rows.push(inside.map_or(0.0, |flat| x.data[flat]));
            }
        }
        Some(rows)
    }
}

/// `y` with a bias for each channel, which is axis 1.
pub(super) fn biased(y: &Quantity, bias: &Quantity) -> Result<Quantity, Fault> {
    if bias.shape != y.shape[1..2] {
        return Err(Fault::shape(format!("a bias of {:?} for {} channels", bias.shape, y.shape[1])));
    }
    let values = bias.values()?;
    let mut shape = vec![1; y.shape.len()];
    shape[1] = values.shape()[0];
    let bias = Field::new(shape, values.entries().to_vec());
    let one = Ratio::from_integer(1.into());
    broadcast::extend(y, &bias, |link, value| link.then(&one, value))
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let case = |x: &[usize], w: &[usize], group: usize, windows: Windows| {
        (x.to_vec(), w.to_vec(), Conv { group, windows })
    };
    let plain = Windows::default;
    let cases = [
        case(&[1, 2, 7], &[3, 2, 3], 1, Windows { pads: vec![1, 1], ..plain() }),
        case(&[1, 2, 8], &[2, 1, 3], 2, Windows { strides: vec![2], dilations: vec![2], ..plain() }),
        case(
            &[1, 2, 4, 5],
            &[2, 2, 3, 2],
            1,
            Windows { strides: vec![1, 2], auto_pad: AutoPad::SameUpper, ..plain() },
        ),
        case(&[1, 3, 3, 3], &[6, 1, 2, 2], 3, Windows { pads: vec![1, 0, 0, 1], ..plain() }),
        case(&[1, 1, 2, 3, 2], &[1, 1, 2, 2, 2], 1, Windows { pads: vec![0, 1, 0, 0, 0, 1], ..plain() }),
    ];
    let mut samples: Vec<Sample> = cases
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
        .collect();
    // Padding behind offsets: 0 has a code of its own in each channel, or none at all.
    for offsets in [vec![0.5, -0.25], vec![0.0625, 0.5]] {
        let w = dice.tensor(&[2, 2, 3], 4, 2);
        samples.push(sample(&["fixed<5,3>"], |graph| {
            let x = graph.input("x", &[1, 2, 4]);
            let offset = graph.constant("offset", Tensor::new(vec![2, 1], offsets));
            let (moved, w) = (graph.add("moved", super::Add, &[x, offset]), graph.constant("w", w));
            let conv = Conv { group: 1, windows: Windows { pads: vec![1, 2], ..plain() } };
            let y = graph.add("y", conv, &[moved, w]);
            graph.output(y);
        }));
    }
    samples
}
