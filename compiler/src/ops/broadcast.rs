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

/// The shape of the result of any number of operands.
pub(super) fn shape_of_all(inputs: &[Option<Known<'_>>]) -> Result<Vec<usize>, Fault> {
    operand(inputs, 0)?;
    inputs.iter().flatten().try_fold(Vec::new(), |known, input| shape(&known, input.shape))
}

/// All operands combined two by two, activations before constants.
pub(super) fn folded(
    lower: &mut Lower<'_>,
    inputs: &[Option<Quantity>],
    mut combine: impl FnMut(&mut Lower<'_>, &Quantity, &Quantity) -> Result<Quantity, Fault>,
) -> Result<Quantity, Fault> {
    let (constants, live): (Vec<&Quantity>, Vec<&Quantity>) =
        inputs.iter().flatten().partition(|input| input.is_constant());
    let mut all = live.into_iter().chain(constants);
    let first = all.next().ok_or_else(|| Fault::shape("there is no input"))?;
    let shape = lower.output_shape(0);
    let first = lower.broadcast(first, &shape)?;
    all.try_fold(first, |total, next| combine(lower, &total, next))
}

/// The operands of one kernel: broadcast to the result's shape, constants with a frame axis if any operand has one.
pub(super) fn aligned_all(lower: &mut Lower<'_>, parts: &[Quantity]) -> Result<Vec<Quantity>, Fault> {
    let shape = lower.output_shape(0);
    let framed = parts.iter().any(|part| part.framed);
    let one = |part: &Quantity| {
        let part = lower.broadcast(part, &shape)?;
        Ok(if part.is_constant() { Quantity { framed, ..part } } else { part })
    };
    parts.iter().map(one).collect()
}

/// The naive reference of a function of all operands' elements.
pub(super) fn reference_of_all(
    inputs: &[Option<&Tensor>],
    f: impl Fn(&[f64]) -> f64,
) -> Result<Vec<Tensor>, Fault> {
    let all: Vec<&Tensor> = inputs.iter().flatten().copied().collect();
    let shape = all.iter().try_fold(Vec::new(), |known, tensor| shape(&known, &tensor.shape))?;
    let data = points(&shape).map(|p| {
        let values: Vec<f64> = all.iter().map(|tensor| element(tensor, &p)).collect();
        f(&values)
    });
    let data = data.collect();
    Ok(vec![Tensor::new(shape, data).typed(all.iter().all(|tensor| tensor.integer))])
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

/// The most constants of one layer that differ from position to position: each takes a kilobyte or two until it is lowered.
const LARGEST_FIELD: usize = 1 << 18;

/// The quantity with its chain extended by a field over its own axes.
pub(super) fn extend<T: Clone + PartialEq>(
    quantity: &Quantity,
    field: &Field<T>,
    f: impl Fn(&Link, &T) -> Link,
) -> Result<Quantity, Fault> {
    let extents = quantity.chain.shape().iter().zip(field.shape()).map(|(&a, &b)| a.max(b));
    if extents.fold(1, usize::saturating_mul) > LARGEST_FIELD {
        return Err(Fault::new(
            "kernel-too-large",
            "more than 2^18 constants differ from position to position",
            "use one constant for all positions or for each channel, or smaller images",
        ));
    }
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
