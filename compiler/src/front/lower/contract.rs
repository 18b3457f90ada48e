//! Sums of products of codes with integer weights: the one form of dense and convolution layers.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Expr, Index, Op};
use num_traits::Zero;

use super::{Codes, Draft, Field, Link, Lower, Quantity, Ratio, whole};
use crate::ops::Fault;

/// `out[p] = Σ_r x[at(p, r)] × weights[weight(p, r)] × scale[p]`.
#[derive(Clone, Debug)]
pub struct Contraction<'a> {
    /// The activation; its chain is affine, with a factor that does not depend on the reduction point.
    pub x: &'a Quantity,
    /// Coordinates in `x`, the frame axis included.
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
        let framed = x.framed;
        let full = |index: &Index| lift(index, shape.len(), framed);
        let (at_full, weight_full): (Vec<Index>, Index) = (at.iter().map(full).collect(), full(&weight));
        let chain = &x.chain;
        let origin = vec![0; extent.len()];
        let varying: Vec<usize> = (0..x.shape.len()).filter(|&axis| chain.varies(axis)).collect();
        let inside = at_full.iter().zip(&x.shape).all(|(index, &n)| {
            index.bounds(&shape, &extent).is_some_and(|(lo, hi)| lo >= 0 && hi < n as i64)
        });
        let outside = if inside {
            0
        } else {
            self.zero_code(x).filter(|_| varying.iter().all(|&axis| axis <= 1)).ok_or_else(|| {
                Fault::unsupported(
                    "the padding's value 0 has no code in the input's format",
                    "use a quantizer whose zero point is an integer, without offset",
                )
            })?
        };
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
        if varying.iter().any(|&axis| at_full[axis].uses_r()) {
            let same = points(&walked(&shape, &used))
                .all(|p| points(&extent).all(|r| by_chain(&p, &r).a == by_chain(&p, &origin).a));
            if !same {
                return Err(Fault::new(
                    "scales-differ",
                    "the input's scales differ along an axis that is summed over",
                    "use one scale for the whole input, or scales that differ by powers of two",
                ));
            }
        }
        let offsets = if chain.entries().iter().all(|link| link.b.is_zero()) {
            Field::uniform(shape.len(), Ratio::zero())
        } else {
            mark(&weight_full, &mut used);
            over(&shape, &used, |p| {
                if let Some(link) = chain.single() {
                    let total: i128 =
                        points(&extent).map(|r| i128::from(weights[weight_full.at(p, &r) as usize])).sum();
                    return &link.b * whole(total);
                }
                points(&extent).fold(Ratio::zero(), |sum, r| {
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
