//! What is elementwise joins the layer that feeds it.

use nn2hdl_runtime::{Access, Block, Expr, Kernel, Op, Program, Read, Step};

/// `a[p] = f(…); b[p] = g(a[p], c[h(p)])` becomes `b[p] = g(f(…), c[h(p)])` if nothing else reads `a`. The layer keeps
/// the name of the first.
pub fn fuse(program: &mut Program) {
    program.blocks.iter_mut().for_each(fuse_block);
}

fn fuse_block(block: &mut Block) {
    let mut uses = vec![0usize; block.values.len()];
    let mut writer: Vec<Option<usize>> = vec![None; block.values.len()];
    block.results.iter().for_each(|id| uses[id.index()] += 2);
    for step in &block.steps {
        step.reads().for_each(|id| uses[id.index()] += 1);
    }
    let mut steps: Vec<Option<Step>> = std::mem::take(&mut block.steps).into_iter().map(Some).collect();
    for number in 0..steps.len() {
        let Some(Step::Kernel(consumer)) = steps[number].clone() else { continue };
        let mut kernel = consumer;
        if kernel.extent.is_empty() && kernel.scatter.is_none() {
            let found = (0..kernel.reads.len()).find_map(|slot| {
                let value = kernel.reads[slot].value;
                let at = writer[value.index()]?;
                let Some(Some(Step::Kernel(producer))) = steps.get(at) else { return None };
                let same = kernel.reads[slot]
                    == Read {
                        outside: kernel.reads[slot].outside,
                        ..Read::same(value, block.value(value).shape.len())
                    };
                let fits = uses[value.index()] == 1
                    && same
                    && block.value(value).shape == block.value(kernel.out).shape;
                fits.then(|| (slot, at, producer.clone()))
            });
            let as_index = |slot: usize| {
                let runtime =
                    |access: &Access| matches!(access, Access::Runtime(from) if *from as usize == slot);
                kernel.reads.iter().any(|read| read.index.iter().any(runtime))
            };
            if let Some((slot, at, producer)) = found
                && !as_index(slot)
            {
                kernel = joined(producer, &kernel, slot);
                steps[at] = None;
            }
        }
        writer[kernel.out.index()] = Some(number);
        steps[number] = Some(Step::Kernel(kernel));
    }
    block.steps = steps.into_iter().flatten().collect();
}

fn joined(producer: Kernel, consumer: &Kernel, slot: usize) -> Kernel {
    let mut reads = producer.reads;
    let base = reads.len() as u32;
    // Slots of the consumer move behind the producer's; the one that is replaced leaves no gap.
    let moved = |n: u32| base + n - u32::from(n as usize > slot);
    for (number, read) in consumer.reads.iter().enumerate() {
        if number == slot {
            continue;
        }
        let mut read = read.clone();
        for access in &mut read.index {
            if let Access::Runtime(from) = access {
                *from = moved(*from);
            }
        }
        reads.push(read);
    }
    let mut finish = producer.finish;
    let value = finish.result();
    let renumbered = renumber(&consumer.body, &moved, slot);
    let body = finish.append(&renumbered, |op| matches!(op, Op::Read(n) if *n == u32::MAX).then_some(value));
    let after = renumber(&consumer.finish, &moved, slot);
    finish.append(&after, |op| match op {
        Op::Acc => Some(body),
        Op::Read(u32::MAX) => Some(value),
        _ => None,
    });
    Kernel { out: consumer.out, reads, finish, ..producer }
}

fn renumber(expr: &Expr, moved: &dyn Fn(u32) -> u32, slot: usize) -> Expr {
    let mut expr = expr.clone();
    for op in expr.nodes_mut() {
        if let Op::Read(n) = op {
            *n = if *n as usize == slot { u32::MAX } else { moved(*n) };
        }
    }
    expr
}
