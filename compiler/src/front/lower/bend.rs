//! Pending functions that are not affine: the greater of two, and smooth functions.

use std::rc::Rc;
use std::sync::Arc;

use num_traits::{Signed, Zero};

use super::chain::Link;
use super::field::{Ratio, exact, nearest, whole};

/// A real function of one variable.
#[derive(Debug)]
pub struct Function {
    /// Name in ONNX.
    pub name: &'static str,
    /// The value at `x`, given the parameters. Evaluated in `f64`, this is the definition.
    pub value: fn(parameters: &[f64], x: f64) -> f64,
    /// Whether the function is defined at `x`.
    pub defined: fn(parameters: &[f64], x: f64) -> bool,
    /// Whether it never falls as `x` grows.
    pub rising: fn(parameters: &[f64]) -> bool,
}

/// A [`Function`] with its parameters, at a node.
#[derive(Clone, Debug)]
pub struct Curve {
    /// The function.
    pub function: &'static Function,
    /// Its parameters.
    pub parameters: Arc<[f64]>,
    /// The node that asks for it.
    pub node: Rc<str>,
}

impl PartialEq for Curve {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.function, other.function) && self.parameters == other.parameters
    }
}

/// What the affine part of a [`Link`] is applied to, where that is not the code.
#[derive(Clone, Debug, PartialEq)]
pub enum Bend {
    /// The greater of two functions of the code.
    Max(Rc<Link>, Rc<Link>),
    /// A smooth function of a function of the code.
    Curve(Curve, Rc<Link>),
}

impl Curve {
    /// The value at `x`; infinities become the greatest float.
    pub fn value(&self, x: &Ratio) -> Ratio {
        let y = (self.function.value)(&self.parameters, nearest(x));
        exact(y.clamp(f64::MIN, f64::MAX)).unwrap_or_default()
    }
}

impl Bend {
    pub(super) fn value(&self, code: &Ratio) -> Ratio {
        match self {
            Self::Max(f, g) => f.value(code).max(g.value(code)),
            Self::Curve(curve, argument) => curve.value(&argument.value(code)),
        }
    }
}

impl Link {
    fn bent(bend: Bend) -> Self {
        Self { bend: Some(Rc::new(bend)), ..Self::identity() }
    }

    /// The greater of two functions of one code.
    pub fn max(f: Self, g: Self) -> Self {
        if f == g { f } else { Self::bent(Bend::Max(Rc::new(f), Rc::new(g))) }
    }

    /// The smaller of two functions of one code.
    pub fn min(f: &Self, g: &Self) -> Self {
        let negative = |link: &Self| link.then(&whole(-1), &Ratio::zero());
        negative(&Self::max(negative(f), negative(g)))
    }

    /// Followed by `max(value, least)`.
    pub fn then_max(&self, least: &Ratio) -> Self {
        let raised = |bound: &Ratio| bound.max(least).clone();
        let lo = Some(self.lo.as_ref().map_or_else(|| least.clone(), raised));
        Self { lo, hi: self.hi.as_ref().map(raised), ..self.clone() }
    }

    /// Followed by `min(value, greatest)`.
    pub fn then_min(&self, greatest: &Ratio) -> Self {
        let lowered = |bound: &Ratio| bound.min(greatest).clone();
        let hi = Some(self.hi.as_ref().map_or_else(|| greatest.clone(), lowered));
        Self { hi, lo: self.lo.as_ref().map(lowered), ..self.clone() }
    }

    /// Followed by `value`, or `slope × value` where that is negative: a maximum for slopes up to 1, else a minimum.
    pub fn then_leaky(&self, slope: &Ratio) -> Self {
        if self.lo.as_ref().is_some_and(|lo| !lo.is_negative()) {
            return self.clone();
        }
        let scaled = self.then(slope, &Ratio::zero());
        if *slope <= whole(1) { Self::max(self.clone(), scaled) } else { Self::min(self, &scaled) }
    }

    /// Followed by a smooth function.
    pub fn then_curve(&self, curve: &Curve) -> Self {
        Self::bent(Bend::Curve(curve.clone(), Rc::new(self.clone())))
    }

