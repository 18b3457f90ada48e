//! Greedy two-term sharing (Hartley 1996; Potkonjak et al. 1996): the pair of digits worth most
//! over all columns becomes a value, until no pair occurs twice.

use super::SolveError;
use super::builder::{Builder, Term};
use super::csd::{Digits, bits};
use super::graph::{Operand, ValueId};
use super::queue::Queue;
use super::sum::growth;

/// `a ± b·2^shift`, up to a common shift and sign; `a <= b`, and `shift > 0` where they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    a: u32,
    b: u32,
    shift: i8,
    opposite: bool,
}

/// How a pattern's worth is estimated; several are tried and the cheapest graph is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taste {
    /// Weight of the bits in which the two terms overlap.
    pub overlap: i64,
    /// Weight of the pattern's bare frequency.
    pub frequency: i64,
    /// Cost of each level of the new value.
    pub level: i64,
    /// Breaks ties at random where it is not 0.
    pub seed: u64,
}

/// The digits of one value in one column (`key`: the column), or of one column's one value.
#[derive(Clone, Copy, Debug)]
struct Cell {
    key: u32,
    digits: Digits,
}

/// The state of sharing over all columns.
pub struct Sharing<'a> {
    builder: &'a mut Builder,
    taste: Taste,
    by_value: Vec<Vec<Cell>>,
    by_column: Vec<Vec<Cell>>,
    queue: Queue<Pattern>,
    taken: Vec<u128>,
    leaves: Option<Vec<u128>>,
    span: i32,
    counts: Vec<u32>,
    touched: Vec<(usize, Pattern)>,
}

impl<'a> Sharing<'a> {
    /// Starts from columns of digits. `leaves` bounds each column's tree (see
    /// [`super::sum::leaves`]); `taken` is what all its terms take now.
    pub fn new(
        builder: &'a mut Builder,
        columns: &[Vec<(ValueId, Digits)>],
        taken: Vec<u128>,
        leaves: Option<Vec<u128>>,
        taste: Taste,
    ) -> Self {
        let mut by_value = vec![Vec::new(); builder.len()];
        let mut by_column = Vec::with_capacity(columns.len());
        for (column, cells) in columns.iter().enumerate() {
            let mut list: Vec<Cell> = cells.iter().map(|&(v, digits)| Cell { key: v.0, digits }).collect();
            list.sort_by_key(|cell| cell.key);
            for cell in &list {
                by_value[cell.key as usize].push(Cell { key: column as u32, digits: cell.digits });
            }
            by_column.push(list);
        }
        let used = columns.iter().flatten().fold(0, |used, cell| used | cell.1.pos | cell.1.neg);
        let span = 63 - (used | 1).leading_zeros() as i32;
        let (counts, touched, queue) = (Vec::new(), Vec::new(), Queue::new(taste.seed));
        Self { builder, taste, by_value, by_column, queue, taken, leaves, span, counts, touched }
    }

    /// Shares until nothing is left to share; returns each column's remaining terms and the
    /// leaves that they take.
    pub fn run(mut self) -> Result<(Vec<Vec<Term>>, Vec<u128>), SolveError> {
        for value in 0..self.by_value.len() as u32 {
            self.enlist(value, true);
        }
        while let Some((bucket, pattern)) = self.queue.pop() {
            match self.score(pattern, self.count(pattern)) {
                Some(now) if Queue::<Pattern>::bucket(now) >= bucket => self.substitute(pattern)?,
                Some(now) => self.queue.push(now, pattern),
                None => {}
            }
        }
        let terms = self.by_column.iter().map(|cells| cells.iter().flat_map(cell_terms).collect()).collect();
        Ok((terms, self.taken))
    }

