//! `Resize` and `Upsample`, nearest.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::picked::picked;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, bounded, operand};
use crate::front::lower::{Codes, Lower, Quantity};
use crate::graph::Tensor;

/// `y[…, p, …] = x[…, round(f(p)), …]` along each axis, where `f` maps coordinates of the output to those of the input.
#[derive(Clone, Debug)]
pub struct Resize {
    /// `f`.
    pub transformation: Transformation,
    /// How `f(p)` is rounded.
    pub nearest: Nearest,
    /// The axes that scales and sizes are given for; all if absent.
    pub axes: Option<Vec<i64>>,
    /// Which input holds scales, and which sizes.
    pub inputs: (usize, Option<usize>),
    /// Scales, where they are an attribute.
    pub scales: Option<Vec<f64>>,
}

/// From a coordinate of the output to one of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transformation {
    /// `p ÷ scale`.
    Asymmetric,
    /// `(p + ½) ÷ scale − ½`.
    HalfPixel,
    /// The same, and 0 for an output of one position.
    PytorchHalfPixel,
    /// `p × (n − 1) ÷ (m − 1)` for extents `n` and `m`.
    AlignCorners,
}

/// To an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// Ties down.
    PreferFloor,
    /// Ties up.
    PreferCeil,
    /// Down.
    Floor,
    /// Up.
    Ceil,
}

pub(super) const RESIZE: Entry = Entry { name: "Resize", domains: ONNX, import, samples };
pub(super) const UPSAMPLE: Entry =
    Entry { name: "Upsample", domains: ONNX, import: upsample, samples: upsample_samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    nearest_only(import)?;
    let attributes = &mut import.attributes;
    let old = import.opset < 11;
    let transformation = match attributes
        .or("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" })?
    {
        "asymmetric" => Transformation::Asymmetric,
        "half_pixel" => Transformation::HalfPixel,
        "pytorch_half_pixel" => Transformation::PytorchHalfPixel,
        "align_corners" => Transformation::AlignCorners,
        other => {
            return Err(Fault::unsupported(
                format!("coordinate_transformation_mode is {other}"),
                "use asymmetric, half_pixel, pytorch_half_pixel or align_corners",
            ));
        }
    };
    let nearest = match attributes.or("nearest_mode", if old { "floor" } else { "round_prefer_floor" })? {
        "round_prefer_floor" => Nearest::PreferFloor,
        "round_prefer_ceil" => Nearest::PreferCeil,
        "floor" => Nearest::Floor,
        "ceil" => Nearest::Ceil,
        other => {
            return Err(Fault::unsupported(
                format!("nearest_mode is {other}"),
                "use round_prefer_floor, round_prefer_ceil, floor or ceil",
            ));
        }
    };
    for name in ["cubic_coeff_a", "exclude_outside", "extrapolation_value", "antialias"] {
        attributes.ignore(name);
    }
    if attributes.or("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err(Fault::unsupported("keep_aspect_ratio_policy is not stretch", "state the sizes"));
    }
    let axes = attributes.get::<&[i64]>("axes")?.map(<[i64]>::to_vec);
    let inputs = if old { (1, None) } else { (2, Some(3)) };
    Ok(Arc::new(Resize { transformation, nearest, axes, inputs, scales: None }))
}

fn upsample(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    nearest_only(import)?;
    let scales = import.attributes.get::<&[f64]>("scales")?.map(<[f64]>::to_vec);
    Ok(Arc::new(plain(scales)))
}

fn nearest_only(import: &mut Import<'_>) -> Result<(), Fault> {
    match import.attributes.or("mode", "nearest")? {
        "nearest" => Ok(()),
        other => Err(Fault::unsupported(
            format!("the mode is {other}"),
            "use nearest, or a transposed convolution that interpolates",
        )),
    }
}

/// As `Upsample` does it.
fn plain(scales: Option<Vec<f64>>) -> Resize {
    let (transformation, nearest) = (Transformation::Asymmetric, Nearest::Floor);
    Resize { transformation, nearest, axes: None, inputs: (1, None), scales }
}

impl Resize {
    /// Extent of the output and scale, by axis.
    fn target(
        &self,
        shape: &[usize],
        scales: Option<&Tensor>,
        sizes: Option<&Tensor>,
    ) -> Result<Vec<(usize, f32)>, Fault> {
        let scales = scales.map(|tensor| tensor.data.clone()).filter(|list| !list.is_empty());
        let scales = scales.or_else(|| self.scales.clone());
        let sizes = sizes.map(|tensor| tensor.data.clone()).filter(|list| !list.is_empty());
        let axes = self.axes.clone().unwrap_or_else(|| (0..shape.len() as i64).collect());
        let mut target: Vec<(usize, f32)> = shape.iter().map(|&n| (n, 1.0)).collect();
        let list = match (&scales, &sizes) {
            (Some(list), None) | (None, Some(list)) if list.len() == axes.len() => list,
            _ => return Err(Fault::shape("there must be either scales or sizes, one for each axis")),
        };
        for (&at, &value) in axes.iter().zip(list) {
            let at = axis(at, shape.len())?;
            // Scales are float32, and so is what frameworks compute with them.
            let (n, value) = (shape[at] as f32, value as f32);
            let extent = if sizes.is_some() { value } else { (n * value).floor() };
            if !(1.0..=1e7).contains(&extent) {
                return Err(Fault::shape(format!("axis {at} of {shape:?} is resized to {extent}")));
            }
            target[at] = (extent as usize, if sizes.is_some() { extent / n } else { value });
        }
        bounded(target.iter().map(|&(n, _)| n).collect())?;
        Ok(target)
    }

