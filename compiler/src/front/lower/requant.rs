//! Closing a pending function with a quantizer: the composite from codes to codes, exactly, in hardware.
//!
//! Tried in this order: a constant; rounding of dyadic numbers; thresholds, if levels are few; a multiply–shift that is
//! proved at every step; a table. If none fits, a diagnostic: nothing is approximated. A quantizer is monotone, so that
//! of the greater of two functions it makes the greater of their codes.

use std::rc::Rc;

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::quantize::{self, Drop};
use nn2hdl_runtime::{Expr, ExprId, Index, Interval, Op, Rounding, ValueId};
use num_traits::{Signed, Zero};

use super::align::is_power_of_two;
use super::field::to_i64;
use super::stairs::{Composite, Steps};
use super::{
    Codes, Draft, Field, Link, Lower, Mode, Quantity, Ratio, Stairs, fraction_bits, power_of_two, whole,
};
use crate::ops::Fault;

/// Most levels that become thresholds, and most that are enumerated at all.
const THRESHOLDS: i64 = 15;
const LEVELS: i64 = 1 << 16;

/// Different functions that the positions of an image have between its borders, at most.
const KINDS: usize = 64;

/// Fraction bits that an offset may have beyond those of the scaled codes before it is folded otherwise.
const EXTRA_BITS: i64 = 8;

