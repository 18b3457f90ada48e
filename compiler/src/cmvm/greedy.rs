//! Greedy sharing: the sum of two terms that saves most becomes one value wherever it occurs.

use std::collections::BTreeSet;

use super::net::{Literal, Net};
use super::queue::Queue;

/// A small random number generator (xorshift64*, Vigna 2016).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d | 1)
    }

    /// 64 random bits.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }
}

/// One place where a sum occurs: in a node, two of its terms.
type Place = (u32, Literal, Literal);

/// Memory that is used again.
#[derive(Debug, Default)]
pub struct Scratch {
    places: Vec<Place>,
    /// Sums that did not turn out to save anything.
    pub tabu: BTreeSet<u64>,
}

impl Net {
    /// Shares until nothing is left to share.
    pub fn share(&mut self, random: &mut Random, scratch: &mut Scratch) {
        loop {
            while let Some((bucket, candidate)) = self.queue.pop(random.next()) {
                let saved = self.pairs.get(candidate.key).saved();
                if saved == 0 || scratch.tabu.contains(&candidate.key) {
                    continue;
                }
                let score = saved * candidate.weight;
                if Queue::<()>::bucket(score) < bucket {
                    self.queue.push(score, candidate);
                } else {
                    self.take(candidate.key, scratch);
                }
            }
            if !self.tidy() {
                break;
            }
        }
    }

    /// Sums that are read once become part of their reader; whether there were any.
    pub fn tidy(&mut self) -> bool {
        let mut found = false;
        for node in self.inputs()..self.nodes.len() as u32 {
            let here = &self.nodes[node as usize];
            if here.target || here.terms.is_empty() {
                continue;
            }
            if here.users.len() <= 1 || here.terms.len() == 1 {
                self.dissolve(node);
                found = true;
            }
        }
        found
    }

    /// Makes the sum of the given key a value, wherever that is possible.
    fn take(&mut self, key: u64, scratch: &mut Scratch) {
        let entry = self.pairs.get(key);
        self.find(key, entry.places, &mut scratch.places);
        let existing = entry.node.checked_sub(1);
        let mut made = existing;
        if made.is_none() {
            let level = |place: &&Place| {
                [place.1, place.2].map(|l| self.nodes[l.value() as usize].level).into_iter().max()
            };
            let Some(&(_, a, b)) = scratch.places.iter().min_by_key(level) else { return };
            let level = self.nodes[a.value() as usize].level.max(self.nodes[b.value() as usize].level) + 1;
            scratch.places.retain(|&(node, x, y)| {
                !self.depends(a.value(), node)
                    && !self.depends(b.value(), node)
                    && self.has_room(node, x, y, level)
            });
            if scratch.places.len() < 2 {
                return;
            }
            made = Some(self.sum(a, b));
        }
        let Some(value) = made else { return };
        for at in 0..scratch.places.len() {
            let (node, a, b) = scratch.places[at];
            let level = self.nodes[value as usize].level;
            if existing.is_some() && self.depends(value, node) || !self.has_room(node, a, b, level) {
                continue;
            }
            let (_, turned) = self.key(a, b);
            let literal = self.literal(value, turned, a.shift().min(b.shift()));
            self.delete(node, a);
            self.delete(node, b);
            self.merge(node, literal);
            self.settle(node);
        }
        if existing.is_none() && self.nodes[value as usize].users.len() < 2 {
            scratch.tabu.insert(key);
        }
    }

    /// Every place where the sum occurs, none sharing a term with another.
    fn find(&self, key: u64, mask: u64, places: &mut Vec<Place>) {
        places.clear();
        for node in self.inputs()..self.nodes.len() as u32 {
            let terms = &self.nodes[node as usize].terms;
            if mask >> (node & 63) & 1 == 0 || terms.len() < 3 {
                continue;
            }
            let from = places.len();
            for (i, &a) in terms.iter().enumerate() {
                for &b in &terms[..i] {
                    if self.key(a, b).0 == key {
                        let free = |&(_, x, y): &Place| x != a && x != b && y != a && y != b;
                        if places[from..].iter().all(free) {
                            places.push((node, a, b));
                        }
                    }
                }
            }
        }
    }
}
