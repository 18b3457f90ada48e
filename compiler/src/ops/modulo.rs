//! `Mod`.

use std::sync::Arc;

use nn2hdl_runtime::{Expr, Op};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, broadcast, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity, log2};
use crate::graph::Tensor;

/// `y = x − m·⌊x / m⌋`, with ONNX's broadcasting, for a constant `m` that is one power of two of steps of `x`: the low bits of
/// the codes.
#[derive(Clone, Copy, Debug)]
pub struct Mod;

pub(super) const ENTRY: Entry = Entry { name: "Mod", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    if import.attributes.or("fmod", 0i64)? != 0 {
        return Err(Fault::unsupported("fmod = 1, the remainder with the dividend's sign", "use fmod = 0"));
    }
    Ok(Arc::new(Mod))
}

impl Operator for Mod {
    fn name(&self) -> &'static str {
        "Mod"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        broadcast::shapes(inputs)
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let modulus = operand(inputs, 1)?;
        let unsupported =
            || Fault::unsupported("this divisor", "use one constant, a power of two of the dividend's steps");
        if !modulus.is_constant() {
            return Err(unsupported());
        }
        let modulus = modulus.values()?.single().cloned().ok_or_else(unsupported)?;
        let x = lower.broadcast(&operand(inputs, 0)?, &lower.output_shape(0))?;
        let x = lower.plain(&x)?;
        let step = x.plain_scale().cloned().ok_or_else(unsupported)?;
        let width =
            log2(&(modulus / step)).filter(|width| (0..62).contains(width)).ok_or_else(unsupported)?;
        let mut body = Expr::default();
        if width == 0 {
            body.constant(0);
        } else {
            let code = body.push(Op::Read(0));
            let width = body.constant(width);
            body.push(Op::Wrap { a: code, signed: false, width });
        }
        let reads = if width == 0 { Vec::new() } else { vec![lower.read(&x, &x.position())?] };
        let draft = Draft::elementwise("", x.value_shape(), reads, body).frac(x.frac());
        Ok(vec![Quantity { codes: Codes::Value(lower.emit(draft)?), ..x }])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        broadcast::reference(inputs, |x, modulus| x - modulus * (x / modulus).floor())
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let form = |shape: &[usize], modulus: Tensor| {
        sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", shape);
            let modulus = graph.constant("modulus", modulus);
            let y = graph.add("y", Mod, &[x, modulus]);
            graph.output(y);
        })
    };
    let scalar = |modulus: f64| form(&[1, 2, 2], Tensor::scalar(modulus));
    let wider = form(&[1, 1, 2], Tensor::new(vec![1, 3, 1], vec![1.0; 3]));
    vec![scalar(2.0), scalar(0.125), scalar(0.5), wider]
}
