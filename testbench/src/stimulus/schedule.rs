use std::ops::Range;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::{Arrival, Frame, Plan};
use crate::{Error, Layout, Rows};

/// The input of a run, row by row, and the memory of what was sent when.
#[derive(Debug, Clone)]
pub struct Schedule {
    rows: Rows,
    pub(super) sent: Vec<Sent>,
    pub(super) resets: Vec<Range<usize>>,
}

/// A frame that went in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Its place in the list of frames.
    pub(super) frame: usize,
    /// The row of its first beat.
    pub(super) row: usize,
    /// The first row of the reset after it; outputs that are due at later rows are lost.
    pub(super) reset: Option<usize>,
}

impl Schedule {
    /// Lays frames out in time for a module with these inputs, behind a reset.
    ///
    /// Fails if the module lacks `rst` or `in_valid`, if a frame has more beats than the II or none at all,
    /// or if a beat does not fit the data ports.
    pub fn new(inputs: &Layout, frames: &[Frame], plan: &Plan) -> Result<Self, Error> {
        let mut writer = Writer::new(inputs, plan)?;
        check(&writer, frames, plan)?;
        writer.reset(plan.reset);
        match plan.arrival {
            Arrival::BackToBack => writer.send(frames, plan, |_| 0),
            Arrival::Gaps => writer.send(frames, plan, |random| gap(random, plan)),
            Arrival::ResetMidStream => {
                writer.send(&frames[..frames.len() / 2], plan, |_| 0);
                if let Some(cut) = frames.get(frames.len() / 2) {
                    let beats = writer.random.random_range(1..cut.beats.len().max(2));
                    writer.begin(frames.len() / 2);
                    writer.beats(cut, beats);
                }
                writer.reset(plan.reset);
                writer.send(frames, plan, |_| 0);
            }
        }
        writer.idle(plan.drain);
        Ok(writer.schedule)
    }

    /// What [`crate::Model::run`] is to be given.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }
}

fn check(writer: &Writer<'_>, frames: &[Frame], plan: &Plan) -> Result<(), Error> {
    let fail = |reason| Err(Error::Stimulus { reason });
    if plan.reset == 0 {
        return fail("the reset must last at least one cycle".into());
    }
    for (index, frame) in frames.iter().enumerate() {
        if !(1..=plan.ii).contains(&frame.beats.len()) {
            return fail(format!(
                "frame {index} has {} beats, an II of {} takes 1 to that many",
                frame.beats.len(),
                plan.ii
            ));
        }
        for (number, beat) in frame.beats.iter().enumerate() {
            let found = beat.iter().map(Vec::len);
            let wanted = writer.data.iter().map(Range::len);
            if !found.clone().eq(wanted.clone()) {
                return fail(format!(
                    "frame {index}, beat {number}: the data ports take {:?} words, not {:?}",
                    wanted.collect::<Vec<_>>(),
                    found.collect::<Vec<_>>()
                ));
            }
        }
    }
    Ok(())
}

/// Half of the gaps are empty, most others are short, a few let the pipeline run dry.
fn gap(random: &mut SmallRng, plan: &Plan) -> usize {
    match random.random_range(0..8) {
        0..4 => 0,
        4..7 => random.random_range(1..=plan.ii + 2),
        _ => random.random_range(1..=plan.drain + 2),
    }
}

struct Writer<'a> {
    schedule: Schedule,
    random: SmallRng,
    rst: usize,
    in_valid: usize,
    data: Vec<Range<usize>>,
    inputs: &'a Layout,
}

impl<'a> Writer<'a> {
    fn new(inputs: &'a Layout, plan: &Plan) -> Result<Self, Error> {
        let control = |name: &str| {
            let position = inputs.position(name).filter(|&position| inputs.ports()[position].width == 1);
            position.ok_or_else(|| Error::Stimulus { reason: format!("there is no one-bit input `{name}`") })
        };
        let (rst, in_valid) = (control("rst")?, control("in_valid")?);
        let data = (0..inputs.ports().len()).filter(|position| ![rst, in_valid].contains(position));
        Ok(Self {
            schedule: Schedule {
                rows: Rows::zeroed(inputs.words(), 0),
                sent: Vec::new(),
                resets: Vec::new(),
            },
            random: SmallRng::seed_from_u64(plan.seed),
            rst: inputs.range(rst).start,
            in_valid: inputs.range(in_valid).start,
            data: data.map(|position| inputs.range(position)).collect(),
            inputs,
        })
    }

    fn now(&self) -> usize {
        self.schedule.rows.len()
    }

    /// A row of random bits, outside of a frame and of a reset.
    fn row(&mut self) -> &mut [u32] {
        let row = self.schedule.rows.push_zeroed();
        for (port, position) in self.inputs.ports().iter().zip(0..) {
            let range = self.inputs.range(position);
            self.random.fill(&mut row[range.clone()]);
            row[range.end - 1] &= u32::MAX >> (range.len() as u32 * 32 - port.width);
        }
        row[self.rst] = 0;
        row[self.in_valid] = 0;
        row
    }

    fn idle(&mut self, cycles: usize) {
        for _ in 0..cycles {
            self.row();
        }
    }

    /// Holds `rst`; `in_valid` is random meanwhile and must not matter.
    fn reset(&mut self, cycles: usize) {
        let start = self.now();
        for sent in self.schedule.sent.iter_mut().filter(|sent| sent.reset.is_none()) {
            sent.reset = Some(start);
        }
        for _ in 0..cycles {
            let valid = self.random.random::<bool>();
            let (rst, in_valid) = (self.rst, self.in_valid);
            let row = self.row();
            row[rst] = 1;
            row[in_valid] = valid.into();
        }
        self.schedule.resets.push(start..start + cycles);
    }

    fn begin(&mut self, frame: usize) {
        let row = self.now();
        self.schedule.sent.push(Sent { frame, row, reset: None });
    }

    fn beats(&mut self, frame: &Frame, count: usize) {
        for beat in &frame.beats[..count] {
            let in_valid = self.in_valid;
            self.row()[in_valid] = 1;
            let row = self.schedule.rows.row_mut(self.schedule.rows.len() - 1);
            for (range, words) in self.data.iter().zip(beat) {
                row[range.clone()].copy_from_slice(words);
            }
        }
    }

    fn send(&mut self, frames: &[Frame], plan: &Plan, mut gap: impl FnMut(&mut SmallRng) -> usize) {
        for (index, frame) in frames.iter().enumerate() {
            self.begin(index);
            self.beats(frame, frame.beats.len());
            let pause = plan.ii - frame.beats.len() + gap(&mut self.random);
            self.idle(pause);
        }
    }
}
