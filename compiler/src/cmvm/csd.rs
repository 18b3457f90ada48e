//! Canonical signed digits (Reitwiesner 1960; Avizienis 1961).

/// The non-zero digits of one constant: bit *k* of `pos` stands for +2^k, of `neg` for −2^k.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digits {
    /// Digits +1.
    pub pos: u64,
    /// Digits −1.
    pub neg: u64,
}

impl Digits {
    /// The canonical form of `value`: no two neighbouring digits are non-zero, and no signed
    /// binary form has fewer non-zero digits. `|value|` is at most 2^62.
    pub fn of(value: i64) -> Self {
        let magnitude = u128::from(value.unsigned_abs());
        let tripled = 3 * magnitude;
        let pos = ((tripled & !magnitude) >> 1) as u64;
        let neg = ((magnitude & !tripled) >> 1) as u64;
        if value < 0 { Self { pos: neg, neg: pos } } else { Self { pos, neg } }
    }

    /// How many digits are not zero.
    pub fn count(self) -> u32 {
        self.pos.count_ones() + self.neg.count_ones()
    }
}

/// The positions of the set bits, ascending.
pub fn bits(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

/// The representative of `value` modulo 2^`width` in [−2^(width−1), 2^(width−1)).
pub fn residue(value: i64, width: u32) -> i64 {
    match width {
        0 => 0,
        64.. => value,
        _ => (value << (64 - width)) >> (64 - width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_canonical_and_exact() {
        for value in (-5000..5000).chain([1 << 62, -(1 << 62), (1 << 61) - 1]) {
            let digits = Digits::of(value);
            assert_eq!(i128::from(digits.pos) - i128::from(digits.neg), i128::from(value));
            let any = digits.pos | digits.neg;
            assert_eq!(any & (any << 1), 0, "{value}");
            assert_eq!(bits(any).count() as u32, digits.count());
        }
    }

    #[test]
    fn residues_are_balanced() {
        assert_eq!(residue(7, 3), -1);
        assert_eq!(residue(4, 3), -4);
        assert_eq!(residue(3, 3), 3);
        assert_eq!(residue(3, 0), 0);
        assert_eq!(residue(i64::MIN, 64), i64::MIN);
    }
}
