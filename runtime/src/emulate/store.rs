//! Word lists of sites, each kept once: convolution repeats the same list at most positions.

use std::collections::BTreeMap;

/// Where the words of one site are. Addresses among them are relative to `base`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub base: u32,
    pub list: u32,
}

/// The list number of a site that is resolved anew each time, because the store is full.
pub(super) const UNSTORED: u32 = u32::MAX;

/// Distinct word lists.
#[derive(Default)]
pub(super) struct Store {
    words: Vec<i64>,
    ends: Vec<usize>,
    by_hash: BTreeMap<u64, u32>,
}

/// Words that the plans of one program may hold.
pub(super) const CAPACITY: usize = 1 << 25;

impl Store {
    /// The number of `words`, or `UNSTORED` if there is no `room` for them.
    pub fn intern(&mut self, words: &[i64], room: &mut usize) -> u32 {
        let hash = words.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &word| {
            (hash ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        if let Some(&list) = self.by_hash.get(&hash)
            && self.list(list) == words
        {
            return list;
        }
        match room.checked_sub(words.len()) {
            Some(left) => *room = left,
            None => return UNSTORED,
        }
        let list = self.ends.len() as u32;
        self.words.extend_from_slice(words);
        self.ends.push(self.words.len());
        self.by_hash.insert(hash, list);
        list
    }

    fn list(&self, list: u32) -> &[i64] {
        let list = list as usize;
        let start = if list == 0 { 0 } else { self.ends[list - 1] };
        &self.words[start..self.ends[list]]
    }

    /// Every list, in order of its number.
    pub fn lists(&self) -> impl Iterator<Item = &[i64]> {
        (0..self.ends.len() as u32).map(|list| self.list(list))
    }
}
