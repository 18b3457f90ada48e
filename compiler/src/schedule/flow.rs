//! Least cuts of small networks (Dinic, Soviet Math. Doklady 11 (1970) 1277).

/// A capacity that is never cut.
pub const ENDLESS: u64 = 1 << 40;

/// Nodes and edges with capacities, from the source, node 0, to the sink, node 1.
pub struct Network {
    /// Ends and rest of each edge; the edge back is the next one.
    edges: Vec<(u32, u64)>,
    leaving: Vec<Vec<u32>>,
    level: Vec<u32>,
    next: Vec<usize>,
}

/// Where all flow comes from.
pub const SOURCE: u32 = 0;
/// Where it goes.
pub const SINK: u32 = 1;
const NOWHERE: u32 = u32::MAX;

impl Default for Network {
    /// Source and sink alone.
    fn default() -> Self {
        Self { edges: Vec::new(), leaving: vec![Vec::new(); 2], level: Vec::new(), next: Vec::new() }
    }
}

impl Network {
    /// Another node.
    pub fn node(&mut self) -> u32 {
        self.leaving.push(Vec::new());
        self.leaving.len() as u32 - 1
    }

    /// An edge.
    pub fn edge(&mut self, from: u32, to: u32, capacity: u64) {
        let index = self.edges.len() as u32;
        self.edges.extend([(to, capacity), (from, 0)]);
        self.leaving[from as usize].push(index);
        self.leaving[to as usize].push(index + 1);
    }

    /// The capacity of the least cut; the network is then full.
    pub fn fill(&mut self) -> u64 {
        let mut flow = 0;
        while self.rank() {
            self.next = vec![0; self.leaving.len()];
            loop {
                let more = self.push();
                if more == 0 {
                    break;
                }
                flow += more;
            }
        }
        flow
    }

    /// The nodes on the source's side of the least cut that lies nearest to the source, or of the one nearest to the
    /// sink, in a full network.
    pub fn side(&self, far: bool) -> Vec<bool> {
        let mut seen = vec![false; self.leaving.len()];
        let mut stack = vec![if far { SINK } else { SOURCE }];
        seen[stack[0] as usize] = true;
        while let Some(node) = stack.pop() {
            for &edge in &self.leaving[node as usize] {
                let to = self.edges[edge as usize].0;
                let rest = self.edges[if far { edge ^ 1 } else { edge } as usize].1;
                if rest > 0 && !std::mem::replace(&mut seen[to as usize], true) {
                    stack.push(to);
                }
            }
        }
        if far { seen.into_iter().map(|seen| !seen).collect() } else { seen }
    }

    /// Distances from the source; whether the sink is reached.
    fn rank(&mut self) -> bool {
        self.level = vec![NOWHERE; self.leaving.len()];
        self.level[SOURCE as usize] = 0;
        let mut queue = std::collections::VecDeque::from([SOURCE]);
        while let Some(node) = queue.pop_front() {
            for &edge in &self.leaving[node as usize] {
                let (to, rest) = self.edges[edge as usize];
                if rest > 0 && self.level[to as usize] == NOWHERE {
                    self.level[to as usize] = self.level[node as usize] + 1;
                    queue.push_back(to);
                }
            }
        }
        self.level[SINK as usize] != NOWHERE
    }

    /// Fills one shortest path and says by how much.
    fn push(&mut self) -> u64 {
        let mut path: Vec<u32> = Vec::new();
        let mut node = SOURCE;
        while node != SINK {
            let open = |&edge: &u32| {
                let (to, rest) = self.edges[edge as usize];
                rest > 0 && self.level[to as usize] == self.level[node as usize] + 1
            };
            let from = self.next[node as usize];
            match self.leaving[node as usize][from..].iter().position(open) {
                Some(skipped) => {
                    self.next[node as usize] = from + skipped;
                    let edge = self.leaving[node as usize][from + skipped];
                    path.push(edge);
                    node = self.edges[edge as usize].0;
                }
                None => {
                    // A dead end: back, and not this way again.
                    self.next[node as usize] = self.leaving[node as usize].len();
                    let Some(edge) = path.pop() else { return 0 };
                    node = self.edges[edge as usize ^ 1].0;
                    self.next[node as usize] += 1;
                }
            }
        }
        let more = path.iter().map(|&edge| self.edges[edge as usize].1).min().unwrap_or(0);
        for edge in path {
            self.edges[edge as usize].1 -= more;
            self.edges[edge as usize ^ 1].1 += more;
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    /// Random networks against every cut there is.
    #[test]
    fn the_cut_is_the_least() {
        let mut rng = SmallRng::seed_from_u64(1);
        for _ in 0..300 {
            let count = rng.random_range(2..=8u32);
            let mut network = Network::default();
            (2..count).for_each(|_| _ = network.node());
            let edges: Vec<(u32, u32, u64)> = (0..rng.random_range(0..25))
                .map(|_| (rng.random_range(0..count), rng.random_range(0..count), rng.random_range(0..6)))
                .filter(|(from, to, _)| from != to)
                .collect();
            edges.iter().for_each(|&(from, to, capacity)| network.edge(from, to, capacity));
            let cut = |inside: &dyn Fn(u32) -> bool| -> u64 {
                let crossing = edges.iter().filter(|(from, to, _)| inside(*from) && !inside(*to));
                crossing.map(|edge| edge.2).sum()
            };
            let sets = (0..1u32 << count).filter(|set| set & 3 == 1);
            let cuts: Vec<(u32, u64)> = sets.map(|set| (set, cut(&|node| set >> node & 1 == 1))).collect();
            let least = cuts.iter().map(|cut| cut.1).min().unwrap_or(0);
            assert_eq!(network.fill(), least);
            let best = cuts.iter().filter(|cut| cut.1 == least).map(|cut| cut.0);
            let all = best.fold((u32::MAX, 0), |(common, any), set| (common & set, any | set));
            for (far, expected) in [(false, all.0), (true, all.1)] {
                let side = network.side(far);
                let set = (0..count).filter(|&node| side[node as usize]).fold(0, |set, node| set | 1 << node);
                assert_eq!(set, expected, "{edges:?}");
            }
        }
    }
}
