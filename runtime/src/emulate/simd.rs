//! Run-time choice of the instruction set. The only place with unsafe code: the same safe code compiled again for
//! wider registers, and the one loop that a compiler does not keep in registers, over frames and over columns.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi16, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_mullo_epi16, _mm256_mullo_epi32, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_storeu_si256,
    _mm512_add_epi16, _mm512_add_epi32, _mm512_loadu_si512, _mm512_madd_epi16, _mm512_mullo_epi16,
    _mm512_mullo_epi32, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_storeu_si512,
};

use super::batch::Batch;
use super::evaluate::Task;
use super::lane::Lane;
use super::layer::Terms;
use super::rows::{LANES, RowPlan, State};

/// Sums as many rows at a time as registers hold: powers of two up to the limit, each of `$vectors` vectors.
#[cfg(target_arch = "x86_64")]
macro_rules! by_rows {
    ($out:expr, $limit:literal, $vectors:literal, |$held:ident, $rows:ident, $at:ident| $body:block) => {{
        let mut rest: &mut [_] = $out;
        let mut $at = 0u32;
        while !rest.is_empty() {
            let count = rest.len() / LANES;
            macro_rules! take {
                                ($n:literal) => {{
                                    let ($rows, after) = std::mem::take(&mut rest).split_at_mut($n * LANES);
                                    const $held: usize = $n * $vectors;
                                    $body
                                    rest = after;
                                    $at += $n * LANES as u32;
                                }};
                            }
            match count.min($limit) {
                12 => take!(12),
                8..12 => take!(8),
                6..8 => take!(6),
                4..6 => take!(4),
                2..4 => take!(2),
                _ => take!(1),
            }
        }
    }};
}

