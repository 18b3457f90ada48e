//! Sorting networks: comparators in stages, of which only those are made that reach the elements asked for.

/// A place of a stage: the larger or the smaller of two places of the stage before, in the order that is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// One place.
    pub a: usize,
    /// The other; the same if the place is only passed on.
    pub b: usize,
    /// Whether the one that comes first in the order is taken.
    pub first: bool,
}

/// A network: each stage lists its places, which the next one reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Network {
    /// The stages, the last one with the elements asked for, in order.
    pub stages: Vec<Vec<Cell>>,
}

/// Pairs of lines; after a comparator the line named first holds what comes first in the order.
type Comparators = Vec<(usize, usize)>;

impl Network {
    /// The network that brings the first `k` of `n` elements into order: of two constructions the one with fewer cells.
    pub(super) fn top(n: usize, k: usize) -> Self {
        let (a, b) = (Self::pruned(&merge_sort(n), n, k), Self::pruned(&selection(n, k), n, k));
        if b.size() < a.size() { b } else { a }
    }

    /// Places that take the larger or the smaller of two.
    pub(super) fn size(&self) -> usize {
        self.stages.iter().flatten().filter(|cell| cell.a != cell.b).count()
    }

    /// Pairs of places that are compared.
    pub(super) fn comparators(&self) -> usize {
        let pairs = |stage: &Vec<Cell>| {
            let mut pairs: Vec<(usize, usize)> =
                stage.iter().filter(|cell| cell.a != cell.b).map(|cell| (cell.a, cell.b)).collect();
            pairs.sort_unstable();
            pairs.dedup();
            pairs.len()
        };
        self.stages.iter().map(pairs).sum()
    }

    /// The comparators that reach lines below `k`, each as early as it can be.
    fn pruned(comparators: &Comparators, n: usize, k: usize) -> Self {
        let mut time = vec![0usize; n];
        let mut layers: Vec<Comparators> = Vec::new();
        for &(i, j) in comparators.iter().filter(|(i, j)| *i < n && *j < n) {
            let at = time[i].max(time[j]);
            if at == layers.len() {
                layers.push(Vec::new());
            }
            layers[at].push((i, j));
            (time[i], time[j]) = (at + 1, at + 1);
        }
        let mut live: Vec<usize> = (0..k).collect();
        let mut stages = Vec::new();
        for layer in layers.iter().rev() {
            let mut needed = vec![false; n];
            live.iter().for_each(|&line| needed[line] = true);
            // For each line the comparator that it is on.
            let mut on: Vec<Option<(usize, usize)>> = vec![None; n];
            for &(i, j) in layer.iter().filter(|(i, j)| needed[*i] || needed[*j]) {
                (on[i], on[j]) = (Some((i, j)), Some((i, j)));
            }
            let before: Vec<usize> = (0..n).filter(|&line| needed[line] || on[line].is_some()).collect();
            let place = |line: usize| before.binary_search(&line).unwrap_or(0);
            let cell = |&line: &usize| match on[line] {
                Some((i, j)) => Cell { a: place(i), b: place(j), first: i == line },
                None => Cell { a: place(line), b: place(line), first: true },
            };
            stages.push(live.iter().map(cell).collect::<Vec<_>>());
            live = before;
        }
        // Every element is an input, whether it is needed or not.
        let inputs = live.iter().map(|&line| Cell { a: line, b: line, first: true }).collect();
        if live.len() < n || stages.is_empty() {
            stages.push(inputs);
        }
        stages.reverse();
        Self { stages }
    }
}

/// Batcher's odd–even merge sort of at least `n` lines; those from `n` on, which come last in the order, are left out.
fn merge_sort(n: usize) -> Comparators {
    let lines = n.next_power_of_two();
    let mut found = Vec::new();
    let mut half = 1;
    while half < lines {
        let mut step = half;
        while step >= 1 {
            let mut start = step % half;
            while start + step < lines {
                for i in start..(start + step).min(lines - step) {
                    if i / (2 * half) == (i + step) / (2 * half) {
                        found.push((i, i + step));
                    }
                }
                start += 2 * step;
            }
            step /= 2;
        }
        half *= 2;
    }
    found
}

/// Groups of the next power of two from `k` on are sorted; of two groups the first half of the order is kept, which is
/// bitonic, and sorted again.
fn selection(n: usize, k: usize) -> Comparators {
    let width = k.next_power_of_two();
    let lines = n.next_power_of_two().max(width);
    let mut found = Vec::new();
    for group in (0..lines).step_by(width) {
        found.extend(merge_sort(width).iter().map(|&(i, j)| (group + i, group + j)));
    }
    let mut stride = width;
    while stride < lines {
        for group in (0..lines).step_by(2 * stride) {
            found.extend((0..width).map(|i| (group + i, group + stride + width - 1 - i)));
            let mut step = width / 2;
            while step >= 1 {
                let pairs = (0..width).filter(|i| i & step == 0).map(|i| (group + i, group + i + step));
                found.extend(pairs);
                step /= 2;
            }
        }
        stride *= 2;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(network: &Network, input: &[i64]) -> Vec<i64> {
        network.stages.iter().fold(input.to_vec(), |lines, stage| {
            let place = |cell: &Cell| {
                let (a, b) = (lines[cell.a], lines[cell.b]);
                if cell.first { a.max(b) } else { a.min(b) }
            };
            stage.iter().map(place).collect()
        })
    }

    /// A network that sorts every sequence of zeros and ones sorts every sequence (Knuth's zero–one principle).
    #[test]
    fn every_sequence_of_zeros_and_ones() {
        for n in 1..=12 {
            for k in 1..=n {
                let both = [merge_sort(n), selection(n, k)].map(|found| Network::pruned(&found, n, k));
                for network in both.iter().chain([&Network::top(n, k)]) {
                    for bits in 0..1u32 << n {
                        let input: Vec<i64> = (0..n).map(|i| i64::from(bits >> i & 1)).collect();
                        let ones = bits.count_ones() as usize;
                        let expected: Vec<i64> = (0..k).map(|i| i64::from(i < ones)).collect();
                        assert_eq!(run(network, &input), expected, "{k} of {n}: {input:?}");
                    }
                }
            }
        }
    }

    /// Batcher: 191 comparators sort 32 lines in 15 stages.
    #[test]
    fn sizes() {
        let whole = Network::pruned(&merge_sort(32), 32, 32);
        assert_eq!((whole.comparators(), whole.stages.len()), (191, 15));
        let four = Network::top(32, 4);
        println!("the first 4 of 32: {} comparators, {} cells", four.comparators(), four.size());
        assert!(four.comparators() < 100 && four.size() < whole.size() / 2);
    }
}
