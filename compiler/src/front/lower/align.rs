//! Bringing codes onto a common scale, exactly.

use std::rc::Rc;

use nn2hdl_runtime::{Expr, ExprId, Op};
use num_traits::{Float, Signed, Zero};

use super::field::{gcd, log2, to_i64};
use super::{Chain, Codes, Draft, Field, Link, Lower, Quantity, Ratio, power_of_two, whole};
use crate::graph::Tensor;
use crate::ops::Fault;

/// Factors above this are not taken for fixed-point mantissas that meet, but for scales that have nothing in common.
const FACTOR_LIMIT: i64 = 1 << 40;

pub(super) fn apart() -> Fault {
    Fault::new(
        "scales-differ",
        "the scales that meet here have no common fixed-point grid",
        "put a quantizer on one of the operands, with a scale that is a power of two or the same as the other's",
    )
}

impl Lower<'_> {
    /// A constant as integer codes with a scale and no offset: the quantizer's codes, or a float's exact mantissas.
    pub fn coded(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        match &quantity.codes {
            Codes::Real(tensor) => {
                let (codes, exponent) = mantissas(tensor)?;
                let chain = Field::uniform(quantity.shape.len(), Link::scale(power_of_two(exponent)));
                Ok(Quantity { codes: Codes::Const(Rc::new(codes)), chain, ..quantity.clone() })
            }
            Codes::Const(codes) => {
                let shifts: Option<Vec<i64>> = quantity
                    .chain
                    .entries()
                    .iter()
                    .map(|link| {
                        if link.is_affine() && !link.a.is_zero() {
                            to_i64(&(&link.b / &link.a))
                        } else {
                            None
                        }
                    })
                    .collect();
                let Some(shifts) = shifts else { return self.coded_values(quantity) };
                let shifts = Field::new(quantity.chain.shape().to_vec(), shifts);
                let shifted: Option<Vec<i64>> = nn2hdl_runtime::index::points(&quantity.shape)
                    .zip(codes.iter())
                    .map(|(p, code)| code.checked_add(*shifts.at(&p)))
                    .collect();
                let chain = quantity.chain.map(|link| Link::scale(link.a.clone()));
                Ok(Quantity {
                    codes: Codes::Const(Rc::new(shifted.ok_or_else(apart)?)),
                    chain,
                    ..quantity.clone()
                })
            }
            _ => Ok(quantity.clone()),
        }
    }

    /// The codes of a constant whose chain is not a scale: its values over their common divisor.
    fn coded_values(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        let values = quantity.values()?;
        let mut step = values.entries().iter().fold(Ratio::zero(), |step, value| gcd(&step, value));
        if step.is_zero() {
            step = whole(1);
        }
        let codes: Option<Vec<i64>> = nn2hdl_runtime::index::points(&quantity.shape)
            .map(|p| to_i64(&(values.at(&p) / &step)))
            .collect();
        let chain = Field::uniform(quantity.shape.len(), Link::scale(step));
        Ok(Quantity { codes: Codes::Const(Rc::new(codes.ok_or_else(apart)?)), chain, ..quantity.clone() })
    }

    /// The quantity with codes, and with pending clamps carried out, so that its chain is affine.
    pub fn affine(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        match &quantity.codes {
            Codes::Host(source, _) => Err(self.uncoded(*source)),
            Codes::Const(_) | Codes::Real(_) => self.coded(quantity),
            Codes::Value(_) if quantity.is_clamped() => self.plain(quantity),
            Codes::Value(_) => Ok(quantity.clone()),
        }
    }

    /// The quantity with codes of one positive scale everywhere, without offset and clamp.
    pub fn plain(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        if let Codes::Host(source, _) = &quantity.codes {
            return Err(self.uncoded(*source));
        }
        if quantity.is_constant() {
            let coded = self.coded(quantity)?;
            return if coded.plain_scale().is_some_and(Signed::is_positive) {
                Ok(coded)
            } else {
                self.coded_values(&coded)
            };
        }
        if quantity.plain_scale().is_some_and(Signed::is_positive) {
            return Ok(quantity.clone());
        }
        if quantity.chain.entries().iter().any(Link::is_curved) {
            let straight = self.straight(quantity)?;
            return self.plain(&straight);
        }
        let mut step = quantity.chain.entries().iter().fold(Ratio::zero(), divisor);
        if step.is_zero() {
            step = whole(1);
        }
        let mut expr = Expr::default();
        let x = expr.push(Op::Read(0));
        self.steps(&mut expr, x, &quantity.chain, &step, quantity)?;
        let chain = Field::uniform(quantity.shape.len(), Link::scale(step));
        let read = self.read(quantity, &quantity.position())?;
        let mut result = Quantity { chain, ..quantity.clone() };
        let draft = Draft::elementwise("", quantity.value_shape(), vec![read], expr).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(result)
    }

    /// Appends the pending functions `links` of `x`, in whole steps.
    fn steps(
        &mut self,
        expr: &mut Expr,
        x: ExprId,
        links: &Chain,
        step: &Ratio,
        quantity: &Quantity,
    ) -> Result<ExprId, Fault> {
        if links.entries().iter().any(|link| link.bend.is_some()) {
            let f = self.steps(expr, x, &links.map(|link| link.branches().0), step, quantity)?;
            let g = self.steps(expr, x, &links.map(|link| link.branches().1), step, quantity)?;
            let upper = links.map(|link| i64::from(link.branches().2));
            return Ok(self.extreme(expr, &upper, f, g, quantity));
        }
        let steps = |part: &Ratio| to_i64(&(part / step)).filter(|n| n.abs() < FACTOR_LIMIT);
        let field = |f: &dyn Fn(&Link) -> Option<i64>| -> Result<Field<i64>, Fault> {
            let entries: Option<Vec<i64>> = links.entries().iter().map(f).collect();
            Ok(Field::new(links.shape().to_vec(), entries.ok_or_else(apart)?))
        };
        let factor = field(&|link| steps(&link.a))?;
        let summand = field(&|link| steps(&link.b))?;
        let product = self.scaled(expr, x, &factor, quantity);
        let mut y = self.shifted(expr, product, &summand, quantity);
        // An absent bound is replaced by one that is never reached.
        let bounds = self.image(quantity, &factor, &summand)?;
        if links.entries().iter().any(|link| link.lo.is_some()) {
            let lo = field(&|link| link.lo.as_ref().map_or(Some(bounds.0), steps))?;
            let lo = self.parameter(expr, "least", &lo, quantity);
            y = expr.push(Op::Max(y, lo));
        }
        if links.entries().iter().any(|link| link.hi.is_some()) {
            let hi = field(&|link| link.hi.as_ref().map_or(Some(bounds.1), steps))?;
            let hi = self.parameter(expr, "greatest", &hi, quantity);
            y = expr.push(Op::Min(y, hi));
        }
        Ok(y)
    }

    /// Bounds of `factor × code + summand` over all elements.
    fn image(
        &mut self,
        quantity: &Quantity,
        factor: &Field<i64>,
        summand: &Field<i64>,
    ) -> Result<(i64, i64), Fault> {
        let value = self.value(quantity)?;
        let range = nn2hdl_runtime::range::join(self.elements(value));
        let (mut lo, mut hi) = (i128::MAX, i128::MIN);
        let both = factor.zip(summand, |&m, &n| (i128::from(m), i128::from(n))).ok_or_else(apart)?;
        for (m, n) in both.entries() {
            for code in [range.lo, range.hi] {
                let image =
                    code.checked_mul(*m).and_then(|product| product.checked_add(*n)).ok_or_else(apart)?;
                (lo, hi) = (lo.min(image), hi.max(image));
            }
        }
        Ok((i64::try_from(lo).map_err(|_| apart())?, i64::try_from(hi).map_err(|_| apart())?))
    }

    /// Appends `factor × x`.
    pub fn scaled(&mut self, expr: &mut Expr, x: ExprId, factor: &Field<i64>, quantity: &Quantity) -> ExprId {
        match factor.single() {
            Some(1) => x,
            Some(&n) if n > 0 && n.count_ones() == 1 => {
                let amount = expr.constant(n.trailing_zeros().into());
                expr.push(Op::Shl(x, amount))
            }
            _ => {
                let factor = self.parameter(expr, "factor", factor, quantity);
                expr.push(Op::Mul(x, factor))
            }
        }
    }

    /// Appends `x + summand`.
    pub fn shifted(
        &mut self,
        expr: &mut Expr,
        x: ExprId,
        summand: &Field<i64>,
        quantity: &Quantity,
    ) -> ExprId {
        if summand.single() == Some(&0) {
            return x;
        }
        let summand = self.parameter(expr, "bias", summand, quantity);
        expr.push(Op::Add(x, summand))
    }

    /// The sum of two activations of one shape: their codes on a common scale; offsets add up in the chain.
    pub fn sum(&mut self, left: &Quantity, right: &Quantity) -> Result<Quantity, Fault> {
        let (left, right) = (self.affine(left)?, self.affine(right)?);
        let step = left
            .chain
            .entries()
            .iter()
            .chain(right.chain.entries())
            .fold(Ratio::zero(), |g, link| gcd(&g, &link.a));
        let uniform = self.factors(&left, &right, &|_, _| step.clone());
        let (left_factor, right_factor, steps) = match uniform {
            Some(found) => found,
            None => self.factors(&left, &right, &|a, b| gcd(a, b)).ok_or_else(apart)?,
        };
        let mut expr = Expr::default();
        let (x, y) = (expr.push(Op::Read(0)), expr.push(Op::Read(1)));
        let x = self.scaled(&mut expr, x, &left_factor, &left);
        let y = self.scaled(&mut expr, y, &right_factor, &left);
        expr.push(Op::Add(x, y));
        let offsets = left.chain.zip(&right.chain, |a, b| &a.b + &b.b).ok_or_else(apart)?;
        let chain: Chain =
            steps.zip(&offsets, |a, b| Link { b: b.clone(), ..Link::scale(a.clone()) }).ok_or_else(apart)?;
        let at = left.position();
        let reads = vec![self.read(&left, &at)?, self.read(&right, &at)?];
        let mut result = Quantity { chain, ..left.clone() };
        let draft = Draft::elementwise("", left.value_shape(), reads, expr).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(result)
    }

    /// The product of two activations of one shape, code by code.
    pub fn product(&mut self, left: &Quantity, right: &Quantity) -> Result<Quantity, Fault> {
        let (left, right) = (self.centred(left)?, self.centred(right)?);
        let chain = left.chain.zip(&right.chain, |a, b| Link::scale(&a.a * &b.a)).ok_or_else(apart)?;
        let mut body = Expr::default();
        let (x, y) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        body.push(Op::Mul(x, y));
        let at = left.position();
        let reads = vec![self.read(&left, &at)?, self.read(&right, &at)?];
        let mut result = Quantity { chain, ..left.clone() };
        let draft = Draft::elementwise("", left.value_shape(), reads, body).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(result)
    }

    /// The quantity with codes whose chain is a scale at each element, without offset and clamp.
    pub fn centred(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        let quantity = self.affine(quantity)?;
        if quantity.chain.entries().iter().all(|link| link.b.is_zero()) {
            Ok(quantity)
        } else {
            self.plain(&quantity)
        }
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn factors(
        &self,
        left: &Quantity,
        right: &Quantity,
        step: &dyn Fn(&Ratio, &Ratio) -> Ratio,
    ) -> Option<(Field<i64>, Field<i64>, Field<Ratio>)> {
        let steps = left.chain.zip(&right.chain, |a, b| step(&a.a, &b.a))?;
        let steps = steps.map(|step| if step.is_zero() { whole(1) } else { step.clone() });
        let part = |chain: &Chain| -> Option<Field<i64>> {
            let factors = steps
                .zip(chain, |step, link| to_i64(&(&link.a / step)).filter(|n| n.abs() < FACTOR_LIMIT))?;
            let entries: Option<Vec<i64>> = factors.entries().iter().copied().collect();
            Some(Field::new(factors.shape().to_vec(), entries?))
        };
        Some((part(&left.chain)?, part(&right.chain)?, steps))
    }

    /// Makes the factor of a quantity's chain the same along `axis`: returns the multipliers, one for each position on
    /// the axis, that weights take over, and the quantity with what is left.
    pub fn fold_axis(&mut self, quantity: &Quantity, axis: usize) -> Result<(Vec<i64>, Quantity), Fault> {
        let extent = quantity.shape[axis];
        if !quantity.chain.varies(axis) {
            return Ok((vec![1; extent], quantity.clone()));
        }
        let chain = &quantity.chain;
        let mut at = vec![0; quantity.shape.len()];
        let mut column = Vec::with_capacity(extent);
        for position in 0..extent {
            at[axis] = position;
            column.push(chain.at(&at).a.clone());
        }
        let step = column.iter().fold(Ratio::zero(), |g, a| gcd(&g, a));
        let step = if step.is_zero() { whole(1) } else { step };
        let multipliers: Option<Vec<i64>> =
            column.iter().map(|a| to_i64(&(a / &step)).filter(|n| n.abs() < FACTOR_LIMIT)).collect();
        let multipliers = multipliers.ok_or_else(apart)?;
        let mut links = Vec::with_capacity(chain.entries().len());
        for p in nn2hdl_runtime::index::points(chain.shape()) {
            let link = chain.at(&p);
            let multiplier = whole(multipliers[p[axis]]);
            // a·code + b = m·(a/m·code + b/m): the weights take over m for both parts.
            links.push(if !multiplier.is_zero() {
                Link::scale(&link.a / &multiplier).then(&whole(1), &(&link.b / &multiplier))
            } else if link.b.is_zero() {
                Link::scale(step.clone())
            } else {
                return Err(Fault::unsupported(
                    "a channel is constant, and not zero, before a product",
                    "quantize before the product, or remove the channel from the model",
                ));
            });
        }
        let chain = Field::new(chain.shape().to_vec(), links);
        Ok((multipliers, Quantity { chain, ..quantity.clone() }))
    }

    /// The codes moved such that no offset is left, where it is a whole number of steps at every element.
    pub fn unshifted(&mut self, quantity: &Quantity) -> Result<Option<Quantity>, Fault> {
        let shifts: Option<Vec<i64>> = quantity
            .chain
            .entries()
            .iter()
            .map(|link| match link.a.is_zero() {
                true => link.b.is_zero().then_some(0),
                false => to_i64(&(&link.b / &link.a)).filter(|n| n.abs() < FACTOR_LIMIT),
            })
            .collect();
        let Some(shifts) = shifts else { return Ok(None) };
        let shifts = Field::new(quantity.chain.shape().to_vec(), shifts);
        let chain = quantity.chain.map(|link| Link::scale(link.a.clone()));
        let mut result = Quantity { chain, ..quantity.clone() };
        if shifts.single() == Some(&0) {
            return Ok(Some(result));
        }
        let mut body = Expr::default();
        let code = body.push(Op::Read(0));
        self.shifted(&mut body, code, &shifts, quantity);
        let read = self.read(quantity, &quantity.position())?;
        let draft = Draft::elementwise("", quantity.value_shape(), vec![read], body).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(Some(result))
    }

    /// The code that stands for the value 0 at every element, if there is one.
    pub fn zero_code(&self, quantity: &Quantity) -> Option<i64> {
        let codes =
            quantity.chain.map(|link| if link.a.is_zero() { None } else { to_i64(&(-&link.b / &link.a)) });
        codes.single().copied().flatten()
    }
}