type Form = fn(&mut Lower<'_>, &mut Expr, ExprId, &Field<Channel>, &Quantity) -> Option<ExprId>;

/// The integer forms of a composite, in the order in which they are tried: the cheaper in hardware first.
const FORMS: &[Form] = &[
    |lower, body, x, channels, result| lower.constant(body, x, channels, result),
    |lower, body, x, channels, result| lower.dyadic(body, x, channels, result, SMALL_FACTOR),
    |lower, body, x, channels, result| lower.thresholds(body, x, channels, result),
    |lower, body, x, channels, result| lower.multiply_shift(body, x, channels, result),
    |lower, body, x, channels, result| lower.dyadic(body, x, channels, result, i64::MAX),
    |lower, body, x, channels, result| lower.tabulated(body, x, channels, result),
];

/// The forms of a composite whose pending function is bent.
const BENT_FORMS: &[Form] = &[
    |lower, body, x, channels, result| lower.constant(body, x, channels, result),
    |lower, body, x, channels, result| lower.thresholds(body, x, channels, result),
    |lower, body, x, channels, result| lower.greater(body, x, channels, result),
    |lower, body, x, channels, result| lower.tabulated(body, x, channels, result),
];

/// A dyadic factor up to here, or a power of two, is taken as it is; a longer one may have a shorter multiply–shift.
const SMALL_FACTOR: i64 = 1 << 8;

/// The different composites and the number of each position's, if they are few beside the positions of an image; not
/// where channels alone differ.
fn kinds(channels: &Field<Channel>) -> Option<(Vec<Composite>, Field<usize>)> {
    if !(2..channels.shape().len()).any(|axis| channels.varies(axis)) {
        return None;
    }
    let (mut kinds, mut numbers): (Vec<Composite>, Vec<usize>) = Default::default();
    let all = channels.entries();
    for Channel { composite, .. } in all {
        let known = kinds.iter().position(|kind| kind == composite);
        if known.is_none() && 4 * (kinds.len() + 1) > all.len().min(4 * KINDS) {
            return None;
        }
        numbers.push(known.unwrap_or(kinds.len()));
        if known.is_none() {
            kinds.push(composite.clone());
        }
    }
    (kinds.len() > 1).then(|| (kinds, Field::new(channels.shape().to_vec(), numbers)))
}

/// The fault of a function that meets `x`, where it has no value.
pub(super) fn undefined(curve: &super::Curve, x: f64) -> Fault {
    Fault::new(
        "outside-domain",
        format!(
            "{} of node `{}` is not defined at {x}, which its input can reach",
            curve.function.name, curve.node
        ),
        "keep the input inside the function's domain: with Clip, an addition, or a quantizer whose range excludes it",
    )
}

/// One channel's composite with the range of its codes.
#[derive(Clone, Debug, PartialEq)]
struct Channel {
    composite: Composite,
    range: Interval,
}

impl Lower<'_> {
    /// The quantity after a quantizer.
    pub fn quantize(&mut self, quantity: &Quantity, stairs: &Stairs) -> Result<Quantity, Fault> {
        let codes = Field::uniform(quantity.shape.len(), (stairs.lo, stairs.hi));
        self.quantize_within(quantity, stairs, &codes)
    }

    /// The quantity after a quantizer whose least and greatest codes are `codes`, within those of `stairs`.
    pub fn quantize_within(
        &mut self,
        quantity: &Quantity,
        stairs: &Stairs,
        codes: &Field<(i64, i64)>,
    ) -> Result<Quantity, Fault> {
        let shape_fault = || Fault::shape("the quantizer's scale does not fit its input");
        let chain = stairs.quanta.map(|quantum| Link {
            b: -whole(quantum.zero) * &quantum.scale,
            ..Link::scale(quantum.scale.clone())
        });
        let composites = stairs
            .quanta
            .zip(codes, |quantum, &(lo, hi)| (quantum.clone(), lo, hi))
            .and_then(|quanta| {
                quantity.chain.zip(&quanta, |link, (quantum, lo, hi)| Composite {
                    link: link.clone(),
                    quantum: quantum.clone(),
                    mode: stairs.mode,
                    lo: *lo,
                    hi: *hi,
                })
            })
            .ok_or_else(shape_fault)?;
        let chain = if stairs.mode == Mode::Sign {
            chain.map(|link| Link { b: &link.b - &link.a, ..Link::scale(&link.a * whole(2)) })
        } else {
            chain
        };
        match &quantity.codes {
            Codes::Real(_) => {
                let values = quantity.values()?;
                let codes = values
                    .zip(&composites, |value, composite| composite.of_value(value))
                    .ok_or_else(shape_fault)?;
                let codes = points(&quantity.shape).map(|p| *codes.at(&p)).collect();
                Ok(Quantity {
                    codes: Codes::Const(Rc::new(codes)),
                    chain,
                    integer: false,
                    ..quantity.clone()
                })
            }
            Codes::Const(codes) => {
                let codes = points(&quantity.shape)
                    .zip(codes.iter())
                    .map(|(p, &code)| composites.at(&p).at(code))
                    .collect();
                Ok(Quantity {
                    codes: Codes::Const(Rc::new(codes)),
                    chain,
                    integer: false,
                    ..quantity.clone()
                })
            }
            Codes::Host(source, moves) => {
                let (source, moves) = (*source, moves.clone());
                self.encode(quantity, source, &moves, &composites, stairs, chain)
            }
            Codes::Value(value) => self.requantize(quantity, *value, &composites, chain, stairs),
        }
    }

    fn requantize(
        &mut self,
        quantity: &Quantity,
        value: ValueId,
        composites: &Field<Composite>,
        chain: Field<Link>,
        stairs: &Stairs,
    ) -> Result<Quantity, Fault> {
        let mut ranges: Vec<Option<Interval>> = vec![None; composites.entries().len()];
        let frame = usize::from(quantity.framed);
        for (at, range) in self.elements(value).distinct(|axis| composites.varies(frame + axis)) {
            let p = [&[0; 1][..frame], &at].concat();
            let slot = &mut ranges[composites.position(&p)];
            *slot = Some(slot.map_or(range, |known| known.join(range)));
        }
        let channels = composites
            .entries()
            .iter()
            .zip(ranges)
            .map(|(composite, range)| Channel {
                composite: composite.clone(),
                range: range.unwrap_or(Interval::point(0)),
            })
            .collect();
        let channels = Field::new(composites.shape().to_vec(), channels);
        let most = 1i128 << self.options().table_bits.min(20);
        channels.entries().iter().try_for_each(|channel| channel.defined(most))?;
        let result = Quantity { chain, integer: false, ..quantity.clone() };
        let body = match self.closed(&channels, &result) {
            Some(body) => body,
            None if quantity.chain.entries().iter().any(Link::is_curved) => {
                // What is watched is the function itself: its argument is bounded where the result no longer changes.
                let result = self.unwatched(|lower| lower.coarse(quantity, stairs))?;
                if let Codes::Value(codes) = result.codes {
                    self.watch(quantity, &watched(&channels), codes)?;
                }
                return Ok(result);
            }
            None => {
                return Err(Fault::new(
                    "requantization",
                    "no exact integer form of this quantizer was found: too many levels over too wide a range",
                    "use a scale that is a power of two, fewer bits, or a quantizer before this one",
                ));
            }
        };
        let read = self.read(quantity, &quantity.position())?;
        let draft = Draft::elementwise("", quantity.value_shape(), vec![read], body).frac(result.frac());
        let codes = self.emit(draft)?;
        self.watch(quantity, &watched(&channels), codes)?;
        Ok(Quantity { codes: Codes::Value(codes), ..result })
    }

    /// The composites as an expression of `Read(0)`, if there is an exact form.
    fn closed(&mut self, channels: &Field<Channel>, result: &Quantity) -> Option<Expr> {
        let bent = channels.entries().iter().any(|channel| channel.composite.link.bend.is_some());
        let forms = if bent { BENT_FORMS } else { FORMS };
        forms.iter().find_map(|form| {
            let mut body = Expr::default();
            let x = body.push(Op::Read(0));
            form(self, &mut body, x, channels, result).map(|_| body)
        })
    }

    /// The greater (or smaller) of two composites.
    fn greater(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
    ) -> Option<ExprId> {
        if channels.entries().iter().any(|channel| channel.composite.link.is_curved()) {
            return None;
        }
        let part = |link: Link, channel: &Channel| Channel {
            composite: Composite { link, ..channel.composite.clone() },
            range: channel.range,
        };
        let f = channels.map(|channel| part(channel.composite.link.branches().0, channel));
        let g = channels.map(|channel| part(channel.composite.link.branches().1, channel));
        let upper = channels.map(|channel| i64::from(channel.composite.link.branches().2));
        let (f, g) = (self.closed(&f, result)?, self.closed(&g, result)?);
        let read = |op: &Op| matches!(op, Op::Read(_)).then_some(x);
        let (f, g) = (body.append(&f, read), body.append(&g, read));
        Some(self.extreme(body, &upper, f, g, result))
    }

    fn constant(
        &mut self,
        body: &mut Expr,
        _x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
    ) -> Option<ExprId> {
        if !channels.entries().iter().all(Channel::is_monotone) {
            return None;
        }
        let ends = channels.map(Channel::ends);
        if ends.entries().iter().any(|(first, last)| first != last) {
            return None;
        }
        let values = ends.map(|(first, _)| *first);
        *body = Expr::default();
        Some(self.parameter(body, "constant", &values, result))
    }

    /// `x × factor + bias` with a common number of fraction bits, rounded and clamped.
    fn dyadic(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
        most: i64,
    ) -> Option<ExprId> {
        let mut bits = 0;
        let mut coarse = 0;
        let mut powers = true;
        for Channel { composite, .. } in channels.entries() {
            let scale = &composite.quantum.scale;
            let (a, b) = (&composite.link.a / scale, composite.scaled(&composite.link.b));
            powers &= a.is_zero() || is_power_of_two(&a);
            bits = bits.max(fraction_bits(&a)?).max(fraction_bits(&b)?);
            coarse = coarse.max(fraction_bits(&a)?);
        }
        let few = channels.entries().iter().all(|channel| channel.levels() <= THRESHOLDS);
        if bits > coarse + EXTRA_BITS || bits > 40 || (few && !powers) {
            return None;
        }
        let unit = power_of_two(bits);
        let part = |f: &dyn Fn(&Composite) -> Ratio| -> Option<Field<i64>> {
            let entries: Option<Vec<i64>> =
                channels.entries().iter().map(|channel| to_i64(&(f(&channel.composite) * &unit))).collect();
            Some(Field::new(channels.shape().to_vec(), entries?))
        };
        let factor = part(&|composite| &composite.link.a / &composite.quantum.scale)?;
        let bias = part(&|composite| composite.scaled(&composite.link.b))?;
        if !powers && factor.entries().iter().any(|m| m.abs() > most) {
            return None;
        }
        let mode = channels.entries()[0].composite.mode;
        let (rounding, lift) = match mode {
            Mode::Round(rounding) => (rounding, 0),
            Mode::Ceil => (Rounding::Trn, (1i64 << bits) - 1),
            Mode::Up => (Rounding::TrnZero, 0),
            Mode::Sign => return None,
        };
        let bias = bias.map(|b| b.saturating_add(lift));
        let wide = 1i128 << 61;
        let fits = channels.zip(&factor, |channel, &m| {
            let most = channel.range.lo.abs().max(channel.range.hi.abs());
            most.checked_mul(i128::from(m).abs()).is_some_and(|product| product < wide)
        })?;
        if fits.entries().contains(&false) || bias.entries().iter().any(|&b| i128::from(b).abs() >= wide) {
            return None;
        }
        let scaled = self.scaled(body, x, &factor, result);
        let shifted = self.shifted(body, scaled, &bias, result);
        let shifted = if mode == Mode::Up {
            // Away from zero is toward zero after a step of just less than one unit away from it.
            let (zero, below, above) =
                (body.constant(0), body.constant(1 - (1i64 << bits)), body.constant((1i64 << bits) - 1));
            let negative = body.push(Op::Lt(shifted, zero));
            let step = body.push(Op::Select(negative, below, above));
            body.push(Op::Add(shifted, step))
        } else {
            shifted
        };
        let rounded = quantize::round(body, shifted, &Drop::Uniform(bits as i32), rounding);
        // What is clamped at either end is what the exact function and the unclamped one disagree about there.
        let unclamped = |channel: &Channel, code: i128| -> Option<i128> {
            let Composite { link, mode, .. } = &channel.composite;
            let value = channel.composite.scaled(&(&link.a * whole(code) + &link.b));
            i128::try_from(mode.apply(&value)).ok()
        };
        let mut low = false;
        let mut high = false;
        for channel in channels.entries() {
            let (lo, hi) = channel.composite.bounds();
            for code in [channel.range.lo, channel.range.hi] {
                let level = unclamped(channel, code)?;
                low |= level < lo.into();
                high |= level > hi.into();
            }
        }
        let mut y = rounded;
        if low {
            let bounds = channels.map(|channel| channel.composite.bounds().0);
            let bound = self.parameter(body, "least", &bounds, result);
            y = body.push(Op::Max(y, bound));
        }
        if high {
            let bounds = channels.map(|channel| channel.composite.bounds().1);
            let bound = self.parameter(body, "greatest", &bounds, result);
            y = body.push(Op::Min(y, bound));
        }
        Some(y)
    }

    /// `first ± Σ_j [threshold_j < x]`.
    fn thresholds(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
    ) -> Option<ExprId> {
        let few = |channel: &Channel| channel.is_monotone() && channel.levels() <= THRESHOLDS;
        if !channels.entries().iter().all(few) {
            return None;
        }
        let steps = channels.map(Channel::steps);
        let never = i64::try_from(channels.entries().iter().map(|channel| channel.range.hi).max()?).ok()?;
        let most = steps.entries().iter().map(|steps| steps.at.len()).max()?;
        let mut total: Option<ExprId> = None;
        for number in 0..most {
            // A channel with fewer steps gets thresholds that no code passes.
            let limits = steps.map(|steps| steps.at.get(number).map_or(never, |&at| at - 1));
            let limit = self.parameter(body, "threshold", &limits, result);
            let passed = body.push(Op::Lt(limit, x));
            total = Some(total.map_or(passed, |total| body.push(Op::Add(total, passed))));
        }
        let total = total?;
        let first = steps.map(|steps| steps.first);
        let direction = steps.map(|steps| if steps.down { -1 } else { 1 });
        if direction.single() == Some(&-1) {
            let first = self.parameter(body, "first", &first, result);
            return Some(body.push(Op::Sub(first, total)));
        }
        let signed = self.scaled(body, total, &direction, result);
        Some(self.shifted(body, signed, &first, result))
    }

    /// `clamp((x × m + b) >> k)`, with constants for which it equals the exact function on both sides of every step.
    fn multiply_shift(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
    ) -> Option<ExprId> {
        let levels: i64 = channels.entries().iter().map(Channel::levels).fold(0, i64::saturating_add);
        if levels > LEVELS * 16 || channels.entries().iter().any(|channel| channel.levels() > LEVELS) {
            return None;
        }
        let steps: Vec<Steps> = channels.entries().iter().map(Channel::steps).collect();
        let widest = channels.entries().iter().map(|channel| channel.range.width().1).max()?;
        let found = (0..=(60 - i64::from(widest)).max(0)).find_map(|shift| {
            let pairs: Option<Vec<(i64, i64)>> = channels
                .entries()
                .iter()
                .zip(&steps)
                .map(|(channel, steps)| channel.multiplier(steps, shift))
                .collect();
            pairs.map(|pairs| (shift, pairs))
        });
        let (shift, pairs) = found?;
        let shape = channels.shape().to_vec();
        let factor = Field::new(shape.clone(), pairs.iter().map(|pair| pair.0).collect());
        let summand = Field::new(shape, pairs.iter().map(|pair| pair.1).collect());
        let product = self.scaled(body, x, &factor, result);
        let moved = self.shifted(body, product, &summand, result);
        let amount = body.constant(shift);
        let shifted = if shift == 0 { moved } else { body.push(Op::Shr(moved, amount)) };
        let ends = channels.map(Channel::ends);
        let (lo, hi) = (ends.map(|ends| ends.0.min(ends.1)), ends.map(|ends| ends.0.max(ends.1)));
        let lo = self.parameter(body, "least", &lo, result);
        let raised = body.push(Op::Max(shifted, lo));
        let hi = self.parameter(body, "greatest", &hi, result);
        Some(body.push(Op::Min(raised, hi)))
    }

    /// One table row for each channel.
    fn tabulated(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        result: &Quantity,
    ) -> Option<ExprId> {
        let range = channels.entries().iter().map(|channel| channel.range).reduce(Interval::join)?;
        let active = channels.entries().iter().map(Channel::active).reduce(Interval::join)?;
        let span = |range: Interval| range.hi - range.lo + 1;
        let clipped = 2 * span(active) <= span(range);
        let range = if clipped { active } else { range };
        let len = usize::try_from(span(range)).ok()?;
        if len > 1usize << self.options().table_bits.min(20) {
            return None;
        }
        let (base, last) = (i64::try_from(range.lo).ok()?, i64::try_from(range.hi).ok()?);
        let at = if clipped { quantize::clamp(body, x, base, last) } else { x };
        if let Some((kinds, number)) = kinds(channels) {
            // One table for all: a position adds where its own part begins, which a stream reads from a memory.
            let rows = kinds.iter();
            let data: Vec<i64> =
                rows.flat_map(|composite| (base..=last).map(|code| composite.at(code))).collect();
            let len = data.len() as u32;
            let table = self.table("levels", data);
            let begin = number.map(|&number| number as i64 * (last - base + 1));
            let a = self.shifted(body, at, &begin, result);
            return Some(body.push(Op::Lut { table, row: Index::Const(0), len, base, a }));
        }
        if len * channels.entries().len() > 1 << 24 {
            return None;
        }
        let rows = channels.entries().iter();
        let data = rows.flat_map(|channel| (base..=last).map(|code| channel.composite.at(code))).collect();
        let table = self.table("levels", data);
        let row = channels.index(&result.position()) * len as i64;
        Some(body.push(Op::Lut { table, row, len: len as u32, base, a: at }))
    }
}

