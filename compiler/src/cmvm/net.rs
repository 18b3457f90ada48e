//! The network that is searched: every node is a sum of signed, shifted values, two or more.
//!
//! A node of *n* terms stands for *n* − 1 additions; what they are is settled when the network is
//! [lowered](super::lower). Nodes never change what they compute, only how, and every change is
//! logged, so that it can be taken back.

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
pub enum Change {
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
    pub(super) leaves: u64,
    pub(super) dirty: bool,
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
    pub(super) hashes: Vec<u64>,
    /// The range of each node.
    pub ranges: Vec<Range>,
    pub(super) inputs: u32,
    pub(super) free: Vec<u32>,
    /// How often each sum of two terms occurs.
    pub pairs: Pairs,
    /// Sums worth a look.
    pub queue: Queue<Candidate>,
    pub(super) log: Vec<Change>,
    /// No candidates are queued while this is set.
    pub(super) quiet: bool,
    /// Pairs are right already while a change is taken back.
    pub(super) counted: bool,
    /// Additions in all.
    pub additions: i64,
    /// Whether targets have limits.
    pub limited: bool,
    /// Whether overlapping bits are worth sharing, else only additions.
    pub by_overlap: bool,
    pub(super) bits: Vec<u32>,
    pub(super) dirty: Vec<u32>,
    pub(super) kept: Vec<(u32, u32)>,
    pub(super) row: Vec<i64>,
    /// Bits of all trees, as of the last [`Net::price`].
    pub total_bits: i64,
    /// Whether a change failed: it has to be taken back.
    pub overflow: bool,
    /// Units of work done: terms met when one was added or removed.
    pub work: u64,
}

/// The hash of input number `input`: odd and spread over all bits. Mixed twice (the finalizer of SplitMix64, Steele, Lea
/// and Flood 2014): mixed once, small multiples of some inputs' hashes add up to each other.
fn input_hash(input: u32, salt: u32) -> u64 {
    let mix = |x: u64| {
        let x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    };
    mix(mix(u64::from(input) + 1) ^ u64::from(salt) << 32 ^ 0x6a09_e667_f3bc_c909) | 1
}

/// The least depth of a tree over terms that take this many leaves.
pub fn depth(leaves: u64) -> u32 {
    if leaves <= 1 { 0 } else { 64 - (leaves - 1).leading_zeros() }
}

pub fn leaf(level: u32) -> u64 {
    1 << level.min(62)
}

impl Net {
    /// Inputs with their ranges, levels and hashes; room for 2^`room` sums of two terms at first.
    pub fn new(inputs: &[(Range, u32, u64)], limited: bool, by_overlap: bool, room: u32) -> Self {
        let node = |&(_, level, _): &(Range, u32, u64)| Node { level, ..Node::default() };
        let mut net = Self {
            nodes: inputs.iter().map(node).collect(),
            hashes: inputs.iter().map(|i| i.2).collect(),
            ranges: inputs.iter().map(|i| i.0).collect(),
            inputs: inputs.len() as u32,
            free: Vec::new(),
            pairs: Pairs::new(room),
            queue: Queue::default(),
            log: Vec::new(),
            quiet: true,
            counted: false,
            additions: 0,
            limited,
            by_overlap,
            bits: Vec::new(),
            dirty: Vec::new(),
            kept: Vec::new(),
            row: Vec::new(),
            total_bits: 0,
            overflow: false,
            work: 0,
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
    pub fn hash_of(terms: &[(u32, i64)], salt: u32) -> u64 {
        terms.iter().fold(0u64, |sum, &(i, w)| sum.wrapping_add(input_hash(i, salt).wrapping_mul(w as u64)))
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

    fn weight(&self, a: Literal, b: Literal) -> u32 {
        if !self.by_overlap {
            return 1;
        }
        let less = a.shift().min(b.shift());
        let top = |l: Literal| self.ranges[l.value() as usize].width() + l.shift() - less;
        let high = a.shift().max(b.shift()) - less;
        1 + top(a).min(top(b)).saturating_sub(high)
    }

    fn count(&mut self, node: u32, a: Literal, b: Literal) {
        let (key, _) = self.key(a, b);
        let entry = self.pairs.entry(key);
        entry.pairs += 1;
        entry.places |= 1 << (node & 63);
        let saved = entry.saved();
        if saved > 0 && !self.quiet {
            let weight = self.weight(a, b);
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
    pub(super) fn add(&mut self, node: u32, literal: Literal) {
        let id = node;
        let terms = std::mem::take(&mut self.nodes[node as usize].terms);
        self.work += 1 + terms.len() as u64;
        if !self.counted && terms.len() == 2 {
            self.count(node, terms[0], terms[1]);
        }
        if !self.counted && terms.len() >= 2 {
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
        if !dirty {
            self.dirty.push(id);
        }
        node.leaves = node.leaves.saturating_add(leaves);
    }

    pub(super) fn remove(&mut self, node: u32, literal: Literal) {
        let id = node;
        let mut terms = std::mem::take(&mut self.nodes[node as usize].terms);
        self.work += 1 + terms.len() as u64;
        let at = terms.iter().position(|&term| term == literal).unwrap_or(terms.len() - 1);
        terms.swap_remove(at);
        if !self.counted && terms.len() >= 2 {
            for &term in &terms {
                self.uncount(term, literal);
            }
        }
        if !self.counted && terms.len() == 2 {
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
        if !dirty {
            self.dirty.push(id);
        }
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

    /// Room for a node that [`Net::define`] will say what it is; its tree will have `outside` leaves
    /// that the network does not see.
    pub fn reserve(&mut self, target: bool, limit: u32, outside: u64) {
        self.nodes.push(Node { target, limit, leaves: outside, ..Node::default() });
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
        if self.by_overlap {
            self.ranges[node as usize] = self.exact(node);
        }
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

    /// `node` as the literal that stands for a sum with that key, shift and sign.
    pub fn literal(&self, node: u32, key_turned: bool, shift: u32) -> Literal {
        let hash = self.hashes[node as usize];
        let node_turned = hash > hash.wrapping_neg();
        Literal::new(node, shift, key_turned != node_turned)
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
                            let weight = self.weight(a, b);
                            self.queue.push(saved * weight, Candidate { key, weight });
                        }
                    }
                }
            }
            self.nodes[node as usize].terms = terms;
        }
    }
}
