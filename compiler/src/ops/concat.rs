//! `Concat`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Op, Read};

use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, operand};
use crate::front::lower::{Codes, Draft, Field, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[…, i, …] = x_k[…, i − Σ_{j<k} n_j, …]`: the operands one after the other along an axis.
///
/// Codes keep their own scales; in hardware this is wiring.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// The axis.
    pub axis: i64,
}

pub(super) const ENTRY: Entry = Entry { name: "Concat", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Concat { axis: import.attributes.required("axis")? }))
}

impl Concat {
    fn target(self, shapes: &[&[usize]]) -> Result<(usize, Vec<usize>), Fault> {
        let first = *shapes.first().ok_or_else(|| Fault::shape("there is nothing to concatenate"))?;
        let axis = axis(self.axis, first.len())?;
        let mut shape = first.to_vec();
        shape[axis] = 0;
        for other in shapes {
            let fits =
                other.len() == first.len() && (0..first.len()).all(|n| n == axis || other[n] == first[n]);
            if !fits {
                return Err(Fault::shape(format!(
                    "{first:?} and {other:?} cannot be concatenated along axis {axis}"
                )));
            }
            shape[axis] += other[axis];
        }
        Ok((axis, shape))
    }
}

impl Operator for Concat {
    fn name(&self) -> &'static str {
        "Concat"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        let shapes: Vec<&[usize]> = inputs.iter().flatten().map(|known| known.shape).collect();
        Ok(vec![self.target(&shapes)?.1])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let parts = inputs
            .iter()
            .flatten()
            .map(|part| if part.is_constant() { lower.coded(part) } else { Ok(part.clone()) });
        let parts: Vec<Quantity> = parts.collect::<Result<_, _>>()?;
        let shapes: Vec<&[usize]> = parts.iter().map(|part| part.shape.as_slice()).collect();
        let (axis, shape) = self.target(&shapes)?;
        let framed = parts.iter().any(|part| part.framed);
        if framed && axis == 0 {
            return Err(Fault::unsupported(
                "the frame axis is concatenated",
                "concatenate along another axis",
            ));
        }
        let locate = |p: &[usize]| {
            let mut at = p.to_vec();
            let part = parts.iter().find(|part| {
                let inside = at[axis] < part.shape[axis];
                if !inside {
                    at[axis] -= part.shape[axis];
                }
                inside
            });
            (part.unwrap_or(&parts[0]), at)
        };
        let chain = match parts.iter().map(|part| part.chain.single()).collect::<Option<Vec<_>>>() {
            Some(links) if links.iter().all(|link| *link == links[0]) => {
                Field::uniform(shape.len(), links[0].clone())
            }
            _ => {
                let entry = |p: Vec<usize>| {
                    let (part, at) = locate(&p);
                    part.chain.at(&at).clone()
                };
                Field::new(shape.clone(), points(&shape).map(entry).collect())
            }
        };
        let known: Option<Vec<&Vec<i64>>> = parts
            .iter()
            .map(|part| match &part.codes {
                Codes::Const(codes) => Some(codes.as_ref()),
                _ => None,
            })
            .collect();
        let mut result = Quantity {
            codes: Codes::Const(Vec::new().into()),
            shape: shape.clone(),
            framed,
            chain,
            integer: false,
        };
        result.codes = if known.is_some() {
            let code = |p: Vec<usize>| {
                let (part, at) = locate(&p);
                let flat = at.iter().zip(&part.shape).fold(0, |flat, (&at, &n)| flat * n + at);
                match &part.codes {
                    Codes::Const(codes) => codes[flat],
                    _ => 0,
                }
            };
            Codes::Const(points(&shape).map(code).collect::<Vec<_>>().into())
        } else {
            // Outside its part every read delivers 0, so that the sum is the one part that is there.
            let mut reads: Vec<Read> = Vec::with_capacity(parts.len());
            let mut body = Expr::default();
            let (mut start, mut total) = (0i64, None);
            for (slot, part) in parts.iter().enumerate() {
                let mut at = coordinates(shape.len(), framed);
                at[axis] = at[axis].clone() + -start;
                start += part.shape[axis] as i64;
                reads.push(lower.read(part, &at)?);
                let code = body.push(Op::Read(slot as u32));
                total = Some(total.map_or(code, |total| body.push(Op::Add(total, code))));
            }
            let draft = Draft::elementwise("", result.value_shape(), reads, body).frac(result.frac());
            Codes::Value(lower.emit(draft)?)
        };
        Ok(vec![result])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let parts: Vec<&Tensor> = inputs.iter().copied().flatten().collect();
        let shapes: Vec<&[usize]> = parts.iter().map(|part| part.shape.as_slice()).collect();
        let (axis, shape) = self.target(&shapes)?;
        let outer: usize = shape[..axis].iter().product();
        let mut data = Vec::new();
        for row in 0..outer {
            for part in &parts {
                let run: usize = part.shape[axis..].iter().product();
                data.extend_from_slice(&part.data[row * run..(row + 1) * run]);
            }
        }
        let integer = operand(inputs, 0)?.integer;
        Ok(vec![Tensor::new(shape, data).typed(integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    // The last has three scales, one of them of a constant.
    [("fixed<6,3>", "ufixed<4,1>"), ("fixed<6,2>", "fixed<4,4>")]
        .into_iter()
        .map(|(first, second)| {
            sample(&[first, second], |graph| {
                let (a, b) = (graph.input("a", &[1, 2, 3]), graph.input("b", &[1, 2, 2]));
                let c = graph.constant("c", Tensor::new(vec![1, 2, 1], vec![0.3125, -2.0]));
                let y = graph.add("y", Concat { axis: -1 }, &[a, b, c, a]);
                graph.output(y);
            })
        })
        .collect()
}