    /// Counts all patterns of `value` with later (or, else, with all other) values and queues
    /// those that occur twice.
    fn enlist(&mut self, value: u32, later: bool) {
        let stride = 2 * self.span as usize + 1;
        for slot in 0..self.by_value[value as usize].len() {
            let Cell { key: column, digits } = self.by_value[value as usize][slot];
            let cells = &self.by_column[column as usize];
            let from = if later { cells.partition_point(|cell| cell.key < value) } else { 0 };
            for cell in &cells[from..] {
                for s in bits(digits.pos | digits.neg) {
                    let negative = digits.neg >> s & 1 == 1;
                    for t in bits(cell.digits.pos | cell.digits.neg) {
                        let opposite = (cell.digits.neg >> t & 1 == 1) != negative;
                        if cell.key == value && t <= s {
                            continue;
                        }
                        let distance = t as i8 - s as i8;
                        let (a, b, shift) = if cell.key < value {
                            (cell.key, value, -distance)
                        } else {
                            (value, cell.key, distance)
                        };
                        let place = (i32::from(shift) + self.span) as usize;
                        let at = (cell.key as usize * stride + place) * 2 + usize::from(opposite);
                        if at >= self.counts.len() {
                            self.counts.resize(at + 4096, 0);
                        }
                        if self.counts[at] == 0 {
                            self.touched.push((at, Pattern { a, b, shift, opposite }));
                        }
                        self.counts[at] += 1;
                    }
                }
            }
        }
        for (at, pattern) in std::mem::take(&mut self.touched) {
            let count = std::mem::take(&mut self.counts[at]);
            if let Some(score) = self.score(pattern, count) {
                self.queue.push(score, pattern);
            }
        }
    }

    /// Operands in the order in which the low bits of the result pass through.
    fn operands(pattern: Pattern) -> (Operand, Operand) {
        let a = Operand { value: ValueId(pattern.a), shift: (-pattern.shift).max(0) as u32 };
        let b = Operand { value: ValueId(pattern.b), shift: pattern.shift.max(0) as u32 };
        if pattern.shift < 0 { (b, a) } else { (a, b) }
    }

    fn score(&self, pattern: Pattern, count: u32) -> Option<i64> {
        if count < 2 {
            return None;
        }
        let (low, high) = Self::operands(pattern);
        let addition = self.builder.estimate(low, high, pattern.opposite);
        let tops = [addition.a.width() + addition.a_shift, addition.b.width() + addition.b_shift];
        let overlap = i64::from(tops[0].min(tops[1]).saturating_sub(high.shift));
        let level = self.builder.level(low.value).max(self.builder.level(high.value));
        let saved = i64::from(count - 1);
        let gain = saved * (self.taste.frequency + self.taste.overlap * overlap);
        Some(gain - self.taste.level * i64::from(level))
    }

    /// The positions of `a` at which the pattern occurs in two cells, none overlapping.
    fn matches(pattern: Pattern, a: Digits, b: Digits) -> u64 {
        let down = |mask: u64| {
            if pattern.shift >= 0 { mask >> pattern.shift } else { mask << -pattern.shift }
        };
        let (same, other) = if pattern.opposite { (b.neg, b.pos) } else { (b.pos, b.neg) };
        let mut found = a.pos & down(same) | a.neg & down(other);
        if pattern.a == pattern.b {
            let mut used = 0u64;
            for s in bits(found) {
                let pair = 1 << s | 1 << (s + pattern.shift as u32);
                if used & pair == 0 { used |= pair } else { found &= !(1 << s) }
            }
        }
        found
    }

    /// How many of `found` occurrences a column's tree still has room for, and what each takes.
    fn room(&self, pattern: Pattern, column: u32, found: u32) -> (u32, u128) {
        let levels = [pattern.a, pattern.b].map(|v| self.builder.level(ValueId(v)));
        let growth = growth(levels);
        let Some(limit) = &self.leaves else { return (found, growth) };
        let left = limit[column as usize].saturating_sub(self.taken[column as usize]);
        (left.checked_div(growth).map_or(found, |room| room.min(u128::from(found)) as u32), growth)
    }

