//! Levels of a network, and what may rise without breaking the columns' limits.

use super::net::{Literal, Net, depth, leaf};

impl Net {
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

    /// Whether `node` reads `other`, directly or not.
    pub fn depends(&self, node: u32, other: u32) -> bool {
        let (here, there) = (&self.nodes[node as usize], &self.nodes[other as usize]);
        node == other
            || here.level >= there.level && here.terms.iter().any(|t| self.depends(t.value(), other))
    }

    /// Whether the level of `node` may rise to what `leaves` takes.
    pub(super) fn may_take(&self, node: u32, leaves: u64) -> bool {
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
}
