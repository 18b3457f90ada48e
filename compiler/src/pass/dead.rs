//! Removes what nothing reads: steps, values, tables, blocks stay in order.

use nn2hdl_runtime::{Access, Block, Expr, Op, Program, Step, TableId, ValueId};

/// A kernel whose value is neither read nor a result disappears with its value; so do tables without a reader, blocks
/// without a caller. Equal tables become one.
pub fn dead(program: &mut Program) {
    blocks(program);
    for block in &mut program.blocks {
        steps(block);
        values(block);
    }
    tables(program);
}

fn steps(block: &mut Block) {
    let mut needed = vec![false; block.values.len()];
    block.results.iter().for_each(|id| needed[id.index()] = true);
    let mut kept = Vec::with_capacity(block.steps.len());
    for step in std::mem::take(&mut block.steps).into_iter().rev() {
        if step.writes().iter().any(|id| needed[id.index()]) {
            step.reads().for_each(|id| needed[id.index()] = true);
            kept.push(step);
        }
    }
    kept.reverse();
    block.steps = kept;
}

fn values(block: &mut Block) {
    let mut used = vec![false; block.values.len()];
    let all = block.params.iter().chain(&block.results).copied();
    let in_steps = block.steps.iter().flat_map(|step| step.reads().chain(step.writes().iter().copied()));
    all.chain(in_steps).for_each(|id| used[id.index()] = true);
    let mut map = Vec::with_capacity(used.len());
    let mut next = 0;
    for &used in &used {
        map.push(ValueId::new(next));
        next += usize::from(used);
    }
    let to = |id: &mut ValueId| *id = map[id.index()];
    block.params.iter_mut().chain(&mut block.results).for_each(to);
    for step in &mut block.steps {
        match step {
            Step::Kernel(kernel) => {
                to(&mut kernel.out);
                kernel.reads.iter_mut().for_each(|read| to(&mut read.value));
            }
            Step::Call(call) => call.args.iter_mut().chain(&mut call.results).for_each(to),
        }
    }
    let mut used = used.into_iter();
    block.values.retain(|_| used.next().unwrap_or(false));
}

fn blocks(program: &mut Program) {
    let count = program.blocks.len();
    let mut used = vec![false; count];
    used[count - 1] = true;
    for number in (0..count).rev() {
        if used[number] {
            for step in &program.blocks[number].steps {
                if let Step::Call(call) = step {
                    used[call.block.index()] = true;
                }
            }
        }
    }
    let map: Vec<u32> = used
        .iter()
        .scan(0, |next, &used| {
            let at = *next;
            *next += u32::from(used);
            Some(at)
        })
        .collect();
    for step in program.blocks.iter_mut().flat_map(|block| &mut block.steps) {
        if let Step::Call(call) = step {
            call.block.0 = map[call.block.index()];
        }
    }
    let mut used = used.into_iter();
    program.blocks.retain(|_| used.next().unwrap_or(false));
}

fn tables(program: &mut Program) {
    let mut map: Vec<Option<TableId>> = vec![None; program.tables.len()];
    let mut kept: Vec<TableId> = Vec::new();
    let old = std::mem::take(&mut program.tables);
    let mut seen = std::collections::BTreeMap::new();
    each_table(program, &mut |id: &mut TableId| {
        let new = *map[id.index()].get_or_insert_with(|| {
            *seen.entry(&old[id.index()].data).or_insert_with(|| {
                kept.push(*id);
                TableId::new(kept.len() - 1)
            })
        });
        *id = new;
    });
    program.tables = kept.into_iter().map(|id| old[id.index()].clone()).collect();
}

fn each_table(program: &mut Program, f: &mut dyn FnMut(&mut TableId)) {
    let in_expr = |expr: &mut Expr, f: &mut dyn FnMut(&mut TableId)| {
        for op in expr.nodes_mut() {
            if let Op::Param { table, .. } | Op::Lut { table, .. } = op {
                f(table);
            }
        }
    };
    for step in program.blocks.iter_mut().flat_map(|block| &mut block.steps) {
        let Step::Kernel(kernel) = step else { continue };
        for access in kernel.reads.iter_mut().flat_map(|read| &mut read.index) {
            if let Access::Table { table, .. } = access {
                f(table);
            }
        }
        in_expr(&mut kernel.body, f);
        in_expr(&mut kernel.finish, f);
    }
}
