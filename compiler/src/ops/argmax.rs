//! `ArgMax`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, ExprId, Index, Op, Reduction};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y = min { i : x[…, i, …] = max_j x[…, j, …] }` along an axis; the greatest such `i` if so stated.
///
/// Reduces `x × 2^k + (n − 1 − i)` with `max`.
#[derive(Clone, Copy, Debug)]
pub struct ArgMax {
    /// The axis.
    pub axis: i64,
    /// Whether the axis stays, with extent 1.
    pub keep: bool,
    /// Whether the last of equal maxima counts.
    pub last: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "ArgMax", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    Ok(Arc::new(ArgMax {
        axis: attributes.or("axis", 0)?,
        keep: attributes.or("keepdims", 1i64)? != 0,
        last: attributes.or("select_last_index", 0i64)? != 0,
    }))
}

/// The place of an extreme element along an axis.
pub(super) struct Search {
    /// The axis.
    pub axis: usize,
    /// Whether the axis stays, with extent 1.
    pub keep: bool,
    /// Whether the last of equal elements counts.
    pub last: bool,
    /// `Max` or `Min`.
    pub reduction: Reduction,
}

impl Search {
    /// Reduces `x × 2^k` plus a number that grows with the index where the extreme prefers it, and keeps the low bits.
    pub(super) fn define(
        &self,
        lower: &mut Lower<'_>,
        x: &Quantity,
        shape: Vec<usize>,
    ) -> Result<Quantity, Fault> {
        let Self { axis, keep, last, reduction } = *self;
        if x.framed && axis == 0 {
            return Err(Fault::unsupported("the extreme is taken over frames", "choose another axis"));
        }
        let x = lower.plain(&without_offset(x))?;
        let extent = x.shape[axis];
        let bits = i64::from(usize::BITS - (extent - 1).leading_zeros());
        let mut at = coordinates(shape.len(), x.framed);
        if keep {
            at[axis] = Index::r(0);
        } else {
            at.insert(axis, Index::r(0));
        }
        let read = lower.read(&x, &at)?;
        let mut body = Expr::default();
        let value = body.push(Op::Read(0));
        let amount = body.constant(bits);
        let high = body.push(Op::Shl(value, amount));
        let rising = last == (reduction == Reduction::Max);
        let order = (0..extent as i64).map(|i| if rising { i } else { extent as i64 - 1 - i }).collect();
        let table = lower.table("order", order);
        let low = body.push(Op::Param { table, index: Index::r(0) });
        body.push(Op::Add(high, low));
        let mut finish = Expr::default();
        if bits == 0 {
            finish.constant(0);
        } else {
            let found = finish.push(Op::Acc);
            place(&mut finish, found, bits, extent, rising);
        }
        let chain = Field::uniform(shape.len(), Link::identity());
        let mut result = Quantity {
            codes: Codes::Const(Vec::new().into()),
            shape,
            framed: x.framed,
            chain,
            integer: true,
        };
        let draft = Draft::sum("", result.value_shape(), vec![extent], vec![read], body);
        result.codes = Codes::Value(lower.emit(Draft { reduction, finish, ..draft })?);
        Ok(result)
    }
}

/// The quantity without an offset that is the same everywhere, which does not change the order of its elements.
pub(super) fn without_offset(x: &Quantity) -> Quantity {
    match x.chain.single() {
        Some(link) if link.is_affine() && !num_traits::Zero::is_zero(&link.a) => {
            let scale = Link::scale(link.a.clone());
            Quantity { chain: Field::uniform(x.shape.len(), scale), ..x.clone() }
        }
        _ => x.clone(),
    }
}

/// Appends the index, below `extent`, that the low `bits` of `key` stand for: counted up, or down from the last.
pub(super) fn place(expr: &mut Expr, key: ExprId, bits: i64, extent: usize, rising: bool) -> ExprId {
    let width = expr.constant(bits);
    let low = expr.push(Op::Wrap { a: key, signed: false, width });
    let most = expr.constant(extent as i64 - 1);
    // No index is beyond the axis, which intervals alone do not show where the extent is no power of two.
    if rising {
        return expr.push(Op::Min(low, most));
    }
    let index = expr.push(Op::Sub(most, low));
    let zero = expr.constant(0);
    expr.push(Op::Max(index, zero))
}

impl ArgMax {
    fn target(self, shape: &[usize]) -> Result<(usize, Vec<usize>), Fault> {
        let axis = axis(self.axis, shape.len())?;
        let mut target = shape.to_vec();
        if self.keep {
            target[axis] = 1;
        } else {
            target.remove(axis);
        }
        Ok((axis, target))
    }
}

impl Operator for ArgMax {
    fn name(&self) -> &'static str {
        "ArgMax"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape)?.1])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let (axis, shape) = self.target(&x.shape)?;
        let search = Search { axis, keep: self.keep, last: self.last, reduction: Reduction::Max };
        Ok(vec![search.define(lower, &x, shape)?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let (axis, shape) = self.target(&x.shape)?;
        let mut outer = x.shape.clone();
        outer[axis] = 1;
        let data = points(&outer)
            .map(|mut p| {
                let mut best = (0, f64::NEG_INFINITY);
                for i in 0..x.shape[axis] {
                    p[axis] = i;
                    let value = x.data[p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)];
                    if value > best.1 || (self.last && value == best.1) {
                        best = (i, value);
                    }
                }
                best.0 as f64
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(true)])
    }

    fn integer(&self, _inputs: &[bool]) -> bool {
        true
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [(-1, true, false), (1, false, false), (2, false, true)]
        .into_iter()
        .map(|(axis, keep, last)| {
            sample(&["fixed<3,2>"], |graph| {
                let x = graph.input("x", &[1, 2, 5]);
                let y = graph.add("y", ArgMax { axis, keep, last }, &[x]);
                graph.output(y);
            })
        })
        .collect()
}
