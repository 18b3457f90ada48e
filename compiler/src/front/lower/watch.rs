//! Watching quantizers: beside each, a kernel that says of every element whether it left the quantizer's range.
//!
//! Seen from the codes before the quantizer, what is kept lies between two codes wherever the pending function is
//! monotone; they are found by bisection of the exact composite. What a pending clamp (a rectifier) does first is no
//! overflow.

use nn2hdl_runtime::range::join;
use nn2hdl_runtime::{Decoder, Expr, ExprId, Interval, Op, Output, ValueId};
use num_bigint::BigInt;

use super::stairs::{Composite, Kept};
use super::{Draft, Field, Lower, Quantity};
use crate::front::observe::{Counted, Observed};
use crate::ops::Fault;

/// A quantizer of the block that is being written.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    layer: String,
    wraps: bool,
    /// The codes that it delivers.
    codes: ValueId,
    flags: Flags,
}

#[derive(Clone, Copy, Debug)]
enum Flags {
    /// It cannot overflow, whatever the input is.
    Never,
    /// Nothing simple tells what overflows.
    Unknown,
    /// 1 below the range, 2 above it, else 0.
    At(ValueId),
}

impl Watched {
    /// The codes that it delivers.
    pub(super) fn codes(&self) -> ValueId {
        self.codes
    }

    /// The values that must leave the block.
    pub(super) fn values(&self) -> impl Iterator<Item = ValueId> {
        let flags = match self.flags {
            Flags::At(value) => Some(value),
            Flags::Never | Flags::Unknown => None,
        };
        std::iter::once(self.codes).chain(flags)
    }

    /// The same one, seen by the caller: with its name for the call, and its values in the order of
    /// [`values`](Self::values).
    pub(super) fn called(&self, call: &str, mut value: impl FnMut(ValueId) -> ValueId) -> Self {
        let codes = value(self.codes);
        let flags = match self.flags {
            Flags::At(inner) => Flags::At(value(inner)),
            other => other,
        };
        Self { layer: format!("{call}/{}", self.layer), codes, flags, ..*self }
    }
}

/// One channel's composite with the range of its codes.
type Channel = (Composite, Interval);

