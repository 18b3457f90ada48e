//! Comparing activations and choosing between them, exactly.

use std::rc::Rc;

use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Expr, ExprId, Op};
use num_traits::{Signed, ToPrimitive, Zero};

use super::{Chain, Codes, Draft, Field, Link, Lower, Quantity, whole};
use crate::ops::Fault;

/// Thresholds beyond ±this are beyond every code.
const FAR: i64 = 1 << 62;

/// Where `sign × code < threshold` says that a value is negative.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    sign: i64,
    threshold: i64,
}

impl Side {
    fn of(link: &Link) -> Self {
        let always = |negative: bool| Self { sign: 0, threshold: i64::from(negative) };
        if link.lo.as_ref().is_some_and(|lo| !lo.is_negative()) {
            return always(false);
        }
        if link.hi.as_ref().is_some_and(Signed::is_negative) {
            return always(true);
        }
        if link.a.is_zero() {
            return always(link.b.is_negative());
        }
        let edge = (-&link.b / link.a.abs()).ceil().to_integer();
        let far = if edge.is_negative() { -FAR } else { FAR };
        let threshold = edge.to_i64().unwrap_or(far).clamp(-FAR, FAR);
        Self { sign: if link.a.is_negative() { -1 } else { 1 }, threshold }
    }
}

impl Lower<'_> {
    /// Codes 1 where the value is negative, else 0, whatever its scales and offsets.
    pub fn negative(&mut self, x: &Quantity) -> Result<Quantity, Fault> {
        let flat = Field::uniform(x.shape.len(), Link::identity());
        if x.is_constant() {
            let values = x.values()?;
            let codes = nn2hdl_runtime::index::points(&x.shape)
                .map(|p| i64::from(values.at(&p).is_negative()))
                .collect();
            return Ok(Quantity { codes: Codes::Const(Rc::new(codes)), chain: flat, ..x.clone() });
        }
        let bent = x.chain.entries().iter().any(|link| link.bend.is_some());
        let x = if bent { self.plain(x)? } else { x.clone() };
        let sides = x.chain.map(Side::of);
        let mut body = Expr::default();
        let code = body.push(Op::Read(0));
        let code = self.scaled(&mut body, code, &sides.map(|side| side.sign), &x);
        let threshold = self.parameter(&mut body, "threshold", &sides.map(|side| side.threshold), &x);
        body.push(Op::Lt(code, threshold));
        let read = self.read(&x, &x.position())?;
        let codes = Codes::Value(self.emit(Draft::elementwise("", x.value_shape(), vec![read], body))?);
        Ok(Quantity { codes, chain: flat, ..x })
    }

    /// A condition as codes 0 and 1.
    pub fn truth(&mut self, condition: &Quantity) -> Result<Quantity, Fault> {
        let condition = match &condition.codes {
            Codes::Host(..) if condition.integer => self.indices(condition, 1)?,
            _ => condition.clone(),
        };
        let plain = self.plain(&condition)?;
        let range = match &plain.codes {
            Codes::Value(value) => join(self.elements(*value)),
            Codes::Const(codes) => {
                let (lo, hi) = (codes.iter().min(), codes.iter().max());
                let end = |code: Option<&i64>| i128::from(code.copied().unwrap_or(0));
                nn2hdl_runtime::Interval::new(end(lo), end(hi))
            }
            _ => return Err(condition_fault()),
        };
        let unit = plain.plain_scale().is_some_and(|scale| *scale == whole(1));
        if unit && range.lo >= 0 && range.hi <= 1 { Ok(plain) } else { Err(condition_fault()) }
    }

    /// The larger (`upper`) or smaller of two activations of one shape.
    pub fn extremum(&mut self, upper: bool, left: &Quantity, right: &Quantity) -> Result<Quantity, Fault> {
        self.chosen(left, right, |body, x, y| body.push(if upper { Op::Max(x, y) } else { Op::Min(x, y) }))
    }

    /// `x` where the condition, codes 0 and 1, is 1, else `y`; all of one shape.
    pub fn select(&mut self, condition: &Quantity, x: &Quantity, y: &Quantity) -> Result<Quantity, Fault> {
        let read = self.read(condition, &condition.position())?;
        let (x, y, mut body, (a, b), chain) = self.common(x, y)?;
        let c = body.push(Op::Read(2));
        body.push(Op::Select(c, a, b));
        let at = x.position();
        let reads = vec![self.read(&x, &at)?, self.read(&y, &at)?, read];
        self.finished(x, chain, reads, body)
    }

    fn chosen(
        &mut self,
        left: &Quantity,
        right: &Quantity,
        choose: impl Fn(&mut Expr, ExprId, ExprId) -> ExprId,
    ) -> Result<Quantity, Fault> {
        let (left, right, mut body, (x, y), chain) = self.common(left, right)?;
        choose(&mut body, x, y);
        let at = left.position();
        let reads = vec![self.read(&left, &at)?, self.read(&right, &at)?];
        self.finished(left, chain, reads, body)
    }

    fn finished(
        &mut self,
        like: Quantity,
        chain: Chain,
        reads: Vec<nn2hdl_runtime::Read>,
        body: Expr,
    ) -> Result<Quantity, Fault> {
        let mut result = Quantity { chain, ..like };
        let draft = Draft::elementwise("", result.value_shape(), reads, body).frac(result.frac());
        result.codes = Codes::Value(self.emit(draft)?);
        Ok(result)
    }

    /// Two quantities with codes that compare as their values do, as the first two reads of a kernel.
    #[allow(clippy::type_complexity)]
    fn common(
        &mut self,
        left: &Quantity,
        right: &Quantity,
    ) -> Result<(Quantity, Quantity, Expr, (ExprId, ExprId), Chain), Fault> {
        let mut body = Expr::default();
        let (x, y) = (body.push(Op::Read(0)), body.push(Op::Read(1)));
        let rising = |link: &Link| link.bend.is_none() && link.a.is_positive();
        let coded = |quantity: &Quantity| matches!(quantity.codes, Codes::Value(_));
        let same = coded(left) && coded(right) && left.chain == right.chain;
        if same && left.chain.entries().iter().all(rising) {
            return Ok((left.clone(), right.clone(), body, (x, y), left.chain.clone()));
        }
        let (left, right) = (self.plain(left)?, self.plain(right)?);
        let (a, b, steps) = self.factors(&left, &right, &super::gcd).ok_or_else(super::align::apart)?;
        let (x, y) = (self.scaled(&mut body, x, &a, &left), self.scaled(&mut body, y, &b, &left));
        Ok((left, right, body, (x, y), steps.map(|step| Link::scale(step.clone()))))
    }

    /// Appends the larger of two, where `upper` is 1, or the smaller.
    pub(super) fn extreme(
        &mut self,
        body: &mut Expr,
        upper: &Field<i64>,
        f: ExprId,
        g: ExprId,
        quantity: &Quantity,
    ) -> ExprId {
        match upper.single() {
            Some(0) => body.push(Op::Min(f, g)),
            Some(_) => body.push(Op::Max(f, g)),
            None => {
                let (max, min) = (body.push(Op::Max(f, g)), body.push(Op::Min(f, g)));
                let upper = self.parameter(body, "upper", upper, quantity);
                body.push(Op::Select(upper, max, min))
            }
        }
    }
}

fn condition_fault() -> Fault {
    Fault::unsupported(
        "a condition is neither an input of booleans nor the result of a comparison",
        "compare first: with Less, Greater or Equal",
    )
}
