//! Run-time choice of the instruction set. The only place with unsafe code: the code called is the same safe
//! code, compiled again for the wider registers.
#![allow(unsafe_code)]

use super::evaluate::Task;
use super::lane::Lane;

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
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Lane, const L: usize>(task: Task<'_, T, L>) {
    task.run();
}
