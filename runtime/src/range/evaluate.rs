//! Intervals of an expression at one site after another.

use super::lut::Extremes;
use super::{Context, Elements, RangeError, join, primitive};
use crate::expr::{Expr, ExprId, Op};
use crate::format::Interval;
use crate::kernel::Kernel;
use crate::sweep::{Lookup, ReadSweep, Site, Sweep};

enum Node<'a> {
    Read { sweep: ReadSweep<'a>, elements: &'a Elements, outside: i64 },
    Fixed(Interval),
    Acc,
    Param(Lookup<'a>),
    Lut { row: Sweep<'a>, extremes: Extremes<'a>, len: u32, base: i64, a: ExprId },
    Op(&'a Op),
}

/// An expression, prepared for its kernel's positions.
pub(super) struct Evaluator<'a> {
    nodes: Vec<Node<'a>>,
    values: Vec<Interval>,
    /// For every node the join over every site so far; nothing before the first.
    pub joins: Vec<Interval>,
}

impl<'a> Evaluator<'a> {
    pub fn new(kernel: &'a Kernel, expr: &'a Expr, extent: &[usize], cx: &'a Context<'_>) -> Self {
        let node = |op: &'a Op| match op {
            Op::Read(slot) => {
                let read = &kernel.reads[*slot as usize];
                let elements = (cx.elements)(read.value);
                let sweep = ReadSweep::new(cx.program, read, &cx.block.value(read.value).shape, extent);
                if sweep.runtime().is_empty() {
                    Node::Read { sweep, elements, outside: read.outside }
                } else {
                    Node::Fixed(join(elements).join(Interval::point(read.outside.into())))
                }
            }
            Op::Acc => Node::Acc,
            Op::Const(value) => Node::Fixed(Interval::point((*value).into())),
            Op::Param { table, index } => Node::Param(Lookup::new(cx.program, *table, index, extent)),
            Op::Lut { table, row, len, base, a } => Node::Lut {
                row: Sweep::new(row, extent),
                extremes: Extremes::new(cx.program.table(*table)),
                len: *len,
                base: *base,
                a: *a,
            },
            op => Node::Op(op),
        };
        let nodes: Vec<Node<'a>> = expr.nodes().iter().map(node).collect();
        let (values, joins) = (Vec::with_capacity(nodes.len()), Vec::with_capacity(nodes.len()));
        Self { nodes, values, joins }
    }

    pub fn move_to(&mut self, p: &[usize]) {
        for node in &mut self.nodes {
            match node {
                Node::Read { sweep, .. } => sweep.move_to(p),
                Node::Param(lookup) => lookup.move_to(p),
                Node::Lut { row, .. } => row.move_to(p),
                Node::Fixed(_) | Node::Acc | Node::Op(_) => {}
            }
        }
    }

    pub fn run(&mut self, site: Site<'_>, acc: Interval) -> Result<Interval, RangeError> {
        self.values.clear();
        let mut last = acc;
        for node in &mut self.nodes {
            let values = &self.values;
            last = match node {
                Node::Read { sweep, elements, outside } => match sweep.locate(site) {
                    Some(flat) => elements.at(flat),
                    None => Interval::point((*outside).into()),
                },
                Node::Fixed(interval) => *interval,
                Node::Acc => acc,
                Node::Param(lookup) => Interval::point(lookup.at(site).into()),
                Node::Lut { row, extremes, len, base, a } => {
                    let x = values[a.index()];
                    let (first, last) = (x.lo - i128::from(*base), x.hi - i128::from(*base));
                    if first < 0 || last >= i128::from(*len) {
                        return Err(RangeError::Domain { primitive: "lut", lo: x.lo, hi: x.hi });
                    }
                    let row = row.at(site) as usize;
                    extremes.over(row + first as usize, row + last as usize)
                }
                Node::Op(op) => primitive(op, |id| values[id.index()])?,
            };
            if !last.fits_code() {
                return Err(RangeError::Wide { bits: last.width().1 });
            }
            match self.joins.get_mut(self.values.len()) {
                Some(join) => *join = join.join(last),
                None => self.joins.push(last),
            }
            self.values.push(last);
        }
        Ok(last)
    }
}
