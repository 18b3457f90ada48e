//! `AveragePool`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;

use super::average::scaled_sum;
use super::max_pool::{places, pooled, window_at};
use super::sample::sample;
use super::window::{Window, Windows, list};
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Field, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y[0, c, p] = Σ_k x[0, c, p × stride + k × dilation − pad] ÷ n[p]`, with 0 outside `x`.
///
/// `n` counts the positions of the window that are inside `x`, or also those in the padding. The factor `1 ÷ n` joins the
/// pending exact function; the next quantizer carries it out.
#[derive(Clone, Debug, Default)]
pub struct AveragePool {
    /// Extents of the window.
    pub kernel: Vec<usize>,
    /// How it moves.
    pub windows: Windows,
    /// Whether positions in the padding count.
    pub count_pad: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "AveragePool", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let (kernel, mut windows) = (list(import, "kernel_shape", 1)?, Windows::import(import)?);
    windows.ceil = import.attributes.or("ceil_mode", 0i64)? != 0;
    let count_pad = import.attributes.or("count_include_pad", 0i64)? != 0;
    Ok(Arc::new(AveragePool { kernel, windows, count_pad }))
}

impl AveragePool {
    /// How many positions count at coordinate `p` along one axis of `extent`.
    fn counted(&self, window: &Window, extent: usize, p: usize) -> usize {
        let (first, end) = match self.count_pad {
            true => (-(window.before as i64), (extent + window.after) as i64),
            false => (0, extent as i64),
        };
        (0..window.taps).filter(|&r| (first..end).contains(&window.at(p, r))).count()
    }

    /// `1 ÷ n` over the output.
    fn factors(&self, x: &[usize], shape: &[usize], windows: &[Window]) -> Field<Ratio> {
        let mut extents = vec![1; shape.len()];
        for (n, window) in windows.iter().enumerate() {
            let count = |p: usize| self.counted(window, x[n + 2], p);
            if (1..window.out).any(|p| count(p) != count(0)) {
                extents[n + 2] = window.out;
            }
        }
        let entries = points(&extents).map(|p| {
            let counts =
                windows.iter().enumerate().map(|(n, window)| self.counted(window, x[n + 2], p[n + 2]));
            Ratio::new(1.into(), counts.product::<usize>().max(1).into())
        });
        let entries = entries.collect();
        Field::new(extents, entries)
    }
}

impl Operator for AveragePool {
    fn name(&self) -> &'static str {
        "AveragePool"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![pooled(operand(inputs, 0)?.shape, &self.kernel, &self.windows)?.0])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (shape, windows) = pooled(&x.shape, &self.kernel, &self.windows)?;
        let at = places(x.shape.len(), x.framed, &windows);
        let factors = self.factors(&x.shape, &shape, &windows);
        Ok(vec![scaled_sum(lower, &x, at, self.kernel.clone(), &shape, factors)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (shape, windows) = pooled(&x.shape, &self.kernel, &self.windows)?;
        let data = points(&shape)
            .map(|p| {
                let inside = window_at(x, &windows, &p);
                // Rows of ones, padded alike, tell how many positions there are.
                let padded = || {
                    let axes = windows.iter().enumerate();
                    axes.map(|(n, w)| {
                        let end = (x.shape[n + 2] + w.after) as i64;
                        (0..w.taps).filter(|&r| w.at(p[n + 2], r) < end).count()
                    })
                    .product()
                };
                let count = if self.count_pad { padded() } else { inside.len() };
                inside.iter().sum::<f64>() / count as f64
            })
            .collect();
        Ok(vec![Tensor::new(shape, data)])
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let cases = [
        (vec![1, 2, 6], vec![2], Windows { strides: vec![2], ..Windows::default() }, false),
        (vec![1, 1, 4, 4], vec![2, 2], Windows { pads: vec![1, 0, 1, 0], ..Windows::default() }, true),
        (
            vec![1, 1, 3, 4],
            vec![3, 3],
            Windows { pads: vec![1; 4], strides: vec![1, 2], ceil: true, ..Windows::default() },
            false,
        ),
    ];
    let mut samples: Vec<Sample> = cases
        .into_iter()
        .map(|(x, kernel, windows, count_pad)| {
            sample(&["fixed<5,3>"], |graph| {
                let x = graph.input("x", &x);
                let mean = graph.add("mean", AveragePool { kernel, windows, count_pad }, &[x]);
                let y = graph.add("y", rounded(), &[mean]);
                graph.output(y);
            })
        })
        .collect();
    samples.push(residual());
    samples
}

/// A mean whose counts differ at the border, of channels of several scales, meets what went around it, and a convolution
/// with padding sums over the result.
fn residual() -> Sample {
    sample(&["fixed<5,3>"], |graph| {
        let x = graph.input("x", &[1, 2, 2, 3]);
        let factor = graph.constant("factor", Tensor::new(vec![2, 1, 1], vec![0.75, -0.5]));
        let scaled = graph.add("scaled", super::Mul, &[x, factor]);
        let pool = AveragePool {
            kernel: vec![3, 3],
            windows: Windows { pads: vec![1; 4], ..Windows::default() },
            count_pad: false,
        };
        let mean = graph.add("mean", pool, &[scaled]);
        let sum = graph.add("sum", super::Add, &[mean, x]);
        let w = graph.constant("w", Tensor::new(vec![1, 2, 1, 2], vec![1.0, -0.5, 0.75, 2.0]));
        let windows = Windows { pads: vec![0, 1, 0, 0], ..Windows::default() };
        let conv = graph.add("conv", super::Conv { group: 1, windows }, &[sum, w]);
        let format = "fixed<6,3,RND,SAT>".parse().expect("a format");
        let y = graph.add("y", super::Fixed { format }, &[conv]);
        graph.output(y);
    })
}

/// A quantizer that closes the pending factor.
pub(super) fn rounded() -> super::Fixed {
    super::Fixed { format: "fixed<6,3,RND_CONV,SAT>".parse().expect("a format") }
}
