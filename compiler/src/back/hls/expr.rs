//! Expressions and reads as statements, one for each primitive that is not a constant.

use nn2hdl_runtime::{Access, Expr, ExprId, Index, Interval, Op};

use super::index::Domain;
use super::kernel::Writer;
use super::types::{Type, is_short, number};
use crate::netlist::name::Names;

/// `const kind name = value;`
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub kind: String,
    pub name: String,
    pub value: String,
}

/// A scalar: a variable or a literal, its type, and what it can be.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub text: String,
    pub kind: Type,
    pub interval: Interval,
}

impl Operand {
    fn literal(value: i64) -> Self {
        let interval = Interval::point(value.into());
        let kind = Type::of(interval);
        Self { text: kind.cast(&number(value)), kind, interval }
    }

    /// Its value if it can have one only.
    fn constant(&self) -> Option<i64> {
        (self.interval.lo == self.interval.hi).then_some(self.interval.lo as i64)
    }

    /// As a native integer, and whether that has 64 bits.
    pub fn native(&self) -> (String, bool) {
        match self.constant() {
            Some(value) => (number(value), !is_short(value)),
            None => {
                let (method, long) = self.kind.to_native();
                (format!("{}{method}", self.text), long)
            }
        }
    }

    /// As an operand of an operation on numbers of either sign: comparisons of C++ do not mix signs.
    fn signed(&self) -> String {
        if self.kind.signed {
            return self.text.clone();
        }
        self.cast(Type { signed: true, width: self.kind.width + 1 })
    }

    /// As a value of type `kind`, which holds it wherever it matters.
    pub fn cast(&self, kind: Type) -> String {
        match self.constant() {
            Some(value) => kind.cast(&number(value)),
            None => kind.cast(&self.text),
        }
    }
}

/// The comparison `a < b`.
pub(super) fn less(a: &Operand, b: &Operand) -> String {
    if a.kind.signed == b.kind.signed {
        format!("{} < {}", a.text, b.text)
    } else {
        format!("{} < {}", a.signed(), b.signed())
    }
}

/// Statements at one depth of the loops, with what they have read so far.
pub(super) struct Scope<'a> {
    pub names: Names,
    pub statements: Vec<Statement>,
    pub domain: Domain<'a>,
    reads: Vec<Option<Operand>>,
}

impl<'a> Scope<'a> {
    pub fn new(names: Names, domain: Domain<'a>, slots: usize) -> Self {
        Self { names, statements: Vec::new(), domain, reads: vec![None; slots] }
    }

    fn declare(&mut self, kind: &str, name: &str, value: String) -> String {
        let name = self.names.claim(name);
        self.statements.push(Statement { kind: kind.to_owned(), name: name.clone(), value });
        name
    }

    fn define(&mut self, name: &str, interval: Interval, value: String) -> Operand {
        let kind = Type::of(interval);
        Operand { text: self.declare(&kind.name(), name, value), kind, interval }
    }
}

