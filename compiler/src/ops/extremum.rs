//! `Max` and `Min`.

use std::sync::Arc;

use super::sample::sample;
use super::{Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast};
use crate::front::lower::{Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// `y = max(a, b, …)` or `y = min(a, b, …)`, with ONNX's broadcasting.
///
/// A constant becomes a bound of the pending exact function. Activations are compared on a common scale, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extremum {
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

pub(super) const MAX: Entry = Entry {
    name: "Max",
    domains: ONNX,
    import: |_| Ok(Arc::new(Extremum::Max)),
    samples: |_| samples(Extremum::Max),
};

pub(super) const MIN: Entry = Entry {
    name: "Min",
    domains: ONNX,
    import: |_| Ok(Arc::new(Extremum::Min)),
    samples: |_| samples(Extremum::Min),
};

impl Operator for Extremum {
    fn name(&self) -> &'static str {
        match self {
            Self::Max => "Max",
            Self::Min => "Min",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![broadcast::shape_of_all(inputs)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let bounded = |link: &Link, bound: &Ratio| match self {
            Self::Max => link.then_max(bound),
            Self::Min => link.then_min(bound),
        };
        let upper = *self == Self::Max;
        let fold = |lower: &mut Lower<'_>, a: &Quantity, b: &Quantity| {
            if b.is_constant() {
                return broadcast::with_constant(lower, a, b, bounded);
            }
            let (a, b) = broadcast::both(lower, a, b)?;
            lower.extremum(upper, &a, &b)
        };
        Ok(vec![broadcast::folded(lower, inputs, fold)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference_of_all(inputs, |values| {
            let pick = |best: f64, v: f64| if (*self == Self::Max) == (v > best) { v } else { best };
            values.iter().copied().reduce(pick).unwrap_or(0.0)
        })
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(operator: Extremum) -> Vec<Sample> {
    let same = sample(&["fixed<6,3>", "fixed<6,3>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let y = graph.add("y", operator, &[a, b]);
        graph.output(y);
    });
    let mixed = sample(&["fixed<6,3>", "ufixed<5,0>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let bound = graph.constant("bound", Tensor::new(vec![2], vec![0.3, -1.0]));
        let factor = graph.constant("factor", Tensor::new(vec![2], vec![-0.75, 2.0]));
        let scaled = graph.add("scaled", super::Mul, &[a, factor]);
        let chosen = graph.add("chosen", operator, &[bound, scaled, b]);
        let y = super::leaky_relu::quantized(graph, chosen, 0.2107, 5.0);
        graph.output(y);
    });
    vec![same, Sample { tolerance: 1e-12, ..mixed }]
}
