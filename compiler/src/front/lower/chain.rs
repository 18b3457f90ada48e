//! The exact function that stands between a tensor's codes and its real values.

use std::rc::Rc;

use num_traits::{One, Signed, Zero};

use super::bend::Bend;
use super::field::{Field, Ratio};

/// `value = clamp(a × x + b, lo, hi)`, where `x` is the code or, if there is a bend, a function of the code. Any sequence
/// of affine functions and bounds has this form without a bend.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Factor.
    pub a: Ratio,
    /// Summand.
    pub b: Ratio,
    /// Least value, if bounded.
    pub lo: Option<Ratio>,
    /// Greatest value, if bounded.
    pub hi: Option<Ratio>,
    /// What stands before the affine part.
    pub bend: Option<Rc<Bend>>,
}

impl Link {
    /// `value = a × code`.
    pub fn scale(a: Ratio) -> Self {
        Self { a, b: Ratio::zero(), lo: None, hi: None, bend: None }
    }

    /// `value = code`.
    pub fn identity() -> Self {
        Self::scale(Ratio::one())
    }

    /// Whether nothing is clamped or bent.
    pub fn is_affine(&self) -> bool {
        self.lo.is_none() && self.hi.is_none() && self.bend.is_none()
    }

    /// Followed by `factor × value + summand`.
    pub fn then(&self, factor: &Ratio, summand: &Ratio) -> Self {
        let image = |bound: &Option<Ratio>| bound.as_ref().map(|value| value * factor + summand);
        let (mut lo, mut hi) = (image(&self.lo), image(&self.hi));
        if factor.is_negative() {
            std::mem::swap(&mut lo, &mut hi);
        }
        let (a, b) = (&self.a * factor, &self.b * factor + summand);
        if a.is_zero() {
            let link = Self { a, b, lo, hi, bend: None };
            let b = link.clamp(link.b.clone());
            return Self { b, ..Self::scale(Ratio::zero()) };
        }
        Self { a, b, lo, hi, bend: self.bend.clone() }
    }

    /// Followed by `max(value, 0)`.
    pub fn then_relu(&self) -> Self {
        self.then_max(&Ratio::zero())
    }

    /// The bounds applied to `value`.
    pub fn clamp(&self, value: Ratio) -> Ratio {
        let raised = match &self.lo {
            Some(lo) if value < *lo => lo.clone(),
            _ => value,
        };
        match &self.hi {
            Some(hi) if raised > *hi => hi.clone(),
            _ => raised,
        }
    }

    /// The value of `code`.
    pub fn value(&self, code: &Ratio) -> Ratio {
        match &self.bend {
            None => self.clamp(&self.a * code + &self.b),
            Some(bend) => self.clamp(&self.a * bend.value(code) + &self.b),
        }
    }
}

/// One [`Link`] for each element.
pub type Chain = Field<Link>;
