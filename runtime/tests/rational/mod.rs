//! `ap_fixed`'s rounding and overflow, stated on fractions.

use nn2hdl_runtime::{Format, Overflow, Quantizer, Rounding};

/// The code of `numerator / denominator`, counted in the last place of the quantizer's format.
pub fn quantize(numerator: i128, denominator: i128, to: Quantizer) -> i128 {
    overflow(round(numerator, denominator, to.rounding), to.format, to.overflow)
}

fn round(numerator: i128, denominator: i128, mode: Rounding) -> i128 {
    let below = numerator.div_euclid(denominator);
    if below * denominator == numerator {
        return below;
    }
    let above = below + 1;
    let (toward_zero, from_zero) = if numerator < 0 { (above, below) } else { (below, above) };
    let even = if below % 2 == 0 { below } else { above };
    let to_below = numerator - below * denominator;
    let to_above = above * denominator - numerator;
    let nearest = |tie: i128| match to_below.cmp(&to_above) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Equal => tie,
        std::cmp::Ordering::Greater => above,
    };
    match mode {
        Rounding::Trn => below,
        Rounding::TrnZero => toward_zero,
        Rounding::Rnd => nearest(above),
        Rounding::RndZero => nearest(toward_zero),
        Rounding::RndInf => nearest(from_zero),
        Rounding::RndMinInf => nearest(below),
        Rounding::RndConv => nearest(even),
    }
}

fn overflow(value: i128, format: Format, mode: Overflow) -> i128 {
    let codes = 2i128.pow(format.width);
    let (least, greatest) = if format.signed { (-codes / 2, codes / 2 - 1) } else { (0, codes - 1) };
    let symmetric = if format.signed { -greatest } else { least };
    if mode == Overflow::SatSym && value < symmetric {
        return symmetric;
    }
    if (least..=greatest).contains(&value) {
        return value;
    }
    match mode {
        Overflow::Wrap => {
            let low = value.rem_euclid(codes);
            if low > greatest { low - codes } else { low }
        }
        Overflow::SatZero => 0,
        Overflow::Sat | Overflow::SatSym if value < least => least,
        Overflow::Sat | Overflow::SatSym => greatest,
    }
}
