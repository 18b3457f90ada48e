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
    pub(super) fn new(
        layers: &[Layer],
        graphs: [&Graph; 2],
        counted: [&Estimate; 2],
        outputs: Vec<OutputReport>,
        frames: usize,
    ) -> Self {
        let change = |of: &dyn Fn(usize) -> u64| Change { before: of(0), after: of(1) };
        let layer = |layer: &Layer| {
            let values = graphs.map(|graph| layer.values(graph));
            let nonzero = |n: usize| values[n].iter().filter(|value| **value != 0.0).count() as u64;
            let all = layer.grid.as_ref().map(|grid| {
                let sum =
                    |graph| layer.codes(grid, graph).iter().map(|&code| u64::from(digits(code))).sum::<u64>();
                Change { before: sum(graphs[0]), after: sum(graphs[1]) }
            });
            let costs = counted.map(|counted| counted.layer(&layer.name));
            let cost = match costs {
                [Some(before), Some(after)] => Some([before, after]),
                [Some(before), None] => Some([before, crate::netlist::cost::Cost::default()]),
                _ => None,
            };
            let mut loss = Loss::default();
            values[0].iter().zip(&values[1]).for_each(|(&before, &after)| loss.add(before, after));
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
            lut: Some(change(&|n| counted[n].total.lut)),
            adders: Some(change(&|n| counted[n].total.adders)),
            layers: layers.iter().map(layer).collect(),
            outputs,
            ..Self::default()
        }
    }
}
