//! `Hardmax`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op, Reduction};

use super::argmax::Search;
use super::group::{members, others};
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Field, Link, Lower, Quantity};
use crate::graph::Tensor;

/// `y[…, i, …] = 1` if `i` is the first index of the greatest element along an axis, else 0.
#[derive(Clone, Copy, Debug)]
pub struct Hardmax {
    /// The axis.
    pub axis: i64,
    /// Whether all axes from `axis` on are one, as before operator set 13.
    pub flat: bool,
}

pub(super) const ENTRY: Entry = Entry { name: "Hardmax", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    let flat = import.opset < 13;
    let axis = import.attributes.or("axis", if flat { 1 } else { -1 })?;
    Ok(Arc::new(Hardmax { axis, flat }))
}

impl Hardmax {
    fn axis(self, shape: &[usize]) -> Result<usize, Fault> {
        let axis = axis(self.axis, shape.len())?;
        if self.flat && shape[axis + 1..].iter().any(|&extent| extent > 1) {
            return Err(Fault::unsupported(
                "a hardmax over several axes",
                "convert the model to operator set 13 or later",
            ));
        }
        Ok(axis)
    }
}

impl Operator for Hardmax {
    fn name(&self) -> &'static str {
        "Hardmax"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let x = operand(inputs, 0)?;
        self.axis(x.shape)?;
        Ok(vec![x.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = self.axis(&x.shape)?;
        let mut one_each = x.shape.clone();
        one_each[axis] = 1;
        let search = Search { axis, keep: true, last: false, reduction: Reduction::Max };
        let best = search.define(lower, &x, one_each)?;
        let mut at = x.position();
        at[axis] = nn2hdl_runtime::Index::Const(0);
        let table = lower.table("place", (0..x.shape[axis] as i64).collect());
        let mut body = Expr::default();
        let found = body.push(Op::Read(0));
        let own = body.push(Op::Param { table, index: x.position()[axis].clone() });
        let (below, above) = (body.push(Op::Lt(found, own)), body.push(Op::Lt(own, found)));
        let other = body.push(Op::Max(below, above));
        let one = body.constant(1);
        body.push(Op::Sub(one, other));
        let read = lower.read(&best, &at)?;
        let value = lower.emit(Draft::elementwise("", x.value_shape(), vec![read], body))?;
        let chain = Field::uniform(x.shape.len(), Link::identity());
        Ok(vec![Quantity { codes: Codes::Value(value), chain, integer: false, ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let axis = self.axis(&x.shape)?;
        let mut data = vec![0.0; x.data.len()];
        for group in members(&x.shape, |p| others(p, &[axis])) {
            let max = group.iter().map(|&n| x.data[n]).fold(f64::NEG_INFINITY, f64::max);
            group.iter().find(|&&n| x.data[n] == max).into_iter().for_each(|&n| data[n] = 1.0);
        }
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    [(-1, false), (1, false)]
        .into_iter()
        .map(|(axis, flat)| {
            sample(&["fixed<3,2>"], |graph| {
                let x = graph.input("x", &[1, 3, 4]);
                let y = graph.add("y", Hardmax { axis, flat }, &[x]);
                graph.output(y);
            })
        })
        .collect()
}
