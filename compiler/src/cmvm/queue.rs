//! A queue of entries by integer score, highest first: constant time where scores are small.

use std::collections::VecDeque;

/// Scores below 0 or from this on share the first or last bucket.
const BUCKETS: i64 = 1 << 16;

/// Entries of equal score leave first in, first out, or in an order drawn from a seed.
#[derive(Debug)]
pub struct Queue<T> {
    buckets: Vec<VecDeque<T>>,
    top: usize,
    random: u64,
}

impl<T> Queue<T> {
    /// An empty queue; a `seed` of 0 keeps equal scores in order.
    pub fn new(seed: u64) -> Self {
        Self { buckets: Vec::new(), top: 0, random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    /// The bucket of a score.
    pub fn bucket(score: i64) -> usize {
        score.clamp(0, BUCKETS - 1) as usize
    }

    /// Adds an entry.
    pub fn push(&mut self, score: i64, entry: T) {
        let bucket = Self::bucket(score);
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, VecDeque::new);
        }
        self.top = self.top.max(bucket);
        self.buckets[bucket].push_back(entry);
    }

    /// Takes an entry of the highest bucket and says which that is.
    pub fn pop(&mut self) -> Option<(usize, T)> {
        while self.top > 0 && self.buckets[self.top].is_empty() {
            self.top -= 1;
        }
        let bucket = self.buckets.get_mut(self.top)?;
        if self.random != 0 && !bucket.is_empty() {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let at = (self.random >> 20) as usize % bucket.len();
            bucket.swap(0, at);
        }
        bucket.pop_front().map(|entry| (self.top, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_first_then_in_order() {
        let mut queue = Queue::new(0);
        for (score, entry) in [(1, 'a'), (3, 'b'), (-5, 'c'), (3, 'd')] {
            queue.push(score, entry);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, entry)| entry).collect();
        assert_eq!(order, "bdac");
    }
}
