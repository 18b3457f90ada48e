//! `Pad`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Index};

use super::picked::picked;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, bounded, ints, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, coordinates, exact, to_i64};
use crate::graph::Tensor;

/// `y[p] = x[p − before]`, and outside `x` a constant, or `x` continued by its edge, mirrored or repeated.
///
/// Negative padding takes positions away.
#[derive(Clone, Debug)]
pub struct Pad {
    /// What stands outside.
    pub mode: Mode,
    /// Padding before each axis, then after each, where it is an attribute; later operator sets have it as an input.
    pub pads: Option<Vec<i64>>,
    /// The constant, where it is an attribute.
    pub value: f64,
}

/// What stands outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A constant.
    Constant,
    /// The nearest element.
    Edge,
    /// `x` mirrored at its border elements.
    Reflect,
    /// `x` again.
    Wrap,
}

pub(super) const ENTRY: Entry = Entry { name: "Pad", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let mode = match attributes.or("mode", "constant")? {
        "constant" => Mode::Constant,
        "edge" => Mode::Edge,
        "reflect" => Mode::Reflect,
        "wrap" => Mode::Wrap,
        other => {
            return Err(Fault::unsupported(
                format!("the mode is {other}"),
                "use constant, edge, reflect or wrap",
            ));
        }
    };
    let old = attributes.get::<&[i64]>("paddings")?;
    let pads = attributes.get::<&[i64]>("pads")?.or(old).map(<[i64]>::to_vec);
    Ok(Arc::new(Pad { mode, pads, value: attributes.or("value", 0.0)? }))
}

/// Positions before and after, by axis.
type Amounts = Vec<(i64, i64)>;

impl Pad {
    fn amounts(
        &self,
        rank: usize,
        given: Option<Vec<i64>>,
        axes: Option<Vec<i64>>,
    ) -> Result<Amounts, Fault> {
        let pads = given.or_else(|| self.pads.clone()).ok_or_else(|| Fault::shape("the pads are missing"))?;
        let axes = axes.unwrap_or_else(|| (0..rank as i64).collect());
        if pads.len() != 2 * axes.len() || pads.iter().any(|n| n.unsigned_abs() > 1 << 20) {
            return Err(Fault::shape(format!("pads of {pads:?} for {} axes", axes.len())));
        }
        let mut amounts = vec![(0, 0); rank];
        for (n, &at) in axes.iter().enumerate() {
            amounts[axis(at, rank)?] = (pads[n], pads[axes.len() + n]);
        }
        Ok(amounts)
    }

    fn target(&self, shape: &[usize], amounts: &Amounts) -> Result<Vec<usize>, Fault> {
        let extents = shape.iter().zip(amounts).map(|(&n, &(before, after))| {
            let mirrored = self.mode != Mode::Reflect || before.max(after) < n as i64;
            usize::try_from(n as i64 + before + after).ok().filter(|&n| n > 0 && mirrored)
        });
        let extents = extents.collect::<Option<_>>();
        bounded(extents.ok_or_else(|| Fault::shape(format!("{shape:?} cannot be padded by {amounts:?}")))?)
    }

    /// The position in an axis of `extent` that stands at `at`, which may be outside.
    fn source(&self, at: i64, extent: usize) -> usize {
        let n = extent as i64;
        let inside = match self.mode {
            Mode::Constant | Mode::Edge => at.clamp(0, n - 1),
            Mode::Wrap => at.rem_euclid(n),
            Mode::Reflect if n == 1 => 0,
            Mode::Reflect => {
                let turn = at.rem_euclid(2 * (n - 1));
                turn.min(2 * (n - 1) - turn)
            }
        };
        inside as usize
    }

    /// The same as `source`, step by step from position 0.
    fn walked(&self, target: i64, extent: usize) -> usize {
        let (mut at, mut ahead) = (0, target > 0);
        for _ in 0..target.abs() {
            match (self.mode, ahead) {
                (Mode::Wrap, true) => at = if at + 1 == extent { 0 } else { at + 1 },
                (Mode::Wrap, false) => at = if at == 0 { extent - 1 } else { at - 1 },
                (Mode::Reflect, _) => {
                    if (at == 0 && !ahead) || (at + 1 == extent && ahead) {
                        ahead = !ahead;
                    }
                    at = if ahead { (at + 1).min(extent - 1) } else { at.saturating_sub(1) };
                }
                (Mode::Edge | Mode::Constant, true) => at = (at + 1).min(extent - 1),
                (Mode::Edge | Mode::Constant, false) => at = at.saturating_sub(1),
            }
        }
        at
    }