/// A sum of terms at consecutive columns, in `HELD` registers.
#[cfg(target_arch = "x86_64")]
macro_rules! line {
    ($name:ident, $features:literal, $type:ty, $register:ty, $lanes:literal, $weight:expr,
     $set:ident, $load:ident, $store:ident, $mul:ident, $add:ident, $bias:ident) => {
        #[target_feature(enable = $features)]
        #[inline]
        fn $name<const HELD: usize>(values: &[$type], base: u32, terms: &Terms<$type>, out: &mut [$type]) {
            let (lo, hi) =
                (i64::from(base) + i64::from(terms.span.0), i64::from(base) + i64::from(terms.span.1));
            assert!(lo >= 0 && hi + $lanes * HELD as i64 <= values.len() as i64, "terms outside the memory");
            let start = values.as_ptr().wrapping_add(base as usize);
            let mut acc = [$bias(terms.bias); HELD];
            for &(address, weight) in &terms.terms {
                let x = start.wrapping_offset(address as i32 as isize);
                let weight = $set(($weight)(weight));
                for (n, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: every address is within the span, which is inside with all its lanes.
                    let x = unsafe { $load(x.add($lanes * n).cast::<$register>()) };
                    *acc = $add(*acc, $mul(x, weight));
                }
            }
            let out = &mut out[..$lanes * HELD];
            for (n, acc) in acc.iter().enumerate() {
                // SAFETY: `out` has this many elements.
                unsafe { $store(out.as_mut_ptr().add($lanes * n).cast::<$register>(), *acc) };
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
line!(
    line_16_avx2,
    "avx2",
    i16,
    __m256i,
    16,
    |w| w,
    _mm256_set1_epi16,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_mullo_epi16,
    _mm256_add_epi16,
    _mm256_set1_epi16
);
#[cfg(target_arch = "x86_64")]
line!(
    line_16_avx512,
    "avx512f,avx512bw",
    i16,
    __m512i,
    32,
    |w| w,
    _mm512_set1_epi16,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_mullo_epi16,
    _mm512_add_epi16,
    _mm512_set1_epi16
);
#[cfg(target_arch = "x86_64")]
line!(
    line_32_avx2,
    "avx2",
    i32,
    __m256i,
    8,
    |w| w,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_mullo_epi32,
    _mm256_add_epi32,
    _mm256_set1_epi32
);
#[cfg(target_arch = "x86_64")]
line!(
    line_32_avx512,
    "avx512f,avx512bw",
    i32,
    __m512i,
    16,
    |w| w,
    _mm512_set1_epi32,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_mullo_epi32,
    _mm512_add_epi32,
    _mm512_set1_epi32
);
// The upper half of a narrow lane is only its sign, and is multiplied by zero.
#[cfg(target_arch = "x86_64")]
line!(
    line_32_avx2_narrow,
    "avx2",
    i32,
    __m256i,
    8,
    |w| w & 0xffff,
    _mm256_set1_epi32,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_madd_epi16,
    _mm256_add_epi32,
    _mm256_set1_epi32
);
#[cfg(target_arch = "x86_64")]
line!(
    line_32_avx512_narrow,
    "avx512f,avx512bw",
    i32,
    __m512i,
    16,
    |w| w & 0xffff,
    _mm512_set1_epi32,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_madd_epi16,
    _mm512_add_epi32,
    _mm512_set1_epi32
);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn rows_avx2<T: Lane>(state: &mut State<T>, plan: &RowPlan<T>, batch: &mut Batch<'_>) {
    state.run(plan, batch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,bmi1,bmi2,lzcnt,popcnt")]
fn rows_avx512<T: Lane>(state: &mut State<T>, plan: &RowPlan<T>, batch: &mut Batch<'_>) {
    state.run(plan, batch);
}

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, VL and DQ, and the bit instructions that come with them.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best one, but no more than `limit` allows.
    pub fn detect(limit: Instructions) -> Self {
        #[cfg(target_arch = "x86_64")]
        if limit != Instructions::Baseline && is_x86_feature_detected!("avx2") {
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            return if wide && limit == Instructions::All { Self::Avx512 } else { Self::Avx2 };
        }
        let _ = limit;
        Self::Baseline
    }

    #[cfg(target_arch = "x86_64")]
    fn has_avx2(self) -> bool {
        self >= Self::Avx2
    }

    /// Runs `task`.
    pub fn run<T: Lane, const L: usize>(self, task: Task<'_, T, L>) {
        #[cfg(target_arch = "x86_64")]
        if self.has_avx2() {
            // SAFETY: the level is chosen only where the processor has reported its instructions.
            return unsafe { run_avx2(task) };
        }
        task.run();
    }

    /// The sum of 32-bit terms, if there is a better way here than the plain one.
    #[inline(always)]
    pub fn sum<const L: usize>(self, values: &[[i32; L]], base: u32, terms: &Terms<i32>) -> Option<[i32; L]> {
        #[cfg(target_arch = "x86_64")]
        if self.has_avx2() && L.is_multiple_of(16) {
            let mut out = [terms.bias; L];
            // SAFETY: the level is chosen only where the processor has reported its instructions.
            unsafe {
                match (L.is_multiple_of(64), terms.narrow) {
                    (true, true) => sum_avx2::<L, 8, true>(values, base, terms, &mut out),
                    (true, false) => sum_avx2::<L, 8, false>(values, base, terms, &mut out),
                    (false, true) => sum_avx2::<L, 2, true>(values, base, terms, &mut out),
                    (false, false) => sum_avx2::<L, 2, false>(values, base, terms, &mut out),
                }
            }
            return Some(out);
        }
        None
    }

    /// Runs `batch` column by column.
    pub fn run_rows<T: Lane>(self, state: &mut State<T>, plan: &RowPlan<T>, batch: &mut Batch<'_>) {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Baseline => {}
            // SAFETY: the level is chosen only where the processor has reported its instructions.
            Self::Avx2 => return unsafe { rows_avx2(state, plan, batch) },
            // SAFETY: as above.
            Self::Avx512 => return unsafe { rows_avx512(state, plan, batch) },
        }
        state.run(plan, batch);
    }

    /// Sets `out`, whole rows of lanes, to the sums of 16-bit terms, if there is a better way here than the plain one.
    #[inline(always)]
    pub fn sum_line_16(self, values: &[i16], base: u32, terms: &Terms<i16>, out: &mut [i16]) -> bool {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level is chosen only where the processor has reported its instructions.
        unsafe {
            match self {
                Self::Baseline => return false,
                Self::Avx2 => by_rows!(out, 4, 2, |HELD, rows, at| {
                    line_16_avx2::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
                Self::Avx512 => by_rows!(out, 12, 1, |HELD, rows, at| {
                    line_16_avx512::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
            }
            true
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// The same for 32-bit terms.
    #[inline(always)]
    pub fn sum_line_32(self, values: &[i32], base: u32, terms: &Terms<i32>, out: &mut [i32]) -> bool {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the level is chosen only where the processor has reported its instructions.
        unsafe {
            match (self, terms.narrow) {
                (Self::Baseline, _) => return false,
                (Self::Avx2, true) => by_rows!(out, 2, 4, |HELD, rows, at| {
                    line_32_avx2_narrow::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
                (Self::Avx2, false) => by_rows!(out, 2, 4, |HELD, rows, at| {
                    line_32_avx2::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
                (Self::Avx512, true) => by_rows!(out, 8, 2, |HELD, rows, at| {
                    line_32_avx512_narrow::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
                (Self::Avx512, false) => by_rows!(out, 8, 2, |HELD, rows, at| {
                    line_32_avx512::<HELD>(values, base.wrapping_add(at), terms, rows);
                }),
            }
            true
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    }
}

/// What a caller allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Instructions {
    /// Everything that the processor has.
    #[default]
    All,
    /// At most 256-bit registers.
    Avx2,
    /// What every processor of the architecture has.
    Baseline,
}

/// The sum of terms, `HELD` vectors at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline(never)]
fn sum_avx2<const L: usize, const HELD: usize, const NARROW: bool>(
    values: &[[i32; L]],
    base: u32,
    terms: &Terms<i32>,
    out: &mut [i32; L],
) {
    let lanes = 8 * HELD;
    for (number, out) in out.chunks_exact_mut(lanes).enumerate() {
        let mut acc = [_mm256_set1_epi32(terms.bias); HELD];
        for &(address, weight) in &terms.terms {
            let x = &values[base.wrapping_add(address) as usize][number * lanes..][..lanes];
            // The upper half of a narrow lane is only its sign, and is multiplied by zero.
            let weight = _mm256_set1_epi32(if NARROW { weight & 0xffff } else { weight });
            for (n, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `x` has `lanes` elements.
                let x = unsafe { _mm256_loadu_si256(x.as_ptr().add(8 * n).cast::<__m256i>()) };
                let product =
                    if NARROW { _mm256_madd_epi16(x, weight) } else { _mm256_mullo_epi32(x, weight) };
                *acc = _mm256_add_epi32(*acc, product);
            }
        }
        for (n, acc) in acc.iter().enumerate() {
            // SAFETY: `out` has `lanes` elements.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(8 * n).cast::<__m256i>(), *acc) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Lane, const L: usize>(task: Task<'_, T, L>) {
    task.run();
}
