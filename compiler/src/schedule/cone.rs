//! Which logic fits one look-up table of six inputs: what a choice, a small table or a comparison of few bits reads is
//! followed back through other such cells, bit by bit.

/// Inputs of a look-up table.
pub const INPUTS: usize = 6;

/// The bits that a bit depends on, at most [`INPUTS`], by numbers that the user gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    count: u8,
    bits: [u32; INPUTS],
}

impl Support {
    /// One bit.
    pub fn of(bit: u32) -> Self {
        Self { count: 1, bits: [bit, 0, 0, 0, 0, 0] }
    }

    /// How many bits.
    pub fn count(&self) -> usize {
        self.count.into()
    }

    /// The bits.
    pub fn bits(&self) -> &[u32] {
        &self.bits[..self.count()]
    }

    /// All bits of both, unless they are too many.
    pub fn join(mut self, other: &Self) -> Option<Self> {
        for &bit in other.bits() {
            if !self.bits().contains(&bit) {
                *self.bits.get_mut(usize::from(self.count))? = bit;
                self.count += 1;
            }
        }
        Some(self)
    }
}

/// The bits of a signal, the lowest first.
pub type Word = Vec<Support>;

/// The word in `width` bits: cut, or with its sign or zeros above.
pub fn resize(mut word: Word, signed: bool, width: u32) -> Word {
    let top = if signed { word.last().copied().unwrap_or_default() } else { Support::default() };
    word.resize(width as usize, top);
    word
}

/// What a choice by the lowest bit of `condition` depends on.
pub fn choice(condition: &Word, b: &Word, c: &Word) -> Option<Word> {
    let condition = condition.first().copied().unwrap_or_default();
    b.iter().zip(c).map(|(b, c)| condition.join(b)?.join(c)).collect()
}

/// What something depends on that looks at every bit.
pub fn all<'a>(words: impl IntoIterator<Item = &'a Word>) -> Option<Support> {
    words.into_iter().flatten().try_fold(Support::default(), Support::join)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_six_inputs() {
        let word = |id: u32, width: u32| (0..width).map(|bit| Support::of(64 * id + bit)).collect::<Word>();
        assert_eq!(all([&word(0, 4), &word(1, 2), &word(0, 3)]).map(|bits| bits.count()), Some(6));
        assert_eq!(all([&word(0, 4), &word(1, 3)]), None);
        let chosen = choice(&word(2, 1), &word(0, 9), &resize(word(1, 3), true, 9));
        assert!(chosen.is_some_and(|chosen| chosen.len() == 9 && chosen.iter().all(|bit| bit.count() == 3)));
        assert_eq!(resize(word(0, 2), false, 3)[2].count(), 0);
    }
}
