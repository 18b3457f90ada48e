//! Moving data: one index map serves values, constants and the pending functions alike.

use std::rc::Rc;
use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Index};

use super::{Codes, Draft, Lower, Move, Quantity, coordinates};
use crate::graph::Tensor;
use crate::ops::Fault;

impl Lower<'_> {
    /// The quantity whose element at `p` of `shape` is this one's at `index`, everywhere within it. Both know the
    /// frame axis, and index maps address [`coordinates`] of the result.
    pub fn moved(
        &mut self,
        quantity: &Quantity,
        shape: &[usize],
        index: Vec<Index>,
    ) -> Result<Quantity, Fault> {
        let framed = quantity.framed;
        if framed && shape.first() != Some(&1) {
            return Err(Fault::unsupported(
                format!("the frame axis is moved: the result's shape is {shape:?}"),
                "keep axis 0 for the frame (the batch)",
            ));
        }
        // Fields and constants are addressed with the frame axis, kernels without it.
        let full: Vec<Index> = if framed {
            let at: Vec<Index> = (0..shape.len().max(1)).skip(1).map(Index::p).collect();
            index.iter().map(|index| index.compose(&at)).collect()
        } else {
            index.clone()
        };
        let outside = || Fault::shape("an index is outside its tensor");
        let chain = quantity.chain.moved(&quantity.shape, shape, &full).ok_or_else(outside)?;
        let codes = match &quantity.codes {
            Codes::Const(codes) => {
                Codes::Const(Rc::new(pick(codes, &quantity.shape, shape, &full).ok_or_else(outside)?))
            }
            Codes::Real(tensor) => {
                let data = pick(&tensor.data, &quantity.shape, shape, &full).ok_or_else(outside)?;
                Codes::Real(Arc::new(Tensor { shape: shape.to_vec(), data, integer: tensor.integer }))
            }
            Codes::Host(source, moves) => {
                let mut moves = moves.clone();
                moves.push(Move { shape: shape.to_vec(), index });
                Codes::Host(*source, moves)
            }
            Codes::Value(_) if shape == quantity.shape && index == coordinates(shape.len(), framed) => {
                quantity.codes.clone()
            }
            Codes::Value(_) => {
                let read = self.read(quantity, &index)?;
                let draft = Draft::elementwise("", &shape[usize::from(framed)..], vec![read], Expr::read());
                Codes::Value(self.emit(draft.frac(quantity.frac()))?)
            }
        };
        Ok(Quantity { codes, shape: shape.to_vec(), framed, chain, integer: quantity.integer })
    }

    /// The quantity repeated to `shape` as ONNX broadcasts it.
    pub fn broadcast(&mut self, quantity: &Quantity, shape: &[usize]) -> Result<Quantity, Fault> {
        let (from, to) = (quantity.shape.len(), shape.len());
        let fits = from <= to
            && quantity.shape.iter().zip(&shape[to.saturating_sub(from)..]).all(|(&a, &b)| a == b || a == 1);
        if !fits {
            return Err(Fault::shape(format!("{:?} cannot be broadcast to {shape:?}", quantity.shape)));
        }
        if quantity.framed && from != to {
            return Err(Fault::unsupported(
                format!("broadcasting {:?} to {shape:?} moves the frame axis", quantity.shape),
                "give both operands the same number of axes",
            ));
        }
        let at = coordinates(to, quantity.framed);
        let index = (0..from)
            .map(
                |axis| if quantity.shape[axis] == 1 { Index::Const(0) } else { at[axis + to - from].clone() },
            )
            .collect::<Vec<_>>();
        let same = quantity.shape == shape;
        if same { Ok(quantity.clone()) } else { self.moved(quantity, shape, index) }
    }
}

fn pick<T: Copy>(data: &[T], from: &[usize], shape: &[usize], index: &[Index]) -> Option<Vec<T>> {
    points(shape)
        .map(|p| {
            let mut flat = 0usize;
            for (index, &extent) in index.iter().zip(from) {
                let at = usize::try_from(index.at(&p, &[])).ok().filter(|&at| at < extent)?;
                flat = flat * extent + at;
            }
            data.get(flat).copied()
        })
        .collect()
}
