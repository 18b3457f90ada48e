use serde::Serialize;

use super::{Beat, Latency, Promise, Schedule, schedule::Sent};
use crate::{Error, Layout, Rows};

/// How many faults a report lists.
const LISTED: usize = 20;

/// What came out of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The figures.
    pub report: Report,
    /// The frames that came out whole, in order of time; with a reset in mid-stream, those before it are among them.
    pub frames: Vec<OutputFrame>,
}

/// A frame that came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFrame {
    /// The place of its input in the list of frames.
    pub frame: usize,
    /// The row of its first input beat.
    pub sent: usize,
    /// The rows of its output beats.
    pub rows: Vec<usize>,
    /// Its output beats.
    pub beats: Vec<Beat>,
}

/// When the outputs came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Frames that came out whole.
    pub frames: usize,
    /// Clock cycles that were run.
    pub cycles: usize,
    /// The measured latency of the first frame; every other one had the same, or there is a fault.
    pub latency: Option<Latency>,
    /// The fewest cycles between the first output beats of two consecutive frames.
    pub ii: Option<usize>,
    /// The first faults, in order of time.
    pub faults: Vec<Fault>,
    /// The number of faults in all.
    pub fault_count: usize,
}

/// A departure of `out_valid` from what fixed latency demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The latency is not the promised one.
    Latency {
        /// What was promised.
        promised: Latency,
        /// What was measured on the first frame; nothing if it did not come out whole.
        measured: Option<Latency>,
    },
    /// `out_valid` is low where a beat is due.
    Missing {
        /// The cycle.
        row: usize,
        /// The frame.
        frame: usize,
        /// The beat of the frame.
        beat: usize,
    },
    /// `out_valid` is high where nothing is due.
    Unexpected {
        /// The cycle.
        row: usize,
    },
}

impl Schedule {
    /// Finds the frames in a run's outputs and checks that `out_valid` is high exactly where it should be.
    ///
    /// The latency that all frames must have is the promised one if its beats are contiguous, else that of
    /// the first frame. Outputs due after the edge of a reset must not appear.
    ///
    /// Fails if the module has no `out_valid`, or if the response is not of this schedule.
    pub fn observe(
        &self,
        outputs: &Layout,
        response: &Rows,
        promise: &Promise,
    ) -> Result<Observation, Error> {
        let fail = |reason: String| Err(Error::Stimulus { reason });
        let Some(out_valid) = outputs.position("out_valid") else {
            return fail("there is no output `out_valid`".into());
        };
        if response.len() != self.rows().len() || response.width() != outputs.words() {
            return fail(format!("{} rows of {} words are not this run's", response.len(), response.width()));
        }
        let valid_word = outputs.range(out_valid).start;
        let valid: Vec<bool> = (0..response.len()).map(|row| response.row(row)[valid_word] != 0).collect();

        let measured = self.measure(&valid, promise.beats);
        let promised = promise.latency.and_then(|latency| contiguous(latency, promise.beats));
        let offsets = promised.or_else(|| measured.clone()).unwrap_or_default();
        let mut faults = Vec::new();
        let latency = measured.as_deref().and_then(span);
        if let Some(promised) = promise.latency.filter(|promised| latency != Some(*promised)) {
            faults.push(Fault::Latency { promised, measured: latency });
        }

        faults.extend(self.timing_faults(&valid, &offsets, promise));
        let data: Vec<_> = (0..outputs.ports().len()).filter(|&position| position != out_valid).collect();
        let beat = |row: usize| -> Beat {
            data.iter().map(|&position| response.row(row)[outputs.range(position)].to_vec()).collect()
        };
        let frames: Vec<OutputFrame> = self
            .sent
            .iter()
            .filter_map(|sent| {
                let rows: Vec<usize> = due(sent, &offsets).collect();
                let whole =
                    rows.len() == promise.beats && rows.iter().all(|&row| valid.get(row) == Some(&true));
                whole.then(|| OutputFrame {
                    frame: sent.frame,
                    sent: sent.row,
                    beats: rows.iter().copied().map(beat).collect(),
                    rows,
                })
            })
            .collect();

        let starts = frames.iter().filter_map(|frame| frame.rows.first());
        let ii = starts.clone().zip(starts.skip(1)).map(|(one, next)| next - one).min();
        let fault_count = faults.len();
        faults.truncate(LISTED);
        let report = Report { frames: frames.len(), cycles: valid.len(), latency, ii, faults, fault_count };
        Ok(Observation { report, frames })
    }

    /// The distances of the output beats from the first input beat, of the first frame that no reset cuts short.
    fn measure(&self, valid: &[bool], beats: usize) -> Option<Vec<usize>> {
        self.sent.iter().find_map(|sent| {
            let end = sent.reset.map_or(valid.len(), |reset| reset + 1);
            let rows = (sent.row..end).filter(|&row| valid[row]);
            let offsets: Vec<usize> = rows.take(beats).map(|row| row - sent.row).collect();
            (offsets.len() == beats && beats > 0).then_some(offsets)
        })
    }

    fn timing_faults(&self, valid: &[bool], offsets: &[usize], promise: &Promise) -> Vec<Fault> {
        let mut expected = vec![None; valid.len()];
        let mut faults = Vec::new();
        for sent in &self.sent {
            if offsets.is_empty() && sent.reset.is_none() && promise.beats > 0 {
                faults.push(Fault::Missing { row: sent.row, frame: sent.frame, beat: 0 });
            }
            for (beat, row) in due(sent, offsets).enumerate() {
                match expected.get_mut(row) {
                    Some(slot) => *slot = Some((sent.frame, beat)),
                    None => faults.push(Fault::Missing { row, frame: sent.frame, beat }),
                }
            }
        }
        let combinational = offsets.first() == Some(&0);
        let unknown =
            |row: usize| row == 0 || combinational && self.resets.iter().any(|reset| reset.contains(&row));
        let inside = valid.iter().zip(expected).enumerate().filter_map(|(row, (&valid, expected))| {
            match (valid, expected) {
                (false, Some((frame, beat))) => Some(Fault::Missing { row, frame, beat }),
                (true, None) if !unknown(row) => Some(Fault::Unexpected { row }),
                _ => None,
            }
        });
        inside.chain(faults).collect()
    }
}

/// The rows at which a frame's output beats are due, less those that a reset takes away.
fn due(sent: &Sent, offsets: &[usize]) -> impl Iterator<Item = usize> {
    let (start, last) = (sent.row, sent.reset.unwrap_or(usize::MAX));
    offsets.iter().map(move |offset| start + offset).take_while(move |&row| row <= last)
}

fn contiguous(latency: Latency, beats: usize) -> Option<Vec<usize>> {
    (latency.last + 1 == latency.first + beats).then(|| (latency.first..=latency.last).collect())
}

fn span(offsets: &[usize]) -> Option<Latency> {
    Some(Latency { first: *offsets.first()?, last: *offsets.last()? })
}
