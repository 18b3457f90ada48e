//! Sums of products of codes with integer weights: the one form of dense and convolution layers.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Index, Op};
use num_traits::Zero;

use super::emit::affordable;
use super::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, whole};
use crate::ops::Fault;

/// `out[p] = Σ_r x[at(p, r)] × weights[weight(p, r)] × scale[p]`.
#[derive(Clone, Debug)]
pub struct Contraction<'a> {
    /// The activation; its chain is affine. Factors that depend on the reduction point must have a common grid.
    pub x: &'a Quantity,
    /// Coordinates in `x`, the frame axis included; outside `x` is the value 0.
    pub at: Vec<Index>,
    /// Extents of the reduction.
    pub extent: Vec<usize>,
    /// Integer weights.
    pub weights: Vec<i64>,
    /// Position of the weight of `(p, r)`.
    pub weight: Index,
    /// Scale of the weights, over the output's axes.
    pub scale: Field<Ratio>,
    /// Extents of the output, with the frame axis.
    pub shape: Vec<usize>,
}

impl Lower<'_> {
    /// Emits the kernel; scale and offset go to the result's chain.
    pub fn contract(&mut self, job: Contraction<'_>) -> Result<Quantity, Fault> {
        let Contraction { x, at, extent, weights, weight, scale, shape } = job;
        affordable(&shape[usize::from(x.framed)..], &extent)?;
        let framed = x.framed;
        let full = |index: &Index| lift(index, shape.len(), framed);
        let (at_full, weight_full): (Vec<Index>, Index) = (at.iter().map(full).collect(), full(&weight));
        let mut x = self.summable(x, &at_full, &shape, &extent)?;
        let within: Vec<bool> =
            at_full.iter().zip(&x.shape).map(|(index, &n)| stays(index, n, &shape, &extent)).collect();
        // Padding is the value 0: the code that stands for it, or the code 0 of shifted codes; failing both, the code 0,
        // and no offset is counted there.
        let mut zero = if within.contains(&false) { self.zero_code(&x) } else { Some(0) };
        if zero.is_none()
            && let Some(shifted) = self.unshifted(&x)?
        {
            (x, zero) = (shifted, Some(0));
        }
        let x = &x;
        let outside = zero.unwrap_or(0);
        let counts = |p: &[usize], r: &[usize]| {
            zero.is_some()
                || at_full.iter().zip(&x.shape).all(|(index, &n)| (0..n as i64).contains(&index.at(p, r)))
        };
        let chain = &x.chain;
        let origin = vec![0; extent.len()];
        let varying: Vec<usize> = (0..x.shape.len()).filter(|&axis| chain.varies(axis)).collect();
        let by_chain = |p: &[usize], r: &[usize]| {
            let place: Vec<usize> = (0..x.shape.len())
                .map(|axis| if chain.varies(axis) { at_full[axis].at(p, r).max(0) as usize } else { 0 })
                .collect();
            chain.at(&place)
        };
        // Only the output axes that the factors and offsets depend on are walked.
        let mut used = vec![false; shape.len()];
        for &axis in &varying {
            mark(&at_full[axis], &mut used);
        }
        let factors = over(&shape, &used, |p| by_chain(p, &origin).a.clone());
        let offsets = if chain.entries().iter().all(|link| link.b.is_zero()) {
            Field::uniform(shape.len(), Ratio::zero())
        } else {
            mark(&weight_full, &mut used);
            if zero.is_none() {
                let leaving = at_full.iter().zip(&within).filter(|(_, within)| !**within);
                leaving.for_each(|(index, _)| mark(index, &mut used));
            }
            over(&shape, &used, |p| {
                let taps = points(&extent).filter(|r| counts(p, r));
                if let Some(link) = chain.single() {
                    let total: i128 = taps.map(|r| i128::from(weights[weight_full.at(p, &r) as usize])).sum();
                    return &link.b * whole(total);
                }
                taps.fold(Ratio::zero(), |sum, r| {
                    let weight = weights[weight_full.at(p, &r) as usize];
                    if weight == 0 { sum } else { sum + &by_chain(p, &r).b * whole(weight) }
                })
            })
        };
        let mismatch = || Fault::shape("the weights' scale does not fit the output");
        let factors = factors.zip(&scale, |a, s| a * s).ok_or_else(mismatch)?;
        let offsets = offsets.zip(&scale, |b, s| b * s).ok_or_else(mismatch)?;
        let chain = factors
            .zip(&offsets, |a, b| Link { b: b.clone(), ..Link::scale(a.clone()) })
            .ok_or_else(mismatch)?;
        let mut read = self.read(x, &at)?;
        read.outside = outside;
        let table = self.table("weight", weights);
        let mut body = Expr::default();
        let code = body.push(Op::Read(0));
        let weight = body.push(Op::Param { table, index: weight });
        body.push(Op::Mul(code, weight));
        let mut result = Quantity {
            codes: Codes::Const(Vec::new().into()),
            shape: shape.clone(),
            framed,
            chain,
            integer: false,
        };
        let draft = Draft::sum("", result.value_shape(), extent, vec![read], body).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(result)
    }

    /// The operand with one factor for all that is summed together: itself, or on a common grid.
    fn summable(
        &mut self,
        x: &Quantity,
        at: &[Index],
        shape: &[usize],
        extent: &[usize],
    ) -> Result<Quantity, Fault> {
        let varying: Vec<usize> = (0..x.shape.len()).filter(|&axis| x.chain.varies(axis)).collect();
        let factor = |p: &[usize], r: &[usize]| {
            let place: Vec<usize> = at
                .iter()
                .zip(x.chain.shape())
                .map(|(index, &n)| if n == 1 { 0 } else { index.at(p, r) as usize })
                .collect();
            &x.chain.at(&place).a
        };
        let mut used = vec![false; shape.len()];
        varying.iter().for_each(|&axis| mark(&at[axis], &mut used));
        let origin = vec![0; extent.len()];
        let alike = varying.iter().all(|&axis| stays(&at[axis], x.shape[axis], shape, extent))
            && (varying.iter().all(|&axis| !at[axis].uses_r())
                || points(&walked(shape, &used))
                    .all(|p| points(extent).all(|r| factor(&p, &r) == factor(&p, &origin))));
        if alike { Ok(x.clone()) } else { self.plain(x) }
    }
}

