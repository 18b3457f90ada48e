//! What one position of an image takes in each layer: the measure of convolutions that are shared over positions.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::range::analyse;
use nn2hdl_runtime::{Interval, Program, Step};
use serde::Serialize;

use super::cost::{Cost, own};
use super::engine::module;
use crate::cmvm::Effort;
use crate::datapath::elaborate::{Site, Tap, elaborate};
use crate::datapath::linear::Optimizer;
use crate::diagnostic::Diagnostic;
use crate::schedule::pipeline::Stages;

/// A tensor of more than this many axes is an image: channels, then rows and columns.
const SPATIAL: usize = 2;

/// The cost of all channels of one position, unpipelined.
#[derive(Clone, Debug, Serialize)]
pub struct PositionCost {
    /// The layer.
    pub layer: String,
    /// Additions and look-up tables; no flip-flops are counted.
    #[serde(flatten)]
    pub cost: Cost,
}

/// For each layer of the main block that makes an image, the cost of its channels at the position in the middle, found
/// as they would be compiled: adder graphs with shared subexpressions and quantizers. Nothing is shared between
/// positions. Empty if the network makes no image.
///
/// # Errors
/// If a layer has no hardware form.
pub fn per_position(program: &Program, effort: Effort) -> Result<Vec<PositionCost>, Diagnostic> {
    let block = program.main();
    let range = analyse(program, block).map_err(|(layer, error)| {
        Diagnostic::new("range", layer, error.to_string(), "quantize what the layer reads to fewer bits")
    })?;
    let delay = |_: u32| 1.0;
    let mut optimizer = Optimizer::new(effort, Some(1), &delay, u32::MAX, &());
    let mut costs = Vec::new();
    for step in &block.steps {
        let Step::Kernel(kernel) = step else { continue };
        let shape = &block.value(kernel.out).shape;
        let Some(channels) = shape.len().checked_sub(SPATIAL).filter(|&channels| channels > 0) else {
            continue;
        };
        let middle =
            |p: &[usize]| p[channels..].iter().zip(&shape[channels..]).all(|(&at, &extent)| at == extent / 2);
        let positions = points(shape).filter(|p| middle(p)).collect();
        let interval = |tap: &Tap| -> Interval {
            let value = block.value(tap.value);
            let inside =
                tap.at.iter().zip(&value.shape).all(|(&at, &extent)| (0..extent as i64).contains(&at));
            if !inside {
                return Interval::new(tap.outside.into(), tap.outside.into());
            }
            let flat =
                tap.at.iter().zip(&value.shape).fold(0, |flat, (&at, &extent)| flat * extent + at as usize);
            range.elements[tap.value.index()].at(flat)
        };
        let site = Site {
            program,
            block,
            positions,
            reduction: None,
            streamed: &|_, _| false,
            interval: &interval,
            beats: &|p| vec![p.to_vec()],
        };
        let mut cost = Cost::default();
        for engine in elaborate(kernel, &site, &mut optimizer)? {
            let stages = Stages::unpipelined(&engine.datapath);
            cost += own(&module("position", &engine.datapath, &stages).0);
        }
        costs.push(PositionCost { layer: kernel.name.clone(), cost });
    }
    Ok(costs)
}
