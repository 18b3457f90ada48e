//! What a network's tensors hold on a calibration set.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::diagnostic::Diagnostic;
use crate::graph::{Graph, Tensor, TensorId};

/// The most values that are kept of one tensor.
const KEPT: usize = 1 << 17;

/// Frames that are computed between two reports of progress.
const CHUNK: usize = 16;

/// The values of one tensor, thinned out evenly where there are too many; the outermost are exact.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Every so many-th value.
    pub values: Vec<f64>,
    stride: usize,
    skip: usize,
}

impl Default for Seen {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, values: Vec::new(), stride: 1, skip: 0 }
    }
}

impl Seen {
    fn add(&mut self, values: &[f64]) {
        for &value in values {
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.values.push(value);
            self.skip = self.stride - 1;
            if self.values.len() == KEPT {
                self.values = self.values.iter().copied().step_by(2).collect();
                // The last value has gone; the next one is due where it was due before.
                self.skip = self.stride - 1;
                self.stride *= 2;
            }
        }
    }
}

/// Runs the network on `frames` (one list of inputs each) and collects the values of `wanted`.
///
/// # Errors
/// An operator's, or a value that is not finite.
pub fn collect(
    graph: &Graph,
    frames: &[Vec<Tensor>],
    wanted: &[TensorId],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<BTreeMap<TensorId, Seen>, Diagnostic> {
    let mut seen: BTreeMap<TensorId, Seen> = wanted.iter().map(|id| (*id, Seen::default())).collect();
    for (number, chunk) in frames.chunks(CHUNK).enumerate() {
        progress(number * CHUNK, frames.len());
        let traces: Vec<_> = chunk.par_iter().map(|frame| graph.trace(frame)).collect();
        for trace in traces {
            let trace = trace?;
            for (id, seen) in &mut seen {
                let values = &graph.traced(&trace, *id)?.data;
                if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                    return Err(Diagnostic::new(
                        "not-finite",
                        graph.info(*id).name.clone(),
                        format!("the tensor holds {value} on the calibration set"),
                        "calibrate with frames such as the network was trained on",
                    ));
                }
                seen.add(values);
            }
        }
    }
    Ok(seen)
}

/// The outputs of the network on every frame.
pub fn outputs(
    graph: &Graph,
    frames: &[Vec<Tensor>],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<Tensor>>, Diagnostic> {
    let mut all = Vec::with_capacity(frames.len());
    for chunk in frames.chunks(CHUNK) {
        progress(all.len(), frames.len());
        let chunk: Result<Vec<_>, _> = chunk.par_iter().map(|frame| graph.evaluate(frame)).collect();
        all.extend(chunk?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_values_are_thinned_out_evenly() {
        let mut seen = Seen::default();
        (0..1000)
            .for_each(|part| seen.add(&(0..1000).map(|n| f64::from(part * 1000 + n)).collect::<Vec<_>>()));
        assert_eq!((seen.min, seen.max), (0.0, 999_999.0));
        assert!((KEPT / 2..=KEPT).contains(&seen.values.len()));
        let step = seen.values[1] - seen.values[0];
        assert!(seen.values.windows(2).all(|pair| pair[1] - pair[0] == step), "{step}");
    }
}
