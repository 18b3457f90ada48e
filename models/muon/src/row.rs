//! The 384 strips of one layer and partition as bits, and counting layers for all strips at once.

use crate::geometry::STRIPS;

const WORDS: usize = STRIPS / 64;

/// One bit per strip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row([u64; WORDS]);

impl Row {
    /// From the words of an image's row.
    pub fn new(words: &[u64]) -> Self {
        let mut row = Self::default();
        row.0.iter_mut().zip(words).for_each(|(to, from)| *to = *from);
        row
    }

    /// The row whose strip `x` is this one's strip `x + by`, 0 from outside.
    #[must_use]
    pub fn ahead(self, by: i32) -> Self {
        let (words, bits) = ((by.unsigned_abs() / 64) as usize, by.unsigned_abs() % 64);
        let mut row = Self::default();
        for n in 0..WORDS {
            let at = |n: Option<usize>| n.and_then(|n| self.0.get(n)).copied().unwrap_or(0);
            row.0[n] = if by >= 0 {
                let (low, high) = (at(Some(n + words)), at(Some(n + words + 1)));
                if bits == 0 { low } else { low >> bits | high << (64 - bits) }
            } else {
                let (high, low) = (at(n.checked_sub(words)), at(n.checked_sub(words + 1)));
                if bits == 0 { high } else { high << bits | low >> (64 - bits) }
            };
        }
        row
    }

    /// The row whose strip `x` says whether any of this one's strips `x + low` to `x + high` is set.
    #[must_use]
    pub fn window(self, low: i32, high: i32) -> Self {
        // What a shift loses at an edge never returns: look ahead and back apart.
        if low < 0 && high > 0 {
            return self.window(low, 0).or(self.window(0, high));
        }
        let (begin, direction) = if low >= 0 { (low, 1) } else { (high, -1) };
        let (mut row, mut length) = (self.ahead(begin), 1);
        while length < high - low + 1 {
            let step = length.min(high - low + 1 - length);
            row = row.or(row.ahead(step * direction));
            length += step;
        }
        row
    }

    /// Strips set in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Strips set in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Whether no strip is set.
    pub fn is_empty(self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// Whether strip `x` is set; false outside.
    pub fn get(self, x: i32) -> bool {
        usize::try_from(x).is_ok_and(|x| x < STRIPS && self.0[x / 64] >> (x % 64) & 1 == 1)
    }

    /// The strips set, ascending.
    pub fn strips(self) -> impl Iterator<Item = i32> {
        self.0.into_iter().enumerate().flat_map(|(n, word)| {
            std::iter::successors((word != 0).then_some(word), |&rest| {
                let rest = rest & (rest - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |rest| (n * 64) as i32 + rest.trailing_zeros() as i32)
        })
    }

    fn zip(mut self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a = combine(*a, b));
        self
    }
}

/// For each strip, the number of rows in which it is set, bit by bit; at most 7 rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count([Row; 3]);

impl Count {
    /// Counts one more row.
    pub fn add(&mut self, row: Row) {
        let mut carry = row;
        for digit in &mut self.0 {
            let sum = digit.zip(carry, |a, b| a ^ b);
            carry = digit.and(carry);
            *digit = sum;
        }
    }

    /// The strips counted exactly `n` times.
    pub fn exactly(self, n: usize) -> Row {
        let all = Row([u64::MAX; WORDS]);
        self.0.into_iter().enumerate().fold(all, |row, (digit, set)| {
            if n >> digit & 1 == 1 { row.and(set) } else { row.zip(set, |a, b| a & !b) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(strips: &[i32]) -> Row {
        let mut row = Row::default();
        strips.iter().for_each(|&x| row.0[x as usize / 64] |= 1 << (x % 64));
        row
    }

    #[test]
    fn rows_shift_over_words() {
        let strips = [0, 63, 64, 200, 383];
        for by in [-130, -64, -63, -1, 0, 1, 64, 70, 383] {
            let expected: Vec<i32> = strips.iter().map(|x| x - by).filter(|x| (0..384).contains(x)).collect();
            assert_eq!(row(&strips).ahead(by).strips().collect::<Vec<_>>(), expected, "{by}");
        }
    }

    #[test]
    fn windows_look_both_ways() {
        assert_eq!(row(&[100]).window(-2, 3).strips().collect::<Vec<_>>(), [97, 98, 99, 100, 101, 102]);
        assert_eq!(row(&[383, 0]).window(-2, 2).strips().collect::<Vec<_>>(), [0, 1, 2, 381, 382, 383]);
        assert_eq!(row(&[100]).window(-4, -2).strips().collect::<Vec<_>>(), [102, 103, 104]);
        assert_eq!(row(&[100]).window(5, 5).strips().collect::<Vec<_>>(), [95]);
    }

    #[test]
    fn counts_are_exact() {
        let mut count = Count::default();
        for n in 0..6 {
            count.add(row(&(n..6).collect::<Vec<_>>()));
        }
        for n in 0..6 {
            assert_eq!(count.exactly(n as usize + 1).strips().collect::<Vec<_>>(), [n]);
        }
    }
}