impl Channel {
    fn is_monotone(&self) -> bool {
        self.composite.link.direction().is_some()
    }

    /// The codes outside which the result is constant.
    fn active(&self) -> Interval {
        if !self.is_monotone() {
            return self.range;
        }
        let (first, last) = self.codes();
        let (from, to) = self.composite.active(first, last);
        Interval::new(from.into(), to.into())
    }

    /// Refuses a function that is not defined everywhere on its codes; `most` codes fit a table.
    fn defined(&self, most: i128) -> Result<(), Fault> {
        let link = &self.composite.link;
        if !link.is_curved() {
            return Ok(());
        }
        let (first, last) = self.codes();
        // A domain is convex where a function is monotone; of others a table is made that lists every code.
        let ends = [first, last];
        let found = if self.range.hi - self.range.lo < most {
            (first..=last).find_map(|code| link.undefined(&whole(code)))
        } else {
            ends.into_iter().find_map(|code| link.undefined(&whole(code)))
        };
        match found {
            None => Ok(()),
            Some((curve, x)) => Err(undefined(&curve, x)),
        }
    }

    fn codes(&self) -> (i64, i64) {
        (self.range.lo as i64, self.range.hi as i64)
    }

    /// The results at the least and the greatest code.
    fn ends(&self) -> (i64, i64) {
        let (first, last) = self.codes();
        (self.composite.at(first), self.composite.at(last))
    }

