//! Encoders and decoders against the statement on fractions.

mod rational;

use nn2hdl_runtime::codec::{Affine, Steps, fixed};
use nn2hdl_runtime::*;
use proptest::prelude::*;

fn quantizers(width: u32, frac: i32) -> Vec<Quantizer> {
    let mut all = Vec::new();
    for signed in [false, true] {
        for &rounding in Rounding::ALL {
            for &overflow in Overflow::ALL {
                all.push(Quantizer { format: Format::new(signed, width, frac).unwrap(), rounding, overflow });
            }
        }
    }
    all
}

fn check(value: f64, quantizer: Quantizer) {
    // value = mantissa × 2^exponent, exactly.
    let bits = value.to_bits();
    let (field, fraction) = ((bits >> 52 & 0x7ff) as i32, (bits & ((1 << 52) - 1)) as i128);
    let (mantissa, exponent) =
        if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
    let mantissa = if value < 0.0 { -mantissa } else { mantissa };
    let shift = exponent + quantizer.format.frac;
    // Beyond these bounds the fraction is one of the same side and parity.
    let expected = if shift >= 0 {
        let shift = if shift > 70 { 70 } else { shift };
        rational::quantize(mantissa * 2i128.pow(shift as u32), 1, quantizer)
    } else {
        rational::quantize(mantissa, 2i128.pow(shift.unsigned_abs().min(100)), quantizer)
    };
    assert_eq!(i128::from(fixed(value, quantizer)), expected, "{value:e} to {quantizer}");
}

#[test]
fn every_mode_on_a_grid() {
    for width in 1..=5 {
        for frac in [-2, 0, 3, 7] {
            for quantizer in quantizers(width, frac) {
                for step in -600..=600 {
                    check(f64::from(step) / 8.0 * 2f64.powi(-frac), quantizer);
                }
            }
        }
    }
}

#[test]
fn every_mode_where_floats_are_odd() {
    let half = 0.5f64;
    let odd = [
        half.next_down(),
        half.next_up(),
        1.5f64.next_down(),
        2.5f64.next_up(),
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        1e300,
        f64::MAX,
        4503599627370497.5,
        9007199254740993.0,
        9223372036854775807.0,
        9223372036854774784.0,
        18446744073709551616.0,
        0.0,
    ];
    for width in [1, 4, 63] {
        for frac in [-1000, -60, -1, 0, 1, 60, 1000] {
            for quantizer in quantizers(width, frac) {
                odd.iter().for_each(|&value| {
                    check(value, quantizer);
                    check(-value, quantizer);
                });
            }
        }
    }
    let wide = Quantizer {
        format: Format::new(true, 64, 0).unwrap(),
        rounding: Rounding::Trn,
        overflow: Overflow::SatZero,
    };
    assert_eq!(fixed(9223372036854775808.0, wide), 0);
    assert_eq!(fixed(-9223372036854775808.0, wide), i64::MIN);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_mode_on_any_float(bits: u64, scale in -20i32..20, width in 1u32..=63, frac in -30i32..30) {
        let value = f64::from_bits(bits & !(0x7ff << 52) | ((0x3ff + scale) as u64) << 52);
        quantizers(width, frac).into_iter().for_each(|quantizer| check(value, quantizer));
    }
}

#[test]
fn steps_change_at_their_thresholds() {
    let rising = Steps { first: -1, thresholds: vec![-0.5, 0.25, 0.25, 2.0], descending: false };
    let falling = Steps { first: 3, thresholds: vec![-0.5, 1.0], descending: true };
    let encoder = Encoder::Steps { channels: vec![rising, falling], inner: 2 };
    let values = [-9.0, -0.5, 1.5, 1.0, (-0.5f64).next_down(), 0.25, -0.5, -3.0];
    // Elements 0, 1 are of the first channel, 2, 3 of the second, in both frames.
    assert_eq!(encoder.encode(&values, 4).unwrap(), [-1, 0, 3, 4, -1, 2, 5, 5]);
    assert_eq!(encoder.encode(&[0.0, f64::NAN], 2).unwrap_err().element, 1);
}

#[test]
fn decoders_are_affine_by_channel() {
    let channels = vec![Affine { scale: 0.5, offset: 1.0 }, Affine { scale: -2.0, offset: 0.0 }];
    let decoder = Decoder { channels, inner: 1 };
    assert_eq!(decoder.decode(&[3, 3, -1, 0], 2), [2.5, -6.0, 0.5, 0.0]);
    assert_eq!(Decoder::fixed(4).decode(&[-24], 1), [-1.5]);
}
