//! Run-time choice of the instruction set. The only place with unsafe code: the same safe code compiled again for
//! wider registers, and the one loop that a compiler does not keep in registers.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_mullo_epi32, _mm256_set1_epi32,
    _mm256_storeu_si256,
};

use super::evaluate::Task;
use super::lane::Lane;
use super::layer::Terms;

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    avx2: bool,
}

impl Level {
    /// The best one.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self { avx2: is_x86_feature_detected!("avx2") };
        #[cfg(not(target_arch = "x86_64"))]
        Self { avx2: false }
    }

    /// The one that every machine has.
    pub fn baseline() -> Self {
        Self { avx2: false }
    }

    /// Runs `task`.
    pub fn run<T: Lane, const L: usize>(self, task: Task<'_, T, L>) {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            // SAFETY: `avx2` is set only where the processor has reported AVX2.
            return unsafe { run_avx2(task) };
        }
        task.run();
    }

    /// The sum of 32-bit terms, if there is a better way here than the plain one.
    #[inline(always)]
    pub fn sum<const L: usize>(self, values: &[[i32; L]], base: u32, terms: &Terms<i32>) -> Option<[i32; L]> {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 && L.is_multiple_of(16) {
            let mut out = [terms.bias; L];
            // SAFETY: `avx2` is set only where the processor has reported AVX2.
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
