//! Which parts of a line differ from the empty frame: one bit for each piece of the line.

/// Lines with pieces of one length: the column `0` of an output line reads them from column `lo` to `hi`, and so on along it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub lines: Vec<u32>,
    pub piece: Piece,
    pub lo: i32,
    pub hi: i32,
}

/// The length of a line's pieces, as a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece(u32);

impl Piece {
    /// For a line of `extent` columns: 64 pieces are enough, and none is shorter than 8.
    pub fn of(extent: usize) -> Self {
        Self(extent.div_ceil(64).next_power_of_two().max(8).trailing_zeros())
    }

    pub fn len(self) -> usize {
        1 << self.0
    }

    /// The pieces that the columns from `start` up to `end` touch.
    pub fn touched(self, start: usize, end: usize) -> u64 {
        bits(start >> self.0, (end + self.len() - 1) >> self.0)
    }
}

/// The bits from `start` up to `end`.
fn bits(start: usize, end: usize) -> u64 {
    let below = |n: usize| if n < 64 { (1u64 << n) - 1 } else { u64::MAX };
    below(end) & !below(start)
}

/// The stretches of set bits: first, and one past the last.
pub(super) fn stretches(mut mask: u64) -> impl Iterator<Item = (usize, usize)> {
    std::iter::from_fn(move || {
        if mask == 0 {
            return None;
        }
        let start = mask.trailing_zeros() as usize;
        let end = start + (!(mask >> start)).trailing_zeros() as usize;
        mask &= !bits(start, end);
        Some((start, end))
    })
}

/// The same bits, and those of gaps of at most `gap`.
pub(super) fn join(mask: u64, gap: usize) -> u64 {
    let mut joined = mask;
    let mut last = None;
    for (start, end) in stretches(mask) {
        if let Some(last) = last.filter(|&last| start - last <= gap) {
            joined |= bits(last, start);
        }
        last = Some(end);
    }
    joined
}

/// The pieces of an output line of `out` columns that read from the pieces `mask` of lines.
pub(super) fn reached(mask: u64, reach: &Reach, out: usize, to: Piece) -> u64 {
    let from = reach.piece.len();
    let mut found = 0;
    for (start, end) in stretches(mask) {
        let first = ((start * from) as i64 - i64::from(reach.hi)).max(0);
        let past = ((end * from) as i64 - i64::from(reach.lo)).min(out as i64);
        if first < past {
            found |= to.touched(first as usize, past as usize);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_that_reads_a_piece_is_reached() {
        for (extent, out, lo, hi) in
            [(20usize, 20usize, -2, 2), (384, 384, -10, 10), (300, 41, 3, 9), (7, 700, -699, 0)]
        {
            let (piece, to) = (Piece::of(extent), Piece::of(out));
            for bit in 0..extent.div_ceil(piece.len()) {
                let found = reached(1 << bit, &Reach { lines: vec![], piece, lo, hi }, out, to);
                for column in 0..out {
                    let reads = (column as i64 + i64::from(lo)).max(0)..=column as i64 + i64::from(hi);
                    let touched = reads.into_iter().any(|at| at as usize / piece.len() == bit);
                    let is_found = found >> (column / to.len()) & 1 == 1;
                    assert!(is_found || !touched, "{extent} {out} {lo} {hi}: piece {bit}, column {column}");
                }
                assert_eq!(found & !to.touched(0, out), 0);
            }
        }
    }

    #[test]
    fn stretches_of_bits() {
        let found = |mask| stretches(mask).collect::<Vec<_>>();
        assert_eq!(found(0), []);
        assert_eq!(found(0b1011), [(0, 2), (3, 4)]);
        assert_eq!(found(u64::MAX), [(0, 64)]);
        assert_eq!(found(1 << 63), [(63, 64)]);
        assert_eq!(Piece::of(512).touched(0, 512), u64::MAX);
        assert_eq!(Piece::of(9).touched(0, 9), 3);
        assert_eq!(join(0b1_0010_0101, 2), 0b1_1111_1111);
        assert_eq!(join(0b1_0001_0101, 1), 0b1_0001_1111);
    }
}
