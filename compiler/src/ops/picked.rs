//! Positions picked along one axis: what padding, upsampling and tiling share.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Access, Expr, Index, Read};

use super::Fault;
use crate::front::lower::{Codes, Draft, Field, Lower, Quantity, coordinates};

/// `y[…, p, …] = x[…, list[p], …]` along `axis`: wiring. Regular lists become index maps, others a table.
pub(super) fn picked(
    lower: &mut Lower<'_>,
    x: &Quantity,
    axis: usize,
    list: &[usize],
) -> Result<Quantity, Fault> {
    if x.framed && axis == 0 {
        return if list == [0] {
            Ok(x.clone())
        } else {
            Err(Fault::unsupported("frames are repeated or moved", "choose another axis than axis 0"))
        };
    }
    let mut shape = x.shape.clone();
    shape[axis] = list.len();
    let at = coordinates(shape.len(), x.framed);
    if let Some(index) = regular(&at[axis], x.shape[axis], list) {
        let mut full = at;
        full[axis] = index;
        return lower.moved(x, &shape, full);
    }
    let value = match x.codes {
        Codes::Value(value) => value,
        Codes::Const(_) | Codes::Real(_) => return lower.coded(x).and_then(|x| constant(&x, axis, list)),
        Codes::Host(..) => {
            return Err(Fault::unsupported(
                "positions are picked irregularly from an input that is not quantized yet",
                "quantize the input first, or state --input-format",
            ));
        }
    };
    let table = lower.table("positions", list.iter().map(|&position| position as i64).collect());
    let index = at.iter().enumerate().skip(usize::from(x.framed)).map(|(n, at)| match n == axis {
        true => Access::Table { table, index: at.clone() },
        false => Access::Affine(at.clone()),
    });
    let read = Read { value, index: index.collect(), outside: 0 };
    let result = Quantity { chain: along(&x.chain, axis, list), shape, ..x.clone() };
    let draft = Draft::elementwise("", result.value_shape(), vec![read], Expr::read()).frac(result.frac());
    Ok(Quantity { codes: Codes::Value(lower.emit(draft)?), ..result })
}

/// `y[p] = x[source(p)]` for any fixed `source`: wiring, by a table for each axis that needs one. `None` is an index
/// outside `x`.
pub(super) fn wired(
    lower: &mut Lower<'_>,
    x: &Quantity,
    shape: &[usize],
    source: &dyn Fn(&[usize]) -> Option<Vec<usize>>,
) -> Result<Quantity, Fault> {
    if x.framed && shape.first() != Some(&1) {
        return Err(Fault::unsupported(
            "frames are repeated or moved",
            "keep axis 0 for the frame (the batch)",
        ));
    }
    if points(shape).any(|p| source(&p).is_none()) {
        return Err(Fault::shape("an index is outside its axis"));
    }
    let sources = || points(shape).filter_map(|p| source(&p));
    let x = if x.is_constant() { lower.coded(x)? } else { x.clone() };
    let chain = match x.chain.single() {
        Some(link) => Field::uniform(shape.len(), link.clone()),
        None => Field::new(shape.to_vec(), sources().map(|at| x.chain.at(&at).clone()).collect()),
    };
    let mut result = Quantity { shape: shape.to_vec(), chain, ..x.clone() };
    if let Codes::Const(codes) = &x.codes {
        let flat = |at: Vec<usize>| at.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at);
        let codes: Vec<i64> = sources().map(|at| codes[flat(at)]).collect();
        return Ok(Quantity { codes: Codes::Const(codes.into()), ..result });
    }
    let here = coordinates(shape.len(), x.framed);
    let value = lower.value(&x)?;
    let index = (usize::from(x.framed)..x.shape.len()).map(|axis| {
        let along = Field::new(shape.to_vec(), sources().map(|at| at[axis] as i64).collect());
        match along.single() {
            Some(&at) => Access::Affine(Index::Const(at)),
            None => {
                let index = along.index(&here);
                let identity = along.entries().iter().copied().eq(0..along.entries().len() as i64);
                match identity && matches!(index, Index::P(_)) {
                    true => Access::Affine(index),
                    false => {
                        Access::Table { table: lower.table("positions", along.entries().to_vec()), index }
                    }
                }
            }
        }
    });
    let read = Read { value, index: index.collect(), outside: 0 };
    let draft = Draft::elementwise("", result.value_shape(), vec![read], Expr::read()).frac(result.frac());
    result.codes = Codes::Value(lower.emit(draft)?);
    Ok(result)
}

fn along<T: Clone + PartialEq>(field: &Field<T>, axis: usize, list: &[usize]) -> Field<T> {
    if !field.varies(axis) {
        return field.clone();
    }
    let mut shape = field.shape().to_vec();
    shape[axis] = list.len();
    let entry = |mut p: Vec<usize>| {
        p[axis] = list[p[axis]];
        field.at(&p).clone()
    };
    Field::new(shape.clone(), points(&shape).map(entry).collect())
}

fn constant(x: &Quantity, axis: usize, list: &[usize]) -> Result<Quantity, Fault> {
    let Codes::Const(codes) = &x.codes else { return Err(Fault::shape("a constant without codes")) };
    let mut shape = x.shape.clone();
    shape[axis] = list.len();
    let code = |mut p: Vec<usize>| {
        p[axis] = list[p[axis]];
        codes[p.iter().zip(&x.shape).fold(0, |flat, (&at, &n)| flat * n + at)]
    };
    let codes: Vec<i64> = points(&shape).map(code).collect();
    Ok(Quantity { codes: Codes::Const(codes.into()), chain: along(&x.chain, axis, list), shape, ..x.clone() })
}

/// The list as an index map of `p`, if it has one of the common forms.
fn regular(p: &Index, extent: usize, list: &[usize]) -> Option<Index> {
    let first = *list.first()? as i64;
    let step = list.get(1).map_or(0, |&second| second as i64 - first);
    let is = |f: &dyn Fn(i64) -> i64| list.iter().zip(0..).all(|(&position, p)| f(p) == position as i64);
    if is(&|p| first + step * p) {
        return Some(if list.len() == 1 { Index::Const(first) } else { p.clone() * step + first });
    }
    let n = extent as i64;
    // Repeated as a whole, from some position on.
    if is(&|p| (p + first).rem_euclid(n)) {
        return Some((p.clone() + first).modulo(n));
    }
    // Each position several times, the first perhaps less often.
    let times = list.windows(2).rposition(|pair| pair[0] != pair[1]).map(|last| {
        let before = list[..last].windows(2).rposition(|pair| pair[0] != pair[1]);
        before.map_or(last + 1, |before| last - before)
    });
    let times = times.unwrap_or(1) as i64;
    let lead = (0..times).find(|lead| is(&|p| first + (p + lead).div_euclid(times)));
    lead.map(|lead| (p.clone() + lead).div(times) + first)
}
