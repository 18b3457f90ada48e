//! Bits side by side, each from a wire or constant: what wiring comes down to.

/// A wire of a module, by position in [`super::wires::Wires`].
pub(super) type WireId = usize;

/// Adjacent bits of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Bits of a wire.
    Wire { wire: WireId, lo: u32, width: u32 },
    /// Constant bits.
    Const { pattern: u64, width: u32 },
    /// One bit of a wire, several times.
    Repeat { wire: WireId, bit: u32, width: u32 },
}

impl Piece {
    pub(super) fn width(self) -> u32 {
        match self {
            Self::Wire { width, .. } | Self::Const { width, .. } | Self::Repeat { width, .. } => width,
        }
    }

    fn part(self, from: u32, width: u32) -> Self {
        match self {
            Self::Wire { wire, lo, .. } => Self::Wire { wire, lo: lo + from, width },
            Self::Const { pattern, .. } => {
                Self::Const { pattern: pattern >> from & (u64::MAX >> (64 - width)), width }
            }
            Self::Repeat { wire, bit, .. } => Self::Repeat { wire, bit, width },
        }
    }

    /// The uppermost bit, `width` times.
    fn top(self, width: u32) -> Self {
        match self {
            Self::Wire { wire, lo, width: of } => Self::Repeat { wire, bit: lo + of - 1, width },
            Self::Const { pattern, width: of } => {
                let pattern = if pattern >> (of - 1) & 1 == 1 { u64::MAX >> (64 - width) } else { 0 };
                Self::Const { pattern, width }
            }
            Self::Repeat { wire, bit, .. } => Self::Repeat { wire, bit, width },
        }
    }

    /// Both as one piece, `self` the lower.
    fn join(self, upper: Self) -> Option<Self> {
        match (self, upper) {
            (Self::Wire { wire: a, lo, width }, Self::Wire { wire: b, lo: from, width: more })
                if a == b && lo + width == from =>
            {
                Some(Self::Wire { wire: a, lo, width: width + more })
            }
            (Self::Const { pattern, width }, Self::Const { pattern: high, width: more })
                if width + more <= 64 =>
            {
                Some(Self::Const { pattern: pattern | high << width, width: width + more })
            }
            (Self::Repeat { wire: a, bit, width }, Self::Repeat { wire: b, bit: other, width: more })
                if (a, bit) == (b, other) =>
            {
                Some(Self::Repeat { wire: a, bit, width: width + more })
            }
            _ => None,
        }
    }
}

/// Bits side by side, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) pieces: Vec<Piece>,
}

impl Run {
    pub(super) fn wire(wire: WireId, lo: u32, width: u32) -> Self {
        Self { pieces: vec![Piece::Wire { wire, lo, width }] }
    }

    pub(super) fn constant(value: i64, width: u32) -> Self {
        Self { pieces: vec![Piece::Const { pattern: value as u64 & (u64::MAX >> (64 - width)), width }] }
    }

    pub(super) fn zeros(width: u32) -> Self {
        if width == 0 { Self::default() } else { Self::constant(0, width) }
    }

    pub(super) fn width(&self) -> u32 {
        self.pieces.iter().map(|piece| piece.width()).sum()
    }

    pub(super) fn push(&mut self, piece: Piece) {
        match self.pieces.last().and_then(|last| last.join(piece)) {
            Some(joined) => *self.pieces.last_mut().expect("there is a last piece") = joined,
            None => self.pieces.push(piece),
        }
    }

    /// `self` below `upper`.
    pub(super) fn below(mut self, upper: &Self) -> Self {
        upper.pieces.iter().for_each(|&piece| self.push(piece));
        self
    }

    /// `width` bits from `lo` on, all within.
    pub(super) fn part(&self, lo: u32, width: u32) -> Self {
        let (mut at, mut found) = (0, Self::default());
        for &piece in &self.pieces {
            let (from, end) = (lo.max(at), (lo + width).min(at + piece.width()));
            if from < end {
                found.push(piece.part(from - at, end - from));
            }
            at += piece.width();
        }
        found
    }

    /// The low bits, or all with zeros or copies of the uppermost bit above.
    pub(super) fn resize(&self, signed: bool, width: u32) -> Self {
        let own = self.width();
        if width <= own {
            return self.part(0, width);
        }
        let mut wide = self.clone();
        match self.pieces.last() {
            Some(top) if signed => wide.push(top.top(width - own)),
            _ => wide.push(Piece::Const { pattern: 0, width: width - own }),
        }
        wide
    }

    /// The number of constant zeros at the low end, not counting the last bit left.
    pub(super) fn trailing_zeros(&self) -> u32 {
        match self.pieces.first() {
            Some(&Piece::Const { pattern, width }) => {
                pattern.trailing_zeros().min(width).min(self.width() - 1)
            }
            _ => 0,
        }
    }

    /// The bits if all are constant.
    pub(super) fn as_const(&self) -> Option<u64> {
        match self.pieces.as_slice() {
            &[Piece::Const { pattern, .. }] => Some(pattern),
            _ => None,
        }
    }
}
