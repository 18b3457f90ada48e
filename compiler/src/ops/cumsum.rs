//! `CumSum`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};

use super::group::{members, others};
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, ints, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity};
use crate::graph::Tensor;

/// `y[…, i, …] = Σ_{j ≤ i} x[…, j, …]` along an axis; `j < i` if exclusive, `j ≥ i` (`j > i`) if reversed.
///
/// In stages that add what is 1, 2, 4, … places away.
#[derive(Clone, Copy, Debug)]
pub struct CumSum {
    /// Whether an element is left out of its own sum.
    pub exclusive: bool,
    /// Whether sums run from the end.
    pub reverse: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "CumSum", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let attributes = &mut import.attributes;
    let (exclusive, reverse) = (attributes.or("exclusive", 0i64)?, attributes.or("reverse", 0i64)?);
    Ok(Arc::new(CumSum { exclusive: exclusive != 0, reverse: reverse != 0 }))
}

fn the_axis(list: Option<Vec<i64>>, rank: usize) -> Result<usize, Fault> {
    let at = list.and_then(|list| list.first().copied());
    axis(at.ok_or_else(|| Fault::shape("the axis is missing"))?, rank)
}

impl Operator for CumSum {
    fn name(&self) -> &'static str {
        "CumSum"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        the_axis(ints(inputs, 1, "axis")?, x.shape.len())?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = the_axis(Some(operand(inputs, 1)?.integers()?), x.shape.len())?;
        if x.framed && axis == 0 {
            return Err(Fault::unsupported("a sum over frames", "choose another axis"));
        }
        let mut x = lower.centred(&x)?;
        if x.chain.varies(axis) {
            x = lower.plain(&x)?;
        }
        let away = |distance: usize, x: &Quantity| {
            let mut at = x.position();
            let distance = if self.reverse { distance as i64 } else { -(distance as i64) };
            at[axis] = at[axis].clone() + distance;
            at
        };
        if self.exclusive {
            let read = lower.read(&x, &away(1, &x))?;
            let draft = Draft::elementwise("moved", x.value_shape(), vec![read], Expr::read());
            x.codes = Codes::Value(lower.emit(draft.frac(x.frac()))?);
        }
        let mut distance = 1;
        while distance < x.shape[axis] {
            let reads = vec![lower.read(&x, &x.position())?, lower.read(&x, &away(distance, &x))?];
            let mut body = Expr::default();
            let (own, other) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
            body.push(Op::Add(own, other));
            distance *= 2;
            let part = if distance < x.shape[axis] { "partial" } else { "" };
            let draft = Draft::elementwise(part, x.value_shape(), reads, body);
            x.codes = Codes::Value(lower.emit(draft.frac(x.frac()))?);
        }
        Ok(vec![x])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = the_axis(Some(operand(inputs, 1)?.to_ints()), x.shape.len())?;
        let mut data = x.data.clone();
        for mut line in members(&x.shape, |p| others(p, &[axis])) {
            if self.reverse {
                line.reverse();
            }
            let mut sum = 0.0;
            for at in line {
                let before = sum;
                sum += x.data[at];
                data[at] = if self.exclusive { before } else { sum };
            }
        }
        Ok(vec![Tensor::new(x.shape.clone(), data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [(false, false, 1), (true, false, -1), (false, true, 2), (true, true, 1)]
        .into_iter()
        .map(|(exclusive, reverse, axis)| {
            sample(&["fixed<4,2>"], |graph| {
                let x = graph.input("x", &[1, 5, 3]);
                let axis = graph.constant("axis", Tensor::ints(&[axis]));
                let y = graph.add("y", CumSum { exclusive, reverse }, &[x, axis]);
                graph.output(y);
            })
        })
        .collect()
}
