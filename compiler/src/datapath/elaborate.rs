//! Kernels become engines.
//!
//! Output positions that read the same elements share one engine; engines with equal datapaths are one module
//! with several instances.

use nn2hdl_runtime::index::points;
use nn2hdl_runtime::{Access, Block, Expr, Interval, Kernel, Op, Program, Read, Reduction, ValueId, range};
use rustc_hash::FxHashMap;

use super::form::Form;
use super::linear::Optimizer;
use super::{Datapath, WireId};
use crate::cmvm::SolveError;
use crate::diagnostic::Diagnostic;

/// An element that an engine reads. Along a streamed axis the coordinate is relative to the beat's first
/// position, so it may lie outside the beat or, at a frame's border, outside the frame.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tap {
    /// The value.
    pub value: ValueId,
    /// Coordinates.
    pub at: Vec<i64>,
    /// What stands for the element outside the frame.
    pub outside: i64,
}

/// What drives an input of an engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An element of a value.
    Element(Tap),
    /// A constant that differs from beat to beat.
    Words(Vec<i64>),
}

impl Source {
    /// The element, if it is one.
    pub fn element(&self) -> Option<&Tap> {
        match self {
            Self::Element(tap) => Some(tap),
            Self::Words(_) => None,
        }
    }
}

/// One engine: what it computes, what it reads, which output positions it delivers.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The computation; input `n` is source `n`, output `n` is position `n`.
    pub datapath: Datapath,
    /// What is read.
    pub sources: Vec<Source>,
    /// What is delivered.
    pub positions: Vec<Vec<usize>>,
}

/// What a kernel is elaborated against.
pub struct Site<'a> {
    /// For the tables.
    pub program: &'a Program,
    /// For shapes.
    pub block: &'a Block,
    /// Output positions to deliver.
    pub positions: Vec<Vec<usize>>,
    /// Points of the reduction, if not all of the kernel's.
    pub reduction: Option<Vec<Vec<usize>>>,
    /// Whether an axis of a value is spread over time.
    pub streamed: &'a dyn Fn(ValueId, usize) -> bool,
    /// What an element can be.
    pub interval: &'a dyn Fn(&Tap) -> Interval,
    /// An output position in each beat of the frame; for constants that move on with it.
    pub beats: &'a dyn Fn(&[usize]) -> Vec<Vec<usize>>,
}

/// The engines of `kernel`.
pub fn elaborate(
    kernel: &Kernel,
    site: &Site<'_>,
    optimizer: &mut Optimizer<'_>,
) -> Result<Vec<Engine>, Diagnostic> {
    check_scatter(kernel)?;
    groups(kernel, site)
        .into_iter()
        .map(|positions| {
            let mut build = Build {
                kernel,
                site,
                datapath: Datapath::default(),
                sources: Vec::new(),
                known: FxHashMap::default(),
                moments: (Vec::new(), Vec::new()),
                optimizer,
            };
            build.engine(&positions)?;
            Ok(Engine { datapath: build.datapath, sources: build.sources, positions })
        })
        .collect()
}

/// Output positions by the set of elements that their reductions read.
fn groups(kernel: &Kernel, site: &Site<'_>) -> Vec<Vec<Vec<usize>>> {
    if kernel.extent.is_empty() {
        return vec![site.positions.clone()];
    }
    let mut found: FxHashMap<Vec<Tap>, usize> = FxHashMap::default();
    let mut groups: Vec<Vec<Vec<usize>>> = Vec::new();
    let used: Vec<u32> = slots_of(&kernel.body);
    for p in &site.positions {
        let mut taps = Vec::new();
        for r in reduction(kernel, site) {
            for &slot in &used {
                let read = &kernel.reads[slot as usize];
                let at: Option<Vec<i64>> =
                    read.index.iter().map(|access| coordinate(site.program, access, p, &r)).collect();
                taps.extend(at.map(|at| Tap { value: read.value, at, outside: 0 }));
            }
        }
        taps.sort_unstable();
        taps.dedup();
        let group = *found.entry(taps).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(p.clone());
    }
    groups
}

/// The points of the reduction that are to be combined.
fn reduction(kernel: &Kernel, site: &Site<'_>) -> Vec<Vec<usize>> {
    site.reduction.clone().unwrap_or_else(|| points(&kernel.extent).collect())
}

fn slots_of(expr: &Expr) -> Vec<u32> {
    let mut used: Vec<u32> = expr
        .nodes()
        .iter()
        .filter_map(|op| if let Op::Read(slot) = op { Some(*slot) } else { None })
        .collect();
    used.sort_unstable();
    used.dedup();
    used
}

