//! Additions as they are printed: what is only wiring is taken out first.
//!
//! One addition is one expression of its own named wire. On 16 × 16 matrices of 8 bits (382 additions) Yosys 0.23 maps
//! that to 3,946 LUTs in 5 CPU s, and one instance of an adder module per addition to 4,014 in 14 with the hierarchy
//! kept, to the same 3,946 when it is flattened.

use super::bits::Run;
use super::wires::Wires;
use crate::netlist::{Driver, Module};

/// An addition.
pub(super) enum Adder {
    /// Nothing is left to add.
    Wiring(Run),
    /// `zeros` zero bits below the sum of `width` bits.
    Sum { zeros: u32, width: u32, a: Operand, b: Operand, shift_b: u32, subtract: bool },
}

/// An operand of an addition.
pub(super) struct Operand {
    pub(super) run: Run,
    /// Whether it has to be extended as two's complement.
    pub(super) signed: bool,
}

impl Adder {
    /// The addition that drives the net `index`.
    pub(super) fn of(module: &Module, wires: &Wires, index: usize) -> Self {
        let net = &module.nets[index];
        let Driver::Add { a, b, shift_a, shift_b, subtract } = net.driver else {
            unreachable!("only additions are asked for")
        };
        let stripped = |id, shift: u32| {
            let run = wires.run_of(id);
            let zeros = run.trailing_zeros();
            let run = run.part(zeros, run.width() - zeros);
            (Operand { run, signed: module.bits(id).signed }, shift + zeros)
        };
        let (a, b) = (stripped(a, shift_a), stripped(b, shift_b));
        let is_zero = |operand: &Operand| operand.run.as_const() == Some(0);
        let (((mut a, mut shift_a), (mut b, mut shift_b)), total) =
            (if !subtract && a.1 > b.1 { (b, a) } else { (a, b) }, net.bits.width);
        let shifted = |operand: &Operand, shift: u32| {
            if shift >= total {
                return Self::Wiring(Run::zeros(total));
            }
            Self::Wiring(Run::zeros(shift).below(&operand.run.resize(operand.signed, total - shift)))
        };
        if is_zero(&b) {
            return shifted(&a, shift_a);
        }
        if is_zero(&a) && !subtract {
            return shifted(&b, shift_b);
        }
        if is_zero(&a) {
            shift_a = shift_b;
        }
        let zeros = shift_a.min(shift_b);
        if zeros >= total {
            return Self::Wiring(Run::zeros(total));
        }
        let width = total - zeros;
        (shift_a, shift_b) = (shift_a - zeros, shift_b - zeros);
        // Only the minuend of a subtraction is left here with a shift.
        a.run = Run::zeros(shift_a).below(&a.run);
        if shift_b >= width {
            return Self::Wiring(Run::zeros(zeros).below(&a.run.resize(a.signed, width)));
        }
        if !subtract && !a.signed && a.run.width() <= shift_b {
            let low = Run::zeros(zeros).below(&a.run.resize(false, shift_b));
            return Self::Wiring(low.below(&b.run.resize(b.signed, width - shift_b)));
        }
        for (operand, most) in [(&mut a, width), (&mut b, width - shift_b)] {
            operand.signed &= operand.run.width() < most;
            operand.run = operand.run.part(0, operand.run.width().min(most));
        }
        Self::Sum { zeros, width, a, b, shift_b, subtract }
    }
}
