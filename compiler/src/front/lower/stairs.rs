//! Quantizers as staircases: where, exactly, each level begins.

use nn2hdl_runtime::Rounding;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::field::{exact, float_above, float_below};
use super::{Field, Link, Ratio, whole};
use crate::front::observe::Limits;

/// How a real number becomes an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As `ap_fixed` rounds.
    Round(Rounding),
    /// Toward +∞.
    Ceil,
    /// Away from 0.
    Up,
    /// 1 from 0 upwards, else 0.
    Sign,
}

/// Scale and zero point at one element.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantum {
    /// Positive scale.
    pub scale: Ratio,
    /// The code that stands for 0.
    pub zero: i64,
}

/// `code = min(max(mode(value / scale + zero), lo), hi)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Stairs {
    /// Scale and zero point by element.
    pub quanta: Field<Quantum>,
    /// Rounding.
    pub mode: Mode,
    /// Least code.
    pub lo: i64,
    /// Greatest code.
    pub hi: i64,
}

impl Mode {
    /// The integer that `value` is brought to.
    pub fn apply(self, value: &Ratio) -> BigInt {
        let floor = value.floor().to_integer();
        let rest = value - whole(floor.clone());
        let half = Ratio::new(BigInt::one(), BigInt::from(2));
        let up = || &floor + BigInt::one();
        let nearest = |tie_up: bool| {
            if rest < half || (rest == half && !tie_up) { floor.clone() } else { up() }
        };
        match self {
            Self::Sign => BigInt::from(u8::from(!value.is_negative())),
            Self::Ceil => value.ceil().to_integer(),
            Self::Up if value.is_negative() => floor,
            Self::Up => value.ceil().to_integer(),
            Self::Round(Rounding::Trn) => floor,
            Self::Round(Rounding::TrnZero) => value.trunc().to_integer(),
            Self::Round(Rounding::Rnd) => nearest(true),
            Self::Round(Rounding::RndMinInf) => nearest(false),
            Self::Round(Rounding::RndZero) => nearest(value.is_negative()),
            Self::Round(Rounding::RndInf) => nearest(!value.is_negative()),
            Self::Round(Rounding::RndConv) => nearest(floor.is_odd()),
        }
    }

    /// The least real that reaches `level`, and whether it does itself.
    fn edge(self, level: i64) -> (Ratio, bool) {
        let at = whole(level);
        let below = || whole(level) - Ratio::new(BigInt::one(), BigInt::from(2));
        match self {
            Self::Sign if level == 1 => (Ratio::zero(), true),
            Self::Sign | Self::Round(Rounding::Trn) => (at, true),
            Self::Up if level <= 0 => (at, true),
            Self::Ceil | Self::Up => (at - whole(1), false),
            Self::Round(Rounding::TrnZero) if level >= 1 => (at, true),
            Self::Round(Rounding::TrnZero) => (at - whole(1), false),
            Self::Round(Rounding::Rnd) => (below(), true),
            Self::Round(Rounding::RndMinInf) => (below(), false),
            Self::Round(Rounding::RndInf) => (below(), level >= 1),
            Self::Round(Rounding::RndZero) => (below(), level < 1),
            Self::Round(Rounding::RndConv) => (below(), level % 2 == 0),
        }
    }
}

/// A staircase over the codes of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// The result at the least code.
    pub first: i64,
    /// The result changes by one at each: the codes from there on are past it. Ascending.
    pub at: Vec<i64>,
    /// Whether results fall as codes grow.
    pub down: bool,
}

/// The composite function of one channel, from codes to codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// From code to value.
    pub link: Link,
    /// Of the quantizer.
    pub quantum: Quantum,
    /// Of the quantizer.
    pub mode: Mode,
    /// Of the quantizer.
    pub lo: i64,
    /// Of the quantizer.
    pub hi: i64,
}

/// The numbers that a monotone function brings inside a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kept {
    /// The least of them.
    pub(super) least: i64,
    /// The greatest of them.
    pub(super) greatest: i64,
    /// Whether those below `least` are brought above the range, and those above `greatest` below it.
    pub(super) falling: bool,
}

