//! `MaxPool`.

use std::sync::Arc;

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;

use super::extreme::extreme;
use super::sample::sample;
use super::window::{Window, Windows, list};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, bounded, operand};
use crate::front::lower::{Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[0, c, p] = max_k x[0, c, p × stride + k × dilation − pad]`, over positions inside `x`.
#[derive(Clone, Debug, Default)]
pub struct MaxPool {
    /// Extents of the window.
    pub kernel: Vec<usize>,
    /// How it moves.
    pub windows: Windows,
}

pub(super) const ENTRY: Entry = Entry { name: "MaxPool", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let (kernel, mut windows) = (list(import, "kernel_shape", 1)?, Windows::import(import)?);
    windows.ceil = import.attributes.or("ceil_mode", 0i64)? != 0;
    import.attributes.ignore("storage_order");
    if import.node.outputs.get(1).is_some_and(|name| !name.is_empty()) {
        return Err(Fault::unsupported(
            "the indices of the maxima are asked for",
            "use the maxima alone, without MaxUnpool",
        ));
    }
    Ok(Arc::new(MaxPool { kernel, windows }))
}

/// The output's shape and the windows of a pool.
pub(super) fn pooled(
    x: &[usize],
    kernel: &[usize],
    windows: &Windows,
) -> Result<(Vec<usize>, Vec<Window>), Fault> {
    let (channels, spatial) = x.split_at(x.len().min(2));
    let windows = windows.over(spatial, kernel)?;
    if let Some(window) = windows.iter().find(|w| w.before.max(w.after) > (w.taps - 1) * w.dilation) {
        return Err(Fault::shape(format!(
            "the padding of {} leaves windows of {} outside the input",
            window.before.max(window.after),
            window.taps
        )));
    }
    let out = windows.iter().map(|window| window.out);
    Ok((bounded(channels.iter().copied().chain(out).collect())?, windows))
}

/// Coordinates in the input of a pool, taps along the reduction's axes.
pub(super) fn places(rank: usize, framed: bool, windows: &[Window]) -> Vec<Index> {
    let mut at = coordinates(rank, framed);
    for (n, window) in windows.iter().enumerate() {
        at[n + 2] = window.index(at[n + 2].clone(), Index::r(n));
    }
    at
}

/// The elements of `x` in the window at `p`.
pub(super) fn window_at(x: &Tensor, windows: &[Window], p: &[usize]) -> Vec<f64> {
    let taps: Vec<usize> = windows.iter().map(|window| window.taps).collect();
    points(&taps)
        .filter_map(|r| {
            let mut flat = p[0] * x.shape[1] + p[1];
            for (n, window) in windows.iter().enumerate() {
                let at = usize::try_from(window.at(p[n + 2], r[n])).ok()?;
                flat = flat * x.shape[n + 2] + Some(at).filter(|&at| at < x.shape[n + 2])?;
            }
            Some(x.data[flat])
        })
        .collect()
}

impl Operator for MaxPool {
    fn name(&self) -> &'static str {
        "MaxPool"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![pooled(operand(inputs, 0)?.shape, &self.kernel, &self.windows)?.0])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (shape, windows) = pooled(&x.shape, &self.kernel, &self.windows)?;
        let at = places(x.shape.len(), x.framed, &windows);
        Ok(vec![extreme(lower, &x, &at, self.kernel.clone(), &shape, true)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (shape, windows) = pooled(&x.shape, &self.kernel, &self.windows)?;
        let data = points(&shape)
            .map(|p| window_at(x, &windows, &p).into_iter().fold(f64::NEG_INFINITY, f64::max))
            .collect();
        Ok(vec![Tensor::new(shape, data)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let windows = [
        (vec![1, 2, 7], vec![3], Windows { strides: vec![2], pads: vec![1, 1], ..Windows::default() }),
        (vec![1, 1, 4, 5], vec![2, 2], Windows { strides: vec![2, 2], ceil: true, ..Windows::default() }),
        (vec![1, 1, 3, 5], vec![2, 2], Windows { dilations: vec![1, 2], ..Windows::default() }),
    ];
    let mut samples: Vec<Sample> = windows
        .into_iter()
        .map(|(x, kernel, windows)| {
            sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", &x);
                let y = graph.add("y", MaxPool { kernel, windows }, &[x]);
                graph.output(y);
            })
        })
        .collect();
    // A negative factor turns the order round; factors of both signs have no common order.
    for factors in [vec![-3.0, -0.5], vec![3.0, -0.5]] {
        samples.push(sample(&["fixed<5,3>"], |graph| {
            let x = graph.input("x", &[1, 2, 4]);
            let factor = graph.constant("factor", Tensor::new(vec![2, 1], factors));
            let scaled = graph.add("scaled", super::Mul, &[x, factor]);
            let y = graph.add("y", MaxPool { kernel: vec![2], ..MaxPool::default() }, &[scaled]);
            graph.output(y);
        }));
    }
    samples
}
