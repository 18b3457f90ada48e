//! A kernel as a function: loops over positions, loops over the reduction, statements.

use askama::Template;
use nn2hdl_runtime::range::Nodes;
use nn2hdl_runtime::{
    Access, Block, Expr, Index, Interval, Kernel, Op, Program, Reduction, TableId, ValueId,
};

use super::expr::{Operand, Scope, Statement, less};
use super::index::Domain;
use super::schedule::{Pace, plan};
use super::tables::Tables;
use super::types::{Type, is_short, number};
use super::{HELPERS, clean};
use crate::netlist::name::Names;

/// What `kernel.cpp` substitutes.
#[derive(Template)]
#[template(path = "kernel.cpp")]
pub(super) struct KernelView {
    pub doc: String,
    pub name: String,
    arguments: String,
    pragmas: Vec<String>,
    int: &'static str,
    positions: Vec<LoopView>,
    indent: String,
    has_reduction: bool,
    acc_kind: String,
    acc_start: String,
    points: Vec<LoopView>,
    inner: String,
    inside: Vec<Statement>,
    update: String,
    points_end: Vec<String>,
    after: Vec<Statement>,
    out: String,
    position: String,
    result: String,
    positions_end: Vec<String>,
}

struct LoopView {
    indent: String,
    name: String,
    extent: usize,
    pragmas: Vec<String>,
}

/// One kernel, while its function is written.
pub(super) struct Writer<'a> {
    pub program: &'a Program,
    pub block: &'a Block,
    pub kernel: &'a Kernel,
    pub tables: &'a mut Tables,
    /// Native type of coordinates.
    pub int: &'static str,
    /// Arrays are named by their place instead of by their value.
    canonical: bool,
    /// Values read and the arrays that hold them, in order of first use.
    arrays: Vec<(ValueId, String)>,
    names: Names,
}

const ACC: &str = "acc";
const STEP: &str = "    ";

impl<'a> Writer<'a> {
    /// With `canonical`, kernels that compute the same get the same text, whatever their values are called.
    pub fn new(
        program: &'a Program,
        block: &'a Block,
        kernel: &'a Kernel,
        tables: &'a mut Tables,
        canonical: bool,
    ) -> Self {
        let mut names = Names::default();
        let shape = &block.value(kernel.out).shape;
        let coordinates = (0..shape.len()).map(|axis| format!("p{axis}"));
        let coordinates = coordinates.chain((0..kernel.extent.len()).map(|axis| format!("r{axis}")));
        coordinates.chain([ACC.to_owned()]).for_each(|name| {
            names.reserve(&name);
        });
        for table in tables_of(kernel) {
            names.reserve(tables.name_of(table));
        }
        for name in HELPERS {
            names.reserve(name);
        }
        let mut writer =
            Self { program, block, kernel, tables, int: "int", canonical, arrays: Vec::new(), names };
        if !writer.is_short() {
            writer.int = "long long";
        }
        writer
    }

    /// The array that holds a value.
    pub fn array(&mut self, id: ValueId) -> String {
        if let Some((_, name)) = self.arrays.iter().find(|(known, _)| *known == id) {
            return name.clone();
        }
        let name = self.name(id, "in");
        self.arrays.push((id, name.clone()));
        name
    }

    fn name(&mut self, id: ValueId, place: &str) -> String {
        self.names.claim(if self.canonical { place } else { &self.block.value(id).name })
    }

