//! Comparisons as they are printed: what widths already decide is not compared.

use super::adder::Operand;
use super::bits::Run;
use super::text::Text;

/// The condition `a < b`.
pub(super) enum Less {
    /// It is always so, or never.
    Always(bool),
    /// An expression of one bit.
    When(String),
}

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

/// `a < b`.
pub(super) fn less(text: &mut Text<'_>, a: &Operand, b: &Operand) -> Less {
    let (of_a, of_b) = (bounds(a), bounds(b));
    if of_a.1 < of_b.0 {
        return Less::Always(true);
    }
    if of_a.0 >= of_b.1 {
        return Less::Always(false);
    }
    if of_b == (0, 0) {
        let sign = a.run.part(a.run.width() - 1, 1);
        return Less::When(text.of(&sign));
    }
    let signed = a.signed || b.signed;
    let width = |operand: &Operand| operand.run.width() + u32::from(signed && !operand.signed);
    let width = width(a).max(width(b));
    let mut side = |operand: &Operand| {
        let side: Run = operand.run.resize(operand.signed, width);
        let side = text.of(&side);
        if signed { format!("$signed({side})") } else { side }
    };
    let (a, b) = (side(a), side(b));
    Less::When(format!("({a} < {b})"))
}
