//! Who watches a compilation: progress, a budget of time, Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nn2hdl_compiler::cmvm::Effort;
use nn2hdl_compiler::netlist::Watch;

use crate::output::Progress;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Shows progress, and ends searches when their time is over.
pub struct Watcher<'a> {
    progress: &'a Progress,
    /// The end of the whole budget.
    end: Option<Instant>,
    /// The ends of the present layer's share and of the present search's.
    shares: Mutex<[Option<Instant>; 2]>,
}

impl<'a> Watcher<'a> {
    /// The budget begins now. A thorough search is also ended by Ctrl-C, and a second Ctrl-C ends the program.
    pub fn new(progress: &'a Progress, budget: Option<Duration>, effort: Effort) -> Self {
        if matches!(effort, Effort::Thorough { .. }) {
            // Without a handler Ctrl-C ends the program.
            let _ = ctrlc::set_handler(|| {
                if STOP.swap(true, Relaxed) {
                    std::process::exit(130);
                }
            });
        }
        let end = budget.and_then(|budget| Instant::now().checked_add(budget));
        Self { progress, end, shares: Mutex::new([end; 2]) }
    }
}

impl Watch for Watcher<'_> {
    fn begin(&self, layer: &str, done: usize, total: usize) {
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        let part = u32::try_from(total.saturating_sub(done)).unwrap_or(u32::MAX).max(1);
        let share = left.map(|left| Instant::now() + left / part);
        *self.shares.lock().unwrap_or_else(PoisonError::into_inner) = [share; 2];
        self.progress.say(layer, done, total);
    }

    fn search(&self) {
        // How many more the layer has is not known.
        let [layer, search] = &mut *self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        *search = layer.map(|end| Instant::now() + end.saturating_duration_since(Instant::now()) / 2);
    }

    fn stop(&self) -> bool {
        self.progress.tick();
        let [_, share] = *self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        STOP.load(Relaxed) || share.is_some_and(|share| Instant::now() >= share)
    }
}
