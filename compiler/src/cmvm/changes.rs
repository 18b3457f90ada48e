//! Changes of a network that keep what its nodes compute, and how they are taken back.

use super::csd::{Digits, bits};
use super::net::{Change, Literal, Net};

impl Net {
    /// Adds a literal to a node, with what it already has of the value, in the fewest digits.
    pub fn merge(&mut self, node: u32, literal: Literal) {
        let mut coefficient = i128::from(1u8) << literal.shift();
        if literal.negative() {
            coefficient = -coefficient
        }
        let (mut count, mut same) = (1, false);
        for &term in &self.nodes[node as usize].terms {
            if term.value() == literal.value() {
                let weight = 1i128 << term.shift();
                coefficient += if term.negative() { -weight } else { weight };
                count += 1;
                same |= term.shift() == literal.shift();
            }
        }
        let digits = Digits::of(coefficient as i64);
        if !same && count <= digits.count() {
            return self.insert(node, literal);
        }
        let mut at = 0;
        while let Some(&term) = self.nodes[node as usize].terms.get(at) {
            if term.value() == literal.value() { self.delete(node, term) } else { at += 1 }
        }
        for shift in bits(digits.pos | digits.neg) {
            self.insert(node, Literal::new(literal.value(), shift, digits.neg >> shift & 1 == 1));
        }
    }

    /// Replaces one literal of a node by what it stands for.
    pub fn inline_literal(&mut self, node: u32, literal: Literal) {
        self.delete(node, literal);
        let terms = std::mem::take(&mut self.nodes[literal.value() as usize].terms);
        for &term in &terms {
            if term.shift() + literal.shift() > 63 {
                self.overflow = true;
                continue;
            }
            self.merge(node, term.times(literal.shift(), literal.negative()));
        }
        self.nodes[literal.value() as usize].terms = terms;
        self.settle(node);
    }

    /// Replaces a node by its terms wherever it is read, and removes it.
    pub fn dissolve(&mut self, node: u32) {
        while let Some(&user) = self.nodes[node as usize].users.last() {
            let found = self.nodes[user as usize].terms.iter().find(|term| term.value() == node);
            let Some(&literal) = found else { break };
            self.inline_literal(user, literal);
        }
        if !self.nodes[node as usize].target {
            self.kill(node);
        }
    }

    /// Removes a node that nobody reads, and what only it read.
    pub fn kill(&mut self, node: u32) {
        while let Some(&term) = self.nodes[node as usize].terms.last() {
            self.delete(node, term);
            let value = &self.nodes[term.value() as usize];
            if value.users.is_empty() && !value.target && term.value() >= self.inputs {
                self.kill(term.value());
            }
        }
        self.log.push(Change::Killed(node, self.hashes[node as usize], self.ranges[node as usize]));
        self.unregister(node);
    }

    fn unregister(&mut self, node: u32) {
        self.register(node, 0);
        self.free.push(node);
    }

    /// Says which node, plus one, computes what `node` did.
    fn register(&mut self, node: u32, computes: u32) {
        if !self.counted {
            let hash = self.hashes[node as usize];
            self.pairs.entry(hash.min(hash.wrapping_neg())).node = computes;
        }
    }

    /// Starts a change that can be taken back; candidates are queued from here on.
    pub fn begin(&mut self) {
        self.log.clear();
        self.kept.clear();
        self.quiet = false;
        self.overflow = false;
    }

    /// Takes back everything since [`Net::begin`].
    pub fn undo(&mut self) {
        self.quiet = true;
        self.counted = self.pairs.undo();
        self.undo_changes();
        self.counted = false;
        while let Some((node, old)) = self.kept.pop() {
            let here = &mut self.bits[node as usize];
            self.total_bits += i64::from(old) - i64::from(*here);
            *here = old;
        }
        for node in self.dirty.drain(..) {
            self.nodes[node as usize].dirty = false;
        }
    }

    fn undo_changes(&mut self) {
        while let Some(change) = self.log.pop() {
            match change {
                Change::Added(node, literal) => {
                    self.remove(node, literal);
                    self.settle(node);
                }
                Change::Removed(node, literal) => {
                    self.add(node, literal);
                    self.settle(node);
                }
                Change::Created(node) => self.unregister(node),
                Change::Killed(node, hash, range) => {
                    self.free.pop();
                    self.hashes[node as usize] = hash;
                    self.ranges[node as usize] = range;
                    self.register(node, node + 1);
                }
            }
        }
    }
}
