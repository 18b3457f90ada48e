//! `ReduceSum`, `ReduceMean`, `ReduceMax`, `ReduceMin`, `ReduceL1`, `ReduceSumSquare`, and the global pools, which are reductions of all spatial axes.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Index, Op};

use super::average::scaled_sum;
use super::average_pool::rounded;
use super::extreme::extreme;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, axis, ints, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, coordinates};
use crate::graph::Tensor;

/// `y[…] = f over i… of x[…, i…, …]` along the named axes, with `f` the sum, the mean, the greatest, the least, the sum
/// of magnitudes or the sum of squares.
#[derive(Clone, Debug)]
pub struct Reduce {
    /// The function.
    pub kind: Kind,
    /// Which axes.
    pub axes: Axes,
    /// Whether the axes stay, with extent 1.
    pub keep: bool,
}

/// The function of a [`Reduce`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The greatest.
    Max,
    /// The least.
    Min,
    /// The sum of magnitudes.
    L1,
    /// The sum of squares.
    SumSquare,
}

/// The axes of a [`Reduce`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Those listed, by attribute; later operator sets list them in the second input.
    Listed(Option<Vec<i64>>),
    /// As listed, and none at all if none is listed.
    NoneIfEmpty,
    /// All but the first two.
    Spatial,
}

pub(super) const SUM: Entry = Entry {
    name: "ReduceSum",
    domains: ONNX,
    import: |i| import(i, Kind::Sum),
    samples: |_| samples(Kind::Sum),
};
pub(super) const MEAN: Entry = Entry {
    name: "ReduceMean",
    domains: ONNX,
    import: |i| import(i, Kind::Mean),
    samples: |_| samples(Kind::Mean),
};
pub(super) const MAX: Entry = Entry {
    name: "ReduceMax",
    domains: ONNX,
    import: |i| import(i, Kind::Max),
    samples: |_| samples(Kind::Max),
};
pub(super) const MIN: Entry = Entry {
    name: "ReduceMin",
    domains: ONNX,
    import: |i| import(i, Kind::Min),
    samples: |_| samples(Kind::Min),
};
pub(super) const L1: Entry = Entry {
    name: "ReduceL1",
    domains: ONNX,
    import: |i| import(i, Kind::L1),
    samples: |_| samples(Kind::L1),
};
pub(super) const SUM_SQUARE: Entry = Entry {
    name: "ReduceSumSquare",
    domains: ONNX,
    import: |i| import(i, Kind::SumSquare),
    samples: |_| samples(Kind::SumSquare),
};
pub(super) const GLOBAL_AVERAGE: Entry = Entry {
    name: "GlobalAveragePool",
    domains: ONNX,
    import: |_| Ok(Arc::new(global(Kind::Mean))),
    samples: |_| global_samples(Kind::Mean),
};
pub(super) const GLOBAL_MAX: Entry = Entry {
    name: "GlobalMaxPool",
    domains: ONNX,
    import: |_| Ok(Arc::new(global(Kind::Max))),
    samples: |_| global_samples(Kind::Max),
};

fn import(import: &mut Import<'_>, kind: Kind) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let keep = attributes.or("keepdims", 1i64)? != 0;
    let listed = attributes.get::<&[i64]>("axes")?.map(<[i64]>::to_vec);
    let none = attributes.or("noop_with_empty_axes", 0i64)? != 0;
    let axes = if none { Axes::NoneIfEmpty } else { Axes::Listed(listed) };
    Ok(Arc::new(Reduce { kind, axes, keep }))
}

fn global(kind: Kind) -> Reduce {
    Reduce { kind, axes: Axes::Spatial, keep: true }
}

impl Reduce {
    /// Whether each axis of `shape` is reduced.
    fn reduced(&self, shape: &[usize], given: Option<Vec<i64>>) -> Result<Vec<bool>, Fault> {
        let given = given.filter(|axes| !axes.is_empty());
        let axes = match (&self.axes, given) {
            (Axes::Spatial, _) => return Ok((0..shape.len()).map(|axis| axis >= 2).collect()),
            (_, Some(axes)) => axes,
            (Axes::Listed(Some(axes)), None) if !axes.is_empty() => axes.clone(),
            (Axes::Listed(_), None) => return Ok(vec![true; shape.len()]),
            (Axes::NoneIfEmpty, None) => Vec::new(),
        };
        let mut reduced = vec![false; shape.len()];
        for at in axes {
            reduced[axis(at, shape.len())?] = true;
        }
        Ok(reduced)
    }

    fn target(&self, shape: &[usize], reduced: &[bool]) -> Vec<usize> {
        let axes = shape.iter().zip(reduced);
        axes.filter(|&(_, &gone)| self.keep || !gone).map(|(&n, &gone)| if gone { 1 } else { n }).collect()
    }
}

impl Reduce {
    /// The sum of magnitudes or squares.
    fn magnitudes(
        &self,
        lower: &mut Lower<'_>,
        x: &Quantity,
        at: &[Index],
        extent: Vec<usize>,
        shape: &[usize],
    ) -> Result<Quantity, Fault> {
        let x = lower.plain(x)?;
        let step = x.plain_scale().cloned().unwrap_or_default();
        let mut body = Expr::default();
        let code = body.push(Op::Read(0));
        let scale = if self.kind == Kind::L1 {
            let zero = body.constant(0);
            let negative = body.push(Op::Sub(zero, code));
            body.push(Op::Max(code, negative));
            step
        } else {
            body.push(Op::Mul(code, code));
            &step * &step
        };
        let read = lower.read(&x, at)?;
        let chain = Field::uniform(shape.len(), Link::scale(scale));
        let mut y = Quantity { shape: shape.to_vec(), chain, ..x };
        y.codes = Codes::Value(
            lower.emit(Draft::sum("", y.value_shape(), extent, vec![read], body).frac(y.frac()))?,
        );
        Ok(y)
    }
}