/// Whether an index is within an axis of `extent` at every output position and reduction point.
fn stays(index: &Index, extent: usize, shape: &[usize], reduction: &[usize]) -> bool {
    index.bounds(shape, reduction).is_some_and(|(lo, hi)| lo >= 0 && hi < extent as i64)
}

/// The index as a function of full output positions instead of positions without the frame axis.
pub fn lift(index: &Index, rank: usize, framed: bool) -> Index {
    let at: Vec<Index> = (usize::from(framed)..rank.max(1)).map(Index::p).collect();
    if framed { index.compose(&at) } else { index.clone() }
}

fn mark(index: &Index, used: &mut [bool]) {
    match index {
        Index::Const(_) | Index::R(_) => {}
        Index::P(axis) => used[usize::from(*axis)] = true,
        Index::Add(a, b) => {
            mark(a, used);
            mark(b, used);
        }
        Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => mark(a, used),
    }
}

fn walked(shape: &[usize], used: &[bool]) -> Vec<usize> {
    shape.iter().zip(used).map(|(&extent, &used)| if used { extent } else { 1 }).collect()
}

fn over(shape: &[usize], used: &[bool], entry: impl FnMut(&Vec<usize>) -> Ratio) -> Field<Ratio> {
    let shape = walked(shape, used);
    let data = points(&shape).collect::<Vec<_>>().iter().map(entry).collect();
    Field::new(shape, data)
}
