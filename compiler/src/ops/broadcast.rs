//! What elementwise operators of two operands share: ONNX's broadcasting, and the plain loop over it.

use nn2hdl_runtime::index::points;

use super::{Fault, Known, operand};
use crate::front::lower::{Field, Link, Lower, Quantity, Ratio};
use crate::graph::Tensor;

/// The shape of the result.
pub(super) fn shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, Fault> {
    let rank = a.len().max(b.len());
    let extent =
        |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (extent(a, axis), extent(b, axis)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => Err(Fault::shape(format!("{a:?} and {b:?} cannot be broadcast"))),
        })
        .collect()
}

/// The shape rule.
pub(super) fn shapes(inputs: &[Option<Known<'_>>]) -> Result<Vec<Vec<usize>>, Fault> {
    Ok(vec![shape(operand(inputs, 0)?.shape, operand(inputs, 1)?.shape)?])
}

/// The element at `p` of the broadcast tensor.
pub(super) fn element(tensor: &Tensor, p: &[usize]) -> f64 {
    let skip = p.len() - tensor.shape.len();
    let flat =
        p[skip..].iter().zip(&tensor.shape).fold(0, |flat, (&at, &n)| flat * n + if n == 1 { 0 } else { at });
    tensor.data[flat]
}

/// The naive reference of `f`.
pub(super) fn reference(
    inputs: &[Option<&Tensor>],
    f: impl Fn(f64, f64) -> f64,
) -> Result<Vec<Tensor>, Fault> {
    let (a, b) = (operand(inputs, 0)?, operand(inputs, 1)?);
    let shape = shape(&a.shape, &b.shape)?;
    let data = points(&shape).map(|p| f(element(a, &p), element(b, &p))).collect();
    Ok(vec![Tensor::new(shape, data).typed(a.integer && b.integer)])
}

/// The quantity with its chain extended, element by element, by a constant.
pub(super) fn with_constant(
    lower: &mut Lower<'_>,
    quantity: &Quantity,
    constant: &Quantity,
    f: impl Fn(&Link, &Ratio) -> Link,
) -> Result<Quantity, Fault> {
    let shape = lower.output_shape(0);
    let quantity = lower.broadcast(quantity, &shape)?;
    let values = constant.values()?;
    extend(&quantity, &aligned(&values, shape.len()), f)
}

/// The quantity with its chain extended by a field over its own axes.
pub(super) fn extend<T: Clone + PartialEq>(
    quantity: &Quantity,
    field: &Field<T>,
    f: impl Fn(&Link, &T) -> Link,
) -> Result<Quantity, Fault> {
    let chain =
        quantity.chain.zip(field, f).ok_or_else(|| Fault::shape("a constant does not fit its operand"))?;
    Ok(Quantity { chain, ..quantity.clone() })
}

/// The field with axes put in front.
pub(super) fn aligned(values: &Field<Ratio>, rank: usize) -> Field<Ratio> {
    let mut shape = vec![1; rank.saturating_sub(values.shape().len())];
    shape.extend(values.shape());
    Field::new(shape, values.entries().to_vec())
}

/// Both activations, broadcast to the result's shape.
pub(super) fn both(lower: &mut Lower<'_>, a: &Quantity, b: &Quantity) -> Result<(Quantity, Quantity), Fault> {
    let shape = lower.output_shape(0);
    Ok((lower.broadcast(a, &shape)?, lower.broadcast(b, &shape)?))
}