impl Lower<'_> {
    /// Does what is not a quantizer of the model's own.
    pub(super) fn unwatched<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let watching = std::mem::replace(&mut self.watching, false);
        let result = work(self);
        self.watching = watching;
        result
    }

    /// Watches a saturating quantizer of `quantity`, which has delivered `codes`.
    pub(super) fn watch(
        &mut self,
        quantity: &Quantity,
        channels: &Field<Channel>,
        codes: ValueId,
    ) -> Result<(), Fault> {
        if !self.watching {
            return Ok(());
        }
        let mut body = Expr::default();
        let x = body.push(Op::Read(0));
        let found = match self.listed(&mut body, x, channels, quantity) {
            Some(flags) => Some(flags),
            None => self
                .sides(&mut body, x, channels, quantity)
                .map(|(below, above)| both(&mut body, below, above)),
        };
        let flags = match found {
            Some(_) => self.flagged(quantity, body)?,
            None => Flags::Unknown,
        };
        self.watched(codes, flags, false);
        Ok(())
    }

    /// Watches a quantizer that brings the integer that `body` ends in into `range`, and has delivered `codes`.
    pub fn watch_integer(
        &mut self,
        quantity: &Quantity,
        mut body: Expr,
        range: Interval,
        wraps: bool,
        codes: ValueId,
    ) -> Result<(), Fault> {
        if !self.watching {
            return Ok(());
        }
        let x = body.result();
        let (lo, hi) = (body.constant(range.lo as i64), body.constant(range.hi as i64));
        let (below, above) = (body.push(Op::Lt(x, lo)), body.push(Op::Lt(hi, x)));
        both(&mut body, below, above);
        let flags = self.flagged(quantity, body)?;
        self.watched(codes, flags, wraps);
        Ok(())
    }

    fn watched(&mut self, codes: ValueId, flags: Flags, wraps: bool) {
        let layer = self.node.clone();
        self.writer.watched.push(Watched { layer, wraps, codes, flags });
    }

    /// Emits the flags; the names of later kernels of the node stay what they are.
    fn flagged(&mut self, quantity: &Quantity, body: Expr) -> Result<Flags, Fault> {
        let kernels = self.kernels;
        let read = self.read(quantity, &quantity.position())?;
        let value = self.emit(Draft::elementwise("overflow", quantity.value_shape(), vec![read], body))?;
        self.kernels = kernels;
        Ok(if join(self.elements(value)).hi == 0 { Flags::Never } else { Flags::At(value) })
    }

    /// A row of a table for each channel, where the function is not monotone.
    fn listed(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        quantity: &Quantity,
    ) -> Option<ExprId> {
        let entries = channels.entries();
        if entries.iter().all(|(composite, _)| composite.link.direction().is_some()) {
            return None;
        }
        let range = entries.iter().map(|(_, range)| *range).reduce(Interval::join)?;
        let len = usize::try_from(range.hi - range.lo + 1).ok()?;
        if len > 1usize << self.options().table_bits.min(20) || len * entries.len() > 1 << 24 {
            return None;
        }
        let (base, last) = (i64::try_from(range.lo).ok()?, i64::try_from(range.hi).ok()?);
        let side = |(composite, own): &Channel, code: i64| {
            let reached = own.contains(Interval::point(code.into()));
            let side = if reached { composite.side(code) } else { 0 };
            if side < 0 { 1 } else { 2 * i64::from(side) }
        };
        let data = entries.iter().flat_map(|channel| (base..=last).map(move |code| side(channel, code)));
        let table = self.table("overflow", data.collect());
        let row = channels.index(&quantity.position()) * len as i64;
        Some(body.push(Op::Lut { table, row, len: len as u32, base, a: x }))
    }

    /// Whether the value is below the range, and whether it is above.
    fn sides(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        quantity: &Quantity,
    ) -> Option<(ExprId, ExprId)> {
        let monotone = |(composite, _): &Channel| composite.link.direction().is_some();
        if !channels.entries().iter().all(monotone) {
            return self.branched(body, x, channels, quantity);
        }
        let kept: Option<Vec<Kept>> = channels
            .entries()
            .iter()
            .map(|(composite, range)| {
                let (first, last) = (range.lo as i64, range.hi as i64);
                Kept::of(first, last, |code| composite.side(code))
            })
            .collect();
        let kept = Field::new(channels.shape().to_vec(), kept?);
        let least = self.parameter(body, "least-kept", &kept.map(|kept| kept.least), quantity);
        let greatest = self.parameter(body, "greatest-kept", &kept.map(|kept| kept.greatest), quantity);
        let (under, over) = (body.push(Op::Lt(x, least)), body.push(Op::Lt(greatest, x)));
        let falling = kept.map(|kept| i64::from(kept.falling));
        Some(match falling.single() {
            Some(0) => (under, over),
            Some(_) => (over, under),
            None => {
                let falling = self.parameter(body, "falling", &falling, quantity);
                (body.push(Op::Select(falling, over, under)), body.push(Op::Select(falling, under, over)))
            }
        })
    }

    /// The greater of two functions is above the range if one of them is, and below it if both are.
    fn branched(
        &mut self,
        body: &mut Expr,
        x: ExprId,
        channels: &Field<Channel>,
        quantity: &Quantity,
    ) -> Option<(ExprId, ExprId)> {
        let apart = |(composite, _): &Channel| {
            let (f, g, _) = composite.link.branches();
            f != composite.link || g != composite.link || composite.link.direction().is_some()
        };
        if !channels.entries().iter().all(apart) {
            return None;
        }
        let upper = *channels.map(|(composite, _)| composite.link.branches().2).single()?;
        let part = |second: bool| {
            channels.map(|(composite, range)| {
                let (f, g, _) = composite.link.branches();
                (Composite { link: if second { g } else { f }, ..composite.clone() }, *range)
            })
        };
        let f = self.sides(body, x, &part(false), quantity)?;
        let g = self.sides(body, x, &part(true), quantity)?;
        Some(if upper {
            (body.push(Op::Min(f.0, g.0)), body.push(Op::Max(f.1, g.1)))
        } else {
            (body.push(Op::Max(f.0, g.0)), body.push(Op::Min(f.1, g.1)))
        })
    }

    /// Makes outputs of what was watched in the main block.
    pub(super) fn observed(&mut self) {
        for Watched { layer, wraps, codes, flags } in std::mem::take(&mut self.writer.watched) {
            let tensor = self.writer.block.value(codes).name.clone();
            let codes = self.extra(&tensor, codes);
            let overflow = match flags {
                Flags::Never => Counted::Never,
                Flags::Unknown => Counted::Unknown,
                Flags::At(value) => Counted::Flags(self.extra(&format!("{tensor}/overflow"), value)),
            };
            self.quantizers.push(Observed { layer, tensor, wraps, codes, overflow });
        }
    }

    fn extra(&mut self, name: &str, value: ValueId) -> usize {
        self.writer.block.results.push(value);
        self.program.outputs.push(Output { name: name.to_owned(), decoder: Decoder::fixed(0) });
        self.program.outputs.len() - 1
    }
}

/// `below + 2 × above`.
fn both(body: &mut Expr, below: ExprId, above: ExprId) -> ExprId {
    let one = body.constant(1);
    let above = body.push(Op::Shl(above, one));
    body.push(Op::Add(below, above))
}

impl Composite {
    /// −1 if the value at `code` is rounded to less than the least code, 1 if to more than the greatest, else 0.
    pub(super) fn side(&self, code: i64) -> i8 {
        self.side_of(&self.link.value(&super::whole(code)))
    }

    /// The same for a value.
    pub(super) fn side_of(&self, value: &super::Ratio) -> i8 {
        let level = self.mode.apply(&self.scaled(value));
        i8::from(level > BigInt::from(self.hi)) - i8::from(level < BigInt::from(self.lo))
    }
}
