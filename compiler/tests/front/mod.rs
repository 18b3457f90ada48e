//! What the front-end tests share.
#![allow(dead_code)]

use std::path::PathBuf;

use nn2hdl_runtime::expr::apply;
use nn2hdl_runtime::index::points;
use nn2hdl_runtime::range::{locate, lut_row};
use nn2hdl_runtime::{Access, Block, Emulator, Expr, Kernel, Op, Program, Reduction, Step, ValueId};

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of real models, or `None` where it is absent; in continuous integration it must be there.
pub fn data() -> Option<PathBuf> {
    let near = root().join("../shared/data");
    let found = near.is_dir().then(|| near.clone());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent", near.display());
        eprintln!("SKIPPED: {} is absent, nothing was compared with golden answers", near.display());
    }
    found
}

/// The program's outputs for real inputs, frame by frame, as the host, the emulator and the host again compute them.
pub fn answers(program: &Program, inputs: &[Vec<f64>], frames: usize) -> Vec<Vec<f64>> {
    let codes: Vec<Vec<i64>> = program
        .inputs
        .iter()
        .enumerate()
        .map(|(n, input)| {
            input.encoder.encode(&inputs[n], program.input_value(n).len()).expect("finite inputs")
        })
        .collect();
    let slices: Vec<&[i64]> = codes.iter().map(Vec::as_slice).collect();
    let results =
        Emulator::new(program).expect("a valid program").run(&slices, frames).expect("matching inputs");
    let outputs = program.outputs.iter().enumerate();
    outputs.map(|(n, output)| output.decoder.decode(&results[n], program.output_value(n).len())).collect()
}

/// The codes of every output of one frame, computed as plainly as can be.
pub fn naive(program: &Program, inputs: &[Vec<i64>]) -> Vec<Vec<i64>> {
    block(program, program.main(), inputs)
}

fn block(program: &Program, block_: &Block, inputs: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let mut values: Vec<Vec<i64>> = vec![Vec::new(); block_.values.len()];
    for (param, input) in block_.params.iter().zip(inputs) {
        values[param.index()] = input.clone();
    }
    for step in &block_.steps {
        match step {
            Step::Kernel(step) => values[step.out.index()] = kernel(program, block_, step, &values),
            Step::Call(call) => {
                let mut args: Vec<Vec<i64>> = call.args.iter().map(|id| values[id.index()].clone()).collect();
                let mut results = Vec::new();
                for _ in 0..call.repeat {
                    results = block(program, program.block(call.block), &args);
                    args[..call.carried].clone_from_slice(&results[..call.carried]);
                }
                for (id, result) in call.results.iter().zip(results) {
                    values[id.index()] = result;
                }
            }
        }
    }
    block_.results.iter().map(|id| values[id.index()].clone()).collect()
}

fn kernel(program: &Program, block: &Block, kernel: &Kernel, values: &[Vec<i64>]) -> Vec<i64> {
    let read = |p: &[usize], r: &[usize]| {
        let mut slots: Vec<i64> = Vec::new();
        for read in &kernel.reads {
            let shape = &block.value(read.value).shape;
            let mut resolved = read.clone();
            for access in &mut resolved.index {
                if let Access::Runtime(slot) = access {
                    *access = Access::Affine(nn2hdl_runtime::Index::Const(slots[*slot as usize]));
                }
            }
            let at = locate(&resolved, shape, p, r, program);
            slots.push(at.map_or(read.outside, |at| values[read.value.index()][at]));
        }
        slots
    };
    points(&block.value(kernel.out).shape)
        .map(|p| {
            let mut acc: Option<i128> = None;
            for r in points(&kernel.extent) {
                let slots = read(&p, &r);
                if kernel
                    .scatter
                    .is_some_and(|scatter| slots[scatter.slot as usize] != p[scatter.axis] as i64)
                {
                    continue;
                }
                let value = evaluate(program, &kernel.body, &slots, 0, &p, &r);
                acc = Some(match (acc, kernel.reduction) {
                    (None, _) => value,
                    (Some(acc), Reduction::Sum) => acc + value,
                    (Some(acc), Reduction::Max) => acc.max(value),
                    (Some(acc), Reduction::Min) => acc.min(value),
                });
            }
            let slots = read(&p, &vec![0; kernel.extent.len()]);
            evaluate(program, &kernel.finish, &slots, acc.unwrap_or(0), &p, &[]) as i64
        })
        .collect()
}

fn evaluate(program: &Program, expr: &Expr, slots: &[i64], acc: i128, p: &[usize], r: &[usize]) -> i128 {
    let mut values: Vec<i128> = Vec::new();
    for op in expr.nodes() {
        values.push(match op {
            Op::Read(slot) => slots[*slot as usize].into(),
            Op::Acc => acc,
            Op::Param { table, index } => program.table(*table)[index.at(p, r) as usize].into(),
            Op::Lut { table, row, base, a, .. } => {
                let at = lut_row(row, p, r) as i128 + values[a.index()] - i128::from(*base);
                program.table(*table)[at as usize].into()
            }
            op => apply(op, |id| values[id.index()]).expect("operands within the primitives' domains"),
        });
    }
    *values.last().expect("an expression is not empty")
}

/// A value of the main block by its name.
pub fn value_named(block: &Block, name: &str) -> Option<ValueId> {
    block.value_ids().find(|&id| block.value(id).name == name)
}
