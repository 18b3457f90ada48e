//! Comparisons as they are printed.

use super::adder::Operand;
use super::text::Text;

/// What `a` can be, by its bits alone.
fn bounds(a: &Operand) -> (i128, i128) {
    let width = a.run.width();
    match (a.run.as_const(), a.signed) {
        (Some(pattern), signed) => {
            let value = nn2hdl_runtime::expr::wrap(pattern.into(), signed, width);
            (value, value)
        }
        (None, true) => (-(1 << (width - 1)), (1 << (width - 1)) - 1),
        (None, false) => (0, (1 << width) - 1),
    }
}

/// Whether `a < b`, if it is always so or never, by their bits alone.
pub(super) fn decided(a: &Operand, b: &Operand) -> Option<bool> {
    if a.run == b.run && a.signed == b.signed {
        return Some(false);
    }
    let (a, b) = (bounds(a), bounds(b));
    if a.1 < b.0 {
        return Some(true);
    }
    (a.0 >= b.1).then_some(false)
}

/// `a < b`, an expression of one bit.
pub(super) fn less(text: &mut Text<'_>, a: &Operand, b: &Operand) -> String {
    if bounds(b) == (0, 0) {
        return text.of(&a.run.part(a.run.width() - 1, 1));
    }
    let signed = a.signed || b.signed;
    let width = |operand: &Operand| operand.run.width() + u32::from(signed && !operand.signed);
    let width = width(a).max(width(b));
    let mut side = |operand: &Operand| {
        let side = text.of(&operand.run.resize(operand.signed, width));
        if signed { format!("$signed({side})") } else { side }
    };
    let (a, b) = (side(a), side(b));
    format!("({a} < {b})")
}
