//! Axes of intermediate tensors go in the order of the layer that feeds them.

use nn2hdl_runtime::{Access, Block, Index, Kernel, Op, Program, Step, ValueId};

/// An elementwise layer behind a transpose, `b[p] = f(a[σ(p)])`, becomes `b'[q] = f(a[q])`, and its readers look at `b'`
/// where they looked at `b`: nothing but the order in which a program's own tensors are written down changes. Those
/// that the network delivers, or that calls take, keep theirs.
pub fn order(program: &mut Program) {
    program.blocks.iter_mut().for_each(order_block);
}

fn order_block(block: &mut Block) {
    let mut fixed = vec![false; block.values.len()];
    let called = block.steps.iter().filter(|step| matches!(step, Step::Call(_)));
    let called: Vec<ValueId> =
        called.flat_map(|step| step.reads().chain(step.writes().iter().copied())).collect();
    called.iter().chain(&block.results).for_each(|id| fixed[id.index()] = true);
    for number in 0..block.steps.len() {
        let Step::Kernel(kernel) = &block.steps[number] else { continue };
        let value = kernel.out;
        if fixed[value.index()] {
            continue;
        }
        let Some(axes) = exchanged(block, kernel) else { continue };
        let shape = &block.values[value.index()].shape;
        let moved = axes.iter().map(|&axis| shape[axis]).collect();
        block.values[value.index()].shape = moved;
        if let Step::Kernel(kernel) = &mut block.steps[number] {
            exchange(kernel, &axes);
        }
        for step in &mut block.steps[number + 1..] {
            let Step::Kernel(reader) = step else { continue };
            for read in reader.reads.iter_mut().filter(|read| read.value == value) {
                read.index = axes.iter().map(|&axis| read.index[axis].clone()).collect();
            }
        }
    }
}

/// For each axis of the operands the output's axis that it follows, if that is the same for all and not in order.
fn exchanged(block: &Block, kernel: &Kernel) -> Option<Vec<usize>> {
    let rank = block.value(kernel.out).shape.len();
    if !kernel.extent.is_empty() || kernel.scatter.is_some() {
        return None;
    }
    let mut whole = kernel.reads.iter().filter(|read| read.index.len() == rank).map(|read| {
        let followed = read.index.iter().map(|access| match access {
            Access::Affine(index) => only_axis(index),
            Access::Table { .. } | Access::Runtime(_) => None,
        });
        let axes: Vec<usize> = followed.collect::<Option<_>>()?;
        (0..rank).all(|axis| axes.contains(&axis)).then_some(axes)
    });
    let axes = whole.next()??;
    let alike = whole.all(|other| other.as_ref() == Some(&axes));
    (alike && !axes.is_sorted()).then_some(axes)
}

/// The one axis of the output that an index depends on.
fn only_axis(index: &Index) -> Option<usize> {
    fn walk(index: &Index, found: &mut Option<u8>) -> bool {
        match index {
            Index::Const(_) | Index::R(_) => true,
            Index::P(axis) => *found.get_or_insert(*axis) == *axis,
            Index::Add(a, b) => walk(a, found) && walk(b, found),
            Index::Mul(a, _) | Index::Div(a, _) | Index::Mod(a, _) => walk(a, found),
        }
    }
    let mut found = None;
    if walk(index, &mut found) { found.map(usize::from) } else { None }
}

/// The kernel with output axis `n` in place of its axis `axes[n]`.
fn exchange(kernel: &mut Kernel, axes: &[usize]) {
    let mut at = vec![Index::Const(0); axes.len()];
    axes.iter().enumerate().for_each(|(n, &axis)| at[axis] = Index::p(n));
    for access in kernel.reads.iter_mut().flat_map(|read| &mut read.index) {
        if let Access::Affine(index) | Access::Table { index, .. } = access {
            *index = index.compose(&at);
        }
    }
    for op in kernel.body.nodes_mut().iter_mut().chain(kernel.finish.nodes_mut()) {
        if let Op::Param { index, .. } | Op::Lut { row: index, .. } = op {
            *index = index.compose(&at);
        }
    }
}
