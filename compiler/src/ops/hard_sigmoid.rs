//! `HardSigmoid`.

use std::sync::Arc;

use num_traits::Zero;

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity, Ratio, exact, whole};
use crate::graph::Tensor;

/// `y = max(0, min(1, alpha × x + beta))`.
///
/// Joins the pending exact function, as an affine function and its bounds.
#[derive(Clone, Copy, Debug)]
pub struct HardSigmoid {
    /// Slope.
    pub alpha: f64,
    /// Value at 0.
    pub beta: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "HardSigmoid", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let alpha = import.attributes.or("alpha", f64::from(0.2f32))?;
    let beta = import.attributes.or("beta", 0.5)?;
    Ok(Arc::new(HardSigmoid { alpha, beta }))
}

impl Operator for HardSigmoid {
    fn name(&self) -> &'static str {
        "HardSigmoid"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, _lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (Some(alpha), Some(beta)) = (exact(self.alpha), exact(self.beta)) else {
            return Err(Fault::unsupported("an attribute is NaN or infinite", "export the model again"));
        };
        let bounded = |link: crate::front::lower::Link| link.then_max(&Ratio::zero()).then_min(&whole(1));
        Ok(vec![Quantity { chain: x.chain.map(|link| bounded(link.then(&alpha, &beta))), ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let data = x.data.iter().map(|&v| (self.alpha * v + self.beta).clamp(0.0, 1.0)).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let form = |alpha: f64, closed: bool| {
        let made = sample(&["fixed<6,4>"], |graph| {
            let x = graph.input("x", &[1, 3]);
            let mut y = graph.add("y", HardSigmoid { alpha, beta: 0.5 }, &[x]);
            if closed {
                y = super::leaky_relu::quantized(graph, y, 0.01007, 8.0);
            }
            graph.output(y);
        });
        Sample { tolerance: if closed { 1e-12 } else { 0.0 }, ..made }
    };
    vec![form(0.25, false), form(f64::from(0.2f32), true), form(-0.375, false)]
}