/// The coordinate along one axis, or `None` if it is known at run time only.
fn coordinate(program: &Program, access: &Access, p: &[usize], r: &[usize]) -> Option<i64> {
    match access {
        Access::Affine(index) => Some(index.at(p, r)),
        Access::Table { table, index } => Some(program.table(*table)[index.at(p, r) as usize]),
        Access::Runtime(_) => None,
    }
}

/// A sum is the only scatter with a hardware form: what misses a position adds nothing there.
fn check_scatter(kernel: &Kernel) -> Result<(), Diagnostic> {
    if kernel.scatter.is_none() || kernel.reduction == Reduction::Sum {
        return Ok(());
    }
    let message = "a scattered maximum or minimum has no hardware form yet";
    Err(Diagnostic::new("unsupported", &kernel.name, message, "scatter with a sum"))
}

struct Build<'a, 'o, 's> {
    kernel: &'a Kernel,
    site: &'a Site<'a>,
    datapath: Datapath,
    sources: Vec<Source>,
    known: FxHashMap<Source, WireId>,
    /// The position last looked up, in all beats.
    moments: (Vec<usize>, Vec<Vec<usize>>),
    optimizer: &'o mut Optimizer<'s>,
}

impl Build<'_, '_, '_> {
    fn engine(&mut self, positions: &[Vec<usize>]) -> Result<(), Diagnostic> {
        let sums = positions.iter().map(|p| self.reduce(p)).collect::<Result<Vec<Form>, _>>()?;
        let sums = self.materialize(&sums)?;
        for (p, sum) in positions.iter().zip(sums) {
            let form = self.evaluate(&self.kernel.finish, Some(sum), p, &[])?;
            let wire = self.wire(&form)?;
            self.datapath.outputs.push(wire);
        }
        Ok(())
    }

    fn reduce(&mut self, p: &[usize]) -> Result<Form, Diagnostic> {
        let kernel = self.kernel;
        let mut sum = Form::default();
        let mut others: Vec<WireId> = Vec::new();
        for r in reduction(kernel, self.site) {
            let mut body = self.evaluate(&kernel.body, None, p, &r)?;
            if let Some(scatter) = kernel.scatter {
                let target = self.fetch(scatter.slot, p, &r)?;
                let target = self.wire(&target)?;
                let hit = self.equals(target, p[scatter.axis] as i128);
                let body_wire = self.wire(&body)?;
                let nothing = self.datapath.constant(0);
                let counted = self.datapath.select(hit, body_wire, nothing);
                body = self.form(counted);
            }
            match kernel.reduction {
                Reduction::Sum => sum.accumulate(&body, 1).ok_or_else(|| self.too_wide())?,
                Reduction::Max | Reduction::Min => others.push(self.wire(&body)?),
            }
        }
        if kernel.reduction == Reduction::Sum {
            return Ok(sum);
        }
        while others.len() > 1 {
            others = others
                .chunks(2)
                .map(|pair| match (pair, kernel.reduction) {
                    (&[a, b], Reduction::Max) => self.datapath.max(a, b),
                    (&[a, b], _) => self.datapath.min(a, b),
                    (single, _) => single[0],
                })
                .collect();
        }
        Ok(others.first().map_or_else(Form::default, |&wire| self.form(wire)))
    }

    fn evaluate(
        &mut self,
        expr: &Expr,
        acc: Option<WireId>,
        p: &[usize],
        r: &[usize],
    ) -> Result<Form, Diagnostic> {
        let program = self.site.program;
        let mut forms: Vec<Form> = Vec::with_capacity(expr.nodes().len());
        for op in expr.nodes() {
            let form = match op {
                Op::Read(slot) => self.fetch(*slot, p, r)?,
                Op::Acc => acc.map_or_else(Form::default, |wire| self.form(wire)),
                Op::Const(value) => Form::constant(*value),
                Op::Param { table, index } => {
                    if self.moments.0 != p || self.moments.1.is_empty() {
                        self.moments = (p.to_vec(), (self.site.beats)(p));
                    }
                    let word = |p: &Vec<usize>| program.table(*table)[index.at(p, r) as usize];
                    let words = self.moments.1.iter().map(word).collect();
                    self.constant(words)
                }
                Op::Add(a, b) => self.combine(&forms[a.index()], &forms[b.index()], 1)?,
                Op::Sub(a, b) => self.combine(&forms[a.index()], &forms[b.index()], -1)?,
                Op::Shl(a, n) => {
                    let amount = forms[n.index()].as_const().and_then(|amount| u32::try_from(amount).ok());
                    let factor = amount.and_then(|amount| 1i64.checked_shl(amount)).filter(|&f| f > 0);
                    let factor = factor.ok_or_else(|| self.too_wide())?;
                    self.scale(&forms[a.index()], factor)?
                }
                Op::Mul(a, b) => {
                    let (a, b) = (&forms[a.index()], &forms[b.index()]);
                    match (a.as_const(), b.as_const()) {
                        (_, Some(factor)) => self.scale(a, factor)?,
                        (Some(factor), None) => self.scale(b, factor)?,
                        (None, None) => {
                            let (a, b) = (self.wire(&a.clone())?, self.wire(&b.clone())?);
                            let product = self
                                .datapath
                                .product(a, b, self.optimizer)
                                .map_err(|error| self.unsolved(&error))?;
                            self.form(product)
                        }
                    }
                }
                other => {
                    let rounded = match other {
                        Op::Shr(a, n) => {
                            let amount = forms[n.index()].as_const().unwrap_or_default() as u32;
                            self.datapath.rounding_shift(&forms[a.index()], amount)
                        }
                        _ => None,
                    };
                    let wire = match rounded {
                        Some(wire) => wire,
                        None => {
                            let mut wires = Vec::new();
                            for id in other.operands() {
                                let wire = self.wire(&forms[id.index()])?;
                                // From here on the sum is one wire, not to be taken apart again.
                                forms[id.index()] = self.form(wire);
                                wires.push(wire);
                            }
                            self.nonlinear(other, &wires, p, r)
                        }
                    };
                    self.form(wire)
                }
            };
            forms.push(form);
        }
        Ok(forms.pop().unwrap_or_default())
    }

    fn nonlinear(&mut self, op: &Op, operands: &[WireId], p: &[usize], r: &[usize]) -> WireId {
        let amount = |this: &Self, n: usize| this.datapath.as_const(operands[n]).unwrap_or_default() as u32;
        match op {
            Op::Shr(..) => {
                let n = amount(self, 1);
                self.datapath.shr(operands[0], n)
            }
            Op::Max(..) => self.datapath.max(operands[0], operands[1]),
            Op::Min(..) => self.datapath.min(operands[0], operands[1]),
            Op::Lt(..) => self.datapath.lt(operands[0], operands[1]),
            Op::Select(..) => self.datapath.select(operands[0], operands[1], operands[2]),
            Op::Wrap { signed, .. } => {
                let width = amount(self, 1);
                self.datapath.wrap(operands[0], *signed, width)
            }
            Op::Lut { table, row, base, len, .. } => {
                let Interval { lo, hi } = self.datapath.interval(operands[0]);
                let row = range::lut_row(row, p, r);
                // In lanes beyond the frame an operand may be what no element is; any entry will do there.
                let last = i128::from(*len) - 1;
                let entry = |v: i128| row + (v - i128::from(*base)).clamp(0, last) as usize;
                let table = self.site.program.table(*table);
                self.datapath.table(operands[0], (lo..=hi).map(|v| table[entry(v)]).collect())
            }
            Op::Read(_)
            | Op::Acc
            | Op::Const(_)
            | Op::Param { .. }
            | Op::Shl(..)
            | Op::Add(..)
            | Op::Sub(..)
            | Op::Mul(..) => {
                unreachable!("linear primitives are combined as forms")
            }
        }
    }

    fn fetch(&mut self, slot: u32, p: &[usize], r: &[usize]) -> Result<Form, Diagnostic> {
        let kernel = self.kernel;
        let read = &kernel.reads[slot as usize];
        let wire = self.fetch_axis(read, &mut Vec::new(), p, r)?;
        Ok(self.form(wire))
    }

    /// Resolves the axes of `read` that are not in `prefix` yet.
    fn fetch_axis(
        &mut self,
        read: &Read,
        prefix: &mut Vec<i64>,
        p: &[usize],
        r: &[usize],
    ) -> Result<WireId, Diagnostic> {
        let axis = prefix.len();
        let shape = &self.site.block.value(read.value).shape;
        let Some(access) = read.index.get(axis) else {
            return Ok(self.tap(Tap { value: read.value, at: prefix.clone(), outside: read.outside }));
        };
        let extent = shape[axis] as i64;
        match coordinate(self.site.program, access, p, r) {
            Some(at) if (0..extent).contains(&at) || (self.site.streamed)(read.value, axis) => {
                prefix.push(at);
                let wire = self.fetch_axis(read, prefix, p, r);
                prefix.pop();
                wire
            }
            Some(_) => Ok(self.datapath.constant(read.outside)),
            None => {
                let Access::Runtime(from) = access else { unreachable!("only run-time indices are unknown") };
                let index = self.fetch(*from, p, r)?;
                let index = self.wire(&index)?;
                let mut candidates = Vec::new();
                for at in 0..extent {
                    prefix.push(at);
                    candidates.push(self.fetch_axis(read, prefix, p, r)?);
                    prefix.pop();
                }
                Ok(self.choose(index, &candidates, read.outside))
            }
        }
    }

    /// `candidates[index]`, or `outside`, as a tree of multiplexers over the bits of the index.
    fn choose(&mut self, index: WireId, candidates: &[WireId], outside: i64) -> WireId {
        let outside = self.datapath.constant(outside);
        let range = self.datapath.interval(index);
        let (signed, width) = range.width();
        let bits = if signed { width - 1 } else { width };
        let chosen = self.choose_bits(index, bits, 0, candidates, outside);
        let zero = self.datapath.constant(0);
        let negative = self.datapath.lt(index, zero);
        self.datapath.select(negative, outside, chosen)
    }

    fn choose_bits(
        &mut self,
        index: WireId,
        bits: u32,
        first: usize,
        candidates: &[WireId],
        outside: WireId,
    ) -> WireId {
        if first >= candidates.len() {
            return outside;
        }
        if bits == 0 {
            return candidates[first];
        }
        let low = self.choose_bits(index, bits - 1, first, candidates, outside);
        let upper =
            1usize.checked_shl(bits - 1).and_then(|half| first.checked_add(half)).unwrap_or(usize::MAX);
        let high = self.choose_bits(index, bits - 1, upper, candidates, outside);
        let bit = self.datapath.shr(index, bits - 1);
        let bit = self.datapath.wrap(bit, false, 1);
        self.datapath.select(bit, high, low)
    }

    fn equals(&mut self, wire: WireId, value: i128) -> WireId {
        let Interval { lo, hi } = self.datapath.interval(wire);
        if value < lo || value > hi {
            return self.datapath.constant(0);
        }
        if hi - lo < 1 << 12 {
            return self.datapath.table(wire, (lo..=hi).map(|v| i64::from(v == value)).collect());
        }
        let value = self.datapath.constant(value as i64);
        let (above, below) = (self.datapath.lt(value, wire), self.datapath.lt(wire, value));
        let differs = self.datapath.max(above, below);
        let (zero, one) = (self.datapath.constant(0), self.datapath.constant(1));
        self.datapath.select(differs, zero, one)
    }

    /// The constants of all beats, as a literal if they agree.
    fn constant(&mut self, words: Vec<i64>) -> Form {
        let bounds = words.iter().map(|&word| Interval::point(word.into())).reduce(Interval::join);
        let bounds = bounds.unwrap_or(Interval::point(0));
        if bounds.lo == bounds.hi {
            return Form::constant(bounds.lo as i64);
        }
        let wire = self.input(Source::Words(words), bounds);
        self.form(wire)
    }

    fn tap(&mut self, tap: Tap) -> WireId {
        let interval = (self.site.interval)(&tap);
        self.input(Source::Element(tap), interval)
    }

    fn input(&mut self, source: Source, interval: Interval) -> WireId {
        if let Some(&wire) = self.known.get(&source) {
            return wire;
        }
        let wire = self.datapath.input(interval);
        self.sources.push(source.clone());
        self.known.insert(source, wire);
        wire
    }

    fn form(&self, wire: WireId) -> Form {
        self.datapath.as_const(wire).map_or_else(|| Form::wire(wire), Form::constant)
    }

    fn combine(&self, a: &Form, b: &Form, factor: i64) -> Result<Form, Diagnostic> {
        let mut form = a.clone();
        form.accumulate(b, factor).ok_or_else(|| self.too_wide())?;
        Ok(form)
    }

    fn scale(&self, a: &Form, factor: i64) -> Result<Form, Diagnostic> {
        self.combine(&Form::default(), a, factor)
    }

    fn wire(&mut self, form: &Form) -> Result<WireId, Diagnostic> {
        if let Some(value) = form.as_const() {
            return Ok(self.datapath.constant(value));
        }
        match form.terms.first_key_value() {
            Some((&wire, &1)) if form.terms.len() == 1 && form.constant == 0 => Ok(wire),
            _ => Ok(self.materialize(std::slice::from_ref(form))?[0]),
        }
    }

    fn materialize(&mut self, forms: &[Form]) -> Result<Vec<WireId>, Diagnostic> {
        self.datapath.materialize(forms, self.optimizer).map_err(|error| self.unsolved(&error))
    }

    fn unsolved(&self, error: &SolveError) -> Diagnostic {
        let help = "quantize the layer's weights or inputs to fewer bits";
        Diagnostic::new("adder-graph", &self.kernel.name, error.to_string(), help)
    }

    fn too_wide(&self) -> Diagnostic {
        Diagnostic::new(
            "too-wide",
            &self.kernel.name,
            "a constant of the layer exceeds 63 bits",
            "quantize the layer's weights or inputs to fewer bits",
        )
    }
}