impl Writer<'_> {
    /// What read slot `slot` delivers; `interval` bounds it where that is known better than by the format.
    pub fn read(&mut self, scope: &mut Scope<'_>, slot: usize, interval: Option<Interval>) -> Operand {
        if let Some(known) = &scope.reads[slot] {
            return known.clone();
        }
        let read = &self.kernel.reads[slot];
        let value = self.block.value(read.value);
        let plain = |access: &Access, extent: usize| match access {
            Access::Affine(index) => {
                let (lo, hi) = scope.domain.bounds(index);
                lo >= 0 && hi < extent as i64
            }
            Access::Table { .. } | Access::Runtime(_) => false,
        };
        let whole = read.index.iter().zip(&value.shape).all(|(access, &extent)| plain(access, extent));
        let (flat, outside) = if whole {
            let maps: Vec<Index> = (read.index.iter())
                .filter_map(|access| match access {
                    Access::Affine(index) => Some(index.clone()),
                    Access::Table { .. } | Access::Runtime(_) => None,
                })
                .collect();
            (scope.domain.text(&Index::flatten(&maps, &value.shape)), Vec::new())
        } else {
            self.coordinates(scope, slot)
        };
        let mut all = value.format.interval();
        if !outside.is_empty() {
            all = all.join(Interval::point(read.outside.into()));
        }
        let interval = interval.unwrap_or(all);
        let operand = if interval.lo == interval.hi {
            Operand::literal(interval.lo as i64)
        } else {
            let kind = Type::of(interval);
            let element = format!("{}[{flat}]", self.array(read.value));
            let text = if outside.is_empty() {
                element
            } else {
                let other = kind.cast(&number(read.outside));
                format!("{} ? {other} : {}", outside.join(" || "), kind.cast(&element))
            };
            scope.define(&format!("x{slot}"), interval, text)
        };
        scope.reads[slot] = Some(operand.clone());
        operand
    }

    /// The flat element that a slot addresses, and the conditions under which it is outside.
    fn coordinates(&mut self, scope: &mut Scope<'_>, slot: usize) -> (String, Vec<String>) {
        let read = &self.kernel.reads[slot];
        let value = self.block.value(read.value);
        let (mut flat, mut outside) = (String::new(), Vec::new());
        for (axis, (access, &extent)) in read.index.iter().zip(&value.shape).enumerate() {
            let (text, (lo, hi), long) = match access {
                Access::Affine(index) => (scope.domain.text(index), scope.domain.bounds(index), false),
                Access::Table { table, index } => {
                    let (first, last) = scope.domain.bounds(index);
                    let entries = &self.program.table(*table)[first as usize..=last as usize];
                    let bounds = entries
                        .iter()
                        .fold((i64::MAX, i64::MIN), |(lo, hi), &entry| (lo.min(entry), hi.max(entry)));
                    let text = format!("{}[{}]", self.tables.name(*table), scope.domain.text(index));
                    (text, bounds, !is_short(bounds.0) || !is_short(bounds.1))
                }
                Access::Runtime(from) => {
                    let operand = self.read(scope, *from as usize, None);
                    let (text, long) = operand.native();
                    (text, (operand.interval.lo as i64, operand.interval.hi as i64), long)
                }
            };
            let atom = matches!(access, Access::Affine(Index::P(_) | Index::R(_)))
                || matches!(access, Access::Affine(Index::Const(value)) if *value >= 0);
            let at = if atom {
                text
            } else {
                let kind = if long { "long long" } else { self.int };
                scope.declare(kind, &format!("x{slot}_at{axis}"), text)
            };
            if lo < 0 {
                outside.push(format!("{at} < 0"));
            }
            if hi >= extent as i64 {
                outside.push(format!("{at} >= {extent}"));
            }
            flat = match flat.as_str() {
                "" | "0" => at,
                flat if flat.contains(' ') => format!("({flat}) * {extent} + {at}"),
                flat => format!("{flat} * {extent} + {at}"),
            };
        }
        (if flat.is_empty() { "0".to_owned() } else { flat }, outside)
    }

    /// The value of an expression whose nodes lie within `intervals`.
    pub fn expression(
        &mut self,
        scope: &mut Scope<'_>,
        expr: &Expr,
        intervals: &[Interval],
        acc: Option<&Operand>,
    ) -> Operand {
        let live = live(expr, intervals);
        let mut values: Vec<Option<Operand>> = Vec::with_capacity(intervals.len());
        for ((op, &interval), live) in expr.nodes().iter().zip(intervals).zip(live) {
            let value = match op {
                _ if !live => None,
                _ if interval.lo == interval.hi => Some(Operand::literal(interval.lo as i64)),
                Op::Read(slot) => Some(self.read(scope, *slot as usize, Some(interval))),
                Op::Acc => acc.cloned(),
                op => Some(self.primitive(scope, op, interval, &values)),
            };
            values.push(value);
        }
        values.pop().flatten().expect("the result of an expression is live")
    }

    fn primitive(
        &mut self,
        scope: &mut Scope<'_>,
        op: &Op,
        interval: Interval,
        values: &[Option<Operand>],
    ) -> Operand {
        let at = |id: ExprId| values[id.index()].as_ref().expect("an operand of a live node is live");
        let kind = Type::of(interval);
        if let Some(same) = neutral(op, &at) {
            return same.clone();
        }
        let (name, text) = match *op {
            Op::Param { table, ref index } => {
                ("k", format!("{}[{}]", self.tables.name(table), scope.domain.text(index)))
            }
            Op::Shl(a, n) => ("shifted", shift(at(a), "<<", at(n), kind.at_least(at(a).kind.width))),
            Op::Shr(a, n) => ("shifted", shift(at(a), ">>", at(n), at(a).kind)),
            Op::Add(a, b) => ("sum", format!("{} + {}", at(a).text, at(b).text)),
            Op::Sub(a, b) => ("difference", format!("{} - {}", at(a).text, at(b).text)),
            Op::Mul(a, b) => ("product", format!("{} * {}", at(a).text, at(b).text)),
            Op::Max(a, b) => ("larger", chosen(&less(at(a), at(b)), at(b), at(a), kind)),
            Op::Min(a, b) => ("smaller", chosen(&less(at(a), at(b)), at(a), at(b), kind)),
            Op::Lt(a, b) => ("less", less(at(a), at(b))),
            Op::Select(c, a, b) => ("chosen", chosen(&at(c).text, at(a), at(b), kind)),
            Op::Wrap { a, signed, width } => ("wrapped", wrapped(at(a), signed, at(width))),
            Op::Lut { table, ref row, base, a, .. } => {
                let (a, _) = at(a).native();
                let entry = match base {
                    0 => a,
                    base if base < 0 && is_short(base) => format!("{a} + {}", number(-base)),
                    base => format!("{a} - {}", number(base)),
                };
                let index = match scope.domain.text(row) {
                    row if row == "0" => entry,
                    row => format!("{row} + ({entry})"),
                };
                ("looked_up", format!("{}[{index}]", self.tables.name(table)))
            }
            Op::Read(_) | Op::Acc | Op::Const(_) => unreachable!("has a value of its own"),
        };
        scope.define(name, interval, text)
    }
}

