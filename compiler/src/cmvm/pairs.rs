//! How often each sum of two terms occurs, by the hash of what it computes.

/// What is known of one linear form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    key: u64,
    /// How many pairs of terms compute it (up to sign).
    pub pairs: u32,
    /// The node that computes it, plus one; 0: none.
    pub node: u32,
    /// Bit `x % 64` is set where a pair in node `x` computes it; more may be set.
    pub places: u64,
}

impl Entry {
    /// The additions that one value for all of them saves.
    pub fn saved(&self) -> u32 {
        (self.pairs + u32::from(self.node != 0)).saturating_sub(1)
    }
}

/// An open-addressing table; entries that count nothing are dropped when it grows.
#[derive(Clone, Debug)]
pub struct Pairs {
    entries: Vec<Entry>,
    held: usize,
    shift: u32,
    /// What entries were before each change since [`Pairs::begin`]; `None` once the table has grown.
    journal: Option<Vec<(u32, Entry)>>,
}

impl Pairs {
    /// Room for 2^`bits` entries at first.
    pub fn new(bits: u32) -> Self {
        Self { entries: vec![Entry::default(); 1 << bits], held: 0, shift: 64 - bits, journal: None }
    }

    /// Starts a change that [`Pairs::undo`] may take back.
    pub fn begin(&mut self) {
        self.journal.get_or_insert_default().clear();
    }

    /// Takes back every change since [`Pairs::begin`]; `false` where that is not known any more.
    pub fn undo(&mut self) -> bool {
        let Some(journal) = &mut self.journal else { return false };
        while let Some((at, old)) = journal.pop() {
            self.entries[at as usize] = Entry { key: self.entries[at as usize].key, ..old };
        }
        true
    }

    fn slot(&self, key: u64) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        while self.entries[at].key != key && self.entries[at].key != 0 {
            at = (at + 1) & mask;
        }
        at
    }

    /// What is known of `key`; all zero where nothing is.
    pub fn get(&self, key: u64) -> Entry {
        self.entries[self.slot(key)]
    }

    /// The entry of `key`, made where there is none.
    pub fn entry(&mut self, key: u64) -> &mut Entry {
        let mut at = self.slot(key);
        if self.entries[at].key == 0 {
            if 2 * self.held >= self.entries.len() {
                self.grow();
                at = self.slot(key);
            }
            self.held += 1;
            self.entries[at].key = key;
        }
        let entry = &mut self.entries[at];
        if let Some(journal) = &mut self.journal {
            journal.push((at as u32, *entry));
        }
        entry
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let live = |entry: &&Entry| entry.pairs > 0 || entry.node > 0;
        let count = self.entries.iter().filter(live).count();
        let bits = (3 * count.max(1)).next_power_of_two().max(self.entries.len()).trailing_zeros();
        let old = std::mem::replace(self, Self::new(bits));
        // The journal's places are those of the old table.
        for entry in old.entries.iter().filter(live) {
            let at = self.slot(entry.key);
            self.entries[at] = *entry;
            self.held += 1;
        }
    }
}
