//! Tables are put together into look-up tables: the cover that is cheapest by the sizes' costs among the quickest,
//! found by priority cuts (Mishchenko, Cho, Chatterjee, Brayton: Combinational and sequential mapping with priority
//! cuts, ICCAD 2007).

use super::tables::{Signal, Tables};

/// Inputs of the largest look-up table: eight of six inputs with multiplexers behind them.
const WIDEST: usize = 9;

/// Cuts kept of a node.
const CUTS: usize = 8;

/// Readers counted for each node at most: long chains would take the square of their length.
const STEPS: u64 = 2000;

/// What `synth_xilinx` tells its mapper that a table of so many inputs costs.
const COSTS: [f32; WIDEST + 1] = [0.0, 2.0, 2.0, 3.0, 5.0, 5.0, 5.0, 10.0, 20.0, 40.0];

/// What it takes in look-up tables of six inputs.
const TABLES: [u64; WIDEST + 1] = [0, 0, 1, 1, 1, 1, 1, 2, 4, 8];

/// Signals that a node is a function of.
#[derive(Clone, Copy, Debug)]
struct Cut {
    size: u8,
    leaves: [u32; WIDEST],
    depth: u32,
    flow: f32,
}

impl Cut {
    fn of(node: u32) -> Self {
        let mut leaves = [0; WIDEST];
        leaves[0] = node;
        Self { size: 1, leaves, depth: 0, flow: 0.0 }
    }

    fn leaves(&self) -> &[u32] {
        &self.leaves[..usize::from(self.size)]
    }

    fn join(&self, other: &Self) -> Option<Self> {
        let (mut a, mut b) = (self.leaves(), other.leaves());
        let mut joined = Self { size: 0, leaves: [0; WIDEST], depth: 0, flow: 0.0 };
        loop {
            let next = match (a.first(), b.first()) {
                (None, None) => return Some(joined),
                (Some(&x), Some(&y)) if x == y => {
                    (a, b) = (&a[1..], &b[1..]);
                    x
                }
                (Some(&x), y) if y.is_none_or(|&y| x < y) => {
                    a = &a[1..];
                    x
                }
                (_, Some(&y)) => {
                    b = &b[1..];
                    y
                }
                (Some(_), None) => unreachable!("covered above"),
            };
            *joined.leaves.get_mut(usize::from(joined.size))? = next;
            joined.size += 1;
        }
    }
}

/// The pass: first the quickest cover, then cheaper ones that are as quick.
#[derive(Clone, Copy, PartialEq)]
enum Goal {
    Depth,
    Flow,
    Area,
}

struct Mapping<'a> {
    tables: &'a Tables,
    /// Nodes that are tables and needed, ascending.
    order: Vec<u32>,
    roots: Vec<u32>,
    best: Vec<Option<Cut>>,
    /// Readers in the present cover.
    reads: Vec<u32>,
    /// Estimated readers.
    expected: Vec<f32>,
    required: Vec<u32>,
    cuts: Vec<(u32, u8)>,
    /// Readers counted while areas were compared.
    steps: u64,
    arena: Vec<Cut>,
}

/// How many look-up tables drive `roots`.
pub fn look_up_tables(tables: &Tables, roots: &[Signal]) -> u64 {
    let mut needed = vec![false; tables.len()];
    let mut reads = vec![0u32; tables.len()];
    let mut roots: Vec<u32> = roots.iter().map(|root| root >> 1).collect();
    roots.sort_unstable();
    roots.dedup();
    roots.retain(|&root| !tables.inputs(root).is_empty());
    for &root in &roots {
        needed[root as usize] = true;
        reads[root as usize] += 1;
    }
    for node in (0..tables.len() as u32).rev().filter(|&node| !tables.inputs(node).is_empty()) {
        if needed[node as usize] {
            for &input in tables.inputs(node) {
                needed[input as usize] = true;
                reads[input as usize] += 1;
            }
        }
    }
    let order =
        (0..tables.len() as u32).filter(|&n| needed[n as usize] && !tables.inputs(n).is_empty()).collect();
    let mut mapping = Mapping {
        tables,
        order,
        roots,
        best: vec![None; tables.len()],
        expected: reads.iter().map(|&reads| reads.max(1) as f32).collect(),
        reads: vec![0; tables.len()],
        required: vec![u32::MAX; tables.len()],
        cuts: vec![(0, 0); tables.len()],
        steps: 0,
        arena: Vec::new(),
    };
    for goal in [Goal::Depth, Goal::Flow, Goal::Area, Goal::Area] {
        mapping.pass(goal);
    }
    let used = mapping.order.iter().filter(|&&node| mapping.reads[node as usize] > 0);
    used.filter_map(|&node| mapping.best[node as usize]).map(|cut| TABLES[usize::from(cut.size)]).sum()
}

