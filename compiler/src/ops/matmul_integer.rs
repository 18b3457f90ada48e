//! `MatMulInteger`.

use std::sync::Arc;

use super::linear::{Along, dequantized, values};
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, MatMul, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Lower, Quantity};
use crate::graph::Tensor;

/// `y = (a − a_zero) × (b − b_zero)`, all integers; inputs: a, b, a_zero, b_zero.
///
/// Zero points are one for the matrix, or one for each row of `a` and column of `b`.
#[derive(Clone, Debug)]
pub struct MatMulInteger {
    /// The same on values.
    pub inner: Arc<dyn Operator>,
}

pub(super) const ENTRY: Entry = Entry { name: "MatMulInteger", domains: ONNX, import, samples };

/// The axes of lists of zero points.
const AXES: [i64; 2] = [-2, -1];

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(MatMulInteger { inner: (super::matmul::ENTRY.import)(import)? }))
}

impl Operator for MatMulInteger {
    fn name(&self) -> &'static str {
        "MatMulInteger"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        self.inner.shapes(&[Some(operand(inputs, 0)?), Some(operand(inputs, 1)?)])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let mut operands = Vec::new();
        for (n, axis) in AXES.into_iter().enumerate() {
            let x = operand(inputs, n)?;
            let one = Quantity::real(Tensor::scalar(1.0));
            let zero = inputs.get(n + 2).and_then(Option::as_ref);
            operands.push(Some(dequantized(&x, &Along::axis(axis).quanta(&one, zero, &x.shape)?)?));
        }
        self.inner.define(lower, &operands)
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let zero = |n: usize| inputs.get(n).copied().flatten();
        let a = values(operand(inputs, 0)?, None, zero(2), Along::axis(AXES[0]));
        let b = values(operand(inputs, 1)?, None, zero(3), Along::axis(AXES[1]));
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

fn samples(seed: u64) -> Vec<Sample> {
    let w = Dice::new(seed).tensor(&[3, 2], 4, 0).typed(true);
    [vec![2], vec![1, -1]]
        .into_iter()
        .map(|zeros| {
            sample(&["fixed<5,5>"], |graph| {
                let x = graph.input("x", &[1, 3]);
                let w = graph.constant("w", w.clone());
                let x_zero = graph.constant("x_zero", Tensor::scalar(3.0));
                let w_zero = graph.constant("w_zero", Tensor::ints(&zeros));
                let inner = Arc::new(MatMul);
                let y = graph.add("y", MatMulInteger { inner }, &[x, w, x_zero, w_zero]);
                graph.output(y);
            })
        })
        .collect()
}