    /// Whether all coordinates are `int`s.
    fn is_short(&self) -> bool {
        let shape = &self.block.value(self.kernel.out).shape;
        let body = Domain { p: shape, r: &self.kernel.extent };
        let finish = Domain { p: shape, r: &[] };
        let of_expr = |expr: &Expr, domain: Domain<'_>| {
            expr.nodes().iter().all(|op| match op {
                Op::Param { index, .. } => domain.is_short(index),
                Op::Lut { row, base, .. } => domain.is_short(row) && is_short(*base),
                _ => true,
            })
        };
        let reads = self.kernel.reads.iter().flat_map(|read| &read.index).all(|access| match access {
            Access::Affine(index) | Access::Table { index, .. } => body.is_short(index),
            Access::Runtime(_) => true,
        });
        reads && of_expr(&self.kernel.body, body) && of_expr(&self.kernel.finish, finish)
    }

    /// The function and the values it takes, in the order of its arguments; the output comes last. All positions
    /// begin within `ii` cycles.
    pub fn write(mut self, nodes: &Nodes, empty: &[i64], ii: usize) -> (KernelView, Vec<ValueId>) {
        let kernel = self.kernel;
        let value = self.block.value(kernel.out);
        let at: Vec<Index> = (0..value.shape.len()).map(Index::p).collect();
        let domain = Domain { p: &value.shape, r: &kernel.extent };
        let position = domain.text(&Index::flatten(&at, &value.shape));
        let single = kernel.extent.is_empty() && kernel.scatter.is_none();
        let has_reduction = !single && needs_acc(&kernel.finish, &nodes.finish);
        let acc_start = if has_reduction { self.start(nodes, empty, &position) } else { String::new() };
        for id in self.reads() {
            self.array(id);
        }
        let out = self.name(kernel.out, "out");
        let loops = plan(&value.shape, ii);
        let positions: Vec<LoopView> = (loops.iter().enumerate())
            .map(|(depth, one)| LoopView {
                indent: STEP.repeat(depth + 1),
                name: format!("p{}", one.axis),
                extent: value.shape[one.axis],
                pragmas: pragmas(one.pace),
            })
            .collect();
        let depth = positions.len() + 1;
        let points: Vec<LoopView> = (kernel.extent.iter().enumerate())
            .map(|(axis, &extent)| LoopView {
                indent: STEP.repeat(depth + axis),
                name: format!("r{axis}"),
                extent,
                pragmas: pragmas(Pace::Unrolled),
            })
            .collect();
        let inner = STEP.repeat(depth + points.len());

        let mut scope = Scope::new(self.names.clone(), domain, kernel.reads.len());
        let acc = Operand { text: ACC.to_owned(), kind: Type::of(nodes.acc), interval: nodes.acc };
        let (mut update, mut inside) = (String::new(), Vec::new());
        let acc = if single {
            let needed = needs_acc(&kernel.finish, &nodes.finish);
            needed.then(|| self.expression(&mut scope, &kernel.body, &nodes.body, None))
        } else {
            if has_reduction {
                update = self.update(&mut scope, nodes, &acc);
                inside = std::mem::take(&mut scope.statements);
            }
            // Without loops of the reduction, what stands before and what stands behind share their names.
            if !kernel.extent.is_empty() {
                scope = Scope::new(self.names.clone(), Domain { r: &[], ..domain }, kernel.reads.len());
            }
            Some(acc)
        };
        let result = self.expression(&mut scope, &kernel.finish, &nodes.finish, acc.as_ref());
        let arguments: Vec<String> = (self.arrays.iter())
            .map(|(id, name)| format!("const {}", declaration(self.block, *id, name)))
            .chain([declaration(self.block, kernel.out, &out)])
            .collect();
        let view = KernelView {
            doc: clean(&format!("{}: {} of shape {:?}", kernel.name, value.format, value.shape)),
            name: String::new(),
            arguments: arguments.join(", "),
            pragmas: head(ii, &positions),
            int: self.int,
            has_reduction,
            acc_kind: Type::of(nodes.acc).name(),
            acc_start,
            points_end: ends(&points),
            points,
            inner,
            inside,
            update,
            after: scope.statements,
            out,
            position,
            result: result.text,
            indent: STEP.repeat(depth),
            positions_end: ends(&positions),
            positions,
        };
        (view, self.arrays.iter().map(|(id, _)| *id).collect())
    }

    /// Values of the slots that anything uses, in order.
    fn reads(&self) -> Vec<ValueId> {
        let kernel = self.kernel;
        let mut used = vec![false; kernel.reads.len()];
        for op in kernel.body.nodes().iter().chain(kernel.finish.nodes()) {
            if let Op::Read(slot) = op {
                used[*slot as usize] = true;
            }
        }
        if let Some(scatter) = kernel.scatter {
            used[scatter.slot as usize] = true;
        }
        for slot in (0..used.len()).rev().filter(|&slot| used[slot]).collect::<Vec<_>>() {
            mark(kernel, slot, &mut used);
        }
        let mut values: Vec<ValueId> = Vec::new();
        for (read, _) in kernel.reads.iter().zip(used).filter(|(_, used)| *used) {
            if !values.contains(&read.value) {
                values.push(read.value);
            }
        }
        values
    }

    /// The statement that takes one more point into `acc`.
    fn update(&mut self, scope: &mut Scope<'_>, nodes: &Nodes, acc: &Operand) -> String {
        let kernel = self.kernel;
        let guard = kernel.scatter.map(|scatter| {
            let slot =
                self.read(scope, scatter.slot as usize, known(&kernel.body, &nodes.body, scatter.slot));
            format!("if ({} == p{}) ", slot.native().0, scatter.axis)
        });
        let value = self.expression(scope, &kernel.body, &nodes.body, None);
        let taken = value.cast(acc.kind);
        let update = match kernel.reduction {
            Reduction::Sum => format!("{ACC} += {}", value.text),
            Reduction::Max => format!("{ACC} = {} ? {taken} : {ACC}", less(acc, &value)),
            Reduction::Min => format!("{ACC} = {} ? {taken} : {ACC}", less(&value, acc)),
        };
        guard.unwrap_or_default() + &update
    }

    /// What `acc` is before the first point.
    fn start(&mut self, nodes: &Nodes, empty: &[i64], position: &str) -> String {
        let least = match (self.kernel.reduction, self.kernel.scatter) {
            (Reduction::Sum, _) => 0,
            (Reduction::Max, None) => nodes.acc.lo as i64,
            (Reduction::Min, None) => nodes.acc.hi as i64,
            (_, Some(_)) if empty.iter().all(|&value| value == empty[0]) => empty[0],
            (_, Some(_)) => {
                let table = self.tables.add(&format!("{}_empty", self.kernel.name), empty.to_vec());
                self.names.reserve(&table);
                return format!("{table}[{position}]");
            }
        };
        number(least)
    }
}

