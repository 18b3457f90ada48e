//! What is measured, and one measurement of it.

use std::time::Instant;

/// Single runs whose durations are kept, in one burst.
const KEPT: usize = 100_000;

/// What is asked of an engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Images in a buffer.
    pub size: usize,
    /// Buffers are run until so many seconds have passed, one at least.
    pub seconds: f64,
    /// Run one buffer before the time begins.
    pub warm: bool,
}

/// Buffers that were run one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Burst {
    /// Images in all.
    pub images: u64,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds of each buffer, of buffers of one image only.
    pub durations: Vec<f64>,
}

/// Something that computes the network.
pub trait Engine {
    /// Runs buffers; the time does not include what makes the buffer.
    ///
    /// # Errors
    /// One line that says why this buffer cannot be run.
    fn burst(&mut self, ask: Ask) -> Result<Burst, String>;
}

/// Calls `run`, which takes one buffer, as asked.
pub fn repeat(ask: Ask, mut run: impl FnMut() -> Result<(), String>) -> Result<Burst, String> {
    if ask.warm {
        run()?;
    }
    let mut burst = Burst::default();
    let begun = Instant::now();
    loop {
        let before = burst.seconds;
        run()?;
        burst.seconds = begun.elapsed().as_secs_f64();
        burst.images += ask.size as u64;
        if ask.size == 1 && burst.durations.len() < KEPT {
            burst.durations.push(burst.seconds - before);
        }
        if burst.seconds >= ask.seconds {
            return Ok(burst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_buffer_at_least_is_run_and_the_first_does_not_count() {
        let ask = Ask { size: 3, seconds: 0.0, warm: true };
        let mut runs = 0;
        let mut count = || {
            runs += 1;
            Ok(())
        };
        let burst = repeat(ask, &mut count).unwrap();
        assert_eq!((burst.images, burst.durations.len()), (3, 0));
        let single = repeat(Ask { size: 1, warm: false, ..ask }, &mut count).unwrap();
        assert_eq!((single.images, single.durations.len(), runs), (1, 1, 3));
        assert_eq!(repeat(ask, || Err("no".into())), Err("no".into()));
    }
}
