//! Nets that constants or widths alone decide: they are wiring, since lint takes a comparison that is always so, or
//! never, for a mistake.

use super::adder::Operand;
use super::bits::Run;
use super::compare::decided;
use super::wires::Wires;
use crate::netlist::{Driver, Module, NetId};

/// The bits of the net `index` if they need no logic, additions aside.
pub(super) fn fold(module: &Module, wires: &Wires, index: usize) -> Option<Run> {
    let bits = module.nets[index].bits;
    let run = |id: NetId| wires.run_of(id);
    let operand = |id: NetId| Operand { run: run(id).clone(), signed: module.bits(id).signed };
    let resized = |id: NetId| run(id).resize(module.bits(id).signed, bits.width);
    let value =
        |id: NetId| run(id).as_const().map(|pattern| i128::from(module.bits(id).read(pattern.into())));
    let constant = |value: i128| Some(Run::constant(bits.read(value), bits.width));
    match module.nets[index].driver {
        Driver::Lt(a, b) => constant(decided(&operand(a), &operand(b))?.into()),
        Driver::Max(a, b) => Some(resized(if decided(&operand(a), &operand(b))? { b } else { a })),
        Driver::Min(a, b) => Some(resized(if decided(&operand(a), &operand(b))? { a } else { b })),
        Driver::Select(_, b, c) if resized(b) == resized(c) => Some(resized(b)),
        Driver::Select(a, b, c) => Some(resized(if value(a)? == 0 { c } else { b })),
        Driver::Add { a, b, shift_a, shift_b, subtract: true }
            if shift_a == shift_b && run(a) == run(b) && module.bits(a) == module.bits(b) =>
        {
            constant(0)
        }
        Driver::Add { a, b, shift_a, shift_b, subtract } => {
            let shifted =
                |value: i128, shift: u32| value.checked_shl(shift).filter(|_| shift < 64).unwrap_or(0);
            let (a, b) = (shifted(value(a)?, shift_a), shifted(value(b)?, shift_b));
            constant(if subtract { a.wrapping_sub(b) } else { a.wrapping_add(b) })
        }
        Driver::Mul(a, b) => match (value(a), value(b)) {
            (Some(0), _) | (_, Some(0)) => constant(0),
            (a, b) => constant(a?.wrapping_mul(b?)),
        },
        Driver::Rom { a, ref data } => constant(data[run(a).as_const()? as usize].into()),
        _ => None,
    }
}
