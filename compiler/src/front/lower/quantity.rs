//! What a graph tensor is lowered to: codes, and the exact function from codes to values.

use std::rc::Rc;
use std::sync::Arc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Index, ValueId};

use super::chain::{Chain, Link};
use super::field::{Field, Ratio, exact, whole};
use crate::graph::Tensor;
use crate::ops::Fault;

/// Where the codes of a tensor are.
#[derive(Clone, Debug)]
pub enum Codes {
    /// In a value of the block that is being written.
    Value(ValueId),
    /// On the host: an input (by number) that no quantizer has met yet, seen through a sequence of moves.
    Host(usize, Vec<Move>),
    /// Known: the codes of a quantized constant.
    Const(Rc<Vec<i64>>),
    /// Known, and not yet codes: a float constant.
    Real(Arc<Tensor>),
}

/// A rearrangement: the element at `p` of `shape` is the operand's at `index`.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// Extents of the result, with the frame axis.
    pub shape: Vec<usize>,
    /// Coordinates in the operand, within it everywhere.
    pub index: Vec<Index>,
}

/// A lowered tensor.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// The codes.
    pub codes: Codes,
    /// Extents, with the frame axis if there is one.
    pub shape: Vec<usize>,
    /// Whether axis 0 is the frame; values of the program then lack it.
    pub framed: bool,
    /// From codes to values; for [`Codes::Real`] the identity.
    pub chain: Chain,
    /// Whether these are integers: indices.
    pub integer: bool,
}

impl Quantity {
    /// A float constant.
    pub fn real(tensor: impl Into<Arc<Tensor>>) -> Self {
        let tensor = tensor.into();
        let chain = Field::uniform(tensor.shape.len(), Link::identity());
        let (shape, integer) = (tensor.shape.clone(), tensor.integer);
        Self { codes: Codes::Real(tensor), shape, framed: false, chain, integer }
    }

    /// The extents of the program's value.
    pub fn value_shape(&self) -> &[usize] {
        &self.shape[usize::from(self.framed)..]
    }

    /// Whether the codes are known at compile time.
    pub fn is_constant(&self) -> bool {
        matches!(self.codes, Codes::Const(_) | Codes::Real(_))
    }

    /// The coordinates of an output position, for a value of this quantity's axes.
    pub fn position(&self) -> Vec<Index> {
        coordinates(self.shape.len(), self.framed)
    }

    /// The number of fraction bits, where codes are plain fixed-point numbers; else 0.
    pub fn frac(&self) -> i32 {
        let plain = self.chain.single().filter(|link| link.bend.is_none());
        let exponent = plain.and_then(|link| super::field::log2(&link.a));
        exponent.and_then(|e| i32::try_from(-e).ok()).filter(|frac| frac.abs() <= 1024).unwrap_or(0)
    }

    /// The scale, the same at every element, if no offset and no clamp is pending.
    pub fn plain_scale(&self) -> Option<&Ratio> {
        use num_traits::Zero;
        self.chain.single().filter(|link| link.is_affine() && link.b.is_zero()).map(|link| &link.a)
    }

    /// Whether a clamp or a bend is pending.
    pub fn is_clamped(&self) -> bool {
        self.chain.entries().iter().any(|link| !link.is_affine())
    }

    /// The integers of a constant list.
    pub fn integers(&self) -> Result<Vec<i64>, Fault> {
        match &self.codes {
            Codes::Real(tensor) => Ok(tensor.to_ints()),
            _ => {
                Err(Fault::unsupported("a list of integers is computed at run time", "give it as a constant"))
            }
        }
    }

    /// The exact values of a constant.
    pub fn values(&self) -> Result<Field<Ratio>, Fault> {
        match &self.codes {
            Codes::Const(codes) => {
                let values = points(&self.shape)
                    .zip(codes.iter())
                    .map(|(p, &code)| self.chain.at(&p).value(&whole(code)));
                Ok(Field::new(self.shape.clone(), values.collect()))
            }
            Codes::Real(tensor) => {
                // Equal floats are converted once: most tensors are far larger than their set of values.
                let bits = tensor.data.iter().map(|value| (value + 0.0).to_bits()).collect();
                let field: Field<u64> = Field::new(self.shape.clone(), bits);
                if tensor.data.iter().any(|value| !value.is_finite()) {
                    return Err(Fault::new(
                        "not-finite",
                        "a constant holds NaN or infinity",
                        "train or export the model again",
                    ));
                }
                Ok(field.map_as_is(|&bits| exact(f64::from_bits(bits)).unwrap_or_default()))
            }
            _ => Err(Fault::unsupported(
                "an operand that must be a constant is computed at run time",
                "only constants are supported here",
            )),
        }
    }
}

/// The coordinates of an output position over `rank` axes; the frame axis, if any, has only the position 0.
pub fn coordinates(rank: usize, framed: bool) -> Vec<Index> {
    let frame = usize::from(framed);
    (0..rank).map(|axis| if axis < frame { Index::Const(0) } else { Index::p(axis - frame) }).collect()
}