    /// (column, positions) of every occurrence that is allowed.
    fn occurrences(&self, pattern: Pattern) -> impl Iterator<Item = (u32, u64)> {
        let (left, right) = (&self.by_value[pattern.a as usize], &self.by_value[pattern.b as usize]);
        let mut j = 0;
        left.iter().filter_map(move |cell| {
            while right.get(j).is_some_and(|other| other.key < cell.key) {
                j += 1;
            }
            let other = right.get(j).filter(|other| other.key == cell.key)?;
            let found = Self::matches(pattern, cell.digits, other.digits);
            (found != 0).then_some((cell.key, found))
        })
    }

    fn count(&self, pattern: Pattern) -> u32 {
        let counted = self.occurrences(pattern).map(|(column, found)| {
            let found = found.count_ones();
            if self.leaves.is_some() { self.room(pattern, column, found).0 } else { found }
        });
        counted.sum()
    }

    fn substitute(&mut self, pattern: Pattern) -> Result<(), SolveError> {
        let places: Vec<(u32, u64)> = self.occurrences(pattern).collect();
        let negative = |column: u32, s: u32| {
            let cells = &self.by_value[pattern.a as usize];
            let at = cells.partition_point(|cell| cell.key < column);
            cells[at].digits.neg >> s & 1 == 1
        };
        let signs = places.iter().flat_map(|&(column, found)| bits(found).map(move |s| (column, s)));
        let (all, minus) =
            signs.fold((0, 0), |(all, minus), (c, s)| (all + 1, minus + i32::from(negative(c, s))));
        let turned = pattern.opposite && (pattern.shift < 0 || pattern.shift == 0 && 2 * minus > all);
        let (low, high) = Self::operands(pattern);
        let (first, second) = if turned && pattern.shift == 0 { (high, low) } else { (low, high) };
        let node = self.builder.add(first, second, pattern.opposite)?;
        let fresh = node.value.index() >= self.by_value.len();
        if !fresh {
            return Ok(());
        }
        self.by_value.resize(self.builder.len(), Vec::new());
        for (column, found) in places {
            let (mut room, growth) = self.room(pattern, column, found.count_ones());
            let mut digits = Digits::default();
            for s in bits(found) {
                if room == 0 {
                    break;
                }
                room -= 1;
                let sign = self.take(pattern.a, column, s);
                self.take(pattern.b, column, (s as i32 + i32::from(pattern.shift)) as u32);
                let at = if pattern.shift < 0 { (s as i32 + i32::from(pattern.shift)) as u32 } else { s };
                if sign != turned {
                    digits.neg |= 1 << at
                } else {
                    digits.pos |= 1 << at
                }
                let taken = &mut self.taken[column as usize];
                *taken = taken.saturating_add(growth);
            }
            if !digits.is_zero() {
                self.by_value[node.value.index()].push(Cell { key: column, digits });
                self.by_column[column as usize].push(Cell { key: node.value.0, digits });
            }
        }
        self.enlist(node.value.0, false);
        Ok(())
    }

    /// Removes one digit of a column and returns whether it was −1.
    fn take(&mut self, value: u32, column: u32, position: u32) -> bool {
        let mut negative = false;
        let lists =
            [(&mut self.by_value[value as usize], column), (&mut self.by_column[column as usize], value)];
        for (cells, key) in lists {
            let at = cells.partition_point(|cell| cell.key < key);
            let digits = &mut cells[at].digits;
            negative = digits.neg >> position & 1 == 1;
            digits.pos &= !(1 << position);
            digits.neg &= !(1 << position);
            if digits.is_zero() {
                cells.remove(at);
            }
        }
        negative
    }
}

fn cell_terms(cell: &Cell) -> impl Iterator<Item = Term> {
    let Cell { key, digits } = *cell;
    bits(digits.pos | digits.neg).map(move |shift| Term {
        operand: Operand { value: ValueId(key), shift },
        negative: digits.neg >> shift & 1 == 1,
    })
}
