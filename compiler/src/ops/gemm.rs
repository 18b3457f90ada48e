//! `Gemm`.

use std::sync::Arc;

use nn2hdl_runtime::Index;

use super::contraction::Labels;
use super::sample::{Dice, sample};
use super::{Entry, Fault, Import, Known, Linear, ONNX, Operator, Role, Sample, broadcast, operand};
use crate::front::lower::{Link, Lower, Quantity, Ratio, coordinates, exact};
use crate::graph::Tensor;

/// `y = alpha × A' × B' + beta × C`, `A'` and `B'` being `A` and `B`, transposed if so stated.
#[derive(Clone, Copy, Debug)]
pub struct Gemm {
    /// Factor of the product.
    pub alpha: f64,
    /// Factor of `C`.
    pub beta: f64,
    /// Whether `A` is transposed.
    pub trans_a: bool,
    /// Whether `B` is transposed.
    pub trans_b: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "Gemm", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let (alpha, beta) = (attributes.or("alpha", 1.0)?, attributes.or("beta", 1.0)?);
    let (trans_a, trans_b) = (attributes.or("transA", 0i64)? != 0, attributes.or("transB", 0i64)? != 0);
    attributes.ignore("broadcast");
    if !alpha.is_finite() || !beta.is_finite() {
        return Err(Fault::new(
            "not-finite",
            "alpha or beta is not a finite number",
            "export the model again",
        ));
    }
    Ok(Arc::new(Gemm { alpha, beta, trans_a, trans_b }))
}

fn turned(shape: &[usize], transposed: bool) -> Result<[usize; 2], Fault> {
    match *shape {
        [a, b] => Ok(if transposed { [b, a] } else { [a, b] }),
        _ => Err(Fault::shape(format!("{shape:?} is not a matrix"))),
    }
}

impl Gemm {
    fn target(self, a: &[usize], b: &[usize], c: Option<&[usize]>) -> Result<Vec<usize>, Fault> {
        let ([m, k], [l, n]) = (turned(a, self.trans_a)?, turned(b, self.trans_b)?);
        if k != l || c.is_some_and(|c| broadcast::shape(c, &[m, n]).ok().as_deref() != Some(&[m, n][..])) {
            return Err(Fault::shape(format!("{a:?}, {b:?} and {c:?} do not fit each other")));
        }
        Ok(vec![m, n])
    }
}

/// A constant, transposed if so stated; of an activation the axes are only named otherwise.
fn turned_constant(lower: &mut Lower<'_>, x: &Quantity, transposed: &mut bool) -> Result<Quantity, Fault> {
    if !*transposed || !x.is_constant() {
        return Ok(x.clone());
    }
    *transposed = false;
    let mut at: Vec<Index> = coordinates(2, false);
    at.reverse();
    lower.moved(x, &[x.shape[1], x.shape[0]], at)
}

