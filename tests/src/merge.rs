//! Several programs side by side in one, so that one simulator model runs them all.

use nn2hdl_runtime::{Access, Block, BlockId, Expr, Kernel, Op, Program, Step, TableId, ValueId};

/// One program with the inputs and outputs of all, in order. Names get the program's number as a prefix.
pub fn merge(name: &str, programs: &[Program]) -> Program {
    let mut whole = Program::new(name);
    let mut main = Block::new("main");
    for (number, program) in programs.iter().enumerate() {
        let prefix = format!("p{number}_");
        let tables = whole.tables.len() as u32;
        let blocks = whole.blocks.len() as u32;
        whole.tables.extend(program.tables.iter().cloned());
        let (last, others) = program.blocks.split_last().expect("a program has a main block");
        for block in others {
            let mut block = block.clone();
            block.name.insert_str(0, &prefix);
            block.steps = block.steps.iter().map(|step| moved(step, tables, blocks, 0, &prefix)).collect();
            whole.blocks.push(block);
        }
        let values = main.values.len() as u32;
        let shift = |id: &ValueId| ValueId(id.0 + values);
        main.steps.extend(last.steps.iter().map(|step| moved(step, tables, blocks, values, &prefix)));
        main.params.extend(last.params.iter().map(shift));
        main.results.extend(last.results.iter().map(shift));
        main.values.extend(last.values.iter().cloned());
        let mut inputs = program.inputs.clone();
        inputs.iter_mut().for_each(|input| input.name.insert_str(0, &prefix));
        let mut outputs = program.outputs.clone();
        outputs.iter_mut().for_each(|output| output.name.insert_str(0, &prefix));
        whole.inputs.extend(inputs);
        whole.outputs.extend(outputs);
    }
    whole.blocks.push(main);
    whole
}

fn moved(step: &Step, tables: u32, blocks: u32, values: u32, prefix: &str) -> Step {
    let value = |id: ValueId| ValueId(id.0 + values);
    let table = |id: TableId| TableId(id.0 + tables);
    let expr = |from: &Expr| {
        let mut to = from.clone();
        for op in to.nodes_mut() {
            if let Op::Param { table: id, .. } | Op::Lut { table: id, .. } = op {
                *id = table(*id);
            }
        }
        to
    };
    match step {
        Step::Kernel(kernel) => {
            let mut kernel =
                Kernel { body: expr(&kernel.body), finish: expr(&kernel.finish), ..kernel.clone() };
            kernel.name.insert_str(0, prefix);
            kernel.out = value(kernel.out);
            for read in &mut kernel.reads {
                read.value = value(read.value);
                for access in &mut read.index {
                    if let Access::Table { table: id, .. } = access {
                        *id = table(*id);
                    }
                }
            }
            Step::Kernel(kernel)
        }
        Step::Call(call) => {
            let mut call = call.clone();
            call.name.insert_str(0, prefix);
            call.block = BlockId(call.block.0 + blocks);
            call.args.iter_mut().chain(&mut call.results).for_each(|id| *id = value(*id));
            Step::Call(call)
        }
    }
}
