//! Quasi-affine index maps: sums and constant multiples of coordinates, with floor division and modulo.

use std::ops::{Add, Mul};

use serde::{Deserialize, Serialize};

/// Terms and operations of one index map in a validated program.
pub const INDEX_LIMIT: usize = 1 << 14;
/// Operations within operations of one index map in a validated program.
pub const DEPTH_LIMIT: usize = 256;

/// An index as a function of the output position `p` and the reduction point `r`. It is serialized in postfix
/// order, so that maps composed of many others stay flat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Token>", try_from = "Vec<Token>")]
pub enum Index {
    /// A constant.
    Const(i64),
    /// Coordinate of the output position along one axis.
    P(u8),
    /// Coordinate of the reduction point along one axis.
    R(u8),
    /// Sum.
    Add(Box<Index>, Box<Index>),
    /// Product with a constant.
    Mul(Box<Index>, i64),
    /// Floor division by a positive constant.
    Div(Box<Index>, i64),
    /// Remainder of floor division by a positive constant.
    Mod(Box<Index>, i64),
}

impl Index {
    /// The coordinate `axis` of the output position.
    pub fn p(axis: usize) -> Self {
        Self::P(u8::try_from(axis).expect("at most 255 axes"))
    }

    /// The coordinate `axis` of the reduction point.
    pub fn r(axis: usize) -> Self {
        Self::R(u8::try_from(axis).expect("at most 255 axes"))
    }

    /// The row-major flat index of the coordinates `at` in a tensor of `shape`.
    pub fn flatten(at: &[Self], shape: &[usize]) -> Self {
        at.iter()
            .zip(shape)
            .fold(Self::Const(0), |flat, (coordinate, &extent)| flat * extent as i64 + coordinate.clone())
    }

    /// The coordinates in `shape` of the row-major flat index `flat`.
    pub fn unflatten(flat: &Self, shape: &[usize]) -> Vec<Self> {
        let mut stride = shape.iter().product::<usize>() as i64;
        let mut outermost = true;
        shape
            .iter()
            .map(|&extent| {
                stride /= extent.max(1) as i64;
                let quotient = flat.clone().div(stride);
                let coordinate = if outermost { quotient } else { quotient.modulo(extent as i64) };
                outermost = false;
                coordinate
            })
            .collect()
    }

    /// Floor division by `divisor > 0`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`/` on integers does not round down")]
    pub fn div(self, divisor: i64) -> Self {
        match self {
            _ if divisor == 1 => self,
            Self::Const(value) => Self::Const(value.div_euclid(divisor)),
            Self::Mul(inner, factor) if factor % divisor == 0 => *inner * (factor / divisor),
            other => Self::Div(Box::new(other), divisor),
        }
    }

    /// Remainder of floor division by `divisor > 0`.
    #[must_use]
    pub fn modulo(self, divisor: i64) -> Self {
        match self {
            _ if divisor == 1 => Self::Const(0),
            Self::Const(value) => Self::Const(value.rem_euclid(divisor)),
            other => Self::Mod(Box::new(other), divisor),
        }
    }

    /// The index at one point. Coordinates absent from `p` or `r` count as zero; validated programs have none.
    pub fn at(&self, p: &[usize], r: &[usize]) -> i64 {
        match self {
            Self::Const(value) => *value,
            Self::P(axis) => p.get(usize::from(*axis)).map_or(0, |&v| v as i64),
            Self::R(axis) => r.get(usize::from(*axis)).map_or(0, |&v| v as i64),
            Self::Add(a, b) => a.at(p, r).wrapping_add(b.at(p, r)),
            Self::Mul(a, factor) => a.at(p, r).wrapping_mul(*factor),
            Self::Div(a, divisor) => a.at(p, r).div_euclid(*divisor),
            Self::Mod(a, divisor) => a.at(p, r).rem_euclid(*divisor),
        }
    }

