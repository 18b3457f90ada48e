//! Smooth functions where no quantizer closes them, or where their input is too wide for a table.

use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Interval, Rounding};
use num_traits::ToPrimitive;

use super::bend::Bend;
use super::field::nearest;
use super::stairs::Composite;
use super::{Codes, Curve, Field, Link, Lower, Mode, Quantity, Quantum, Ratio, Stairs, power_of_two, whole};
use crate::ops::Fault;

/// Fraction bits of a function that no quantizer follows.
const BITS: i64 = 16;

/// The steps of a table's input that are tried: 2^−`FINEST` and coarser.
const FINEST: i64 = 40;

/// Codes of a function that no quantizer follows lie within ±2^`REACH`.
const REACH: u32 = 44;

/// Bends that may wait for a quantizer; each doubles what must be computed.
const DEPTH: usize = 4;

impl Lower<'_> {
    /// The quantity followed by a smooth function, which a quantizer closes in one table with what stands around it.
    pub fn curve(&mut self, x: &Quantity, curve: &Curve) -> Result<Quantity, Fault> {
        if let Codes::Const(_) = x.codes {
            let outside = |x: &Ratio| !(curve.function.defined)(&curve.parameters, nearest(x));
            if let Some(x) = x.values()?.entries().iter().find(|x| outside(x)) {
                return Err(super::requant::undefined(curve, nearest(x)));
            }
        }
        let x = self.shallow(x)?;
        Ok(Quantity { chain: x.chain.map(|link| link.then_curve(curve)), integer: false, ..x })
    }

    /// The quantity, with its pending function carried out if that has many bends.
    pub fn shallow(&mut self, x: &Quantity) -> Result<Quantity, Fault> {
        let deep = x.chain.entries().iter().any(|link| link.depth() >= DEPTH);
        if deep && !x.is_constant() { self.plain(x) } else { Ok(x.clone()) }
    }

    /// Whether a smooth function is pending whose values, rounded to multiples of `scale`, are known to lie in `range`.
    pub fn curved_within(&self, x: &Quantity, scale: &Ratio, mode: Mode, range: Interval) -> bool {
        let Codes::Value(value) = x.codes else { return false };
        let codes = join(self.elements(value));
        let (first, last) = (whole(codes.lo), whole(codes.hi));
        let inside = |link: &Link| {
            link.bounds(&first, &last).is_some_and(|(lo, hi)| {
                let ends = [lo, hi].map(|end| mode.apply(&(end / scale)).to_i128());
                ends.iter().all(|end| end.is_some_and(|end| range.contains(Interval::point(end))))
            })
        };
        x.chain.entries().iter().any(Link::is_curved) && x.chain.entries().iter().all(inside)
    }

    /// The quantity with its smooth functions carried out: a table with 16 fraction bits.
    pub(super) fn straight(&mut self, quantity: &Quantity) -> Result<Quantity, Fault> {
        let inner = Quantity { chain: quantity.chain.map(Link::inner), ..quantity.clone() };
        let most = 1i64 << REACH;
        let quantum = Quantum { scale: power_of_two(-BITS), zero: 0 };
        let quanta = Field::uniform(quantity.shape.len(), quantum);
        let stairs = Stairs { quanta, mode: Mode::Round(Rounding::Rnd), lo: -most, hi: most };
        let result = self.unwatched(|lower| lower.quantize(&inner, &stairs))?;
        if let Codes::Value(value) = result.codes {
            let range = join(self.elements(value));
            if range.lo <= i128::from(-most) || range.hi >= i128::from(most) {
                return Err(Fault::new(
                    "code-too-wide",
                    format!("the function's values exceed ±2^{}", i64::from(REACH) - BITS),
                    "put a quantizer behind the function, or bound its input with Clip",
                ));
            }
        }
        let node = self.node_name().to_owned();
        let names = names(&quantity.chain);
        self.note(format!(
            "{node}: no quantizer follows {names}, whose table has {BITS} fraction bits: it differs from the real function by at most {:.1e}",
            2f64.powi(-1 - BITS as i32)
        ));
        let chain = quantity
            .chain
            .zip(&result.chain, |link, step| Link::scale(step.a.clone()).followed(&link.outer()))
            .ok_or_else(|| Fault::shape("scales do not fit each other"))?;
        Ok(Quantity { chain, ..result })
    }

    /// A function whose input is too wide for a table: under a default format its argument is rounded to the finest
    /// power of two for which the table fits; else a fault.
    pub(super) fn coarse(&mut self, quantity: &Quantity, stairs: &Stairs) -> Result<Quantity, Fault> {
        let bits = self.options().table_bits.min(20);
        let names = names(&quantity.chain);
        let wide = || {
            Fault::new(
                "table-too-wide",
                format!("the input of {names} has more than {bits} bits, too many for a table"),
                "put a quantizer before the function, or raise --table-bits",
            )
        };
        if self.options().default_format.is_none() {
            return Err(wide());
        }
        let Codes::Value(value) = quantity.codes else { return Err(wide()) };
        let range = join(self.elements(value));
        let (first, last) = (whole(range.lo), whole(range.hi));
        let mut span: Option<(Ratio, Ratio)> = None;
        let mut heads = Vec::new();
        for link in quantity.chain.entries() {
            let Some(Bend::Curve(curve, argument)) = link.bend.as_deref() else { return Err(wide()) };
            let (lo, hi) = argument.bounds(&first, &last).ok_or_else(wide)?;
            span = Some(match span {
                None => (lo, hi),
                Some(known) => (known.0.min(lo), known.1.max(hi)),
            });
            let head = (curve.clone(), link.outer());
            if !heads.contains(&head) {
                heads.push(head);
            }
        }
        let (lo, hi) = span.ok_or_else(wide)?;
        let (exponent, from, to) = (-FINEST..=FINEST)
            .find_map(|exponent| {
                let step = power_of_two(exponent);
                let first = (&lo / &step).ceil().to_integer().to_i64()?;
                let last = (&hi / &step).floor().to_integer().to_i64()?.max(first);
                let pairs =
                    heads.iter().flat_map(|head| stairs.quanta.entries().iter().map(move |q| (head, q)));
                let active = pairs.map(|((curve, outer), quantum)| {
                    let link = bent(curve, outer, &step);
                    if link.direction().is_none() {
                        return (first, last);
                    }
                    let Stairs { mode, lo, hi, .. } = *stairs;
                    Composite { link, quantum: quantum.clone(), mode, lo, hi }.active(first, last)
                });
                let (from, to) = active.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
                (to - from < 1 << bits).then_some((exponent, from, to))
            })
            .ok_or_else(wide)?;
        let step = power_of_two(exponent);
        let argument = |link: &Link| match link.bend.as_deref() {
            Some(Bend::Curve(_, argument)) => argument.as_ref().clone(),
            _ => link.clone(),
        };
        let inner = Quantity { chain: quantity.chain.map(argument), ..quantity.clone() };
        let quanta = Field::uniform(quantity.shape.len(), Quantum { scale: step.clone(), zero: 0 });
        let rounding = Stairs { quanta, mode: Mode::Round(Rounding::Rnd), lo: from, hi: to };
        let rounded = self.quantize(&inner, &rounding)?;
        let chain = quantity.chain.map(|link| match link.bend.as_deref() {
            Some(Bend::Curve(curve, _)) => bent(curve, &link.outer(), &step),
            _ => link.clone(),
        });
        let worst = heads.iter().map(|(curve, outer)| error(&bent(curve, outer, &step), from, to));
        let worst = worst.fold(0.0, f64::max);
        let node = self.node_name().to_owned();
        self.note(format!(
            "{node}: the input of {names} is rounded to steps of 2^{exponent}, which changes the function by at most {:.1e}",
            worst * 1.06
        ));
        self.quantize(&Quantity { chain, ..rounded }, stairs)
    }
}