impl Operator for Reduce {
    fn name(&self) -> &'static str {
        match (&self.axes, self.kind) {
            (Axes::Spatial, Kind::Max) => "GlobalMaxPool",
            (Axes::Spatial, _) => "GlobalAveragePool",
            (_, Kind::Sum) => "ReduceSum",
            (_, Kind::Mean) => "ReduceMean",
            (_, Kind::Max) => "ReduceMax",
            (_, Kind::Min) => "ReduceMin",
            (_, Kind::L1) => "ReduceL1",
            (_, Kind::SumSquare) => "ReduceSumSquare",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        Ok(vec![self.target(x.shape, &self.reduced(x.shape, ints(inputs, 1, "axes")?)?)])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let given = inputs.get(1).and_then(Option::as_ref).map(Quantity::integers).transpose()?;
        let mut reduced = self.reduced(&x.shape, given)?;
        if x.framed && reduced.first() == Some(&true) {
            if !self.keep {
                return Err(Fault::unsupported("frames are reduced", "reduce other axes than axis 0"));
            }
            // Axis 0 has only one frame.
            reduced[0] = false;
        }
        // The sum over nothing but one element is that element; its magnitude and square are not.
        if reduced.iter().all(|&gone| !gone) && !matches!(self.kind, Kind::L1 | Kind::SumSquare) {
            return Ok(vec![x]);
        }
        let shape = self.target(&x.shape, &reduced);
        let mut outer = coordinates(shape.len(), x.framed).into_iter();
        let mut extent = Vec::new();
        let mut at = Vec::new();
        for (&gone, &n) in reduced.iter().zip(&x.shape) {
            let here = if self.keep || !gone { outer.next() } else { None };
            at.push(if gone {
                extent.push(n);
                Index::r(extent.len() - 1)
            } else {
                here.ok_or_else(|| Fault::shape("the axes do not fit"))?
            });
        }
        let count: usize = extent.iter().product();
        let y = match self.kind {
            Kind::Max | Kind::Min => extreme(lower, &x, &at, extent, &shape, self.kind == Kind::Max)?,
            Kind::Sum | Kind::Mean => {
                let n = if self.kind == Kind::Mean { count } else { 1 };
                let scale = Field::uniform(shape.len(), Ratio::new(1.into(), n.into()));
                scaled_sum(lower, &x, at, extent, &shape, scale)?
            }
            Kind::L1 | Kind::SumSquare => self.magnitudes(lower, &x, &at, extent, &shape)?,
        };
        Ok(vec![y])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let reduced = self.reduced(&x.shape, inputs.get(1).copied().flatten().map(Tensor::to_ints))?;
        let kept: Vec<usize> =
            x.shape.iter().zip(&reduced).map(|(&n, &gone)| if gone { 1 } else { n }).collect();
        let mut groups: Vec<Vec<f64>> = vec![Vec::new(); kept.iter().product()];
        for (p, &value) in points(&x.shape).zip(&x.data) {
            let place = p.iter().zip(&kept).fold(0, |flat, (&at, &n)| flat * n + at.min(n - 1));
            groups[place].push(value);
        }
        let data = groups
            .into_iter()
            .map(|group| match self.kind {
                Kind::Sum => group.iter().sum(),
                Kind::Mean => group.iter().sum::<f64>() / group.len() as f64,
                Kind::Max => group.into_iter().fold(f64::NEG_INFINITY, f64::max),
                Kind::Min => group.into_iter().fold(f64::INFINITY, f64::min),
                Kind::L1 => group.into_iter().map(f64::abs).sum(),
                Kind::SumSquare => group.into_iter().map(|v| v * v).sum(),
            })
            .collect();
        Ok(vec![Tensor::new(self.target(&x.shape, &reduced), data).typed(x.integer)])
    }

    fn role(&self) -> Role {
        match self.kind {
            Kind::Max | Kind::Min => Role::Movement,
            Kind::Sum | Kind::Mean | Kind::L1 | Kind::SumSquare => Role::Elementwise,
        }
    }
}

fn samples(kind: Kind) -> Vec<Sample> {
    let one = |axes: Axes, keep: bool, factors: Option<Vec<f64>>| {
        sample(&["fixed<5,3>"], |graph| {
            let mut x = graph.input("x", &[1, 2, 3]);
            if let Some(factors) = factors {
                let factor = graph.constant("factor", Tensor::new(vec![2, 1], factors));
                x = graph.add("scaled", super::Mul, &[x, factor]);
            }
            let mut y = graph.add("reduced", Reduce { kind, axes, keep }, &[x]);
            if kind == Kind::Mean {
                y = graph.add("y", rounded(), &[y]);
            }
            graph.output(y);
        })
    };
    let listed = |axes: &[i64]| Axes::Listed(Some(axes.to_vec()));
    vec![
        one(listed(&[-1]), false, None),
        one(listed(&[1, 2]), true, Some(vec![1.0, -0.5])),
        one(Axes::NoneIfEmpty, true, None),
    ]
}

fn global_samples(kind: Kind) -> Vec<Sample> {
    vec![sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2, 3]);
        let pooled = graph.add("pooled", global(kind), &[x]);
        let y = if kind == Kind::Mean { graph.add("y", rounded(), &[pooled]) } else { pooled };
        graph.output(y);
    })]
}
