//! Closing a pending function at an input: the host does what stands before the first quantizer.

use std::collections::BTreeMap;

use nn2hdl_runtime::range::Elements;
use nn2hdl_runtime::{Encoder, Format, Interval, Overflow, Quantizer, Rounding, ValueId};
use num_traits::Zero;

use super::field::log2;
use super::stairs::Composite;
use super::{Chain, Codes, Field, Link, Lower, Mode, Move, Quantity, Source, Stairs};
use crate::front::observe::Bounds;
use crate::ops::Fault;

/// Most levels that an encoder of steps may have.
const LEVELS: i64 = 1 << 16;

impl Lower<'_> {
    /// Makes an input of the block that is being written.
    pub(super) fn source(&mut self, name: &str, shape: &[usize], framed: bool, integer: bool) -> Quantity {
        let number = self.writer.sources.len();
        self.writer.sources.push(Source {
            name: name.to_owned(),
            shape: shape.to_vec(),
            framed,
            value: None,
        });
        Quantity {
            codes: Codes::Host(number, Vec::new()),
            shape: shape.to_vec(),
            framed,
            chain: Field::uniform(shape.len(), Link::identity()),
            integer,
        }
    }

    /// Makes the value behind a source, or returns the one that is there if it is coded in the same way.
    pub(super) fn set_source(
        &mut self,
        source: usize,
        encoder: Encoder,
        format: Format,
    ) -> Result<ValueId, Fault> {
        if let Some((value, known)) = &self.writer.sources[source].value {
            return if *known == encoder && self.format(*value) == format {
                Ok(*value)
            } else {
                Err(self.ambiguous(source))
            };
        }
        let Source { name, shape, framed, .. } = self.writer.sources[source].clone();
        let shape = shape[usize::from(framed)..].to_vec();
        let elements = Elements::uniform(&shape, format.interval());
        let value = self.writer.block.add_value(name, shape, format);
        self.writer.elements.push(elements);
        self.writer.sources[source].value = Some((value, encoder));
        Ok(value)
    }

    fn ambiguous(&self, source: usize) -> Fault {
        Fault::new(
            "ambiguous-encoder",
            format!("input `{}` meets different quantizers", self.writer.sources[source].name),
            "state its format with --input-format; the quantizers are then built in hardware",
        )
    }

    pub(super) fn encode(
        &mut self,
        quantity: &Quantity,
        source: usize,
        moves: &[Move],
        composites: &Field<Composite>,
        stairs: &Stairs,
        chain: Chain,
    ) -> Result<Quantity, Fault> {
        let spread = i128::from(stairs.hi) - i128::from(stairs.lo);
        let (encoder, format) = if let Some(quantizer) = plain(composites) {
            (Encoder::Fixed(quantizer), quantizer.format)
        } else if spread > i128::from(LEVELS) {
            return Err(Fault::new(
                "too-many-levels",
                format!("the input's quantizer has {} levels", spread + 1),
                "state the input's format with --input-format",
            ));
        } else if composites.entries().iter().any(|composite| !composite.spans_floats()) {
            return Err(Fault::new(
                "missing-input-format",
                "between the input and its first quantizer stands a function that is not monotone, or not defined for every number",
                "state the input's format with --input-format",
            ));
        } else if !moves.is_empty() && composites.single().is_none() {
            return Err(Fault::new(
                "missing-input-format",
                "the input is rearranged before its quantizer, which differs from element to element",
                "state the input's format with --input-format",
            ));
        } else {
            let steps = composites.map(|composite| Tagged(composite.float_steps()));
            let extents = if moves.is_empty() {
                quantity.shape.clone()
            } else {
                self.writer.sources[source].shape.clone()
            };
            if self.watching {
                let limits = composites.map(Composite::kept_floats);
                let (channels, inner) = limits.channels(&extents);
                self.writer.bounds.insert(source, Bounds { channels, inner });
            }
            let (channels, inner) = steps.channels(&extents);
            let channels: Vec<_> = channels.into_iter().map(|tagged| tagged.0).collect();
            let range = channels
                .iter()
                .map(|steps| {
                    Interval::new(
                        steps.first.into(),
                        i128::from(steps.first) + steps.thresholds.len() as i128,
                    )
                })
                .reduce(Interval::join)
                .unwrap_or(Interval::point(0));
            let frac = Quantity { chain: chain.clone(), ..quantity.clone() }.frac();
            (Encoder::Steps { channels, inner }, super::emit::narrowest(range, frac))
        };
        self.encoded(quantity, source, moves, encoder, format, chain)
    }

    /// The codes of a source under `encoder`, as seen through moves.
    pub fn encoded(
        &mut self,
        quantity: &Quantity,
        source: usize,
        moves: &[Move],
        encoder: Encoder,
        format: Format,
        chain: Chain,
    ) -> Result<Quantity, Fault> {
        let value = self.set_source(source, encoder, format)?;
        self.rearranged(value, source, moves, chain, quantity)
    }

    /// The value behind a source as seen through moves.
    pub(super) fn rearranged(
        &mut self,
        value: ValueId,
        source: usize,
        moves: &[Move],
        chain: Chain,
        quantity: &Quantity,
    ) -> Result<Quantity, Fault> {
        let Source { shape, framed, .. } = self.writer.sources[source].clone();
        let link = chain.entries()[0].clone();
        let plain = Field::uniform(shape.len(), link);
        let mut result =
            Quantity { codes: Codes::Value(value), shape, framed, chain: plain, integer: quantity.integer };
        for Move { shape, index } in moves {
            result = self.moved(&result, shape, index.clone())?;
        }
        Ok(Quantity { chain, ..result })
    }

    /// The codes of a tensor of indices into `extent` positions; those beyond stand for no position.
    pub fn indices(&mut self, quantity: &Quantity, extent: usize) -> Result<Quantity, Fault> {
        match &quantity.codes {
            Codes::Host(source, moves) => {
                let (source, moves) = (*source, moves.clone());
                let known = self.writer.extents.entry(source).or_insert(extent);
                if *known < extent {
                    // Earlier uses have a format that is too narrow: once more, with what is known now.
                    *known = extent;
                    self.grown = true;
                }
                let extent = *known;
                let format = Interval::new(0, extent as i128).format(0);
                let positions = u32::try_from(extent).map_err(|_| Fault::shape("the axis is too long"))?;
                let value = match &self.writer.sources[source].value {
                    Some((value, _)) => *value,
                    None => self.set_source(source, Encoder::Index(positions), format)?,
                };
                self.rearranged(value, source, &moves, quantity.chain.clone(), quantity)
            }
            Codes::Value(value)
                if quantity.integer && quantity.plain_scale().is_some_and(|a| *a == super::whole(1)) =>
            {
                if self.elements(*value).join().lo < 0 {
                    return Err(Fault::unsupported(
                        "the indices may be negative at run time",
                        "count from the front; for an input, leave its format out or state one without a sign",
                    ));
                }
                Ok(quantity.clone())
            }
            _ => Err(Fault::unsupported(
                "the indices are neither an input of integers nor constant",
                "feed the indices as an int64 input",
            )),
        }
    }

    /// Inputs that the main block's nodes look at before any quantizer, with the formats that the user states.
    /// An input of integers takes the format of its own name, or that of its element type (`codes`), if any.
    pub(super) fn stated_format(
        &mut self,
        name: &str,
        quantity: Quantity,
        codes: Option<Format>,
    ) -> Result<Quantity, Fault> {
        let formats: &BTreeMap<String, Quantizer> = &self.options.input_formats;
        let of_type = |format| Quantizer { format, rounding: Rounding::RndConv, overflow: Overflow::Sat };
        let other = if quantity.integer { codes.map(of_type) } else { self.options.input_format };
        let Some(quantizer) = formats.get(name).copied().or(other) else { return Ok(quantity) };
        let Codes::Host(source, _) = quantity.codes else { return Ok(quantity) };
        if quantity.integer && quantizer.format.frac != 0 {
            return Err(Fault::new(
                "bad-input-format",
                format!("the input holds integers, and the format {} is stated for it", quantizer.format),
                "state a format without fraction bits, such as ufixed<8,8>, or none",
            ));
        }
        let value = self.set_source(source, Encoder::Fixed(quantizer), quantizer.format)?;
        let scale = super::power_of_two(-i64::from(quantizer.format.frac));
        let chain = Field::uniform(quantity.shape.len(), Link::scale(scale));
        Ok(Quantity { codes: Codes::Value(value), chain, ..quantity })
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Tagged(nn2hdl_runtime::codec::Steps);

/// The plain fixed-point quantizer that a composite is, if it is one.
fn plain(composites: &Field<Composite>) -> Option<Quantizer> {
    let Composite { link, quantum, mode, lo, hi } = composites.single()?;
    let Mode::Round(rounding) = *mode else { return None };
    if !link.is_affine() || !link.b.is_zero() || quantum.zero != 0 {
        return None;
    }
    let frac = i32::try_from(log2(&(&link.a / &quantum.scale))?).ok()?;
    let (signed, width) = Interval::new((*lo).into(), (*hi).into()).width();
    let format = Format::new(signed, width, frac)?;
    let full = format.interval();
    let overflow = match (i128::from(*lo), i128::from(*hi)) {
        (lo, hi) if lo == full.lo && hi == full.hi => Overflow::Sat,
        (lo, hi) if signed && lo == -full.hi && hi == full.hi => Overflow::SatSym,
        _ => return None,
    };
    Some(Quantizer { format, rounding, overflow })
}
