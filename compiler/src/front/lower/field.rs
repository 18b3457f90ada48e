//! Tensors that are constant along most axes, and exact rationals.

use nn2hdl_runtime::Index;
use nn2hdl_runtime::index::points;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, One, Signed, ToPrimitive, Zero};

/// An exact rational number.
pub type Ratio = BigRational;

/// One entry for each element of a tensor, stored once along axes where it does not vary.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

impl<T: Clone + PartialEq> Field<T> {
    /// The same entry everywhere, over `rank` axes.
    pub fn uniform(rank: usize, entry: T) -> Self {
        Self { shape: vec![1; rank], data: vec![entry] }
    }

    /// Entries in row-major order; each extent is that of the tensor, or 1.
    pub fn new(shape: Vec<usize>, data: Vec<T>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data }.compressed()
    }

    /// The extents, 1 where the entries do not vary.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The distinct places' entries, row-major.
    pub fn entries(&self) -> &[T] {
        &self.data
    }

    /// The entry, if it is the same everywhere.
    pub fn single(&self) -> Option<&T> {
        (self.data.len() == 1).then(|| &self.data[0])
    }

    /// Whether the entries differ along `axis`.
    pub fn varies(&self, axis: usize) -> bool {
        self.shape[axis] > 1
    }

    /// The position in [`entries`](Self::entries) of the coordinates `at`.
    pub fn position(&self, at: &[usize]) -> usize {
        at.iter().zip(&self.shape).fold(0, |flat, (&c, &n)| if n == 1 { flat } else { flat * n + c })
    }

    /// The entry at the coordinates `at`.
    pub fn at(&self, at: &[usize]) -> &T {
        &self.data[self.position(at)]
    }

    /// The position in [`entries`](Self::entries) as an index map of the coordinates `at`.
    pub fn index(&self, at: &[Index]) -> Index {
        at.iter().zip(&self.shape).fold(Index::Const(0), |flat, (coordinate, &n)| {
            if n == 1 { flat } else { flat * n as i64 + coordinate.clone() }
        })
    }

    /// Entry by entry.
    pub fn map<U: Clone + PartialEq>(&self, f: impl FnMut(&T) -> U) -> Field<U> {
        Field::new(self.shape.clone(), self.data.iter().map(f).collect())
    }

    /// Entry by entry, without looking for axes along which the result does not vary.
    pub fn map_as_is<U: Clone + PartialEq>(&self, f: impl FnMut(&T) -> U) -> Field<U> {
        Field { shape: self.shape.clone(), data: self.data.iter().map(f).collect() }
    }

    /// Entry by entry with another field over the same axes; `None` if extents contradict.
    pub fn zip<U: Clone + PartialEq, V: Clone + PartialEq>(
        &self,
        other: &Field<U>,
        mut f: impl FnMut(&T, &U) -> V,
    ) -> Option<Field<V>> {
        if self.shape.len() != other.shape.len() {
            return None;
        }
        let mut shape = Vec::with_capacity(self.shape.len());
        for (&a, &b) in self.shape.iter().zip(&other.shape) {
            if a != b && a != 1 && b != 1 {
                return None;
            }
            shape.push(a.max(b));
        }
        let data = points(&shape).map(|p| f(self.at(&p), other.at(&p))).collect();
        Some(Field::new(shape, data))
    }

    /// The field of a tensor whose element at `p` of `shape` is this one's element at `index`; `None` if an index is
    /// outside `extents`, the tensor's own shape.
    pub fn moved(&self, extents: &[usize], shape: &[usize], index: &[Index]) -> Option<Self> {
        if let Some(entry) = self.single() {
            return Some(Self::uniform(shape.len(), entry.clone()));
        }
        let mut positions = Vec::with_capacity(shape.iter().product());
        for p in points(shape) {
            let mut at = Vec::with_capacity(index.len());
            for (index, &extent) in index.iter().zip(extents) {
                at.push(usize::try_from(index.at(&p, &[])).ok().filter(|&i| i < extent)?);
            }
            positions.push(self.position(&at) as u32);
        }
        let positions = Field::new(shape.to_vec(), positions);
        Some(Self::new(
            positions.shape,
            positions.data.iter().map(|&n| self.data[n as usize].clone()).collect(),
        ))
    }

    fn compressed(mut self) -> Self {
        for axis in 0..self.shape.len() {
            let extent = self.shape[axis];
            if extent <= 1 {
                continue;
            }
            let inner: usize = self.shape[axis + 1..].iter().product();
            let row = extent * inner;
            let constant =
                self.data.chunks(row).all(|rows| rows.chunks(inner).all(|part| part == &rows[..inner]));
            if constant {
                self.data = self.data.chunks(row).flat_map(|rows| rows[..inner].to_vec()).collect();
                self.shape[axis] = 1;
            }
        }
        self
    }

    /// Entries in a row such that element `n` (row-major in `shape`) has entry `n / inner % len`, and `inner`.
    pub fn channels(&self, shape: &[usize]) -> (Vec<T>, usize) {
        let varying: Vec<usize> = (0..self.shape.len()).filter(|&axis| self.varies(axis)).collect();
        let (Some(&first), Some(&last)) = (varying.first(), varying.last()) else {
            return (vec![self.data[0].clone()], 1);
        };
        let mut part = vec![1; shape.len()];
        part[first..=last].copy_from_slice(&shape[first..=last]);
        (points(&part).map(|p| self.at(&p).clone()).collect(), shape[last + 1..].iter().product())
    }
}

