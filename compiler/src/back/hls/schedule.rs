//! How the loops over a kernel's positions meet an initiation interval.

/// One loop over output positions, the outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loop {
    /// The axis of the output.
    pub axis: usize,
    /// What becomes of it in hardware.
    pub pace: Pace,
}

/// How a loop is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// One iteration after another, joined with the loop inside.
    Rolled,
    /// A new group of `lanes` iterations every `ii` cycles; everything inside is unrolled.
    Pipelined { ii: usize, lanes: usize },
    /// All iterations at once.
    Unrolled,
}

/// The loops over positions of `shape`, such that all of them begin within `ii` cycles. The last axis, along which
/// images are streamed, is the outermost.
pub(super) fn plan(shape: &[usize], ii: usize) -> Vec<Loop> {
    let rank = shape.len();
    if ii == 1 {
        return (0..rank).map(|axis| Loop { axis, pace: Pace::Unrolled }).collect();
    }
    let order = (0..rank).rev().take(1).chain(0..rank.saturating_sub(1));
    let (mut left, mut full) = (ii, false);
    let mut loops: Vec<Loop> = Vec::with_capacity(rank);
    for axis in order {
        let extent = shape[axis];
        let pace = if full {
            Pace::Unrolled
        } else if extent <= left {
            left /= extent;
            Pace::Rolled
        } else {
            full = true;
            let lanes = extent.div_ceil(left);
            left = 1;
            if lanes == extent { Pace::Unrolled } else { Pace::Pipelined { ii: 1, lanes } }
        };
        loops.push(Loop { axis, pace });
    }
    // Without a loop that was pipelined in part, the innermost rolled one is.
    let pipelined = loops.iter().any(|one| matches!(one.pace, Pace::Pipelined { .. }));
    if !pipelined && let Some(last) = loops.iter_mut().rfind(|one| one.pace == Pace::Rolled) {
        last.pace = Pace::Pipelined { ii: left.max(1), lanes: 1 };
    }
    loops
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cycles until all positions have begun.
    fn cycles(shape: &[usize], loops: &[Loop]) -> usize {
        loops.iter().fold(1, |cycles, one| {
            cycles
                * match one.pace {
                    Pace::Rolled => shape[one.axis],
                    Pace::Pipelined { ii, lanes } => shape[one.axis].div_ceil(lanes) * ii,
                    Pace::Unrolled => 1,
                }
        })
    }

    #[test]
    fn every_plan_meets_its_interval() {
        for shape in [vec![], vec![1], vec![10], vec![64], vec![3, 8, 384], vec![6, 5], vec![7, 1, 2]] {
            for ii in 1..=400 {
                let loops = plan(&shape, ii);
                assert!(cycles(&shape, &loops) <= ii, "{shape:?} {ii} {loops:?}");
                let mut axes: Vec<usize> = loops.iter().map(|one| one.axis).collect();
                axes.sort_unstable();
                assert_eq!(axes, (0..shape.len()).collect::<Vec<_>>());
                let inside =
                    loops.iter().skip_while(|one| !matches!(one.pace, Pace::Pipelined { .. })).skip(1);
                assert!(inside.into_iter().all(|one| one.pace == Pace::Unrolled));
            }
        }
    }
}