impl Operator for Gemm {
    fn name(&self) -> &'static str {
        "Gemm"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let c = inputs.get(2).copied().flatten().map(|known| known.shape);
        Ok(vec![self.target(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape, c)?])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (mut trans_a, mut trans_b) = (self.trans_a, self.trans_b);
        let a = turned_constant(lower, &operand(inputs, 0)?, &mut trans_a)?;
        let b = turned_constant(lower, &operand(inputs, 1)?, &mut trans_b)?;
        let left = if trans_a { vec![1, 0] } else { vec![0, 1] };
        let right = if trans_b { vec![2, 1] } else { vec![1, 2] };
        let labels = Labels { terms: vec![left, right], out: vec![0, 2], count: 3 };
        let ab = labels.plan(&[&a.shape, &b.shape])?.define(lower, &[a, b])?;
        let (alpha, beta) = (exact(self.alpha).unwrap_or_default(), exact(self.beta).unwrap_or_default());
        let chain = ab.chain.map(|link| link.then(&alpha, &Ratio::default()));
        let ab = Quantity { chain, ..ab };
        let Some(c) = inputs.get(2).and_then(Option::as_ref) else { return Ok(vec![ab]) };
        if c.is_constant() {
            let one = Ratio::from_integer(1.into());
            return Ok(vec![broadcast::with_constant(lower, &ab, c, |link: &Link, value| {
                link.then(&one, &(value * &beta))
            })?]);
        }
        let chain = c.chain.map(|link| link.then(&beta, &Ratio::default()));
        let (ab, c) = broadcast::both(lower, &ab, &Quantity { chain, ..c.clone() })?;
        Ok(vec![lower.sum(&ab, &c)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let c = inputs.get(2).copied().flatten();
        let shape = self.target(&a.shape, &b.shape, c.map(|c| c.shape.as_slice()))?;
        let depth = turned(&a.shape, self.trans_a)?[1];
        let at = |x: &Tensor, i: usize, j: usize, t: bool| {
            x.data[if t { j * x.shape[1] + i } else { i * x.shape[1] + j }]
        };
        let mut data = Vec::with_capacity(shape[0] * shape[1]);
        for i in 0..shape[0] {
            for j in 0..shape[1] {
                let sum: f64 =
                    (0..depth).map(|k| at(a, i, k, self.trans_a) * at(b, k, j, self.trans_b)).sum();
                data.push(self.alpha * sum + c.map_or(0.0, |c| self.beta * broadcast::element(c, &[i, j])));
            }
        }
        Ok(vec![Tensor::new(shape, data)])
    }

    fn role(&self) -> Role {
        Role::Product
    }

    fn linear(&self, inputs: &[Option<Known<'_>>]) -> Option<Linear> {
        operand(inputs, 1).ok()?.constant?;
        (!self.trans_a && self.alpha == 1.0 && self.beta == 1.0).then_some(())?;
        let bias = operand(inputs, 2).ok().map(|_| 2);
        Some(Linear { input: 0, weights: 1, bias, axis: usize::from(!self.trans_b), channels: 1 })
    }

    fn patches(&self, x: &Tensor, _weights: &[usize]) -> Option<Vec<f64>> {
        Some(x.data.clone())
    }
}

fn samples(seed: u64) -> Vec<Sample> {
    let mut dice = Dice::new(seed);
    let mut all = Vec::new();
    for (trans_b, alpha, beta) in [(false, 1.0, 1.0), (true, 0.5, 1.0), (true, 1.0, 0.25)] {
        let w = dice.tensor(if trans_b { &[3, 4] } else { &[4, 3] }, 5, 3);
        let c = dice.tensor(&[3], 6, 4);
        all.push(sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 4]);
            let (w, c) = (graph.constant("w", w), graph.constant("c", c));
            let y = graph.add("y", Gemm { alpha, beta, trans_a: false, trans_b }, &[x, w, c]);
            graph.output(y);
        }));
    }
    let w = dice.tensor(&[4, 3], 5, 3);
    let mut turned = sample(&["fixed<6,3>"], |graph| {
        let x = graph.input("x", &[4, 2]);
        let w = graph.constant("w", w);
        let y = graph.add("y", Gemm { alpha: 1.0, beta: 1.0, trans_a: true, trans_b: false }, &[x, w]);
        graph.output(y);
    });
    turned.graph.framed = false;
    all.push(turned);
    for (trans_a, trans_b) in [(false, true), (true, false)] {
        let mut both = sample(&["fixed<4,2>", "fixed<4,2>"], |graph| {
            let a = graph.input("a", if trans_a { &[3, 2] } else { &[2, 3] });
            let b = graph.input("b", if trans_b { &[2, 3] } else { &[3, 2] });
            let y = graph.add("y", Gemm { alpha: -0.5, beta: 1.0, trans_a, trans_b }, &[a, b]);
            graph.output(y);
        });
        both.graph.framed = false;
        all.push(both);
    }
    all
}
