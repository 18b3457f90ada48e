//! The network that is searched: every node is a sum of signed, shifted values, two or more.
//!
//! A node of *n* terms stands for *n* − 1 additions; what they are is settled when the network is
//! [lowered](super::lower). Nodes never change what they compute, only how, and every change is
//! logged, so that it can be taken back.

use super::csd::{Digits, bits};
use super::pairs::Pairs;
use super::queue::Queue;
use super::range::Range;

/// A signed, shifted value in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal(u32);

impl Literal {
    /// `−value·2^shift` where `negative`; `shift < 64`, `value < 2^25`.
    pub fn new(value: u32, shift: u32, negative: bool) -> Self {
        Self(value << 7 | shift << 1 | u32::from(negative))
    }

    /// The value.
    pub fn value(self) -> u32 {
        self.0 >> 7
    }

    /// Its power of two.
    pub fn shift(self) -> u32 {
        self.0 >> 1 & 63
    }

    /// Whether it is subtracted.
    pub fn negative(self) -> bool {
        self.0 & 1 == 1
    }

    /// The literal times ±2^`shift`.
    pub fn times(self, shift: u32, negative: bool) -> Self {
        Self((self.0 + (shift << 1)) ^ u32::from(negative))
    }

    /// The literal of 2^`shift` times less.
    pub fn lowered(self, shift: u32) -> Self {
        Self(self.0 - (shift << 1))
    }
}

/// What is done to one node; the log of these is played backwards to undo.
#[derive(Clone, Copy, Debug)]
enum Change {
    Added(u32, Literal),
    Removed(u32, Literal),
    Created(u32),
    Killed(u32, u64, Range),
}

/// A value: an input (no terms) or a sum.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// What is summed; empty for inputs and for dead nodes.
    pub terms: Vec<Literal>,
    /// The nodes that read it, one entry for each literal.
    pub users: Vec<u32>,
    /// The least number of levels in which it can be computed.
    pub level: u32,
    /// Σ 2^level of its terms.
    leaves: u64,
    dirty: bool,
    /// Whether it is a column.
    pub target: bool,
    /// The level that a column may have.
    pub limit: u32,
}

/// A pair that is worth a look, and the weight of one addition of it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The hash of what it computes.
    pub key: u64,
    /// The worth of one addition saved.
    pub weight: u32,
}

/// The network, its pairs counted and its cheapest changes queued.
#[derive(Debug)]
pub struct Net {
    /// Inputs, then sums in no order.
    pub nodes: Vec<Node>,
    hashes: Vec<u64>,
    pub ranges: Vec<Range>,
    inputs: u32,
    free: Vec<u32>,
    pub pairs: Pairs,
    pub queue: Queue<Candidate>,
    log: Vec<Change>,
    /// No candidates are queued while this is set.
    quiet: bool,
    /// Additions in all.
    pub additions: i64,
    /// Whether targets have limits.
    pub limited: bool,
    pub by_overlap: bool,
    pub weigh: u32,
    pub bits: Vec<u32>,
    dirty: Vec<u32>,
    kept: Vec<(u32, u32)>,
    row: Vec<i64>,
    pub total_bits: i64,
    pub overflow: bool,
    pub noise: u64,
    pub noise_mask: u32,
}

/// The hash of input number `input`: odd and spread over all bits.
fn input_hash(input: u64) -> u64 {
    let mut x = input.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 31) | 1
}

/// The least depth of a tree over terms that take this many leaves.
fn depth(leaves: u64) -> u32 {
    if leaves <= 1 { 0 } else { 64 - (leaves - 1).leading_zeros() }
}

fn leaf(level: u32) -> u64 {
    1 << level.min(62)
}