impl Kept {
    /// The numbers of `first..=last` of which `side`, monotone and one of −1, 0 and 1, is 0. `None` if their bounds are
    /// no numbers.
    pub(super) fn of(first: i64, last: i64, side: impl Fn(i64) -> i8) -> Option<Self> {
        let (start, end) = (side(first), side(last));
        let falling = start > 0 || end < 0;
        let least = match (start, end) {
            (0, _) => first,
            (start, end) if start == end => last.checked_add(1)?,
            _ => partition(first, last, |n| side(n) != start),
        };
        let greatest = match (start, end) {
            (start, end) if end == 0 || start == end => last,
            _ => partition(first, last, |n| side(n) == end) - 1,
        };
        Some(Self { least, greatest, falling })
    }
}

impl Composite {
    /// The result for a code.
    pub fn at(&self, code: i64) -> i64 {
        self.of_value(&self.link.value(&whole(code)))
    }

    /// What is rounded: the value in units of the scale, from the zero point on.
    pub fn scaled(&self, value: &Ratio) -> Ratio {
        value / &self.quantum.scale + whole(self.quantum.zero)
    }

    /// The result for a value.
    pub fn of_value(&self, value: &Ratio) -> i64 {
        let level = self.mode.apply(&self.scaled(value));
        level.clamp(self.lo.into(), self.hi.into()).to_i64().unwrap_or(self.lo)
    }

    /// Least and greatest result that the pending clamps leave.
    pub fn bounds(&self) -> (i64, i64) {
        let bound =
            |value: &Option<Ratio>, none: i64| value.as_ref().map_or(none, |value| self.of_value(value));
        (bound(&self.link.lo, self.lo), bound(&self.link.hi, self.hi))
    }

    /// The real argument of the affine part at which `level` begins, and whether it belongs to the level. `None` if a
    /// clamp or a factor of zero keeps the level out of reach or below all.
    fn edge(&self, level: i64) -> Option<(Ratio, bool)> {
        let (lo, hi) = self.bounds();
        if level <= lo || level > hi || self.link.a.is_zero() {
            return None;
        }
        let (edge, inclusive) = self.mode.edge(level);
        Some((
            ((edge - whole(self.quantum.zero)) * &self.quantum.scale - &self.link.b) / &self.link.a,
            inclusive,
        ))
    }

    /// The first place of `first..=last` whose result is that of `last`; results must not change and change back.
    fn settled(&self, first: i64, last: i64) -> i64 {
        let end = self.at(last);
        partition(first, last, |code| self.at(code) == end)
    }

    /// The codes of `first..=last` outside which a monotone composite is constant.
    pub fn active(&self, first: i64, last: i64) -> (i64, i64) {
        let start = self.at(first);
        let beyond = partition(first, last, |code| self.at(code) != start);
        let from = if self.at(beyond) == start { beyond } else { beyond - 1 };
        (from.max(first), self.settled(first, last))
    }

    /// The staircase of a monotone composite over the codes `first..=last`, found by bisection.
    fn searched_steps(&self, first: i64, last: i64) -> Steps {
        let (start, end) = (self.at(first), self.at(last));
        let down = end < start;
        let passed = |level: i64| move |code: i64| (self.at(code) >= level) != down;
        let mut at: Vec<i64> = (start.min(end) + 1..=start.max(end))
            .map(|level| partition(first, last, passed(level)))
            .collect();
        if down {
            at.reverse();
        }
        Steps { first: start, at, down }
    }