/// The greatest common divisor of `step` and of every number in a pending function.
fn divisor(step: Ratio, link: &Link) -> Ratio {
    if link.bend.is_some() {
        let (f, g, _) = link.branches();
        return divisor(divisor(step, &f), &g);
    }
    let parts = [Some(&link.a), Some(&link.b), link.lo.as_ref(), link.hi.as_ref()];
    parts.into_iter().flatten().fold(step, |step, part| gcd(&step, part))
}

/// Integers `m` and an exponent with `m × 2^exponent` the tensor's exact values.
fn mantissas(tensor: &Tensor) -> Result<(Vec<i64>, i64), Fault> {
    if tensor.data.iter().any(|value| !value.is_finite()) {
        return Err(Fault::new(
            "not-finite",
            "a constant holds NaN or infinity",
            "train or export the model again",
        ));
    }
    let parts: Vec<(i64, i64)> = tensor
        .data
        .iter()
        .map(|&value| {
            let (mantissa, exponent, sign) = Float::integer_decode(value);
            if value == 0.0 {
                return (0, i64::MAX);
            }
            let zeros = mantissa.trailing_zeros();
            (i64::from(sign) * (mantissa >> zeros) as i64, i64::from(exponent) + i64::from(zeros))
        })
        .collect();
    let least = parts.iter().map(|part| part.1).min().filter(|&e| e != i64::MAX).unwrap_or(0);
    let codes: Option<Vec<i64>> = parts
        .into_iter()
        .map(|(mantissa, exponent)| {
            let shift = if mantissa == 0 { 0 } else { exponent - least };
            (shift < 62)
                .then(|| i128::from(mantissa) << shift)
                .filter(|code| code.abs() < 1 << 62)
                .map(|code| code as i64)
        })
        .collect();
    let wide = || {
        Fault::new(
            "weights-too-wide",
            "float constants differ so much in size that they have no common fixed-point format of 62 bits",
            "quantize the weights, or state --default-format",
        )
    };
    Ok((codes.ok_or_else(wide)?, least))
}

/// Whether a positive rational is a power of two.
pub(super) fn is_power_of_two(value: &Ratio) -> bool {
    log2(&value.abs()).is_some()
}
