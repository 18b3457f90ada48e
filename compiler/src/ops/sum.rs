//! `Sum` and `Mean`.

use std::sync::Arc;

use super::sample::sample;
use super::{Add, Entry, Fault, Known, ONNX, Operator, Role, Sample, broadcast};
use crate::front::lower::{Lower, Quantity, Ratio, whole};
use crate::graph::Tensor;

/// `y = a + b + …`, or that divided by the number of terms, with ONNX's broadcasting.
///
/// A constant joins the pending exact function; activations are brought onto a common scale, exactly. The division is a
/// rational scale, which the next quantizer takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
}

pub(super) const SUM: Entry =
    Entry { name: "Sum", domains: ONNX, import: |_| Ok(Arc::new(Sum::Sum)), samples: |_| samples(Sum::Sum) };

pub(super) const MEAN: Entry = Entry {
    name: "Mean",
    domains: ONNX,
    import: |_| Ok(Arc::new(Sum::Mean)),
    samples: |_| samples(Sum::Mean),
};

impl Operator for Sum {
    fn name(&self) -> &'static str {
        match self {
            Self::Sum => "Sum",
            Self::Mean => "Mean",
        }
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![broadcast::shape_of_all(inputs)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let terms = inputs.iter().flatten().count().max(1);
        let sum = broadcast::folded(lower, inputs, |lower, a, b| {
            Ok(Add.define(lower, &[Some(a.clone()), Some(b.clone())])?.swap_remove(0))
        })?;
        if *self == Self::Sum {
            return Ok(vec![sum]);
        }
        let part = Ratio::new(1.into(), terms.into());
        let chain = sum.chain.map(|link| link.then(&part, &whole(0)));
        Ok(vec![Quantity { chain, ..sum }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference_of_all(inputs, |values| {
            let sum: f64 = values.iter().sum();
            if *self == Self::Mean { sum / values.len() as f64 } else { sum }
        })
    }

    fn role(&self) -> Role {
        Role::Elementwise
    }

    fn affine(&self, _input: usize) -> bool {
        true
    }
}

fn samples(operator: Sum) -> Vec<Sample> {
    let one = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[1, 3]);
        let y = graph.add("y", operator, &[x]);
        graph.output(y);
    });
    let three = sample(&["fixed<6,3>", "ufixed<5,0>"], |graph| {
        let (a, b) = (graph.input("a", &[1, 2, 2]), graph.input("b", &[1, 1, 2]));
        let bias = graph.constant("bias", Tensor::new(vec![2], vec![0.25, -1.0]));
        let sum = graph.add("y", operator, &[bias, a, b]);
        let y = super::leaky_relu::quantized(graph, sum, 0.2107, 5.0);
        graph.output(y);
    });
    vec![one, Sample { tolerance: 1e-12, ..three }]
}
