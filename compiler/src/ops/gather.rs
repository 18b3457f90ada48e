//! `Gather`.

use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Access, Expr, Index, Read};

use super::picked::wired;
use super::sample::sample;
use super::{Entry, Fault, Import, Known, ONNX, Operator, Sample, axis, bounded, operand};
use crate::front::lower::{Codes, Draft, Lower, Quantity, coordinates};
use crate::graph::Tensor;

/// `y[…, i…, …] = x[…, index[i…], …]` along an axis.
///
/// Indices may be constant, or an input: then along axis 0 of a network without a frame axis, and an index outside `x`,
/// such as that of an absent edge, delivers 0.
#[derive(Clone, Copy, Debug)]
pub struct Gather {
    /// The axis.
    pub axis: i64,
}

pub(super) const ENTRY: Entry = Entry { name: "Gather", domains: ONNX, import, samples };

fn import(import: &mut Import<'_>) -> Result<Arc<dyn Operator>, Fault> {
    Ok(Arc::new(Gather { axis: import.attributes.or("axis", 0)? }))
}

impl Gather {
    fn target(self, x: &[usize], indices: &[usize]) -> Result<(usize, Vec<usize>), Fault> {
        let axis = axis(self.axis, x.len())?;
        let mut shape = x[..axis].to_vec();
        shape.extend(indices);
        shape.extend(&x[axis + 1..]);
        Ok((axis, bounded(shape)?))
    }

    /// With constant indices the operator is wiring.
    fn wired(
        lower: &mut Lower<'_>,
        x: &Quantity,
        axis: usize,
        indices: &Quantity,
    ) -> Result<Quantity, Fault> {
        let extent = x.shape[axis] as i64;
        let list: Vec<i64> =
            indices.integers()?.iter().map(|&i| if i < 0 { i + extent } else { i }).collect();
        if list.iter().any(|i| !(0..extent).contains(i)) {
            return Err(Fault::shape(format!("an index is outside the axis of extent {extent}")));
        }
        let shape = lower.output_shape(0);
        if x.framed && axis == 0 {
            return Err(Fault::unsupported("frames are gathered", "choose another axis"));
        }
        let at = coordinates(shape.len(), x.framed);
        let rank = indices.shape.len();
        let mut index: Vec<Index> = at[..axis].to_vec();
        let steps: Vec<i64> = list.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let flat = Index::flatten(&at[axis..axis + rank], &indices.shape);
        let regular = steps.iter().all(|step| *step == steps[0]);
        if !regular {
            let extents = indices.shape.clone();
            return wired(lower, x, &shape, &|p| {
                let place = p[axis..axis + rank].iter().zip(&extents);
                let row = list[place.fold(0, |flat, (&at, &n)| flat * n + at)] as usize;
                Some(p[..axis].iter().copied().chain([row]).chain(p[axis + rank..].iter().copied()).collect())
            });
        }
        index.push(match steps.first() {
            Some(&step) => flat * step + list[0],
            None => Index::Const(list[0]),
        });
        index.extend_from_slice(&at[axis + rank..]);
        lower.moved(x, &shape, index)
    }

    fn emitted(
        lower: &mut Lower<'_>,
        x: &Quantity,
        axis: usize,
        rank: usize,
        reads: Vec<Read>,
        body: Expr,
    ) -> Result<Quantity, Fault> {
        let shape = lower.output_shape(0);
        // The chain does not vary along the axis, so that any position there will do.
        let mut at: Vec<Index> = (0..axis).map(Index::p).collect();
        at.push(Index::Const(0));
        at.extend((axis + rank..shape.len()).map(Index::p));
        let chain = x
            .chain
            .moved(&x.shape, &shape, &at)
            .ok_or_else(|| Fault::shape("an index is outside its tensor"))?;
        let draft = Draft::elementwise("", &shape[usize::from(x.framed)..], reads, body).frac(x.frac());
        Ok(Quantity { codes: Codes::Value(lower.emit(draft)?), shape, chain, ..x.clone() })
    }

