//! Index maps as expressions of native integers.

use nn2hdl_runtime::Index;

use super::types::{is_short, number};

/// Text, and how tightly its outermost operation binds.
struct Bound {
    text: String,
    level: u8,
}

const SUM: u8 = 1;
const PRODUCT: u8 = 2;
const ATOM: u8 = 3;

impl Bound {
    fn atom(text: String) -> Self {
        Self { text, level: ATOM }
    }

    fn at(self, level: u8) -> String {
        if self.level < level { format!("({})", self.text) } else { self.text }
    }
}

/// The domain that an index map runs over.
#[derive(Clone, Copy)]
pub(super) struct Domain<'a> {
    /// Extents of the output.
    pub p: &'a [usize],
    /// Extents of the reduction.
    pub r: &'a [usize],
}

impl Domain<'_> {
    /// Bounds of the map.
    pub fn bounds(self, index: &Index) -> (i64, i64) {
        index.bounds(self.p, self.r).expect("a validated index map has bounds")
    }

    /// The map in C++; coordinates are `p0`, `p1`, … and `r0`, `r1`, ….
    pub fn text(self, index: &Index) -> String {
        self.write(index).text
    }

    /// Whether every intermediate is an `int`.
    pub fn is_short(self, index: &Index) -> bool {
        let (lo, hi) = self.bounds(index);
        let here = is_short(lo) && is_short(hi);
        here && match index {
            Index::Const(_) | Index::P(_) | Index::R(_) => true,
            Index::Add(a, b) => self.is_short(a) && self.is_short(b),
            Index::Mul(a, by) | Index::Div(a, by) | Index::Mod(a, by) => is_short(*by) && self.is_short(a),
        }
    }

    fn write(self, index: &Index) -> Bound {
        match index {
            Index::Const(value) if *value < 0 => Bound { text: number(*value), level: SUM },
            Index::Const(value) => Bound::atom(number(*value)),
            Index::P(axis) => Bound::atom(format!("p{axis}")),
            Index::R(axis) => Bound::atom(format!("r{axis}")),
            Index::Add(a, b) => {
                let text = match **b {
                    Index::Const(value) if value < 0 && is_short(value) => {
                        format!("{} - {}", self.write(a).at(SUM), number(-value))
                    }
                    _ => format!("{} + {}", self.write(a).at(SUM), self.write(b).at(PRODUCT)),
                };
                Bound { text, level: SUM }
            }
            Index::Mul(a, by) => {
                let by = if *by < 0 { format!("({})", number(*by)) } else { number(*by) };
                Bound { text: format!("{} * {by}", self.write(a).at(PRODUCT)), level: PRODUCT }
            }
            Index::Div(a, by) => self.divided(a, *by, "/", "floor_div"),
            Index::Mod(a, by) => self.divided(a, *by, "%", "floor_mod"),
        }
    }

    /// C++ divides toward zero, which is the same where nothing is negative.
    fn divided(self, a: &Index, by: i64, sign: &str, function: &str) -> Bound {
        let by = number(by);
        if self.bounds(a).0 < 0 {
            return Bound::atom(format!("{function}({}, {by})", self.write(a).text));
        }
        Bound { text: format!("{} {sign} {by}", self.write(a).at(PRODUCT)), level: PRODUCT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_read_as_they_are_written() {
        let domain = Domain { p: &[4, 20], r: &[3] };
        let sum = Index::p(1) + Index::r(0) + -1;
        for (index, text) in [
            (sum.clone(), "p1 + r0 - 1"),
            (sum.clone() * 20 + Index::p(0), "(p1 + r0 - 1) * 20 + p0"),
            (sum.clone().div(2), "floor_div(p1 + r0 - 1, 2)"),
            (sum.modulo(2), "floor_mod(p1 + r0 - 1, 2)"),
            ((Index::p(1) * 3).div(2), "p1 * 3 / 2"),
            (Index::p(1).div(2) * 3, "p1 / 2 * 3"),
            ((Index::p(1) + 1).modulo(4) * -3, "(p1 + 1) % 4 * (-3)"),
            (Index::p(1) + (Index::p(0) + Index::r(0)), "p1 + (p0 + r0)"),
        ] {
            assert_eq!(domain.text(&index), text);
        }
    }
}
