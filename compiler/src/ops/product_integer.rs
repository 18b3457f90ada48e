//! `ConvInteger` and `MatMulInteger`.

use std::sync::Arc;

use super::linear::{Along, dequantized, values};
use super::sample::{Dice, sample};
use super::window::Windows;
use super::{Conv, Entry, Fault, Known, MatMul, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (a − a_zero) × (b − b_zero)`, all integers, with a product or a convolution; inputs: a, b, a_zero, b_zero.
///
/// Zero points are one for the tensor; of a matrix product also one for each row of `a` and column of `b`, of a
/// convolution's weights one for each output channel. A convolution's padding is 0 after the subtraction.
#[derive(Clone, Debug)]
pub struct ProductInteger {
    name: &'static str,
    /// The same on values.
    inner: Arc<dyn Operator>,
    /// The axes of lists of zero points.
    axes: [i64; 2],
}

pub(super) const CONV: Entry = Entry {
    name: "ConvInteger",
    domains: ONNX,
    import: |import| Ok(Arc::new(conv((super::conv::ENTRY.import)(import)?))),
    samples: conv_samples,
};
pub(super) const MATMUL: Entry = Entry {
    name: "MatMulInteger",
    domains: ONNX,
    import: |import| Ok(Arc::new(matmul((super::matmul::ENTRY.import)(import)?))),
    samples: matmul_samples,
};

fn conv(inner: Arc<dyn Operator>) -> ProductInteger {
    ProductInteger { name: "ConvInteger", inner, axes: [0, 0] }
}

fn matmul(inner: Arc<dyn Operator>) -> ProductInteger {
    ProductInteger { name: "MatMulInteger", inner, axes: [-2, -1] }
}

impl Operator for ProductInteger {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        self.inner.shapes(&[Some(operand(inputs, 0)?), Some(operand(inputs, 1)?)])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let mut operands = Vec::new();
        for (n, axis) in self.axes.into_iter().enumerate() {
            let x = operand(inputs, n)?;
            let one = Quantity::real(Tensor::scalar(1.0));
            let zero = inputs.get(n + 2).and_then(Option::as_ref);
            operands.push(Some(dequantized(&x, &Along::axis(axis).quanta(&one, zero, &x.shape)?)?));
        }
        self.inner.define(lower, &operands)
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let zero = |n: usize| inputs.get(n).copied().flatten();
        let a = values(operand(inputs, 0)?, None, zero(2), Along::axis(self.axes[0]));
        let b = values(operand(inputs, 1)?, None, zero(3), Along::axis(self.axes[1]));
        let results = self.inner.reference(&[Some(&a), Some(&b)])?;
        Ok(results.into_iter().map(|y| y.typed(true)).collect())
    }

    fn folds(&self) -> bool {
        false
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }

    fn role(&self) -> Role {
        Role::Quantizer
    }
}

fn conv_samples(seed: u64) -> Vec<Sample> {
    let windows = Windows { pads: vec![1, 0], ..Windows::default() };
    samples(seed, &[1, 2, 3], &[2, 2, 2], &conv(Arc::new(Conv { group: 1, windows })))
}

fn matmul_samples(seed: u64) -> Vec<Sample> {
    samples(seed, &[1, 3], &[3, 2], &matmul(Arc::new(MatMul)))
}

fn samples(seed: u64, x: &[usize], w: &[usize], operator: &ProductInteger) -> Vec<Sample> {
    let w = Dice::new(seed).tensor(w, 4, 0).typed(true);
    [vec![2], vec![1, -1]]
        .into_iter()
        .map(|zeros| {
            sample(&["fixed<5,5>"], |graph| {
                let x = graph.input("x", x);
                let w = graph.constant("w", w.clone());
                let x_zero = graph.constant("x_zero", Tensor::scalar(3.0));
                let w_zero = graph.constant("w_zero", Tensor::ints(&zeros));
                let y = graph.add("y", operator.clone(), &[x, w, x_zero, w_zero]);
                graph.output(y);
            })
        })
        .collect()
}