impl Net {
    /// Inputs with their ranges and levels.
    pub fn new(inputs: &[(Range, u32, u64)], limited: bool) -> Self {
        let node = |&(_, level, _): &(Range, u32, u64)| Node { level, ..Node::default() };
        let mut net = Self {
            nodes: inputs.iter().map(node).collect(),
            hashes: inputs.iter().map(|i| i.2).collect(),
            ranges: inputs.iter().map(|i| i.0).collect(),
            inputs: inputs.len() as u32,
            free: Vec::new(),
            pairs: Pairs::new(12),
            queue: Queue::default(),
            log: Vec::new(),
            quiet: true,
            additions: 0,
            limited,
            by_overlap: false,
            weigh: 0,
            bits: Vec::new(),
            dirty: Vec::new(),
            kept: Vec::new(),
            row: Vec::new(),
            total_bits: 0,
            overflow: false,
            noise: 0,
            noise_mask: 0,
        };
        for input in 0..inputs.len() {
            let hash = net.hashes[input];
            net.pairs.entry(hash.min(hash.wrapping_neg())).node = input as u32 + 1;
        }
        net
    }

    pub fn inputs(&self) -> u32 {
        self.inputs
    }

    /// The hash of an input and those of combinations of inputs.
    pub fn hash_of(terms: &[(u32, i64)]) -> u64 {
        terms.iter().fold(0u64, |sum, &(i, w)| sum.wrapping_add(input_hash(i.into()).wrapping_mul(w as u64)))
    }

    fn signed(&self, literal: Literal, less: u32) -> u64 {
        let hash = self.hashes[literal.value() as usize] << (literal.shift() - less);
        if literal.negative() { hash.wrapping_neg() } else { hash }
    }

    /// The hash of two literals' sum, up to sign and a common power of two, and whether the sign
    /// was turned.
    #[inline]
    pub fn key(&self, a: Literal, b: Literal) -> (u64, bool) {
        let less = a.shift().min(b.shift());
        let sum = self.signed(a, less).wrapping_add(self.signed(b, less));
        let turned = sum > sum.wrapping_neg();
        (if turned { sum.wrapping_neg() } else { sum }, turned)
    }

    fn weight(&self, key: u64, a: Literal, b: Literal) -> u32 {
        let noise = if self.noise_mask == 0 { 0 } else { (key ^ self.noise).wrapping_mul(0x9e37_79b9_7f4a_7c15) as u32 >> 8 & self.noise_mask };
        if !self.by_overlap {
            return 32 + noise;
        }
        let less = a.shift().min(b.shift());
        let top = |l: Literal| self.ranges[l.value() as usize].width() + l.shift() - less;
        let high = a.shift().max(b.shift()) - less;
        if self.weigh == 1 { return 4 + noise + 4 * (top(a).max(top(b)) - high); }
        if self.weigh == 2 { return 4 + noise + 4 * (top(a).max(top(b)) + 1 + top(a).min(top(b)).saturating_sub(high) - high); }
        4 + noise + 4 * top(a).min(top(b)).saturating_sub(high)
    }

    fn count(&mut self, node: u32, a: Literal, b: Literal) {
        let (key, _) = self.key(a, b);
        let entry = self.pairs.entry(key);
        entry.pairs += 1;
        entry.places |= 1 << (node & 63);
        let saved = entry.saved();
        if saved > 0 && !self.quiet {
            let weight = self.weight(key, a, b);
            self.queue.push(saved * weight, Candidate { key, weight });
        }
    }

    fn uncount(&mut self, a: Literal, b: Literal) {
        let (key, _) = self.key(a, b);
        let entry = self.pairs.entry(key);
        entry.pairs -= 1;
        if entry.pairs == 0 {
            entry.places = 0;
        }
    }

    /// Pairs are counted in nodes of three terms and more.
    fn add(&mut self, node: u32, literal: Literal) {
        let id = node;
        let terms = std::mem::take(&mut self.nodes[node as usize].terms);
        if terms.len() == 2 {
            self.count(node, terms[0], terms[1]);
        }
        if terms.len() >= 2 {
            for &term in &terms {
                self.count(node, term, literal);
            }
        }
        self.nodes[node as usize].terms = terms;
        let leaves = leaf(self.nodes[literal.value() as usize].level);
        self.nodes[literal.value() as usize].users.push(node);
        let node = &mut self.nodes[node as usize];
        self.additions += i64::from(!node.terms.is_empty());
        node.terms.push(literal);
        let dirty = std::mem::replace(&mut node.dirty, true);
        if !dirty { self.dirty.push(id); }
        node.leaves = node.leaves.saturating_add(leaves);
    }

