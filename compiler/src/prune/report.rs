//! What pruning did.

use serde::Serialize;

use super::estimate::Estimate;
use super::layer::Layer;
use super::solve::digits;
use crate::front::onnx::Model;
use crate::graph::Graph;
use crate::quantize::format::Loss;
use crate::quantize::report::OutputReport;

/// A pruned model.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The model, for [`crate::front::onnx::encode`].
    pub model: Model,
    /// What was done.
    pub report: Report,
}

/// A figure before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Of the model that was given.
    pub before: u64,
    /// Of the pruned one.
    pub after: u64,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// The node.
    pub node: String,
    /// Weights.
    pub weights: Change,
    /// Those that are not zero.
    pub nonzero: Change,
    /// Nonzero digits of their codes; null where weights are floats.
    pub digits: Option<Change>,
    /// Adders, if the layer has a module of its own.
    pub adders: Option<Change>,
    /// Look-up tables by the compiler's model, if the layer has a module of its own.
    pub lut: Option<Change>,
    /// Signal-to-noise ratio of the weights in dB; null if they are unchanged, or their number has changed.
    pub weights_db: Option<f64>,
}

/// What was done to a model.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Calibration frames.
    pub frames: usize,
    /// Look-up tables asked for.
    pub budget: Option<u64>,
    /// Look-up tables of the whole design by the compiler's model; null if it was not compiled.
    pub lut: Option<Change>,
    /// Adders of the whole design.
    pub adders: Option<Change>,
    /// Layers with weights.
    pub layers: Vec<LayerReport>,
    /// Outputs against those of the model that was given.
    pub outputs: Vec<OutputReport>,
    /// What else the user ought to know.
    pub notes: Vec<String>,
}

impl Report {
    /// Of layers that have the same shapes in both graphs.
    pub(super) fn new(
        layers: &[Layer],
        graphs: [&Graph; 2],
        counted: [Option<&Estimate>; 2],
        outputs: Vec<OutputReport>,
        frames: usize,
    ) -> Self {
        Self::between([layers, layers], graphs, counted, outputs, frames)
    }

    /// Of the layers before and after.
    pub(super) fn between(
        layers: [&[Layer]; 2],
        graphs: [&Graph; 2],
        counted: [Option<&Estimate>; 2],
        outputs: Vec<OutputReport>,
        frames: usize,
    ) -> Self {
        let change = |of: &dyn Fn(usize) -> u64| Change { before: of(0), after: of(1) };
        let both = match counted {
            [Some(before), Some(after)] => Some([before, after]),
            _ => None,
        };
        let layer = |layer: &Layer| {
            let now = layers[1].iter().find(|now| now.name == layer.name);
            let values = [layer.values(graphs[0]), now.map(|now| now.values(graphs[1])).unwrap_or_default()];
            let nonzero = |n: usize| values[n].iter().filter(|value| **value != 0.0).count() as u64;
            let sum = |layer: &Layer, graph: &Graph| -> Option<u64> {
                let codes = layer.codes(layer.grid.as_ref()?, graph);
                Some(codes.iter().map(|&code| u64::from(digits(code))).sum())
            };
            let after = now.and_then(|now| sum(now, graphs[1]));
            let all = sum(layer, graphs[0]).zip(after).map(|(before, after)| Change { before, after });
            // A layer that is left with nothing to compute has no module.
            let cost = both.and_then(|[before, after]| {
                Some([before.layer(&layer.name)?, after.layer(&layer.name).unwrap_or_default()])
            });
            let mut loss = Loss::default();
            if values[0].len() == values[1].len() {
                values[0].iter().zip(&values[1]).for_each(|(&before, &after)| loss.add(before, after));
            }
            LayerReport {
                node: layer.name.clone(),
                weights: change(&|n| values[n].len() as u64),
                nonzero: change(&nonzero),
                digits: all,
                adders: cost.map(|cost| change(&|n| cost[n].adders)),
                lut: cost.map(|cost| change(&|n| cost[n].lut)),
                weights_db: loss.sqnr_db(),
            }
        };
        Self {
            frames,
            lut: both.map(|both| change(&|n| both[n].total.lut)),
            adders: both.map(|both| change(&|n| both[n].total.adders)),
            layers: layers[0].iter().map(layer).collect(),
            outputs,
            ..Self::default()
        }
    }
}
