//! Windows that move over spatial axes: what convolutions and pools share.

use nn2hdl_runtime::Index;

use super::{Fault, Import};

/// Strides, dilations and padding as ONNX states them, by spatial axis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Strides; 1 if empty.
    pub strides: Vec<usize>,
    /// Dilations; 1 if empty.
    pub dilations: Vec<usize>,
    /// Positions put before each axis, then those after each; none if empty.
    pub pads: Vec<usize>,
    /// What takes the place of `pads`.
    pub auto_pad: AutoPad,
    /// Whether a last window may begin although it does not fit.
    pub ceil: bool,
}

/// How the padding is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoPad {
    /// As stated.
    #[default]
    NotSet,
    /// None.
    Valid,
    /// Such that `ceil(extent / stride)` positions come out; an odd one is put after.
    SameUpper,
    /// The same; an odd one is put before.
    SameLower,
}

/// Along one spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) taps: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) before: usize,
    pub(super) after: usize,
    pub(super) out: usize,
}

impl Window {
    /// The coordinate of tap `r` at output coordinate `p`.
    pub(super) fn index(&self, p: Index, r: Index) -> Index {
        p * self.stride as i64 + r * self.dilation as i64 + -(self.before as i64)
    }

    /// The same as a number.
    pub(super) fn at(&self, p: usize, r: usize) -> i64 {
        (p * self.stride + r * self.dilation) as i64 - self.before as i64
    }
}

/// A list of integers of at least `least`; empty if absent.
pub(super) fn list(import: &mut Import<'_>, name: &str, least: i64) -> Result<Vec<usize>, Fault> {
    let values: &[i64] = import.attributes.get(name)?.unwrap_or(&[]);
    if values.iter().any(|&v| !(least..1 << 20).contains(&v)) {
        return Err(Fault::unsupported(
            format!("{name} are {values:?}"),
            format!("{name} of at least {least} are supported"),
        ));
    }
    Ok(values.iter().map(|&v| v as usize).collect())
}

impl AutoPad {
    pub(super) fn import(import: &mut Import<'_>) -> Result<Self, Fault> {
        match import.attributes.or("auto_pad", "NOTSET")? {
            "NOTSET" => Ok(Self::NotSet),
            "VALID" => Ok(Self::Valid),
            "SAME_UPPER" => Ok(Self::SameUpper),
            "SAME_LOWER" => Ok(Self::SameLower),
            other => Err(Fault::unsupported(
                format!("auto_pad is {other}"),
                "use NOTSET, VALID, SAME_UPPER or SAME_LOWER",
            )),
        }
    }

    /// `total` positions of padding before and after.
    pub(super) fn split(self, total: usize) -> (usize, usize) {
        let less = total / 2;
        if self == Self::SameUpper { (less, total - less) } else { (total - less, less) }
    }
}

impl Windows {
    pub(super) fn import(import: &mut Import<'_>) -> Result<Self, Fault> {
        let (strides, dilations) = (list(import, "strides", 1)?, list(import, "dilations", 1)?);
        let pads = list(import, "pads", 0)?;
        Ok(Self { strides, dilations, pads, auto_pad: AutoPad::import(import)?, ceil: false })
    }

    /// The stride along spatial axis `n`.
    pub(super) fn stride(&self, n: usize) -> usize {
        self.strides.get(n).copied().unwrap_or(1)
    }

    /// The dilation along spatial axis `n`.
    pub(super) fn dilation(&self, n: usize) -> usize {
        self.dilations.get(n).copied().unwrap_or(1)
    }

    /// The padding before and after spatial axis `n` of `axes`, where it is stated.
    pub(super) fn pad(&self, n: usize, axes: usize) -> (usize, usize) {
        let get = |n: usize| self.pads.get(n).copied().unwrap_or(0);
        (get(n), get(axes + n))
    }

    /// Whether every list has as many entries as there are axes.
    pub(super) fn check(&self, axes: usize) -> Result<(), Fault> {
        let lists = [(&self.strides, axes), (&self.dilations, axes), (&self.pads, 2 * axes)];
        if lists.iter().any(|(list, length)| !list.is_empty() && list.len() != *length) {
            return Err(Fault::shape(format!(
                "strides, dilations or pads do not have an entry for each of {axes} spatial axes"
            )));
        }
        Ok(())
    }

    /// The windows of `kernel` over the spatial `extents`.
    pub(super) fn over(&self, extents: &[usize], kernel: &[usize]) -> Result<Vec<Window>, Fault> {
        let axes = extents.len();
        if axes == 0 || kernel.len() != axes || kernel.contains(&0) {
            return Err(Fault::shape(format!("a kernel of {kernel:?} over spatial axes of {extents:?}")));
        }
        self.check(axes)?;
        (0..axes)
            .map(|n| {
                let (stride, dilation, taps) = (self.stride(n), self.dilation(n), kernel[n]);
                let (extent, span) = (extents[n], (taps - 1) * dilation + 1);
                let (before, after) = match self.auto_pad {
                    AutoPad::NotSet => self.pad(n, axes),
                    AutoPad::Valid => (0, 0),
                    same => {
                        let needed = (extent.div_ceil(stride) - 1) * stride + span;
                        same.split(needed.saturating_sub(extent))
                    }
                };
                let room = (extent + before + after).checked_sub(span).ok_or_else(|| {
                    Fault::shape(format!("a kernel of {kernel:?} is larger than the input of {extents:?}"))
                })?;
                let mut out = room / stride + 1;
                // A window that would begin in the padding behind the input is left out.
                if self.ceil && !room.is_multiple_of(stride) && out * stride < extent + before {
                    out += 1;
                }
                Ok(Window { taps, stride, dilation, before, after, out })
            })
            .collect()
    }
}
