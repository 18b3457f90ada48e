//! Sums of products of tensors whose axes have labels: what `MatMul`, `Gemm` and `Einsum` are.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::validate::ELEMENT_LIMIT;
use nn2hdl_runtime::{Expr, Index, Op};

use super::Fault;
use super::matmul::{integer_weights, multiplied, scales_along_sum};
use crate::front::lower::{Codes, Contraction, Draft, Link, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[out] = Σ over the other labels of Π_t x_t[labels of term t]`; an axis of extent 1 is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// The label of each axis of each operand.
    pub terms: Vec<Vec<usize>>,
    /// The labels of the result's axes, each once.
    pub out: Vec<usize>,
    /// How many labels there are.
    pub count: usize,
}

/// Labels of operands of given shapes, and what they come to.
pub(super) struct Plan {
    labels: Labels,
    /// The extent of each label.
    extents: Vec<usize>,
    /// The labels that are summed over.
    summed: Vec<usize>,
}

impl Labels {
    /// The labels with the extents that `shapes` give them.
    pub(super) fn plan(self, shapes: &[&[usize]]) -> Result<Plan, Fault> {
        let mut extents = vec![1; self.count];
        for (term, shape) in self.terms.iter().zip(shapes) {
            if term.len() != shape.len() {
                return Err(Fault::shape(format!("{shape:?} has not {} axes", term.len())));
            }
            for (&label, &extent) in term.iter().zip(*shape) {
                if extents[label] != extent && extents[label] != 1 && extent != 1 {
                    return Err(Fault::shape(format!("the shapes {shapes:?} do not fit each other")));
                }
                extents[label] = if extent == 1 { extents[label] } else { extent };
            }
        }
        let terms = extents.iter().try_fold(1usize, |n, &extent| n.checked_mul(extent));
        if terms.is_none_or(|terms| terms > ELEMENT_LIMIT) {
            return Err(Fault::new(
                "kernel-too-large",
                format!("a product of {shapes:?} is too large"),
                "at most 2^24 operations in one layer are accepted",
            ));
        }
        let summed = (0..self.count)
            .filter(|label| !self.out.contains(label) && self.terms.iter().any(|term| term.contains(label)))
            .collect();
        Ok(Plan { labels: self, extents, summed })
    }
}

impl Plan {
    /// The shape of the result.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.labels.out.iter().map(|&label| self.extents[label]).collect()
    }

    /// The sum, as plainly as can be written.
    pub(super) fn reference(&self, operands: &[&Tensor]) -> Tensor {
        let shape = self.shape();
        let depth: Vec<usize> = self.summed.iter().map(|&label| self.extents[label]).collect();
        let mut value = vec![0; self.extents.len()];
        let mut data = Vec::new();
        for p in points(&shape) {
            self.labels.out.iter().zip(&p).for_each(|(&label, &at)| value[label] = at);
            let mut sum = 0.0;
            for r in points(&depth) {
                self.summed.iter().zip(&r).for_each(|(&label, &at)| value[label] = at);
                let factor = |(tensor, term): (&&Tensor, &Vec<usize>)| {
                    let flat = term.iter().zip(&tensor.shape).fold(0, |flat, (&label, &extent)| {
                        flat * extent + if extent == 1 { 0 } else { value[label] }
                    });
                    tensor.data[flat]
                };
                sum += operands.iter().zip(&self.labels.terms).map(factor).product::<f64>();
            }
            data.push(sum);
        }
        Tensor::new(shape, data)
    }

    /// The coordinates of term `labels` in an operand of `shape`, as index maps of output position and reduction point.
    fn place(&self, labels: &[usize], shape: &[usize], framed: bool) -> Vec<Index> {
        let at = coordinates(self.labels.out.len(), framed);
        labels
            .iter()
            .zip(shape)
            .map(|(label, &extent)| match self.labels.out.iter().position(|known| known == label) {
                _ if extent == 1 => Index::Const(0),
                Some(axis) => at[axis].clone(),
                None => Index::r(self.summed.iter().position(|known| known == label).unwrap_or(0)),
            })
            .collect()
    }

    fn depth(&self) -> Vec<usize> {
        self.summed.iter().map(|&label| self.extents[label]).collect()
    }

    /// Lowers the sum over one or two operands, of which any may be constant.
    pub(super) fn define(mut self, lower: &mut Lower<'_>, operands: &[Quantity]) -> Result<Quantity, Fault> {
        let mut operands = operands.to_vec();
        for (n, operand) in operands.iter_mut().enumerate() {
            self.check_frame(n, operand)?;
            *operand = self.without_repetition(n, lower, operand)?;
        }
        match &operands[..] {
            [x] if self.summed.is_empty() => {
                let index = self.place(&self.labels.terms[0], &x.shape, x.framed);
                lower.moved(x, &self.shape(), index)
            }
            [x] => {
                self.labels.terms.push(Vec::new());
                let one = Quantity::real(Tensor::scalar(1.0));
                self.weighted(lower, x, 0, &one, 1)
            }
            [x, w] if w.is_constant() => self.weighted(lower, x, 0, w, 1),
            [w, x] if w.is_constant() => self.weighted(lower, x, 1, w, 0),
            [x, y] => self.of_activations(lower, x, y),
            _ => Err(Fault::unsupported("a product of more than two operands", "multiply two at a time")),
        }
    }

    /// Refuses what moves the frame axis or sums over it.
    fn check_frame(&self, n: usize, operand: &Quantity) -> Result<(), Fault> {
        let term = &self.labels.terms[n];
        let kept = !operand.framed || {
            let once = |labels: &[usize], label| labels.iter().filter(|&&known| known == label).count() == 1;
            term.first().is_some_and(|&label| self.labels.out.first() == Some(&label) && once(term, label))
        };
        if kept {
            return Ok(());
        }
        Err(Fault::unsupported(
            "the product moves the frame axis, or sums over it",
            "keep axis 0 (the batch) first in both operands and in the result",
        ))
    }

    /// The operand's diagonal where a label is repeated.
    fn without_repetition(
        &mut self,
        n: usize,
        lower: &mut Lower<'_>,
        x: &Quantity,
    ) -> Result<Quantity, Fault> {
        let term = self.labels.terms[n].clone();
        let mut kept: Vec<usize> = Vec::new();
        term.iter().for_each(|label| {
            if !kept.contains(label) {
                kept.push(*label)
            }
        });
        if kept.len() == term.len() {
            return Ok(x.clone());
        }
        let shape: Vec<usize> = kept.iter().map(|&label| self.extents[label]).collect();
        let at = coordinates(kept.len(), x.framed);
        let index = term
            .iter()
            .zip(&x.shape)
            .map(|(label, &extent)| match kept.iter().position(|known| known == label) {
                Some(axis) if extent > 1 => at[axis].clone(),
                _ => Index::Const(0),
            })
            .collect();
        self.labels.terms[n] = kept;
        lower.moved(x, &shape, index)
    }

    /// An activation, term `m`, times a constant, term `n`.
    fn weighted(
        &self,
        lower: &mut Lower<'_>,
        x: &Quantity,
        m: usize,
        w: &Quantity,
        n: usize,
    ) -> Result<Quantity, Fault> {
        let mut x = lower.affine(x)?;
        let (mut weights, scale) = integer_weights(lower, w)?;
        let (mut term, mut extents) = (self.labels.terms[n].clone(), w.shape.clone());
        // The weights take over what the activation's scales differ by.
        for &label in &self.summed {
            let Some(axis) = self.labels.terms[m].iter().position(|&known| known == label) else { continue };
            if !x.chain.varies(axis) {
                continue;
            }
            let (multipliers, folded) = lower.fold_axis(&x, axis)?;
            x = folded;
            let known = term.iter().position(|&known| known == label).filter(|&at| extents[at] > 1);
            let at = known.unwrap_or_else(|| {
                weights = weights.iter().flat_map(|&weight| vec![weight; multipliers.len()]).collect();
                term.push(label);
                extents.push(multipliers.len());
                term.len() - 1
            });
            weights = multiplied(&weights, &extents, at, &multipliers)?;
        }
        if (0..w.shape.len()).any(|axis| scale.varies(axis) && self.summed.contains(&term[axis])) {
            return Err(scales_along_sum());
        }
        let shape = self.shape();
        let at = self.place(&term, &extents, false);
        let scale = scale
            .moved(&w.shape, &shape, &at[..w.shape.len()])
            .ok_or_else(|| Fault::shape("the weights' scale does not fit the result"))?;
        lower.contract(Contraction {
            x: &x,
            at: self.place(&self.labels.terms[m], &x.shape, x.framed),
            extent: self.depth(),
            weights,
            weight: Index::flatten(&self.place(&term, &extents, x.framed), &extents),
            scale,
            shape,
        })
    }

    /// Two activations.
    fn of_activations(&self, lower: &mut Lower<'_>, x: &Quantity, y: &Quantity) -> Result<Quantity, Fault> {
        if x.framed != y.framed {
            return Err(Fault::unsupported(
                "a product of tensors with and without a frame axis",
                "give both operands the batch as axis 0",
            ));
        }
        let shape = self.shape();
        let mut reads = Vec::new();
        let mut chains = Vec::new();
        for (operand, term) in [x, y].into_iter().zip(&self.labels.terms) {
            let mut operand = lower.centred(operand)?;
            if term
                .iter()
                .enumerate()
                .any(|(n, label)| operand.chain.varies(n) && self.summed.contains(label))
            {
                operand = lower.plain(&operand)?;
            }
            let at = self.place(term, &operand.shape, operand.framed);
            reads.push(lower.read(&operand, &at)?);
            // Scales do not vary along a summed axis, so that any point of it serves.
            let at: Vec<Index> = self
                .place(term, &operand.shape, false)
                .into_iter()
                .map(|index| if index.uses_r() { Index::Const(0) } else { index })
                .collect();
            let scales = operand.chain.map(|link| link.a.clone());
            chains.push(scales.moved(&operand.shape, &shape, &at).ok_or_else(scales_along_sum)?);
        }
        let chain = chains[0].zip(&chains[1], |a, b| Link::scale(a * b)).ok_or_else(scales_along_sum)?;
        let mut body = Expr::default();
        let (a, b) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        body.push(Op::Mul(a, b));
        let mut result = Quantity {
            codes: Codes::Const(Vec::new().into()),
            shape,
            framed: x.framed,
            chain,
            integer: false,
        };
        let draft = Draft::sum("", result.value_shape(), self.depth(), reads, body).frac(result.frac());
        result.codes = Codes::Value(lower.emit(draft)?);
        Ok(result)
    }
}
