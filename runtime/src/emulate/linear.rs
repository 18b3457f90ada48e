//! Bodies that are a sum of reads with constant factors: nothing is left of them but addresses and weights.

use super::code::{Places, Resolver, compile};
use crate::expr::{Expr, Op};
use crate::kernel::{Kernel, Read, Reduction};
use crate::sweep::{Odometer, Site};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Known,
    Linear,
}

/// Whether every body value is linear in reads whose place is known before any frame is seen.
pub(super) fn is_linear(kernel: &Kernel) -> bool {
    let mut kinds: Vec<Kind> = Vec::new();
    let runtime = |read: &Read| read.index.iter().any(|a| matches!(a, crate::kernel::Access::Runtime(_)));
    for op in kernel.body.nodes() {
        let of = |id: &crate::ExprId| kinds[id.index()];
        let kind = match op {
            Op::Const(_) | Op::Param { .. } => Kind::Known,
            Op::Read(slot) if !runtime(&kernel.reads[*slot as usize]) => Kind::Linear,
            Op::Read(_) | Op::Acc => return false,
            op if op.operands().all(|a| of(&a) == Kind::Known) => Kind::Known,
            Op::Add(..) | Op::Sub(..) => Kind::Linear,
            Op::Mul(a, b) if of(a) == Kind::Known || of(b) == Kind::Known => Kind::Linear,
            Op::Shl(_, n) if of(n) == Kind::Known => Kind::Linear,
            _ => return false,
        };
        kinds.push(kind);
    }
    kernel.scatter.is_none()
        && (kernel.reduction == Reduction::Sum || kernel.extent.iter().product::<usize>() == 1)
}

/// Finds the terms of a linear kernel.
pub(super) struct Linear<'a> {
    body: &'a Expr,
    extent: &'a [usize],
    resolver: Resolver<'a>,
    slots: Vec<usize>,
    known: Vec<bool>,
    outside: Vec<i64>,
    factors: Vec<i64>,
}

impl<'a> Linear<'a> {
    pub fn new(places: &Places<'a>, kernel: &'a Kernel) -> Self {
        let (_, resolver) = compile(places, kernel, &kernel.body, &kernel.extent, None);
        let mut slots = vec![0; kernel.reads.len()];
        let mut outside = Vec::new();
        for (slot, read) in kernel.reads.iter().enumerate() {
            if kernel.body.nodes().contains(&Op::Read(slot as u32)) {
                slots[slot] = outside.len();
                outside.push(read.outside);
            }
        }
        let mut known: Vec<bool> = Vec::new();
        for op in kernel.body.nodes() {
            let is_known = !matches!(op, Op::Read(_)) && op.operands().all(|a| known[a.index()]);
            known.push(is_known);
        }
        let factors = vec![0; known.len()];
        Self { body: &kernel.body, extent: &kernel.extent, resolver, slots, known, outside, factors }
    }

    /// Sets `words` to the constant part of position `p`, then pairs of absolute address and weight.
    pub fn words(&mut self, p: &[usize], words: &mut Vec<i64>) {
        words.clear();
        words.push(0);
        self.resolver.move_to(p);
        let mut odometer = Odometer::new(self.extent);
        let mut number = 0;
        while let Some(r) = odometer.step() {
            self.point(Site { p, r, number }, words);
            number += 1;
        }
    }

    fn point(&mut self, site: Site<'_>, words: &mut Vec<i64>) {
        self.resolver.visit(site);
        let constants = &self.resolver.values;
        self.factors.fill(0);
        let nodes = self.body.nodes();
        self.factors[nodes.len() - 1] = 1;
        // From the result backwards: each node passes its factor on to its operands.
        for (node, op) in nodes.iter().enumerate().rev() {
            let factor = self.factors[node];
            if factor == 0 {
                continue;
            }
            if self.known[node] {
                words[0] = words[0].wrapping_add(factor.wrapping_mul(constants[node] as i64));
                continue;
            }
            let mut pass = |id: crate::ExprId, by: i64| {
                let slot = &mut self.factors[id.index()];
                *slot = slot.wrapping_add(factor.wrapping_mul(by));
            };
            let constant = |id: &crate::ExprId| constants[id.index()] as i64;
            match op {
                Op::Read(slot) => {
                    let slot = self.slots[*slot as usize];
                    let (sweep, value, _) = &self.resolver.reads[slot];
                    match sweep.locate(site) {
                        Some(element) => words.extend([i64::from(*value) + element as i64, factor]),
                        None => words[0] = words[0].wrapping_add(factor.wrapping_mul(self.outside[slot])),
                    }
                }
                Op::Add(a, b) => {
                    pass(*a, 1);
                    pass(*b, 1);
                }
                Op::Sub(a, b) => {
                    pass(*a, 1);
                    pass(*b, -1);
                }
                Op::Mul(a, b) if self.known[b.index()] => pass(*a, constant(b)),
                Op::Mul(a, b) => pass(*b, constant(a)),
                Op::Shl(a, n) => pass(*a, 1i64.checked_shl(constant(n) as u32).unwrap_or(0)),
                _ => {}
            }
        }
    }
}