    /// Followed by another link without a bend.
    pub fn followed(&self, outer: &Self) -> Self {
        let mut link = self.then(&outer.a, &outer.b);
        if let Some(lo) = &outer.lo {
            link = link.then_max(lo);
        }
        if let Some(hi) = &outer.hi {
            link = link.then_min(hi);
        }
        link
    }

    /// The affine part and the bounds alone.
    pub fn outer(&self) -> Self {
        Self { bend: None, ..self.clone() }
    }

    /// What the affine part is applied to.
    pub fn inner(&self) -> Self {
        Self { bend: self.bend.clone(), ..Self::identity() }
    }

    /// Whether a smooth function is pending.
    pub fn is_curved(&self) -> bool {
        match self.bend.as_deref() {
            None => false,
            Some(Bend::Max(f, g)) => f.is_curved() || g.is_curved(),
            Some(Bend::Curve(..)) => true,
        }
    }

    /// How many bends stand one behind the other.
    pub fn depth(&self) -> usize {
        match self.bend.as_deref() {
            None => 0,
            Some(Bend::Max(f, g)) => 1 + f.depth().max(g.depth()),
            Some(Bend::Curve(_, argument)) => 1 + argument.depth(),
        }
    }

    /// Two functions without a maximum at their head, and whether this is the greater (else the smaller) of them; twice
    /// itself if there is none.
    pub(super) fn branches(&self) -> (Self, Self, bool) {
        let Some(Bend::Max(f, g)) = self.bend.as_deref() else { return (self.clone(), self.clone(), true) };
        let outer = self.outer();
        (f.followed(&outer), g.followed(&outer), !self.a.is_negative())
    }

    /// 1 if the value never falls as the code grows, −1 if it never rises, 0 if it is constant; `None` if nothing of
    /// that is known.
    pub fn direction(&self) -> Option<i8> {
        let inner = match self.bend.as_deref() {
            None => 1,
            Some(Bend::Max(f, g)) => match (f.direction()?, g.direction()?) {
                (f, g) if f == g || g == 0 => f,
                (0, g) => g,
                _ => return None,
            },
            Some(Bend::Curve(curve, argument)) => match argument.direction()? {
                0 => 0,
                direction if (curve.function.rising)(&curve.parameters) => direction,
                _ => return None,
            },
        };
        let sign = if self.a.is_zero() { 0 } else { if self.a.is_negative() { -1 } else { 1 } };
        Some(sign * inner)
    }

    /// The function that is not defined at `code`, and its argument there.
    pub(super) fn undefined(&self, code: &Ratio) -> Option<(Curve, f64)> {
        match self.bend.as_deref()? {
            Bend::Max(f, g) => f.undefined(code).or_else(|| g.undefined(code)),
            Bend::Curve(curve, argument) => argument.undefined(code).or_else(|| {
                let x = nearest(&argument.value(code));
                let defined = (curve.function.defined)(&curve.parameters, x);
                (!defined).then(|| (curve.clone(), x))
            }),
        }
    }

    /// Bounds of the value for codes of `first..=last`; `None` if a curve that is not monotone is in the way.
    pub(super) fn bounds(&self, first: &Ratio, last: &Ratio) -> Option<(Ratio, Ratio)> {
        let (lo, hi) = match self.bend.as_deref() {
            None => (first.clone(), last.clone()),
            Some(Bend::Max(f, g)) => {
                let (f, g) = (f.bounds(first, last)?, g.bounds(first, last)?);
                (f.0.max(g.0), f.1.max(g.1))
            }
            Some(Bend::Curve(curve, argument)) => {
                let (lo, hi) = argument.bounds(first, last)?;
                if !(curve.function.rising)(&curve.parameters) {
                    return None;
                }
                (curve.value(&lo), curve.value(&hi))
            }
        };
        let outer = self.outer();
        let (lo, hi) = (outer.value(&lo), outer.value(&hi));
        Some(if lo <= hi { (lo, hi) } else { (hi, lo) })
    }
}