/// Nodes that the result needs; what has one value only needs nothing.
pub(super) fn live(expr: &Expr, intervals: &[Interval]) -> Vec<bool> {
    let mut live = vec![false; expr.nodes().len()];
    live[expr.result().index()] = true;
    for (number, op) in expr.nodes().iter().enumerate().rev() {
        if live[number] && intervals[number].lo != intervals[number].hi {
            op.operands().for_each(|operand| live[operand.index()] = true);
        }
    }
    live
}

/// The operand that an operation leaves as it is: plus zero, times one, shifted by nothing.
fn neutral<'a>(op: &Op, at: &impl Fn(ExprId) -> &'a Operand) -> Option<&'a Operand> {
    let is = |id: ExprId, value: i64| at(id).constant() == Some(value);
    match *op {
        Op::Add(a, b) if is(a, 0) => Some(at(b)),
        Op::Add(a, b) | Op::Sub(a, b) | Op::Shl(a, b) | Op::Shr(a, b) if is(b, 0) => Some(at(a)),
        Op::Mul(a, b) if is(a, 1) => Some(at(b)),
        Op::Mul(a, b) if is(b, 1) => Some(at(a)),
        _ => None,
    }
}

/// A shift in a type that the amount cannot exceed.
fn shift(a: &Operand, sign: &str, amount: &Operand, kind: Type) -> String {
    let kind = kind.at_least(amount.interval.hi as u32 + 1);
    let a = if a.kind == kind { a.text.clone() } else { a.cast(kind) };
    format!("{a} {sign} {}", amount.native().0)
}

fn chosen(condition: &str, yes: &Operand, no: &Operand, kind: Type) -> String {
    format!("{condition} ? {} : {}", yes.cast(kind), no.cast(kind))
}

/// The low bits: those of a narrower type, or what is left between two shifts.
fn wrapped(a: &Operand, signed: bool, width: &Operand) -> String {
    if let Some(width) = width.constant() {
        return Type { signed, width: width as u32 }.cast(&a.text);
    }
    let most = width.interval.hi as u32;
    let rest = format!("({most} - {})", width.native().0);
    format!("{} << {rest} >> {rest}", Type { signed, width: most }.cast(&a.text))
}