    /// Indices that are known at run time only.
    fn addressed(
        lower: &mut Lower<'_>,
        x: &Quantity,
        axis: usize,
        indices: &Quantity,
    ) -> Result<Quantity, Fault> {
        if x.framed || indices.framed || axis != 0 {
            return Err(Fault::unsupported(
                "run-time indices along this axis",
                "use axis 0, in a network whose inputs have no frame axis (no leading extent of 1)",
            ));
        }
        if x.chain.varies(axis) {
            return Err(Fault::new(
                "scales-differ",
                "the rows that are gathered differ in scale",
                "use one scale",
            ));
        }
        let x = lower.affine(x)?;
        let outside = lower.zero_code(&x).ok_or_else(|| {
            Fault::unsupported("the value 0 of an absent row has no code", "use a quantizer without offset")
        })?;
        let indices = lower.indices(indices, x.shape[axis])?;
        let rank = indices.shape.len();
        let shape = lower.output_shape(0);
        let at = coordinates(shape.len(), false);
        let slot = lower.read(&indices, &at[..rank])?;
        let mut index = vec![Access::Runtime(0)];
        index.extend(at[rank..].iter().cloned().map(Access::Affine));
        let row = Read { value: lower.value(&x)?, index, outside };
        let mut body = Expr::default();
        body.push(nn2hdl_runtime::Op::Read(1));
        Self::emitted(lower, &x, axis, rank, vec![slot, row], body)
    }
}

impl Operator for Gather {
    fn name(&self) -> &'static str {
        "Gather"
    }

    fn shapes(&self, inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
        Ok(vec![self.target(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape)?.1])
    }

    fn define(&self, lower: &mut Lower<'_>, inputs: &[Option<Quantity>]) -> Result<Vec<Quantity>, Fault> {
        let (x, indices) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let (axis, _) = self.target(&x.shape, &indices.shape)?;
        let y = if indices.is_constant() {
            Self::wired(lower, &x, axis, &indices)
        } else {
            Self::addressed(lower, &x, axis, &indices)
        };
        Ok(vec![y?])
    }

    fn reference(&self, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Fault> {
        let (x, indices) = (operand(inputs, 0)?, operand(inputs, 1)?);
        let (axis, shape) = self.target(&x.shape, &indices.shape)?;
        let rank = indices.shape.len();
        let extent = x.shape[axis];
        let data = points(&shape)
            .map(|p| {
                let flat =
                    p[axis..axis + rank].iter().zip(&indices.shape).fold(0, |flat, (&at, &n)| flat * n + at);
                let found = indices.data[flat] as i64;
                let row = if found < 0 { found + extent as i64 } else { found } as usize;
                let mut at = p[..axis].to_vec();
                at.push(row);
                at.extend(&p[axis + rank..]);
                if row >= extent {
                    0.0
                } else {
                    x.data[at.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)]
                }
            })
            .collect();
        Ok(vec![Tensor::new(shape, data).typed(x.integer)])
    }
}

fn samples(_seed: u64) -> Vec<Sample> {
    let constant = |indices: &[i64]| {
        sample(&["fixed<6,3>"], |graph| {
            let x = graph.input("x", &[1, 4, 2]);
            let indices = graph.constant("indices", Tensor::ints(indices));
            let y = graph.add("y", Gather { axis: 1 }, &[x, indices]);
            graph.output(y);
        })
    };
    let mut addressed = sample(&["fixed<6,3>", "indices"], |graph| {
        let x = graph.input("x", &[4, 2]);
        let indices = graph.index_input("indices", &[5]);
        let y = graph.add("y", Gather { axis: 0 }, &[x, indices]);
        graph.output(y);
    });
    addressed.graph.framed = false;
    vec![constant(&[1, 3]), constant(&[2, 0, -1, 2]), addressed]
}