    fn remove(&mut self, node: u32, literal: Literal) {
        let id = node;
        let mut terms = std::mem::take(&mut self.nodes[node as usize].terms);
        let at = terms.iter().position(|&term| term == literal).unwrap_or(terms.len() - 1);
        terms.swap_remove(at);
        if terms.len() >= 2 {
            for &term in &terms {
                self.uncount(term, literal);
            }
        }
        if terms.len() == 2 {
            self.uncount(terms[0], terms[1]);
        }
        self.additions -= i64::from(!terms.is_empty());
        self.nodes[node as usize].terms = terms;
        let value = &mut self.nodes[literal.value() as usize];
        let leaves = leaf(value.level);
        let at = value.users.iter().position(|&user| user == node).unwrap_or(value.users.len() - 1);
        value.users.swap_remove(at);
        let node = &mut self.nodes[node as usize];
        node.leaves -= leaves;
        let dirty = std::mem::replace(&mut node.dirty, true);
        if !dirty { self.dirty.push(id); }
    }

    /// What a node computes, over the inputs.
    pub fn expand(&self, node: u32, times: i64, into: &mut [i64]) {
        if node < self.inputs {
            into[node as usize] += times;
            return;
        }
        for term in &self.nodes[node as usize].terms {
            let weight = times << term.shift();
            self.expand(term.value(), if term.negative() { -weight } else { weight }, into);
        }
    }

    pub fn insert(&mut self, node: u32, literal: Literal) {
        self.log.push(Change::Added(node, literal));
        self.add(node, literal);
    }

    pub fn delete(&mut self, node: u32, literal: Literal) {
        self.log.push(Change::Removed(node, literal));
        self.remove(node, literal);
    }

