/// Packs elements of `width` bits into words, element 0 in the low bits; the last word is padded with zeros.
///
/// Of each value the low `width` bits are taken, so negative values become two's complement.
///
/// # Panics
/// If `width` is not in 1..=64.
pub fn pack(values: &[i64], width: u32) -> Vec<u32> {
    let mut words = vec![0u32; words_for(values.len(), width)];
    for (index, &value) in values.iter().enumerate() {
        let bits = value as u64 & mask(width);
        let start = index * width as usize;
        let shifted = u128::from(bits) << (start % 32);
        for part in 0..span(start, width) {
            words[start / 32 + part] |= (shifted >> (32 * part)) as u32;
        }
    }
    words
}

/// Takes `count` elements of `width` bits out of words, the inverse of [`pack`]; `signed` elements are sign-extended.
///
/// Unsigned elements of 64 bits come back as the same bits in an `i64`.
///
/// # Panics
/// If `width` is not in 1..=64, or if there are fewer words than the elements need.
pub fn unpack(words: &[u32], width: u32, count: usize, signed: bool) -> Vec<i64> {
    let needed = words_for(count, width);
    assert!(
        words.len() >= needed,
        "{count} elements of {width} bits need {needed} words, not {}",
        words.len()
    );
    (0..count)
        .map(|index| {
            let start = index * width as usize;
            let mut gathered = 0u128;
            for part in 0..span(start, width) {
                gathered |= u128::from(words[start / 32 + part]) << (32 * part);
            }
            let bits = (gathered >> (start % 32)) as u64 & mask(width);
            let unused = 64 - width;
            if signed { ((bits << unused) as i64) >> unused } else { bits as i64 }
        })
        .collect()
}

fn words_for(count: usize, width: u32) -> usize {
    assert!((1..=64).contains(&width), "elements have 1 to 64 bits, not {width}");
    (count * width as usize).div_ceil(32)
}

fn span(start: usize, width: u32) -> usize {
    (start % 32 + width as usize).div_ceil(32)
}

fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn element_zero_is_in_the_low_bits() {
        assert_eq!(pack(&[1, -1, 2], 12), [0x02ff_f001, 0x0]);
        assert_eq!(pack(&[-1], 33), [u32::MAX, 1]);
        assert_eq!(unpack(&[0x02ff_f001, 0], 12, 3, true), [1, -1, 2]);
        assert_eq!(unpack(&[0x02ff_f001, 0], 12, 3, false), [1, 0xfff, 2]);
        assert_eq!(pack(&[], 7), Vec::<u32>::new());
    }

    /// Bit by bit, which needs no masks and no shifts across words.
    fn naive(values: &[i64], width: u32) -> Vec<u32> {
        let bits = values.iter().flat_map(|value| (0..width).map(move |bit| value >> bit & 1 == 1));
        let mut words = vec![0u32; (values.len() * width as usize).div_ceil(32)];
        for (index, _) in bits.enumerate().filter(|(_, bit)| *bit) {
            words[index / 32] |= 1 << (index % 32);
        }
        words
    }

    #[test]
    fn every_width_crosses_words_unharmed() {
        for width in 1..=64 {
            let unused = 64 - width;
            let values: Vec<i64> =
                (0..67u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) as i64 >> unused).collect();
            let words = pack(&values, width);
            assert_eq!(words, naive(&values, width), "width {width}");
            assert_eq!(unpack(&words, width, values.len(), true), values, "width {width}");
        }
    }

    proptest! {
        #[test]
        fn unsigned_values_return(width in 1u32..=63, raw in prop::collection::vec(any::<i64>(), 0..80)) {
            let values: Vec<i64> = raw.iter().map(|value| value & mask(width) as i64).collect();
            prop_assert_eq!(unpack(&pack(&raw, width), width, values.len(), false), values);
        }
    }
}
