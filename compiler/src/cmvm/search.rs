//! Local search: parts of a network are taken apart and shared again, and what is no worse is kept.

use super::csd::{Digits, bits};
use super::greedy::{Random, Scratch};
use super::net::{Literal, Net};

/// `stop` is asked once in so many rounds.
const ASK: u64 = 16;

/// Percentage of the rounds in which a column is written with another one.
const LEANING: u32 = 20;

/// How long a network is improved.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Rounds of the default effort.
    pub rounds: u32,
    /// Its work at most (see [`Net::work`]).
    pub work: u64,
    /// How many times both may be taken.
    pub times: u32,
}

impl Pace {
    fn over(self, times: u32, round: u64, work: u64) -> bool {
        round >= u64::from(self.rounds) * u64::from(times) || work >= self.work.saturating_mul(times.into())
    }
}

impl Net {
    /// Shares, then improves. `stop` is asked, and ends it, once the default effort is done.
    pub fn improve(
        &mut self,
        pace: Pace,
        stop: &dyn Fn() -> bool,
        random: &mut Random,
        scratch: &mut Scratch,
    ) {
        self.begin();
        self.share(random, scratch);
        if pace.times == 0 || self.nodes.len() as u32 == self.inputs() {
            return;
        }
        let begun = self.work;
        let mut before = self.price_of();
        for round in 0.. {
            let work = self.work - begun;
            if pace.over(pace.times, round, work) || pace.over(1, round, work) && round % ASK == 0 && stop() {
                break;
            }
            self.begin();
            self.pairs.begin();
            scratch.tabu.clear();
            self.perturb(random);
            self.share(random, scratch);
            let after = self.price_of();
            if after > before || self.overflow {
                self.undo();
            } else {
                before = after;
            }
        }
    }

    fn price_of(&mut self) -> i64 {
        if self.by_overlap {
            self.price();
            self.total_bits
        } else {
            self.additions
        }
    }

    fn perturb(&mut self, random: &mut Random) {
        let count = 1 + random.below(4).min(random.below(4));
        for _ in 0..count {
            let Some(node) = self.any_shared(random) else { break };
            self.dissolve(node);
        }
        if random.below(100) < LEANING {
            self.lean(random);
        }
    }

    /// Writes a column, or another sum, as some other value and a difference.
    fn lean(&mut self, random: &mut Random) {
        let sums = self.nodes.len() as u32 - self.inputs();
        let node = self.inputs() + random.below(sums);
        let other = self.inputs() + random.below(sums);
        if !self.nodes[node as usize].target
            || self.nodes[other as usize].terms.is_empty()
            || self.depends(other, node)
        {
            return;
        }
        let size = self.inputs() as usize;
        let (mut x, mut y) = (vec![0i64; size], vec![0i64; size]);
        self.expand(node, 1, &mut x);
        self.expand(other, 1, &mut y);
        let price = |shift: u32, negative: bool| {
            x.iter()
                .zip(&y)
                .map(|(&x, &y)| {
                    Digits::of(if negative { x + (y << shift) } else { x - (y << shift) }).count()
                })
                .sum::<u32>()
        };
        let mut best = (u32::MAX, 0, false);
        for shift in 0..3 {
            for negative in [false, true] {
                let p = price(shift, negative);
                if p < best.0 {
                    best = (p, shift, negative);
                }
            }
        }
        let (_, shift, negative) = best;
        while let Some(&term) = self.nodes[node as usize].terms.last() {
            self.delete(node, term);
        }
        self.insert(node, Literal::new(other, shift, negative));
        for (input, (&x, &y)) in x.iter().zip(&y).enumerate() {
            let digits = Digits::of(if negative { x + (y << shift) } else { x - (y << shift) });
            for shift in bits(digits.pos | digits.neg) {
                self.insert(node, Literal::new(input as u32, shift, digits.neg >> shift & 1 == 1));
            }
        }
        self.settle(node);
        if self.nodes[node as usize].target
            && self.nodes[node as usize].level > self.nodes[node as usize].limit
        {
            self.overflow = true;
        }
    }

    fn any_shared(&self, random: &mut Random) -> Option<u32> {
        let sums = self.nodes.len() as u32 - self.inputs();
        (0..20).map(|_| self.inputs() + random.below(sums)).find(|&node| {
            let node = &self.nodes[node as usize];
            !node.terms.is_empty() && !node.users.is_empty()
        })
    }
}