    /// How often the result changes.
    fn levels(&self) -> i64 {
        let (first, last) = self.ends();
        (last - first).abs()
    }

    fn steps(&self) -> Steps {
        let (first, last) = self.codes();
        self.composite.steps(first, last)
    }

    /// `m` and `b` such that `(x × m + b) >> shift`, clamped to the ends, is the staircase: the bounds on `b` that both
    /// sides of every step set leave room.
    fn multiplier(&self, steps: &Steps, shift: i64) -> Option<(i64, i64)> {
        let slope = &self.composite.link.a / &self.composite.quantum.scale;
        let m = to_i64(&(slope * power_of_two(shift)).round())?;
        if steps.at.is_empty() {
            return Some((0, i64::try_from(i128::from(steps.first) << shift).ok()?));
        }
        let (mut least, mut greatest) = (i128::MIN, i128::MAX);
        for (number, &at) in steps.at.iter().enumerate() {
            let passed = number as i64 + 1;
            // Rising: `at` reaches the next level and `at − 1` does not; falling: `at − 1` still has it and `at` not.
            let (level, inside, outside) = if steps.down {
                (steps.first - passed + 1, at - 1, at)
            } else {
                (steps.first + passed, at, at - 1)
            };
            let edge = i128::from(level) << shift;
            least = least.max(edge - i128::from(inside) * i128::from(m));
            greatest = greatest.min(edge - 1 - i128::from(outside) * i128::from(m));
        }
        if least > greatest || m == 0 || (m < 0) != self.composite.link.a.is_negative() {
            return None;
        }
        let middle = least + (greatest - least) / 2;
        let b = round_inside(middle, least, greatest);
        let most = self.range.lo.abs().max(self.range.hi.abs());
        let peak = most.checked_mul(i128::from(m).abs())?.checked_add(b.abs())?;
        (peak < 1 << 61).then_some((m, i64::try_from(b).ok()?))
    }
}

fn watched(channels: &Field<Channel>) -> Field<(Composite, Interval)> {
    channels.map_as_is(|channel| (channel.composite.clone(), channel.range))
}

/// The number within the bounds with the most trailing zeros near the middle, which costs the least hardware.
fn round_inside(middle: i128, least: i128, greatest: i128) -> i128 {
    let candidates = (0..62).rev().map(|zeros| (middle >> zeros) << zeros);
    let mut rounded = candidates.chain([middle]);
    rounded.find(|candidate| (least..=greatest).contains(candidate)).unwrap_or(middle)
}
