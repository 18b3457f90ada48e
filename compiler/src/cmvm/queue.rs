//! A queue of entries by integer score, highest first: constant time where scores are small.

/// Scores from this on share the last bucket.
const BUCKETS: usize = 1 << 14;

/// Entries of equal score leave in an order drawn from a seed.
#[derive(Debug)]
pub struct Queue<T> {
    buckets: Vec<Vec<T>>,
    top: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { buckets: Vec::new(), top: 0 }
    }
}

impl<T> Queue<T> {
    /// The bucket of a score.
    pub fn bucket(score: u32) -> usize {
        (score as usize).min(BUCKETS - 1)
    }

    /// Adds an entry.
    pub fn push(&mut self, score: u32, entry: T) {
        let bucket = Self::bucket(score);
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        self.top = self.top.max(bucket);
        self.buckets[bucket].push(entry);
    }

    /// Takes an entry of the highest bucket, the one that `random` chooses, and says which bucket
    /// that is.
    pub fn pop(&mut self, random: u64) -> Option<(usize, T)> {
        while self.top > 0 && self.buckets[self.top].is_empty() {
            self.top -= 1;
        }
        let bucket = self.buckets.get_mut(self.top)?;
        let at = (((random >> 32) * bucket.len() as u64) >> 32) as usize;
        (!bucket.is_empty()).then(|| (self.top, bucket.swap_remove(at)))
    }
}
