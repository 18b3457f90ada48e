//! Greatest and least elements: what pools and reductions share.

use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Expr, Index, Reduction};

use super::Fault;
use crate::front::lower::{Codes, Draft, Lower, Quantity, lift};

/// `y[p] = max over r of x[at(p, r)]`, or the least; what is outside `x` does not count.
pub(super) fn extreme(
    lower: &mut Lower<'_>,
    x: &Quantity,
    at: &[Index],
    extent: Vec<usize>,
    shape: &[usize],
    greatest: bool,
) -> Result<Quantity, Fault> {
    // A monotone function of the codes commutes with the maximum, if it is the same for all that are compared.
    let alike = |x: &Quantity| (0..x.shape.len()).all(|axis| !x.chain.varies(axis) || !at[axis].uses_r());
    let all = |direction: i8| x.chain.entries().iter().all(|link| link.direction() == Some(direction));
    let (rising, falling) = (all(1), all(-1));
    let is_value = matches!(x.codes, Codes::Value(_));
    let (x, rising) = if is_value && alike(x) && (rising || falling) {
        (x.clone(), rising)
    } else {
        (lower.plain(x)?, true)
    };
    let most = greatest == rising;
    let index: Vec<Index> = (0..x.shape.len())
        .map(|axis| {
            let here = lift(&at[axis], shape.len(), x.framed);
            if x.chain.varies(axis) { here } else { Index::Const(0) }
        })
        .collect();
    let chain = x.chain.moved(&x.shape, shape, &index);
    let chain = chain.ok_or_else(|| Fault::shape("an index is outside its tensor"))?;
    let mut read = lower.read(&x, at)?;
    let value = lower.value(&x)?;
    let range = join(lower.elements(value));
    read.outside = if most { range.lo } else { range.hi } as i64;
    let reduction = if most { Reduction::Max } else { Reduction::Min };
    let result = Quantity { chain, shape: shape.to_vec(), ..x };
    let draft = Draft::sum("", result.value_shape(), extent, vec![read], Expr::read()).frac(result.frac());
    let codes = Codes::Value(lower.emit(Draft { reduction, ..draft })?);
    Ok(Quantity { codes, ..result })
}
