//! Every invariant of a program. All other code may rely on them.

mod kernel;
mod size;

pub(crate) use size::kernel_work as work;
pub use size::{CALL_LIMIT, ELEMENT_LIMIT, EXPR_LIMIT, FRAME_LIMIT, LIST_LIMIT, READ_LIMIT, WORK_LIMIT};

use crate::format::Interval;
use crate::id::ValueId;
use crate::program::{Block, Call, Program, Step};
use crate::range::{self, RangeError};

/// A broken invariant, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ProgramError {
    /// Block and step or value.
    pub place: String,
    /// What is wrong.
    pub fault: String,
    /// Whether the program is merely too large.
    pub too_large: bool,
}

/// Checks that
///
/// - every handle names something, every format has a legal width; no shape is empty, and the program is of bearable
///   size, in memory and in work, for analysis and for a frame ([`ELEMENT_LIMIT`], [`WORK_LIMIT`], [`FRAME_LIMIT`]);
/// - a block's values are each written once, by a parameter or by one step, before they are read;
/// - index maps have the rank of what they address, table lookups stay within their tables, reads used by
///   `finish` do not depend on the reduction point, run-time indices come from earlier slots;
/// - expressions refer backwards; shift amounts and wrap widths are constants; only `finish` has `Acc`;
/// - no intermediate of any kernel exceeds 64 bits, and every output element fits its value's format;
/// - calls name earlier blocks, with arguments and results whose shapes and formats agree;
/// - inputs and outputs are as many as the main block's parameters and results.
pub fn validate(program: &Program) -> Result<(), ProgramError> {
    if program.blocks.is_empty() {
        return Err(fault(&program.name, "the program has no block"));
    }
    let mut budget = size::Budget::new(program)?;
    for (number, block) in program.blocks.iter().enumerate() {
        check_block(program, number, block, &mut budget)?;
    }
    let main = program.main();
    if main.params.len() != program.inputs.len() || main.results.len() != program.outputs.len() {
        return Err(fault(&main.name, "inputs or outputs differ in number from the main block's"));
    }
    for (input, &value) in program.inputs.iter().zip(&main.params) {
        input.encoder.check(main.value(value)).map_err(|text| fault(&input.name, text))?;
    }
    for output in &program.outputs {
        output.decoder.check().map_err(|text| fault(&output.name, text))?;
    }
    Ok(())
}

fn fault(place: &str, text: impl Into<String>) -> ProgramError {
    ProgramError { place: place.to_owned(), fault: text.into(), too_large: false }
}

fn too_large(place: &str, text: impl Into<String>) -> ProgramError {
    ProgramError { too_large: true, ..fault(place, text) }
}

fn check_block(
    program: &Program,
    number: usize,
    block: &Block,
    budget: &mut size::Budget,
) -> Result<(), ProgramError> {
    for value in &block.values {
        if !value.format.is_legal() {
            return Err(fault(&value.name, "the format has no legal width"));
        }
    }
    let mut written = vec![false; block.values.len()];
    let mut write = |id: ValueId, place: &str| match written.get_mut(id.index()) {
        None => Err(fault(place, "a value that does not exist is written")),
        Some(true) => Err(fault(place, "a value is written twice")),
        Some(slot) => {
            *slot = true;
            Ok(())
        }
    };
    for &param in &block.params {
        write(param, &block.name)?;
    }
    let mut available: Vec<bool> = vec![false; block.values.len()];
    block.params.iter().for_each(|param| available[param.index()] = true);
    let check_available = |available: &[bool], id: ValueId, place: &str| {
        if available.get(id.index()) == Some(&true) {
            Ok(())
        } else {
            Err(fault(place, "a value is used before it is written"))
        }
    };
    for step in &block.steps {
        let place = format!("{}/{}", block.name, step.name());
        for id in step.reads() {
            check_available(&available, id, &place)?;
        }
        for &id in step.writes() {
            write(id, &place)?;
            available[id.index()] = true;
        }
        match step {
            Step::Kernel(kernel) => {
                kernel::check(program, block, kernel).map_err(|text| fault(&place, text))?
            }
            Step::Call(call) => {
                check_call(program, number, block, call).map_err(|text| fault(&place, text))?
            }
        }
    }
    for &result in &block.results {
        check_available(&available, result, &block.name)?;
    }
    budget.spend(program, block)?;
    let ranges = range::analyse(program, block).map_err(|(step, error)| {
        let large = matches!(error, RangeError::Large { .. });
        let place = format!("{}/{step}", block.name);
        if large { too_large(&place, error.to_string()) } else { fault(&place, error.to_string()) }
    })?;
    budget.look_through(&block.name, ranges.work)?;
    for (id, elements) in block.value_ids().zip(&ranges.elements) {
        let value = block.value(id);
        if written[id.index()] && !value.format.interval().contains(range::join(elements)) {
            let Interval { lo, hi } = range::join(elements);
            return Err(fault(&value.name, format!("{lo} to {hi} does not fit {}", value.format)));
        }
    }
    Ok(())
}

fn check_call(program: &Program, number: usize, block: &Block, call: &Call) -> Result<(), String> {
    let callee = program.blocks.get(call.block.index()).ok_or("a block that does not exist is called")?;
    if call.block.index() >= number {
        return Err("a block may call earlier blocks only".into());
    }
    if call.args.len() != callee.params.len() || call.results.len() != callee.results.len() {
        return Err("arguments or results differ in number from the block's".into());
    }
    if call.repeat == 0 || call.carried > call.args.len().min(call.results.len()) {
        return Err("the repetition is inconsistent".into());
    }
    let same = |outer: ValueId, inner: ValueId| {
        let (outer, inner) = (block.value(outer), callee.value(inner));
        outer.shape == inner.shape && outer.format == inner.format
    };
    let args = call.args.iter().zip(&callee.params).all(|(&a, &b)| same(a, b));
    let results = call.results.iter().zip(&callee.results).all(|(&a, &b)| same(a, b));
    let carried = (0..call.carried).all(|n| {
        let (from, to) = (callee.value(callee.results[n]), callee.value(callee.params[n]));
        from.shape == to.shape && from.format == to.format
    });
    if args && results && carried {
        Ok(())
    } else {
        Err("shapes or formats differ at the block's boundary".into())
    }
}
