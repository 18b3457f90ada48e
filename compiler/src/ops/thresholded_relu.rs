//! `ThresholdedRelu`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Role, Sample, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity, exact, whole};
use crate::graph::Tensor;

/// `y = x` where `x > alpha`, else 0.
#[derive(Clone, Copy, Debug)]
pub struct ThresholdedRelu {
    /// The threshold.
    pub alpha: f64,
}

pub(super) const ENTRY: Entry = Entry { name: "ThresholdedRelu", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(ThresholdedRelu { alpha: import.attributes.or("alpha", 1.0)? }))
}

impl Operator for ThresholdedRelu {
    fn name(&self) -> &'static str {
        "ThresholdedRelu"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![operand(inputs, 0)?.shape.to_vec()])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let x = lower.plain(&operand(inputs, 0)?)?;
        let alpha = exact(self.alpha).ok_or_else(|| {
            Fault::unsupported("the threshold is NaN or infinite", "export the model again")
        })?;
        let above = x.chain.map(|link| link.then(&whole(-1), &alpha));
        let above = lower.negative(&Quantity { chain: above, ..x.clone() })?;
        let mut body = Expr::default();
        let (value, condition) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let zero = body.constant(0);
        body.push(Op::Select(condition, value, zero));
        let at = x.position();
        let reads = vec![lower.read(&x, &at)?, lower.read(&above, &at)?];
        let draft = Draft::elementwise("", x.value_shape(), reads, body).frac(x.frac());
        Ok(vec![Quantity { codes: Codes::Value(lower.emit(draft)?), ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let x = operand(inputs, 0)?;
        let data = x.data.iter().map(|&v| if v > self.alpha { v } else { 0.0 }).collect();
        Ok(vec![Tensor::new(x.shape.clone(), data)])
    }

    fn role(&self) -> Role {
        Role::Activation
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let form = |alpha: f64, bias: f64| {
        sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 3]);
            let bias = graph.constant("bias", Tensor::new(vec![3], vec![bias, 0.0, -bias]));
            let moved = graph.add("moved", super::Add, &[x, bias]);
            let y = graph.add("y", ThresholdedRelu { alpha }, &[moved]);
            graph.output(y);
        })
    };
    vec![form(1.0, 0.0), form(-0.7, 0.5)]
}
