//! Expressions compiled for lanes: constants resolved by position, everything else in registers.

use crate::expr::{self, Expr, ExprId, Op};
use crate::kernel::{Access, Kernel};
use crate::program::{Block, Program};
use crate::sweep::{Lookup, Margin, ReadSweep, Site, Sweep};

/// An operand. `Scalar` is a word of the site, the same for all lanes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg {
    Fetch(usize),
    Register(usize),
    Scalar(usize),
    Acc,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Max,
    Min,
    Lt,
}

/// One operation; instruction `n` writes register `gathers + n`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instruction {
    Binary(Binary, Arg, Arg),
    Shl(Arg, usize),
    Shr(Arg, usize),
    Wrap {
        a: Arg,
        signed: bool,
        width: usize,
    },
    Select(Arg, Arg, Arg),
    /// The scalar is the position in the table of the entry for operand zero.
    Lut {
        table: usize,
        a: Arg,
        row: usize,
    },
}

/// An axis addressed at run time.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuntimeAxis {
    pub slot: Arg,
    pub extent: usize,
    pub stride: usize,
}

/// A slot with run-time indices; gather `n` writes register `n`.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    pub fetch: usize,
    pub axes: Vec<RuntimeAxis>,
    pub outside: i64,
}

/// A compiled expression. A site gives it `words`: the addresses of its fetches, then its scalars.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub fetches: usize,
    pub gathers: Vec<Gather>,
    pub instructions: Vec<Instruction>,
    pub result: Arg,
    /// Where the scatter's slot is.
    pub selector: Option<Arg>,
    pub words: usize,
}

/// Marks a fetch word as an address that does not move with the site's base.
pub(super) const PINNED: i64 = 1 << 32;

enum Known<'a> {
    Literal(i64),
    Lookup(Lookup<'a>),
    Op(&'a Op),
    Lut { data: &'a [i64], row: Sweep<'a>, base: i64, a: ExprId },
}

/// Finds the words of a compiled expression at each site.
pub(super) struct Resolver<'a> {
    /// For each fetch its sweep, the address of its value, and the address of what is delivered outside.
    pub reads: Vec<(ReadSweep<'a>, u32, u32)>,
    known: Vec<Option<Known<'a>>>,
    /// Values of the known nodes at the site last seen.
    pub values: Vec<i128>,
    scalars: Vec<Scalar<'a>>,
}

enum Scalar<'a> {
    Node(ExprId),
    Row { row: Sweep<'a>, base: i64 },
}

/// Addresses of a block's values and of the constants delivered outside.
pub(super) struct Places<'a> {
    pub program: &'a Program,
    pub block: &'a Block,
    pub values: &'a [u32],
    pub outside: &'a [i64],
    /// For each value; none if empty.
    pub margins: &'a [Margin],
}

/// Compiles `expr` of `kernel` for sites over `extent`; `selector` is a slot wanted besides.
pub(super) fn compile<'a>(
    places: &Places<'a>,
    kernel: &'a Kernel,
    expr: &'a Expr,
    extent: &[usize],
    selector: Option<usize>,
) -> (Code, Resolver<'a>) {
    let mut used = vec![false; kernel.reads.len()];
    for op in expr.nodes() {
        if let Op::Read(slot) = op {
            used[*slot as usize] = true;
        }
    }
    if let Some(slot) = selector {
        used[slot] = true;
    }
    // Indices come from earlier slots, so one way back finds them all.
    for (slot, read) in kernel.reads.iter().enumerate().rev() {
        for access in &read.index {
            if let Access::Runtime(from) = access {
                used[*from as usize] |= used[slot];
            }
        }
    }

    let mut slots: Vec<Option<Arg>> = vec![None; used.len()];
    let (mut reads, mut gathers): (Vec<_>, Vec<Gather>) = (Vec::new(), Vec::new());
    for (slot, read) in kernel.reads.iter().enumerate().filter(|(slot, _)| used[*slot]) {
        let value = read.value.index();
        let sweep = ReadSweep::new(places.program, read, &places.block.values[value].shape, extent)
            .with_margin(places.margins.get(value).copied().unwrap_or_default());
        let axis = |(from, extent, stride): (usize, usize, usize)| RuntimeAxis {
            slot: slots[from].expect("an index comes from an earlier slot"),
            extent,
            stride,
        };
        let axes: Vec<RuntimeAxis> = sweep.runtime().into_iter().map(axis).collect();
        slots[slot] = Some(if axes.is_empty() {
            Arg::Fetch(reads.len())
        } else {
            gathers.push(Gather { fetch: reads.len(), axes, outside: read.outside });
            Arg::Register(gathers.len() - 1)
        });
        let outside = places.outside.partition_point(|&v| v < read.outside) as u32;
        reads.push((sweep, places.values[value], outside));
    }
    let selector = selector.and_then(|slot| slots[slot]);
    Lowering { places, slots, fetches: reads.len(), gathers, extent, known: Vec::new(), scalars: Vec::new() }
        .lower(expr, reads, selector)
}

struct Lowering<'a, 'b> {
    places: &'b Places<'a>,
    slots: Vec<Option<Arg>>,
    fetches: usize,
    gathers: Vec<Gather>,
    extent: &'b [usize],
    known: Vec<Option<Known<'a>>>,
    scalars: Vec<Scalar<'a>>,
}