/// The exact value of a finite float.
pub fn exact(value: f64) -> Option<Ratio> {
    Ratio::from_f64(value)
}

/// An integer as a rational.
pub fn whole(value: impl Into<BigInt>) -> Ratio {
    Ratio::from_integer(value.into())
}

/// `2^exponent`.
pub fn power_of_two(exponent: i64) -> Ratio {
    let power = BigInt::one() << exponent.unsigned_abs();
    if exponent < 0 { Ratio::new(BigInt::one(), power) } else { Ratio::from_integer(power) }
}

/// The exponent `e` if the value is `2^e`.
pub fn log2(value: &Ratio) -> Option<i64> {
    let power =
        |n: &BigInt| n.is_positive().then(|| n.trailing_zeros().filter(|&z| (n >> z).is_one())).flatten();
    Some(power(value.numer())? as i64 - power(value.denom())? as i64)
}

/// The number of fraction bits of a dyadic rational, `None` of any other.
pub fn fraction_bits(value: &Ratio) -> Option<i64> {
    log2(&Ratio::from_integer(value.denom().clone()))
}

/// The nearest float, as far as `num` finds it; used for what people read and for decoders.
pub fn nearest(value: &Ratio) -> f64 {
    value.to_f64().unwrap_or(f64::NAN)
}

/// The least float that is at least (`strict`: above) `value`.
pub fn float_above(value: &Ratio, strict: bool) -> f64 {
    let passed = |x: f64| match exact(x) {
        Some(x) if strict => x > *value,
        Some(x) => x >= *value,
        None => x > 0.0,
    };
    let mut x = if value.is_zero() { 0.0 } else { nearest(value) };
    while !passed(x) {
        x = x.next_up();
    }
    while passed(x.next_down()) {
        x = x.next_down();
    }
    // Negative zero and zero are one threshold.
    if x == 0.0 { 0.0 } else { x }
}

/// The greatest float that is at most (`strict`: below) `value`.
pub fn float_below(value: &Ratio, strict: bool) -> f64 {
    let x = -float_above(&-value.clone(), strict);
    if x == 0.0 { 0.0 } else { x }
}

/// The greatest common divisor: the largest rational of which both are integer multiples.
pub fn gcd(a: &Ratio, b: &Ratio) -> Ratio {
    use num_integer::Integer;
    if a.is_zero() {
        return b.abs();
    }
    let denominator = a.denom().lcm(b.denom());
    let (x, y) = (a.numer() * (&denominator / a.denom()), b.numer() * (&denominator / b.denom()));
    Ratio::new(x.gcd(&y), denominator)
}

/// The integer, if it is one that fits.
pub fn to_i64(value: &Ratio) -> Option<i64> {
    value.is_integer().then(|| value.numer().to_i64()).flatten()
}