/// The function of an argument in steps.
fn bent(curve: &Curve, outer: &Link, step: &Ratio) -> Link {
    Link::scale(step.clone()).then_curve(curve).followed(outer)
}

/// The names of the functions that are pending, for messages.
fn names(chain: &Field<Link>) -> String {
    fn collect(link: &Link, names: &mut Vec<String>) {
        match link.bend.as_deref() {
            None => {}
            Some(Bend::Max(f, g)) => [f, g].into_iter().for_each(|link| collect(link, names)),
            Some(Bend::Curve(curve, argument)) => {
                let name = format!("{} (node `{}`)", curve.function.name, curve.node);
                if !names.contains(&name) {
                    names.push(name);
                }
                collect(argument, names);
            }
        }
    }
    let mut names = Vec::new();
    chain.entries().iter().for_each(|link| collect(link, &mut names));
    names.join(" and ")
}

/// The largest change of the value within half a step around each code, on a grid of an eighth.
fn error(link: &Link, from: i64, to: i64) -> f64 {
    let eighth = Ratio::new(1.into(), 8.into());
    let mut worst = 0f64;
    for code in from..=to {
        let centre = nearest(&link.value(&whole(code)));
        for part in [-4, -2, 2, 4] {
            if (code == from && part < 0) || (code == to && part > 0) {
                continue;
            }
            let value = nearest(&link.value(&(whole(code) + whole(part) * &eighth)));
            worst = worst.max((value - centre).abs());
        }
    }
    worst
}