    /// The staircase over the codes `first..=last` of a composite that is monotone.
    pub fn steps(&self, first: i64, last: i64) -> Steps {
        if self.link.bend.is_some() {
            return self.searched_steps(first, last);
        }
        let down = self.link.a.is_negative();
        let (start, end) = (self.at(first), self.at(last));
        let mut at = Vec::new();
        if !down {
            for level in start + 1..=end {
                if let Some((x, inclusive)) = self.edge(level) {
                    let code = if inclusive { x.ceil().to_integer() } else { x.floor().to_integer() + 1 };
                    at.push(code.to_i64().unwrap_or(last));
                }
            }
        } else {
            for level in (end + 1..=start).rev() {
                // The greatest code of the level; the next one is past it.
                if let Some((x, inclusive)) = self.edge(level) {
                    let next: BigInt =
                        if inclusive { x.floor().to_integer() + 1 } else { x.ceil().to_integer() };
                    at.push(next.to_i64().unwrap_or(last));
                }
            }
        }
        Steps { first: start, at, down }
    }

    /// Whether the function is monotone and defined over all floats.
    pub fn spans_floats(&self) -> bool {
        let ends = [f64::MIN, f64::MAX].map(|x| exact(x).unwrap_or_default());
        self.link.direction().is_some() && ends.iter().all(|x| self.link.undefined(x).is_none())
    }

    /// The floats that a composite, monotone and defined over all floats, keeps.
    pub fn kept_floats(&self) -> Limits {
        let side = |place: i64| self.side_of(&self.link.value(&exact(float_at(place)).unwrap_or_default()));
        let most = place_of(f64::MAX);
        match Kept::of(-most, most, side) {
            Some(kept) if kept.least <= most => Limits {
                least: float_at(kept.least),
                greatest: float_at(kept.greatest),
                falling: kept.falling,
            },
            // No float is kept.
            _ => Limits { least: f64::MAX, greatest: f64::MIN, falling: side(0) > 0 },
        }
    }

    /// The staircase over all floats, found by bisection.
    fn searched_float_steps(&self) -> nn2hdl_runtime::codec::Steps {
        let at = |place: i64| self.of_value(&self.link.value(&exact(float_at(place)).unwrap_or_default()));
        let (first, last) = (-place_of(f64::MAX), place_of(f64::MAX));
        let (start, end) = (at(first), at(last));
        let descending = end < start;
        let mut thresholds: Vec<f64> = (start.min(end) + 1..=start.max(end))
            .map(|level| float_at(partition(first, last, |place| (at(place) >= level) != descending)))
            .collect();
        if descending {
            // Falling staircases are stated by the last float of each level.
            thresholds.iter_mut().for_each(|threshold| *threshold = threshold.next_down());
            thresholds.reverse();
        }
        nn2hdl_runtime::codec::Steps { first: start.min(end), thresholds, descending }
    }

    /// The staircase over all floats of a composite that is monotone.
    pub fn float_steps(&self) -> nn2hdl_runtime::codec::Steps {
        if self.link.bend.is_some() {
            return self.searched_float_steps();
        }
        let (lo, hi) = self.bounds();
        if self.link.a.is_zero() {
            return nn2hdl_runtime::codec::Steps {
                first: self.at(0),
                thresholds: Vec::new(),
                descending: false,
            };
        }
        let descending = self.link.a.is_negative();
        let edges = (lo + 1..=hi).filter_map(|level| self.edge(level));
        let mut thresholds: Vec<f64> = edges
            .map(
                |(x, inclusive)| {
                    if descending { float_below(&x, !inclusive) } else { float_above(&x, !inclusive) }
                },
            )
            .collect();
        if descending {
            thresholds.reverse();
        }
        nn2hdl_runtime::codec::Steps { first: lo, thresholds, descending }
    }
}

/// The least place of `first..=last` at which `passed` holds, if it holds from some place on; else `last`.
fn partition(first: i64, last: i64, passed: impl Fn(i64) -> bool) -> i64 {
    let (mut below, mut above) = (first, last);
    while below < above {
        let middle = below + ((i128::from(above) - i128::from(below)) / 2) as i64;
        if passed(middle) { above = middle } else { below = middle + 1 }
    }
    above
}

/// Floats in ascending order, numbered; 0 is number 0.
fn float_at(place: i64) -> f64 {
    let size = f64::from_bits(place.unsigned_abs());
    if place < 0 { -size } else { size }
}

/// The number of a float that is not negative.
fn place_of(value: f64) -> i64 {
    value.to_bits() as i64
}
