//! `Slice`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[p] = x[start + step × p]` along each named axis.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// What is sliced, where it is stated by attributes; later operator sets have it as inputs.
    pub attributes: Option<Bounds>,
}

/// The lists of a [`Slice`].
#[derive(Clone, Debug)]
pub struct Bounds {
    /// First positions.
    pub starts: Vec<i64>,
    /// Positions after the last.
    pub ends: Vec<i64>,
    /// The axes; the first ones if absent.
    pub axes: Option<Vec<i64>>,
    /// Steps; 1 if absent.
    pub steps: Option<Vec<i64>>,
}

pub(super) const ENTRY: Entry = Entry { name: "Slice", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.opset >= 10 {
        return Ok(Arc::new(Slice::default()));
    }
    let starts: &[i64] = import.attributes.required("starts")?;
    let ends: &[i64] = import.attributes.required("ends")?;
    let axes = import.attributes.get::<&[i64]>("axes")?.map(<[i64]>::to_vec);
    let bounds = Bounds { starts: starts.to_vec(), ends: ends.to_vec(), axes, steps: None };
    Ok(Arc::new(Slice { attributes: Some(bounds) }))
}

/// One axis: start, step, and number of elements.
type Run = (i64, i64, usize);

impl Slice {
    fn lists(&self, list: impl Fn(usize) -> Result<Option<Vec<i64>>, Fault>) -> Result<Bounds, Fault> {
        if let Some(bounds) = self.attributes.clone() {
            return Ok(bounds);
        }
        let missing = || Fault::shape("the starts or ends are missing");
        let (starts, ends) = (list(1)?.ok_or_else(missing)?, list(2)?.ok_or_else(missing)?);
        Ok(Bounds { starts, ends, axes: list(3)?, steps: list(4)? })
    }

    fn runs(shape: &[usize], bounds: Bounds) -> Result<Vec<Run>, Fault> {
        let Bounds { starts, ends, axes, steps } = bounds;
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
            return Err(Fault::shape("starts, ends, axes and steps differ in number"));
        }
        let mut runs: Vec<Run> = shape.iter().map(|&extent| (0, 1, extent)).collect();
        for (((start, end), at), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
            let at = axis(at, shape.len())?;
            let n = shape[at] as i64;
            let from_end = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
            let (start, span) = match step {
                1.. => {
                    let (start, end) = (from_end(start).clamp(0, n), from_end(end).clamp(0, n));
                    (start, end - start)
                }
                i64::MIN..=-1 => {
                    let (start, end) = (from_end(start).clamp(0, n - 1), from_end(end).clamp(-1, n - 1));
                    (start, start - end)
                }
                0 => return Err(Fault::shape("the step is zero")),
            };
            let count = if span <= 0 { 0 } else { (span as u64).div_ceil(step.unsigned_abs()) as usize };
            if count == 0 {
                return Err(Fault::shape("the slice is empty"));
            }
            runs[at] = (start, if count == 1 { 1 } else { step }, count);
        }
        Ok(runs)
    }
}

impl Operator for Slice {
    fn name(&self) -> &'static str {
        "Slice"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let lists = self.lists(|n| ints(inputs, n, "bounds"))?;
        Ok(vec![Self::runs(operand(inputs, 0)?.shape, lists)?.into_iter().map(|run| run.2).collect()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let constant = |n: usize| match inputs.get(n).and_then(Option::as_ref) {
            Some(list) => Ok(Some(list.integers()?)),
            None => Ok(None),
        };
        let runs = Self::runs(&x.shape, self.lists(constant)?)?;
        let at = coordinates(x.shape.len(), x.framed);
        let index = at.into_iter().zip(&runs).map(|(at, &(start, step, _))| at * step + start).collect();
        Ok(vec![lower.moved(&x, &lower.output_shape(0), index)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let lists = self.lists(|n| Ok(inputs.get(n).copied().flatten().map(Tensor::to_ints)))?;
        let runs = Self::runs(&x.shape, lists)?;
        let shape: Vec<usize> = runs.iter().map(|run| run.2).collect();
        let data = points(&shape)
            .map(|p| {
                let at =
                    p.iter().zip(&runs).map(|(&at, &(start, step, _))| (start + step * at as i64) as usize);
                x.data[at.zip(&x.shape).fold(0, |flat, (at, &n)| flat * n + at)]
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [([1, 0], [i64::MAX, 2], [1, 1]), ([-1, 1], [i64::MIN, 4], [-1, 2])]
        .into_iter()
        .map(|(starts, ends, steps)| {
            sample(&["fixed<6,3>"], |graph| {
                let x = graph.input("x", &[1, 3, 4]);
                let lists = [&starts[..], &ends, &[1, 2], &steps];
                let mut inputs = vec![x];
                inputs.extend(
                    lists
                        .iter()
                        .enumerate()
                        .map(|(n, list)| graph.constant(format!("list{n}"), Tensor::ints(list))),
                );
                let y = graph.add("y", Slice::default(), &inputs);
                graph.output(y);
            })
        })
        .collect()
}
