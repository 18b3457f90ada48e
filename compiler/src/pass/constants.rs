//! Constants that stand in a value become part of the expressions that read them.

use nn2hdl_runtime::{Access, Block, Expr, Index, Kernel, Op, Program, Step};

/// Longer expressions stay where they are: a chain of sums of constants would double with each.
const LONGEST: usize = 64;

/// `a[p] = constant(p); b[p] = … a[f(p, r)] …` becomes `b[p] = … constant(f(p, r)) …`.
pub fn constants(program: &mut Program) {
    for block in &mut program.blocks {
        let mut known: Vec<Option<Expr>> = vec![None; block.values.len()];
        for number in 0..block.steps.len() {
            let Step::Kernel(kernel) = &block.steps[number] else { continue };
            let mut kernel = kernel.clone();
            let mut slot = 0;
            while slot < kernel.reads.len() {
                let constant = known[kernel.reads[slot].value.index()].as_ref();
                match constant.and_then(|constant| inlined(block, &kernel, slot, constant)) {
                    Some(other) => kernel = other,
                    None => slot += 1,
                }
            }
            let short = kernel.body.nodes().len() <= LONGEST;
            let fixed = short && kernel.reads.is_empty() && kernel.extent.is_empty() && kernel.finish == Expr::acc();
            known[kernel.out.index()] = (fixed && kernel.scatter.is_none()).then(|| kernel.body.clone());
            block.steps[number] = Step::Kernel(kernel);
        }
    }
}

/// `kernel` with `constant` in place of read `slot`; `None` if that may look beyond it or is an index.
fn inlined(block: &Block, kernel: &Kernel, slot: usize, constant: &Expr) -> Option<Kernel> {
    let read = &kernel.reads[slot];
    let shape = &block.value(kernel.out).shape;
    let names = |n: &u32| *n as usize == slot;
    let mut accesses = kernel.reads.iter().flat_map(|read| &read.index);
    let is_index = accesses.any(|access| matches!(access, Access::Runtime(from) if names(from)))
        || kernel.scatter.is_some_and(|scatter| names(&scatter.slot));
    if is_index {
        return None;
    }
    let mut at = Vec::with_capacity(read.index.len());
    for (access, &extent) in read.index.iter().zip(&block.value(read.value).shape) {
        let Access::Affine(index) = access else { return None };
        let (lo, hi) = index.bounds(shape, &kernel.extent)?;
        at.push((lo >= 0 && hi < extent as i64).then(|| index.clone())?);
    }
    let mut other = kernel.clone();
    other.reads.remove(slot);
    let moved = |n: &mut u32| *n -= u32::from(*n as usize > slot);
    for access in other.reads.iter_mut().flat_map(|read| &mut read.index) {
        if let Access::Runtime(from) = access {
            moved(from);
        }
    }
    if let Some(scatter) = &mut other.scatter {
        moved(&mut scatter.slot);
    }
    for expr in [&mut other.body, &mut other.finish] {
        if expr.nodes().iter().any(|op| matches!(op, Op::Read(n) if names(n))) {
            *expr = with(expr, slot, constant, &at);
        }
        for op in expr.nodes_mut() {
            if let Op::Read(n) = op {
                moved(n);
            }
        }
    }
    Some(other)
}

/// `expr` with `constant`, looked up at `at`, in place of read `slot`.
fn with(expr: &Expr, slot: usize, constant: &Expr, at: &[Index]) -> Expr {
    let mut whole = Expr::default();
    let mut looked_up = constant.clone();
    for op in looked_up.nodes_mut() {
        if let Op::Param { index, .. } | Op::Lut { row: index, .. } = op {
            *index = index.compose(at);
        }
    }
    for op in looked_up.nodes() {
        whole.push(op.clone());
    }
    let value = whole.result();
    whole.append(expr, |op| matches!(op, Op::Read(n) if *n as usize == slot).then_some(value));
    whole
}
