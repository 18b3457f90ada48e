//! The least and greatest entry of a stretch of a table.

use crate::format::Interval;

/// Stretches up to this length are looked through.
const SHORT: usize = 64;

/// A table, with a segment tree once a longer stretch has been asked for.
pub(super) struct Extremes<'a> {
    data: &'a [i64],
    tree: Vec<(i64, i64)>,
    last: Option<(usize, usize, Interval)>,
}

impl<'a> Extremes<'a> {
    pub fn new(data: &'a [i64]) -> Self {
        Self { data, tree: Vec::new(), last: None }
    }

    /// The extremes of the entries `first..=last`.
    pub fn over(&mut self, first: usize, last: usize) -> Interval {
        if let Some((a, b, found)) = self.last
            && (a, b) == (first, last)
        {
            return found;
        }
        let (lo, hi) = if last - first < SHORT {
            self.data[first..=last].iter().fold(NONE, |all, &v| both(all, (v, v)))
        } else {
            self.descend(first, last)
        };
        let found = Interval::new(lo.into(), hi.into());
        self.last = Some((first, last, found));
        found
    }

    fn descend(&mut self, first: usize, last: usize) -> (i64, i64) {
        let n = self.data.len();
        if self.tree.is_empty() {
            self.tree = vec![NONE; n];
            self.tree.extend(self.data.iter().map(|&v| (v, v)));
            for node in (1..n).rev() {
                self.tree[node] = both(self.tree[2 * node], self.tree[2 * node + 1]);
            }
        }
        let (mut all, mut from, mut to) = (NONE, first + n, last + n + 1);
        while from < to {
            if from % 2 == 1 {
                all = both(all, self.tree[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                all = both(all, self.tree[to]);
            }
            from /= 2;
            to /= 2;
        }
        all
    }
}

const NONE: (i64, i64) = (i64::MAX, i64::MIN);

fn both(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_every_length() {
        let data: Vec<i64> = (0..203).map(|n| (n * n * 7919) % 1009 - 500).collect();
        let mut extremes = Extremes::new(&data);
        for first in 0..data.len() {
            for last in first..data.len() {
                let stretch = &data[first..=last];
                let expected = Interval::new(
                    (*stretch.iter().min().unwrap()).into(),
                    (*stretch.iter().max().unwrap()).into(),
                );
                assert_eq!(extremes.over(first, last), expected, "{first}..={last}");
            }
        }
    }
}