    /// Bounds of the index over all points of `p` × `r`, or `None` if it overflows or a divisor is not positive.
    pub fn bounds(&self, p: &[usize], r: &[usize]) -> Option<(i64, i64)> {
        let axis_bounds = |shape: &[usize], axis: u8| {
            shape.get(usize::from(axis)).map(|&extent| (0, extent.saturating_sub(1) as i64))
        };
        match self {
            Self::Const(value) => Some((*value, *value)),
            Self::P(axis) => axis_bounds(p, *axis),
            Self::R(axis) => axis_bounds(r, *axis),
            Self::Add(a, b) => {
                let ((a0, a1), (b0, b1)) = (a.bounds(p, r)?, b.bounds(p, r)?);
                Some((a0.checked_add(b0)?, a1.checked_add(b1)?))
            }
            Self::Mul(a, factor) => {
                let (a0, a1) = a.bounds(p, r)?;
                let (x, y) = (a0.checked_mul(*factor)?, a1.checked_mul(*factor)?);
                Some((x.min(y), x.max(y)))
            }
            Self::Div(a, divisor) if *divisor > 0 => {
                let (a0, a1) = a.bounds(p, r)?;
                Some((a0.div_euclid(*divisor), a1.div_euclid(*divisor)))
            }
            Self::Mod(a, divisor) if *divisor > 0 => {
                let (a0, a1) = a.bounds(p, r)?;
                let same_quotient = a0.div_euclid(*divisor) == a1.div_euclid(*divisor);
                Some(if same_quotient {
                    (a0.rem_euclid(*divisor), a1.rem_euclid(*divisor))
                } else {
                    (0, divisor - 1)
                })
            }
            Self::Div(..) | Self::Mod(..) => None,
        }
    }

    /// Whether the index depends on the reduction point.
    pub fn uses_r(&self) -> bool {
        match self {
            Self::Const(_) | Self::P(_) => false,
            Self::R(_) => true,
            Self::Add(a, b) => a.uses_r() || b.uses_r(),
            Self::Mul(a, _) | Self::Div(a, _) | Self::Mod(a, _) => a.uses_r(),
        }
    }

    /// Number of terms and operations.
    pub fn size(&self) -> usize {
        match self {
            Self::Const(_) | Self::P(_) | Self::R(_) => 1,
            Self::Add(a, b) => 1 + a.size() + b.size(),
            Self::Mul(a, _) | Self::Div(a, _) | Self::Mod(a, _) => 1 + a.size(),
        }
    }

    /// Longest way from the index to one of its terms, both counted.
    pub fn depth(&self) -> usize {
        match self {
            Self::Const(_) | Self::P(_) | Self::R(_) => 1,
            Self::Add(a, b) => 1 + a.depth().max(b.depth()),
            Self::Mul(a, _) | Self::Div(a, _) | Self::Mod(a, _) => 1 + a.depth(),
        }
    }

    /// Whether the index depends on the output position.
    pub fn uses_p(&self) -> bool {
        match self {
            Self::Const(_) | Self::R(_) => false,
            Self::P(_) => true,
            Self::Add(a, b) => a.uses_p() || b.uses_p(),
            Self::Mul(a, _) | Self::Div(a, _) | Self::Mod(a, _) => a.uses_p(),
        }
    }

    /// The index with every output coordinate `axis` replaced by `at[axis]`.
    #[must_use]
    pub fn compose(&self, at: &[Self]) -> Self {
        match self {
            Self::Const(_) | Self::R(_) => self.clone(),
            Self::P(axis) => at[usize::from(*axis)].clone(),
            Self::Add(a, b) => a.compose(at) + b.compose(at),
            Self::Mul(a, factor) => a.compose(at) * *factor,
            Self::Div(a, divisor) => a.compose(at).div(*divisor),
            Self::Mod(a, divisor) => a.compose(at).modulo(*divisor),
        }
    }
}

/// One item of an index in postfix order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Token {
    Const(i64),
    P(u8),
    R(u8),
    Add,
    Mul(i64),
    Div(i64),
    Mod(i64),
}

