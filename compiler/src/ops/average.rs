//! Sums and means: what pools and reductions share.

use nn2hdl_runtime::Index;

use super::Fault;
use super::matmul::multiplied;
use crate::front::lower::{Contraction, Field, Lower, Quantity, Ratio};

/// `y[p] = scale[p] × Σ_r x[at(p, r)]`; what is outside `x` counts as 0.
pub(super) fn scaled_sum(
    lower: &mut Lower<'_>,
    x: &Quantity,
    at: Vec<Index>,
    extent: Vec<usize>,
    shape: &[usize],
    scale: Field<Ratio>,
) -> Result<Quantity, Fault> {
    let mut x = lower.affine(x)?;
    let along: Vec<Index> = (0..extent.len()).map(Index::r).collect();
    let mut weights = vec![1; extent.iter().product()];
    // Scales that differ along an axis that is summed over become weights.
    for (axis, index) in at.iter().enumerate() {
        let Some(r) = along.iter().position(|r| r == index).filter(|_| x.chain.varies(axis)) else {
            continue;
        };
        let (factors, folded) = lower.fold_axis(&x, axis)?;
        weights = multiplied(&weights, &extent, r, &factors)?;
        x = folded;
    }
    let weight = Index::flatten(&along, &extent);
    lower.contract(Contraction { x: &x, at, extent, weights, weight, scale, shape: shape.to_vec() })
}