impl Mapping<'_> {
    fn pass(&mut self, goal: Goal) {
        self.arena.clear();
        for at in 0..self.order.len() {
            self.choose(self.order[at], goal);
        }
        self.cover(goal);
    }

    /// Depth and area flow of a cut.
    fn weighed(&self, cut: Cut) -> Cut {
        let (mut depth, mut flow) = (0, COSTS[usize::from(cut.size)]);
        for &leaf in cut.leaves() {
            if let Some(best) = &self.best[leaf as usize] {
                depth = depth.max(best.depth);
                flow += best.flow / self.expected[leaf as usize];
            }
        }
        Cut { depth: depth + 1, flow, ..cut }
    }

    fn choose(&mut self, node: u32, goal: Goal) {
        let spent = self.steps > STEPS * self.order.len() as u64;
        let goal = if goal == Goal::Area && spent { Goal::Flow } else { goal };
        let limit = self.required[node as usize];
        let better = |a: &Cut, b: &Cut| {
            match goal {
                Goal::Depth => a.depth.cmp(&b.depth).then(a.flow.total_cmp(&b.flow)),
                _ => (a.depth > limit)
                    .cmp(&(b.depth > limit))
                    .then(a.flow.total_cmp(&b.flow))
                    .then(a.depth.cmp(&b.depth)),
            }
            .then(a.size.cmp(&b.size))
        };
        let none = Cut { size: 0, leaves: [0; WIDEST], depth: 0, flow: 0.0 };
        let mut found = vec![none];
        for &input in self.tables.inputs(node) {
            let (from, count) = self.cuts[input as usize];
            let alone = Cut::of(input);
            let of_input = &self.arena[from as usize..from as usize + usize::from(count)];
            let mut joined: Vec<Cut> = Vec::new();
            for cut in &found {
                for other in std::iter::once(&alone).chain(of_input) {
                    if let Some(cut) = cut.join(other)
                        && !joined.iter().any(|known| known.leaves() == cut.leaves())
                    {
                        joined.push(self.weighed(cut));
                    }
                }
            }
            joined.sort_by(better);
            joined.truncate(2 * CUTS);
            found = joined;
        }
        // The node's own inputs may have been crowded out; the cut that is in use stays a candidate.
        let inputs = self.tables.inputs(node).iter().try_fold(none, |cut, &input| cut.join(&Cut::of(input)));
        let in_use = self.best[node as usize].filter(|_| goal != Goal::Depth);
        for cut in inputs.into_iter().chain(in_use).map(|cut| self.weighed(cut)).collect::<Vec<_>>() {
            if !found.iter().any(|known| known.leaves() == cut.leaves()) {
                found.push(cut);
            }
        }
        if goal == Goal::Area {
            let in_use = self.reads[node as usize] > 0;
            if in_use && let Some(cut) = self.best[node as usize] {
                self.release(&cut);
            }
            for cut in &mut found {
                let area = self.take(cut);
                self.release(cut);
                cut.flow = area;
            }
            found.sort_by(better);
            if in_use {
                self.take(&found[0]);
            }
        } else {
            found.sort_by(better);
        }
        found.truncate(CUTS);
        let mut best = found[0];
        if goal == Goal::Area {
            best = self.weighed(best);
        }
        self.best[node as usize] = Some(best);
        self.cuts[node as usize] = (self.arena.len() as u32, found.len() as u8);
        self.arena.extend(found);
    }

    /// The cost of what a cut needs and nothing else has, which it has from now on.
    fn take(&mut self, cut: &Cut) -> f32 {
        let mut area = COSTS[usize::from(cut.size)];
        let mut waiting = vec![*cut];
        while let Some(cut) = waiting.pop() {
            for &leaf in cut.leaves().iter().filter(|&&leaf| !self.tables.inputs(leaf).is_empty()) {
                self.steps += 1;
                self.reads[leaf as usize] += 1;
                if self.reads[leaf as usize] == 1
                    && let Some(best) = self.best[leaf as usize]
                {
                    area += COSTS[usize::from(best.size)];
                    waiting.push(best);
                }
            }
        }
        area
    }

    fn release(&mut self, cut: &Cut) {
        let mut waiting = vec![*cut];
        while let Some(cut) = waiting.pop() {
            for &leaf in cut.leaves().iter().filter(|&&leaf| !self.tables.inputs(leaf).is_empty()) {
                self.steps += 1;
                self.reads[leaf as usize] -= 1;
                if self.reads[leaf as usize] == 0
                    && let Some(best) = self.best[leaf as usize]
                {
                    waiting.push(best);
                }
            }
        }
    }

    /// Counts readers in the cover of best cuts, and when each node is needed.
    fn cover(&mut self, goal: Goal) {
        let depth = |node: &u32| self.best[*node as usize].map_or(0, |cut| cut.depth);
        let deepest = self.roots.iter().map(depth).max().unwrap_or(0);
        self.reads.fill(0);
        self.required.fill(u32::MAX);
        for &root in &self.roots {
            self.reads[root as usize] += 1;
            self.required[root as usize] = deepest;
        }
        for &node in self.order.iter().rev() {
            if self.reads[node as usize] == 0 {
                continue;
            }
            let Some(cut) = self.best[node as usize] else { continue };
            let before = self.required[node as usize] - 1;
            for &leaf in cut.leaves() {
                self.reads[leaf as usize] += 1;
                let required = &mut self.required[leaf as usize];
                *required = (*required).min(before);
            }
        }
        if goal != Goal::Area {
            for &node in &self.order {
                let (reads, expected) = (self.reads[node as usize], &mut self.expected[node as usize]);
                *expected = (*expected + 2.0 * reads as f32).max(3.0) / 3.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::Tables;
    use super::*;

    #[test]
    fn what_fits_is_put_together() {
        let mut tables = Tables::default();
        let x: Vec<Signal> = (0..7).map(|_| tables.source()).collect();
        let five = x[1..6].iter().fold(x[0], |all, &bit| tables.and(all, bit));
        assert_eq!(look_up_tables(&tables, &[five]), 1);
        // Shared in between, it is a table of its own.
        let pair = tables.and(x[0], x[1]);
        assert_eq!(look_up_tables(&tables, &[five, pair]), 2);
        let more = tables.xor(five, x[6]);
        assert_eq!(look_up_tables(&tables, &[more]), 2);
        assert_eq!(look_up_tables(&tables, &[x[0], x[1] ^ 1, 0]), 0);
    }

    /// Many cuts of the first inputs leave no room for the last ones.
    #[test]
    fn crowded_inputs_have_a_cover() {
        let mut random = 1u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        for _ in 0..20 {
            let mut tables = Tables::default();
            let mut signals: Vec<Signal> = (0..30).map(|_| tables.source()).collect();
            for _ in 0..200 {
                let size = [2, 2, 3, 6][next(4)];
                let inputs: Vec<Signal> = (0..size).map(|_| signals[next(signals.len())]).collect();
                let truth = (next(1 << 31) as u64) << 33 ^ (next(1 << 31) as u64) << 7 ^ next(1 << 31) as u64;
                signals.push(tables.table(&inputs, truth));
            }
            let luts = look_up_tables(&tables, &signals[210..]);
            assert!((10..=400).contains(&luts), "{luts}");
        }
    }
}
