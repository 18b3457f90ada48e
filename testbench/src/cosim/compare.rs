//! The answers of a run against the emulator's.

use std::collections::BTreeMap;

use nn2hdl_runtime::interface::Signature;

use super::arrival::Arrived;
use crate::stimulus::{Fault, Observation, OutputFrame, Report};
use crate::unpack;

/// The first code of a frame that differs at an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The output.
    pub output: usize,
    /// The beat.
    pub beat: usize,
    /// The flat element; nothing in the padding.
    pub element: Option<usize>,
    /// What the emulator says.
    pub expected: i64,
    /// What came out.
    pub found: i64,
}

/// What a run showed.
pub(super) struct Found {
    /// Frames that were due to come out.
    pub due: usize,
    /// Those that did not come in time or differ, by their place among the arrivals.
    pub wrong: Vec<(usize, Option<Wrong>)>,
}

/// Compares every frame of a run that was due. `expected[o]` holds `frames` frames; arrivals go through them again
/// and again.
pub(super) fn compare(
    signature: &Signature,
    expected: &[Vec<i64>],
    frames: usize,
    sent: &[Arrived],
    observation: &Observation,
) -> Found {
    let came: BTreeMap<usize, &OutputFrame> =
        observation.frames.iter().map(|frame| (frame.sent, frame)).collect();
    let last = signature.latency_last_cycles as usize;
    let mut found = Found { due: 0, wrong: Vec::new() };
    for (index, arrived) in sent.iter().enumerate() {
        if arrived.reset.is_some_and(|reset| arrived.row + last > reset) {
            continue;
        }
        found.due += 1;
        match came.get(&arrived.row) {
            None => found.wrong.push((index, None)),
            Some(out) => {
                let frame = arrived.frame % frames;
                if let Some(wrong) = frame_difference(signature, expected, frames, frame, out) {
                    found.wrong.push((index, Some(wrong)));
                }
            }
        }
    }
    found
}

fn frame_difference(
    signature: &Signature,
    expected: &[Vec<i64>],
    frames: usize,
    frame: usize,
    out: &OutputFrame,
) -> Option<Wrong> {
    let beats: Vec<Vec<Vec<i64>>> = (signature.outputs.iter().zip(expected))
        .map(|(map, codes)| {
            let len = codes.len() / frames;
            map.split(&codes[frame * len..][..len])
        })
        .collect();
    (0..out.beats.len()).find_map(|beat| {
        signature.outputs.iter().enumerate().find_map(|(output, map)| {
            let expected = &beats[output][beat];
            let format = map.format;
            let found = unpack(&out.beats[beat][output], format.width, expected.len(), format.signed);
            let n = expected.iter().zip(&found).position(|(expected, found)| expected != found)?;
            let element = map.travel.element(&map.shape, beat, n);
            Some(Wrong { output, beat, element, expected: expected[n], found: found[n] })
        })
    })
}

/// Where to look: a frame among the arrivals, and how it was seen to be wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// The place among the arrivals.
    pub index: usize,
    /// The difference at an output, if there was one.
    pub wrong: Option<Wrong>,
    /// The row of a fault in time, if that is what was seen.
    pub row: Option<usize>,
}

/// The first trouble of a run: a wrong code before a fault in time, which may be its consequence.
pub(super) fn first(found: &Found, sent: &[Arrived], report: &Report, latency: usize) -> Sight {
    if let Some(&(index, wrong)) = found.wrong.iter().find(|(_, wrong)| wrong.is_some()) {
        return Sight { index, wrong, row: None };
    }
    let rows = report.faults.iter().filter_map(|fault| match *fault {
        Fault::Missing { row, .. } | Fault::Unexpected { row } => Some(row),
        Fault::Latency { .. } => None,
    });
    match rows.min() {
        Some(row) => {
            let due = sent.partition_point(|arrived| arrived.row + latency < row);
            Sight { index: due.min(sent.len().saturating_sub(1)), wrong: None, row: Some(row) }
        }
        None => Sight { index: found.wrong.first().map_or(0, |&(index, _)| index), wrong: None, row: None },
    }
}