    /// Where in an axis of `n` the position `p` of `m` lies.
    fn coordinate(&self, p: usize, n: usize, (m, scale): (usize, f32)) -> f32 {
        let p = p as f32;
        match self.transformation {
            _ if n == m && scale == 1.0 => p,
            Transformation::Asymmetric => p / scale,
            Transformation::PytorchHalfPixel if m == 1 => 0.0,
            Transformation::HalfPixel | Transformation::PytorchHalfPixel => (p + 0.5) / scale - 0.5,
            Transformation::AlignCorners if m == 1 => 0.0,
            Transformation::AlignCorners => p * (n - 1) as f32 / (m - 1) as f32,
        }
    }

    /// The position in an axis of `n` that stands at `p`.
    fn source(&self, p: usize, n: usize, to: (usize, f32)) -> usize {
        let at = self.coordinate(p, n, to);
        let rounded = match self.nearest {
            Nearest::PreferFloor => (at - 0.5).ceil(),
            Nearest::PreferCeil => (at + 0.5).floor(),
            Nearest::Floor => at.floor(),
            Nearest::Ceil => at.ceil(),
        };
        rounded.clamp(0.0, (n - 1) as f32) as usize
    }
}

impl Operator for Resize {
    fn name(&self) -> &'static str {
        if self.inputs.0 == 1 { "Upsample" } else { "Resize" }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let constant = |n: usize| -> Result<Option<&Tensor>, Fault> {
            let Some(known) = inputs.get(n).copied().flatten() else { return Ok(None) };
            known.constant.map(Some).ok_or_else(|| {
                Fault::unsupported("scales or sizes are computed at run time", "give them as constants")
            })
        };
        let sizes = self.inputs.1.map_or(Ok(None), constant)?;
        let target = self.target(operand(inputs, 0)?.shape, constant(self.inputs.0)?, sizes)?;
        Ok(vec![target.into_iter().map(|(n, _)| n).collect()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let mut y = operand(inputs, 0)?;
        let constant = |n: usize| match inputs.get(n).and_then(Option::as_ref).map(|list| &list.codes) {
            Some(Codes::Real(tensor)) => Some(tensor.as_ref()),
            _ => None,
        };
        let target = self.target(&y.shape, constant(self.inputs.0), self.inputs.1.and_then(constant))?;
        for (axis, &to) in target.iter().enumerate() {
            let n = y.shape[axis];
            let sources: Vec<usize> = (0..to.0).map(|p| self.source(p, n, to)).collect();
            if !sources.iter().copied().eq(0..n) {
                y = picked(lower, &y, axis, &sources)?;
            }
        }
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let constant = |n: usize| inputs.get(n).copied().flatten();
        let target = self.target(&x.shape, constant(self.inputs.0), self.inputs.1.and_then(constant))?;
        let shape: Vec<usize> = target.iter().map(|&(n, _)| n).collect();
        // The positions of the input are tried one by one, from the side that wins a tie.
        let nearest = |p: usize, n: usize, to: (usize, f32)| {
            let at = self.coordinate(p, n, to);
            let mut best = 0;
            let tried: Vec<usize> = match self.nearest {
                Nearest::PreferFloor | Nearest::Floor => (0..n).collect(),
                Nearest::PreferCeil | Nearest::Ceil => (0..n).rev().collect(),
            };
            let mut least = f32::INFINITY;
            for i in tried {
                let excluded = match self.nearest {
                    Nearest::Floor => i as f32 > at && i > 0,
                    Nearest::Ceil => (i as f32) < at && i + 1 < n,
                    _ => false,
                };
                let distance = (i as f32 - at).abs();
                if !excluded && distance < least {
                    (best, least) = (i, distance);
                }
            }
            best
        };
        let data = points(&shape)
            .map(|p| {
                let at = p.iter().enumerate().map(|(axis, &p)| nearest(p, x.shape[axis], target[axis]));
                x.data[at.zip(&x.shape).fold(0, |flat, (at, &n)| flat * n + at)]
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    use Nearest::{Ceil, Floor, PreferCeil, PreferFloor};
    use Transformation::{AlignCorners, Asymmetric, HalfPixel, PytorchHalfPixel};
    [
        (HalfPixel, PreferFloor, vec![1.0, 1.0, 2.0]),
        (Asymmetric, Ceil, vec![1.0, 2.0, 1.5]),
        (PytorchHalfPixel, PreferCeil, vec![1.0, 0.5, 3.0]),
        (AlignCorners, Floor, vec![1.0, 1.0, 2.0]),
    ]
    .into_iter()
    .map(|(transformation, nearest, scales)| {
        sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 2, 3]);
            let resize =
                Resize { transformation, nearest, axes: None, inputs: (2, Some(3)), scales: Some(scales) };
            let y = graph.add("y", resize, &[x]);
            graph.output(y);
        })
    })
    .collect()
}

fn upsample_samples(_seed: u64) -> Vec<Sample> {
    vec![sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 1, 2, 3]);
        let scales = graph.constant("scales", Tensor::new(vec![4], vec![1.0, 1.0, 2.0, 2.0]));
        let y = graph.add("y", plain(None), &[x, scales]);
        graph.output(y);
    })]
}