    /// A constant around `x`.
    fn framed(
        lower: &mut Lower<'_>,
        x: &Quantity,
        amounts: &Amounts,
        shape: &[usize],
        value: f64,
    ) -> Result<Quantity, Fault> {
        let value = exact(value)
            .ok_or_else(|| Fault::new("not-finite", "the padding is NaN or infinity", "pad with a number"))?;
        let mut x = lower.affine(x)?;
        let code = |x: &Quantity| {
            let codes = x.chain.map(|link| match num_traits::Zero::is_zero(&link.a) {
                true => None,
                false => to_i64(&((&value - &link.b) / &link.a)),
            });
            codes.single().copied().flatten()
        };
        let padded =
            |x: &Quantity| (0..shape.len()).all(|axis| !x.chain.varies(axis) || amounts[axis] == (0, 0));
        if code(&x).is_none() || !padded(&x) {
            x = lower.plain(&x)?;
        }
        let grid = code(&x);
        let outside = grid.unwrap_or(0);
        let at: Vec<Index> = coordinates(shape.len(), x.framed)
            .into_iter()
            .zip(amounts)
            .map(|(at, &(before, _))| at + -before)
            .collect();
        let source = |p: &[usize]| -> Option<Vec<usize>> {
            let axes = p.iter().zip(amounts).zip(&x.shape);
            axes.map(|((&at, &(before, _)), &n)| {
                usize::try_from(at as i64 - before).ok().filter(|&at| at < n)
            })
            .collect()
        };
        // A value off the codes' grid becomes a summand of its places.
        let link = |p: Vec<usize>| match source(&p) {
            Some(at) => x.chain.at(&at).clone(),
            None => Link { b: value.clone(), ..Link::scale(Ratio::default()) },
        };
        let chain = match grid {
            Some(_) => x.chain.clone(),
            None => Field::new(shape.to_vec(), points(shape).map(link).collect()),
        };
        if let Codes::Const(codes) = &x.codes {
            let flat = |at: Vec<usize>| at.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at);
            let codes: Vec<i64> =
                points(shape).map(|p| source(&p).map_or(outside, |at| codes[flat(at)])).collect();
            return Ok(Quantity { codes: Codes::Const(codes.into()), chain, shape: shape.to_vec(), ..x });
        }
        let mut read = lower.read(&x, &at)?;
        read.outside = outside;
        let result = Quantity { shape: shape.to_vec(), chain, ..x };
        let draft =
            Draft::elementwise("", result.value_shape(), vec![read], Expr::read()).frac(result.frac());
        Ok(Quantity { codes: Codes::Value(lower.emit(draft)?), ..result })
    }
}

impl Operator for Pad {
    fn name(&self) -> &'static str {
        "Pad"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        let amounts = self.amounts(x.shape.len(), ints(inputs, 1, "pads")?, ints(inputs, 3, "axes")?)?;
        Ok(vec![self.target(x.shape, &amounts)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let list = |n: usize| inputs.get(n).and_then(Option::as_ref).map(Quantity::integers).transpose();
        let amounts = self.amounts(x.shape.len(), list(1)?, list(3)?)?;
        let shape = self.target(&x.shape, &amounts)?;
        if x.framed && amounts.first().is_some_and(|&amount| amount != (0, 0)) {
            return Err(Fault::unsupported("the frame axis is padded", "pad other axes than axis 0"));
        }
        let grows = amounts.iter().any(|&(before, after)| before > 0 || after > 0);
        if self.mode == Mode::Constant && grows {
            let value = match inputs.get(2).and_then(Option::as_ref) {
                Some(Quantity { codes: Codes::Real(value), .. }) => {
                    value.data.first().copied().unwrap_or(0.0)
                }
                Some(_) => {
                    return Err(Fault::unsupported(
                        "the padding is computed at run time",
                        "give it as a constant",
                    ));
                }
                None => self.value,
            };
            return Ok(vec![Self::framed(lower, &x, &amounts, &shape, value)?]);
        }
        let mut y = x;
        for (axis, &(before, _)) in amounts.iter().enumerate().filter(|(_, amount)| **amount != (0, 0)) {
            let sources: Vec<usize> =
                (0..shape[axis]).map(|p| self.source(p as i64 - before, y.shape[axis])).collect();
            y = picked(lower, &y, axis, &sources)?;
        }
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let list = |n: usize| inputs.get(n).copied().flatten().map(Tensor::to_ints);
        let amounts = self.amounts(x.shape.len(), list(1), list(3))?;
        let shape = self.target(&x.shape, &amounts)?;
        let value = inputs.get(2).copied().flatten().map_or(self.value, |value| value.data[0]);
        let data = points(&shape)
            .map(|p| {
                let at: Vec<i64> = p.iter().zip(&amounts).map(|(&at, amount)| at as i64 - amount.0).collect();
                let outside = at.iter().zip(&x.shape).any(|(&at, &n)| at < 0 || at >= n as i64);
                if outside && self.mode == Mode::Constant {
                    return value;
                }
                x.data[at.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + self.walked(at, n))]
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [
        (Mode::Constant, vec![0, 0, 1, 0, 1, 2], -1.5),
        (Mode::Constant, vec![0, 0, -1, 0, 0, 1], 0.0),
        (Mode::Constant, vec![0, 0, 1, 0, 1, 0], 0.0625),
        (Mode::Edge, vec![0, 0, 2, 0, 1, 1], 0.0),
        (Mode::Reflect, vec![0, 1, 2, 0, 0, 1], 0.0),
        (Mode::Wrap, vec![0, 0, 2, 0, 0, 1], 0.0),
    ]
    .into_iter()
    .map(|(mode, pads, value)| {
        sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 2, 3]);
            let y = graph.add("y", Pad { mode, pads: Some(pads), value }, &[x]);
            graph.output(y);
        })
    })
    .collect()
}