impl From<Index> for Vec<Token> {
    fn from(index: Index) -> Self {
        fn walk(index: &Index, tokens: &mut Vec<Token>) {
            let token = match index {
                Index::Const(value) => Token::Const(*value),
                Index::P(axis) => Token::P(*axis),
                Index::R(axis) => Token::R(*axis),
                Index::Add(a, b) => {
                    walk(a, tokens);
                    walk(b, tokens);
                    Token::Add
                }
                Index::Mul(a, factor) => {
                    walk(a, tokens);
                    Token::Mul(*factor)
                }
                Index::Div(a, divisor) => {
                    walk(a, tokens);
                    Token::Div(*divisor)
                }
                Index::Mod(a, divisor) => {
                    walk(a, tokens);
                    Token::Mod(*divisor)
                }
            };
            tokens.push(token);
        }
        let mut tokens = Self::new();
        walk(&index, &mut tokens);
        tokens
    }
}

impl TryFrom<Vec<Token>> for Index {
    type Error = &'static str;

    fn try_from(tokens: Vec<Token>) -> Result<Self, Self::Error> {
        // Each with its depth.
        let mut stack: Vec<(Self, usize)> = Vec::new();
        for token in tokens {
            let mut operand = || {
                let (index, depth) = stack.pop().ok_or("an index map lacks an operand")?;
                if depth < DEPTH_LIMIT {
                    Ok((Box::new(index), depth + 1))
                } else {
                    Err("an index map is too deep")
                }
            };
            let entry = match token {
                Token::Const(value) => (Self::Const(value), 1),
                Token::P(axis) => (Self::P(axis), 1),
                Token::R(axis) => (Self::R(axis), 1),
                Token::Add => {
                    let ((b, deep), (a, other)) = (operand()?, operand()?);
                    (Self::Add(a, b), deep.max(other))
                }
                Token::Mul(factor) => operand().map(|(a, depth)| (Self::Mul(a, factor), depth))?,
                Token::Div(divisor) => operand().map(|(a, depth)| (Self::Div(a, divisor), depth))?,
                Token::Mod(divisor) => operand().map(|(a, depth)| (Self::Mod(a, divisor), depth))?,
            };
            stack.push(entry);
        }
        match (stack.pop(), stack.pop()) {
            (Some((index, _)), None) => Ok(index),
            _ => Err("an index map is not one expression"),
        }
    }
}

impl Add for Index {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Const(0), index) | (index, Self::Const(0)) => index,
            (Self::Const(a), Self::Const(b)) => Self::Const(a.wrapping_add(b)),
            (a, b) => Self::Add(Box::new(a), Box::new(b)),
        }
    }
}

impl Add<i64> for Index {
    type Output = Self;

    fn add(self, offset: i64) -> Self {
        self + Self::Const(offset)
    }
}

impl Mul<i64> for Index {
    type Output = Self;

    fn mul(self, factor: i64) -> Self {
        match self {
            _ if factor == 0 => Self::Const(0),
            _ if factor == 1 => self,
            Self::Const(value) => Self::Const(value.wrapping_mul(factor)),
            other => Self::Mul(Box::new(other), factor),
        }
    }
}

/// Every point of a rectangular domain, row-major. An empty shape has one point.
pub fn points(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let total: usize = shape.iter().product();
    let shape = shape.to_vec();
    (0..total).map(move |flat| point(flat, &shape))
}

/// The coordinates of the row-major flat index `flat` in `shape`.
pub fn point(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut at = vec![0; shape.len()];
    for (coordinate, &extent) in at.iter_mut().zip(shape).rev() {
        *coordinate = flat % extent;
        flat /= extent;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_indices_round_trip() {
        let shape = [3, 4, 5];
        let at: Vec<Index> = (0..3).map(Index::p).collect();
        let flat = Index::flatten(&at, &shape);
        let back = Index::unflatten(&Index::p(0), &shape);
        for (number, p) in points(&shape).enumerate() {
            assert_eq!(flat.at(&p, &[]), number as i64);
            let found: Vec<i64> = back.iter().map(|index| index.at(&[number], &[])).collect();
            assert_eq!(found, p.iter().map(|&v| v as i64).collect::<Vec<_>>());
        }
        assert_eq!(flat.bounds(&shape, &[]), Some((0, 59)));
    }
}
