//! Flip-flops, those in rows of three and more as shift registers in look-up tables.

use rustc_hash::FxHashMap;

use super::tables::{Signal, ZERO};

/// A flip-flop.
#[derive(Debug)]
pub struct Register {
    /// Its input.
    pub d: Signal,
    /// Whether it takes the input.
    pub enable: Signal,
    /// Whether it is set to a constant instead.
    pub clear: Signal,
    /// Its output.
    pub signal: Signal,
}

/// Look-up tables and flip-flops of those of `registers` that are `live`; `reads` is of each node.
pub fn rows(registers: &[Register], live: &[usize], reads: &[u8]) -> (u64, u64) {
    let numbers: FxHashMap<Signal, usize> =
        live.iter().map(|&number| (registers[number].signal, number)).collect();
    let shifts = |number: usize| {
        let register = &registers[number];
        let from = *numbers.get(&register.d)?;
        let alike = |other: &Register| other.clear == ZERO && other.enable == register.enable;
        (from != number && alike(register) && alike(&registers[from])).then_some(from)
    };
    // Registers whose only reader is another such register are inside a row.
    let mut inside = vec![false; registers.len()];
    for &number in live {
        if let Some(from) = shifts(number)
            && reads[registers[from].signal as usize >> 1] == 1
        {
            inside[from] = true;
        }
    }
    let (mut luts, mut ffs) = (0, 0);
    for &end in live.iter().filter(|&&number| !inside[number]) {
        let mut length = 1u64;
        let mut at = end;
        while let Some(from) = shifts(at).filter(|&from| inside[from]) {
            length += 1;
            at = from;
        }
        let rest = length % 32;
        let spare = u64::from(rest == 1 || rest == 17);
        let (lut, ff) = if length < 3 { (0, length) } else { ((length - spare).div_ceil(32), spare) };
        luts += lut;
        ffs += ff;
    }
    (luts, ffs)
}