/// The interval of a slot that an expression reads.
fn known(expr: &Expr, intervals: &[Interval], slot: u32) -> Option<Interval> {
    expr.nodes().iter().zip(intervals).find(|(op, _)| **op == Op::Read(slot)).map(|(_, interval)| *interval)
}

fn mark(kernel: &Kernel, slot: usize, used: &mut [bool]) {
    used[slot] = true;
    for access in &kernel.reads[slot].index {
        if let Access::Runtime(from) = access {
            mark(kernel, *from as usize, used);
        }
    }
}

/// Whether the result of `finish` depends on the reduction.
fn needs_acc(finish: &Expr, intervals: &[Interval]) -> bool {
    super::expr::live(finish, intervals)
        .into_iter()
        .zip(finish.nodes())
        .zip(intervals)
        .any(|((live, op), interval)| live && *op == Op::Acc && interval.lo != interval.hi)
}

fn tables_of(kernel: &Kernel) -> Vec<TableId> {
    let reads = kernel.reads.iter().flat_map(|read| &read.index).filter_map(|access| match access {
        Access::Table { table, .. } => Some(*table),
        Access::Affine(_) | Access::Runtime(_) => None,
    });
    let nodes = kernel.body.nodes().iter().chain(kernel.finish.nodes()).filter_map(|op| match op {
        Op::Param { table, .. } | Op::Lut { table, .. } => Some(*table),
        _ => None,
    });
    reads.chain(nodes).collect()
}

/// An array of a value's codes as it is declared.
pub(super) fn declaration(block: &Block, id: ValueId, name: &str) -> String {
    let value = block.value(id);
    format!("{} {name}[{}]", Type::code(value.format).name(), value.len())
}

fn pragmas(pace: Pace) -> Vec<String> {
    match pace {
        Pace::Rolled => Vec::new(),
        Pace::Pipelined { ii, lanes: 1 } => vec![format!("PIPELINE II={ii}")],
        Pace::Pipelined { ii, lanes } => {
            vec![format!("PIPELINE II={ii}"), format!("UNROLL factor={lanes}")]
        }
        Pace::Unrolled => vec!["UNROLL".to_owned()],
    }
}

fn head(ii: usize, positions: &[LoopView]) -> Vec<String> {
    if ii == 1 {
        vec!["INLINE".to_owned()]
    } else if positions.is_empty() {
        vec![format!("PIPELINE II={ii}")]
    } else {
        vec!["INLINE off".to_owned()]
    }
}

fn ends(loops: &[LoopView]) -> Vec<String> {
    loops.iter().rev().map(|one| one.indent.clone()).collect()
}