    /// Adds a literal to a node, with what it already has of the value, in the fewest digits.
    pub fn merge(&mut self, node: u32, literal: Literal) {
        let mut coefficient = i128::from(1u8) << literal.shift();
        if literal.negative() { coefficient = -coefficient }
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

    /// Brings a node's level up to date, and those of its users.
    pub fn settle(&mut self, node: u32) {
        let node_ref = &mut self.nodes[node as usize];
        let level = if node_ref.terms.is_empty() { node_ref.level } else { depth(node_ref.leaves) };
        let old = std::mem::replace(&mut node_ref.level, level);
        if old == level {
            return;
        }
        let users = std::mem::take(&mut node_ref.users);
        for &user in &users {
            let leaves = &mut self.nodes[user as usize].leaves;
            *leaves = leaves.saturating_sub(leaf(old)).saturating_add(leaf(level));
        }
        self.nodes[node as usize].users = users;
        for at in 0..self.nodes[node as usize].users.len() {
            self.settle(self.nodes[node as usize].users[at]);
        }
    }

    /// A new node without terms that will compute what `hash` says.
    fn create(&mut self, hash: u64, range: Range) -> u32 {
        let id = self.free.pop().unwrap_or(self.nodes.len() as u32);
        if id as usize == self.nodes.len() {
            self.nodes.push(Node::default());
            self.hashes.push(0);
            self.ranges.push(range);
        }
        let node = &mut self.nodes[id as usize];
        (node.level, node.leaves, node.target) = (0, 0, false);
        self.hashes[id as usize] = hash;
        self.ranges[id as usize] = range;
        self.pairs.entry(hash.min(hash.wrapping_neg())).node = id + 1;
        self.log.push(Change::Created(id));
        id
    }

    /// Room for a node that [`Net::define`] will say what it is.
    pub fn reserve(&mut self, target: bool, limit: u32) {
        self.nodes.push(Node { target, limit, ..Node::default() });
        self.hashes.push(0);
        self.ranges.push(Range { lo: 0, hi: 0 });
    }

    /// Gives a reserved node its terms; no other node may compute the same.
    pub fn define(&mut self, node: u32, terms: &[Literal]) {
        let hash = terms.iter().fold(0u64, |sum, &term| sum.wrapping_add(self.signed(term, 0)));
        let range = terms.iter().fold(Range { lo: 0, hi: 0 }, |sum, term| {
            Range::combined(sum, 0, self.ranges[term.value() as usize], term.shift(), term.negative())
        });
        self.hashes[node as usize] = hash;
        self.ranges[node as usize] = range;
        self.pairs.entry(hash.min(hash.wrapping_neg())).node = node + 1;
        terms.iter().for_each(|&term| self.insert(node, term));
        self.settle(node);
        if self.by_overlap { self.ranges[node as usize] = self.exact(node); }
    }

    fn exact(&mut self, node: u32) -> Range {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        row.resize(self.inputs as usize, 0);
        self.expand(node, 1, &mut row);
        let (mut lo, mut hi) = (0, 0);
        for (&weight, range) in row.iter().zip(&self.ranges) {
            let ends = (weight * range.lo, weight * range.hi);
            lo += ends.0.min(ends.1);
            hi += ends.0.max(ends.1);
        }
        self.row = row;
        Range { lo, hi }
    }

    /// Brings the bits up to date.
    pub fn price(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        self.bits.resize(self.nodes.len(), 0);
        for &node in &dirty {
            let now = self.tree_bits(node);
            let here = &mut self.bits[node as usize];
            self.kept.push((node, *here));
            self.total_bits += i64::from(now) - i64::from(*here);
            *here = now;
            self.nodes[node as usize].dirty = false;
        }
        self.dirty = dirty;
        self.dirty.clear();
    }

    fn tree_bits(&self, node: u32) -> u32 {
        let terms = &self.nodes[node as usize].terms;
        if terms.len() < 2 { return 0; }
        let mut list: Vec<(Range, u32, bool)> = terms.iter().map(|t| (self.ranges[t.value() as usize], t.shift(), t.negative())).collect();
        let mut total = 0;
        while list.len() > 1 {
            let mut best = (u32::MAX, u32::MAX, 0, 0, Range { lo: 0, hi: 0 }, 0, false);
            let n = list.len().min(12);
            for j in 1..n {
                for i in 0..j {
                    let (x, y) = (list[i], list[j]);
                    let (a, b) = if y.1 < x.1 { (y, x) } else { (x, y) };
                    let subtract = a.2 != b.2;
                    let sum = Range::combined(a.0, 0, b.0, b.1 - a.1, subtract);
                    let bits = super::cost::Addition { a: a.0, a_shift: 0, b: b.0, b_shift: b.1 - a.1, subtract, sum }.bits();
                    let width = sum.width();
                    if (bits, width) < (best.0, best.1) { best = (bits, width, i, j, sum, a.1, a.2); }
                }
            }
            total += best.0;
            list.swap_remove(best.3);
            list.swap_remove(best.2);
            list.push((best.4, best.5, best.6));
            let last = list.len() - 1;
            if last > 12 { list.swap(0, last); }
        }
        total
    }

    /// The node that computes the sum of two literals, up to sign and power of two.
    pub fn sum(&mut self, a: Literal, b: Literal) -> u32 {
        let (key, _) = self.key(a, b);
        let found = self.pairs.get(key).node;
        if found != 0 {
            return found - 1;
        }
        let less = a.shift().min(b.shift());
        let (a, b) = (a.lowered(less), b.lowered(less));
        let hash = self.signed(a, 0).wrapping_add(self.signed(b, 0));
        if self.by_overlap {
            let node = self.create(hash, Range { lo: 0, hi: 0 });
            self.insert(node, a);
            self.insert(node, b);
            self.settle(node);
            self.ranges[node as usize] = self.exact(node);
            return node;
        }
        let zero = Range { lo: 0, hi: 0 };
        let part = Range::combined(zero, 0, self.ranges[a.value() as usize], a.shift(), a.negative());
        let range = Range::combined(part, 0, self.ranges[b.value() as usize], b.shift(), b.negative());
        let node = self.create(hash, range);
        self.insert(node, a);
        self.insert(node, b);
        self.settle(node);
        node
    }

    pub fn hash_range(&self, node: u32) -> Range {
        self.ranges[node as usize]
    }

    /// `node` as the literal that stands for a sum with that key, shift and sign.
    pub fn literal(&self, node: u32, key_turned: bool, shift: u32) -> Literal {
        let hash = self.hashes[node as usize];
        let node_turned = hash > hash.wrapping_neg();
        Literal::new(node, shift, key_turned != node_turned)
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
        let hash = self.hashes[node as usize];
        self.pairs.entry(hash.min(hash.wrapping_neg())).node = 0;
        self.free.push(node);
    }

    /// Replaces one literal of a node by what it stands for.
    pub fn inline_literal(&mut self, node: u32, literal: Literal) {
        self.delete(node, literal);
        let terms = std::mem::take(&mut self.nodes[literal.value() as usize].terms);
        for &term in &terms {
            if term.shift() + literal.shift() > 60 {
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

    /// Whether `node` reads `other`, directly or not.
    pub fn depends(&self, node: u32, other: u32) -> bool {
        let (here, there) = (&self.nodes[node as usize], &self.nodes[other as usize]);
        node == other
            || here.level >= there.level && here.terms.iter().any(|t| self.depends(t.value(), other))
    }

    /// Whether the level of `node` may rise to what `leaves` takes.
    fn may_take(&self, node: u32, leaves: u64) -> bool {
        let here = &self.nodes[node as usize];
        let level = depth(leaves);
        if level <= here.level {
            return true;
        }
        if here.target && level > here.limit {
            return false;
        }
        here.users.iter().all(|&user| {
            let there = &self.nodes[user as usize];
            let times = here.users.iter().filter(|&&u| u == user).count() as u64;
            self.may_take(user, there.leaves.saturating_add(times * (leaf(level) - leaf(here.level))))
        })
    }

    /// Whether two terms of a node may become one of the given level.
    pub fn has_room(&self, node: u32, a: Literal, b: Literal, level: u32) -> bool {
        if !self.limited {
            return true;
        }
        let at = |l: Literal| leaf(self.nodes[l.value() as usize].level);
        let leaves = self.nodes[node as usize].leaves;
        self.may_take(node, (leaves - at(a) - at(b)).saturating_add(leaf(level)))
    }

    /// Starts a change that can be taken back; candidates are queued from here on.
    pub fn begin(&mut self) {
        self.log.clear();
        self.kept.clear();
        self.quiet = false;
        self.overflow = false;
    }

    /// Queues every pair that occurs twice already.
    pub fn queue_all(&mut self) {
        self.quiet = false;
        for node in 0..self.nodes.len() as u32 {
            let terms = std::mem::take(&mut self.nodes[node as usize].terms);
            if terms.len() > 2 {
                for (i, &a) in terms.iter().enumerate() {
                    for &b in &terms[..i] {
                        let (key, _) = self.key(a, b);
                        let entry = self.pairs.entry(key);
                        // The first place queues it; no other need.
                        if entry.saved() > 0 && entry.places.trailing_zeros() == (node & 63) {
                            let saved = entry.saved();
                            let weight = self.weight(key, a, b);
                            self.queue.push(saved * weight, Candidate { key, weight });
                        }
                    }
                }
            }
            self.nodes[node as usize].terms = terms;
        }
    }

    /// Takes back everything since [`Net::begin`].
    pub fn undo(&mut self) {
        self.quiet = true;
        self.undo_changes();
        while let Some((node, old)) = self.kept.pop() {
            let here = &mut self.bits[node as usize];
            self.total_bits += i64::from(old) - i64::from(*here);
            *here = old;
        }
        for node in self.dirty.drain(..) { self.nodes[node as usize].dirty = false; }
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
                    self.pairs.entry(hash.min(hash.wrapping_neg())).node = node + 1;
                }
            }
        }
    }
}