impl<'a> Lowering<'a, '_> {
    fn lower(
        mut self,
        expr: &'a Expr,
        reads: Vec<(ReadSweep<'a>, u32, u32)>,
        selector: Option<Arg>,
    ) -> (Code, Resolver<'a>) {
        let mut args: Vec<Option<Arg>> = Vec::with_capacity(expr.nodes().len());
        let mut instructions = Vec::new();
        for op in expr.nodes() {
            let known = self.known(op);
            let arg = match (&known, op) {
                (Some(_), _) => None,
                (None, Op::Read(slot)) => self.slots[*slot as usize],
                (None, Op::Acc) => Some(Arg::Acc),
                (None, op) => {
                    let instruction = self.instruction(op, &args);
                    instructions.push(instruction);
                    Some(Arg::Register(self.gathers.len() + instructions.len() - 1))
                }
            };
            self.known.push(known);
            args.push(arg);
        }
        let result = self.arg(expr.result(), &args);
        let words = self.fetches + self.scalars.len();
        let values = vec![0; self.known.len()];
        let resolver = Resolver { reads, known: self.known, values, scalars: self.scalars };
        (
            Code { fetches: self.fetches, gathers: self.gathers, instructions, result, selector, words },
            resolver,
        )
    }

    /// How a node is known before any frame is seen, if it is.
    fn known(&self, op: &'a Op) -> Option<Known<'a>> {
        let (program, extent) = (self.places.program, self.extent);
        match op {
            Op::Read(_) | Op::Acc => None,
            Op::Const(value) => Some(Known::Literal(*value)),
            Op::Param { table, index } => Some(Known::Lookup(Lookup::new(program, *table, index, extent))),
            op if op.operands().any(|a| self.known[a.index()].is_none()) => None,
            Op::Lut { table, row, base, a, .. } => Some(Known::Lut {
                data: program.table(*table),
                row: Sweep::new(row, extent),
                base: *base,
                a: *a,
            }),
            op => Some(Known::Op(op)),
        }
    }

    fn arg(&mut self, id: ExprId, args: &[Option<Arg>]) -> Arg {
        args[id.index()].unwrap_or_else(|| {
            self.scalars.push(Scalar::Node(id));
            Arg::Scalar(self.fetches + self.scalars.len() - 1)
        })
    }

    fn scalar(&mut self, id: ExprId) -> usize {
        self.scalars.push(Scalar::Node(id));
        self.fetches + self.scalars.len() - 1
    }

    fn instruction(&mut self, op: &'a Op, args: &[Option<Arg>]) -> Instruction {
        let binary =
            |this: &mut Self, kind, a, b| Instruction::Binary(kind, this.arg(a, args), this.arg(b, args));
        match op {
            Op::Add(a, b) => binary(self, Binary::Add, *a, *b),
            Op::Sub(a, b) => binary(self, Binary::Sub, *a, *b),
            Op::Mul(a, b) => binary(self, Binary::Mul, *a, *b),
            Op::Max(a, b) => binary(self, Binary::Max, *a, *b),
            Op::Min(a, b) => binary(self, Binary::Min, *a, *b),
            Op::Lt(a, b) => binary(self, Binary::Lt, *a, *b),
            Op::Shl(a, n) => Instruction::Shl(self.arg(*a, args), self.scalar(*n)),
            Op::Shr(a, n) => Instruction::Shr(self.arg(*a, args), self.scalar(*n)),
            Op::Select(c, a, b) => {
                Instruction::Select(self.arg(*c, args), self.arg(*a, args), self.arg(*b, args))
            }
            Op::Wrap { a, signed, width } => {
                Instruction::Wrap { a: self.arg(*a, args), signed: *signed, width: self.scalar(*width) }
            }
            Op::Lut { table, row, base, a, .. } => {
                let a = self.arg(*a, args);
                self.scalars.push(Scalar::Row { row: Sweep::new(row, self.extent), base: *base });
                Instruction::Lut { table: table.index(), a, row: self.fetches + self.scalars.len() - 1 }
            }
            Op::Read(_) | Op::Acc | Op::Const(_) | Op::Param { .. } => {
                unreachable!("leaves are no instructions")
            }
        }
    }
}

impl Resolver<'_> {
    /// Moves to an output position.
    pub fn move_to(&mut self, p: &[usize]) {
        self.reads.iter_mut().for_each(|(sweep, ..)| sweep.move_to(p));
        for known in self.known.iter_mut().flatten() {
            match known {
                Known::Lookup(lookup) => lookup.move_to(p),
                Known::Lut { row, .. } => row.move_to(p),
                Known::Literal(_) | Known::Op(_) => {}
            }
        }
        for scalar in &mut self.scalars {
            if let Scalar::Row { row, .. } = scalar {
                row.move_to(p);
            }
        }
    }

    /// Sets `values` for a site.
    pub fn visit(&mut self, site: Site<'_>) {
        for node in 0..self.known.len() {
            let value = match &self.known[node] {
                None => continue,
                Some(Known::Literal(value)) => (*value).into(),
                Some(Known::Lookup(lookup)) => lookup.at(site).into(),
                Some(Known::Op(op)) => expr::apply(op, |id| self.values[id.index()]).unwrap_or(0),
                Some(Known::Lut { data, row, base, a }) => {
                    let at = i128::from(row.at(site)) + self.values[a.index()] - i128::from(*base);
                    usize::try_from(at).ok().and_then(|at| data.get(at)).copied().unwrap_or(0).into()
                }
            };
            self.values[node] = value;
        }
    }

    /// Appends the words of a site, with absolute addresses.
    pub fn words(&mut self, site: Site<'_>, words: &mut Vec<i64>) {
        words.extend(self.reads.iter().map(|(sweep, value, outside)| match sweep.locate(site) {
            Some(element) => i64::from(*value) + element as i64,
            None => PINNED | i64::from(*outside),
        }));
        self.visit(site);
        words.extend(self.scalars.iter().map(|scalar| match scalar {
            Scalar::Node(id) => self.values[id.index()] as i64,
            Scalar::Row { row, base } => row.at(site).wrapping_sub(*base),
        }));
    }
}
