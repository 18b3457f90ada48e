//! Which layer went wrong first: frames are replayed with a waveform, and probes compared in program order.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nn2hdl_runtime::interface::{Place, Probe};
use nn2hdl_runtime::{Emulator, Trace as Traces};

use super::arrival::Arrived;
use super::compare::Sight;
use super::{CosimError, Design, Difference, Settings, Stage, Verdict};
use crate::stimulus::Schedule;
use crate::waveform::Waveform;
use crate::{BuildRequest, Error, Model, Optimization, Rows, Start, Toolchain, Trace, WaveformFile, unpack};

/// Rows of a replay from the very beginning, when a short one does not show the difference.
const LONGEST: usize = 20_000;
/// Cycles between two time steps of the waveform's file.
const UNITS: usize = 10;

/// What the emulator says.
pub(super) struct Answers<'a> {
    pub emulator: &'a Emulator,
    pub inputs: &'a [&'a [i64]],
    pub expected: &'a [Vec<i64>],
    pub frames: usize,
}

/// A run that went wrong.
pub(super) struct Case<'a> {
    pub design: &'a Design,
    pub request: &'a BuildRequest,
    pub settings: &'a Settings,
    pub schedule: &'a Schedule,
    pub sent: &'a [Arrived],
    pub at: Sight,
}

/// Finds the first difference, writes its waveform, and enters both into the verdict.
pub(super) fn locate(
    toolchain: &Toolchain,
    case: &Case<'_>,
    answers: &Answers<'_>,
    verdict: &mut Verdict,
    progress: &mut dyn FnMut(Stage),
) -> Result<(), CosimError> {
    let arrived = case.sent[case.at.index];
    let frame = arrived.frame % answers.frames;
    verdict.first_difference = Some(case.output_stage(frame, arrived.row));
    let Some((directory, file)) = writable(&case.settings.waveforms) else {
        verdict.notes.push("no waveform: none of the directories for it can be written".into());
        return Ok(());
    };
    let depth = case.design.probes.iter().flat_map(|probe| &probe.elements);
    let depth = depth.map(|place| 1 + place.wire.matches('.').count()).max().unwrap_or(1);
    let request = BuildRequest {
        trace: Trace::Depth(depth as u32),
        optimization: Optimization::O0,
        blocks: Vec::new(),
        ..case.request.clone()
    };
    let mut model = Model::build(toolchain, &request, &mut |step| progress(Stage::BuildTraced(step)))?;
    progress(Stage::Locate);
    let one: Vec<&[i64]> = (answers.inputs.iter())
        .map(|codes| &codes[frame * (codes.len() / answers.frames)..][..codes.len() / answers.frames])
        .collect();
    let (_, trace) = answers.emulator.run_traced(&one, 1)?;

    let mut shown = None;
    for from in case.beginnings() {
        let window = case.window(from);
        model.start(&Start {
            power_up: case.settings.power_up(),
            waveform: Some(WaveformFile(file.clone())),
        })?;
        let response = model.run(&window.rows)?;
        match first_probe(case.design, &file, &trace, &window, arrived) {
            Ok(Some(difference)) => {
                shown = Some(Difference { frame, ..difference });
                break;
            }
            Ok(None) => {}
            Err(error) => verdict.notes.push(format!("the layers could not be seen: {error}")),
        }
        let stage = case.output_stage(frame, window.t0);
        if case.at.wrong.is_none() || case.is_wrong(answers, &model, &response, window.t0, frame) {
            shown = Some(stage);
            break;
        }
    }
    model.start(&Start::default())?;
    match shown {
        Some(difference) => verdict.first_difference = Some(difference),
        None => verdict
            .notes
            .push("the difference did not come again in the replay: it depends on a longer past".into()),
    }
    let place = directory.join("cosim.vcd");
    fs::rename(&file, &place).map_err(Error::file(&place))?;
    verdict.waveform = Some(place);
    verdict.notes.push(format!("cycle n is at time {UNITS}n in the waveform"));
    Ok(())
}

/// The rows of a replay.
struct Window {
    rows: Rows,
    /// The row of the frame's first beat.
    t0: usize,
}

impl Case<'_> {
    /// The cycles that one frame takes, probes included.
    fn span(&self) -> usize {
        let probes =
            self.design.probes.iter().map(|probe| probe.travel.phase as usize + probe.travel.reach() + 1);
        probes.max().unwrap_or(0).max(self.design.signature.latency_last_cycles as usize + 1)
    }

    /// The rows where replays begin: as many frames before as can still be inside, then everything.
    fn beginnings(&self) -> Vec<usize> {
        let row = self.sent[self.at.index].row;
        let near =
            self.sent[..=self.at.index].iter().rev().find(|arrived| arrived.row + 2 * self.span() + 8 < row);
        let mut list = vec![near.map_or(0, |arrived| arrived.row)];
        if list[0] > 0 && row < LONGEST {
            list.push(0);
        }
        list
    }

    fn window(&self, from: usize) -> Window {
        let all = self.schedule.rows();
        let arrived = self.sent[self.at.index];
        let until = (arrived.row + self.span() + 2).max(self.at.row.map_or(0, |row| row + 2)).min(all.len());
        let reset = if from == 0 { 0 } else { self.sent[0].row };
        let mut rows = Rows::zeroed(all.width(), reset + until - from);
        for (to, row) in (0..reset).chain(from..until).enumerate() {
            rows.row_mut(to).copy_from_slice(all.row(row));
        }
        Window { rows, t0: reset + arrived.row - from }
    }

    /// The difference as the outputs show it.
    fn output_stage(&self, frame: usize, t0: usize) -> Difference {
        let signature = &self.design.signature;
        let latency = signature.latency_cycles as usize;
        let (port, cycle) = match self.at.wrong {
            Some(wrong) => (&signature.outputs[wrong.output], latency + wrong.beat),
            None => {
                let began = self.sent[self.at.index].row;
                let row = self.at.row.unwrap_or(began + latency);
                return Difference {
                    layer: "output out_valid".into(),
                    frame,
                    element: None,
                    cycle: (t0 + row).saturating_sub(began),
                    cycle_in_frame: row.saturating_sub(began),
                    path: Vec::new(),
                    wire: "out_valid".into(),
                    expected: None,
                    found: None,
                };
            }
        };
        Difference {
            layer: format!("output {}", port.name),
            frame,
            element: self.at.wrong.and_then(|wrong| wrong.element),
            cycle: t0 + cycle,
            cycle_in_frame: cycle,
            path: Vec::new(),
            wire: port.port.clone(),
            expected: self.at.wrong.map(|wrong| wrong.expected),
            found: self.at.wrong.map(|wrong| wrong.found),
        }
    }

    /// Whether the outputs of the replay are wrong again.
    fn is_wrong(
        &self,
        answers: &Answers<'_>,
        model: &Model,
        response: &Rows,
        t0: usize,
        frame: usize,
    ) -> bool {
        let signature = &self.design.signature;
        signature.outputs.iter().zip(answers.expected).any(|(map, codes)| {
            let len = codes.len() / answers.frames;
            let beats = map.split(&codes[frame * len..][..len]);
            let Some(position) = model.outputs().position(&map.port) else { return false };
            beats.iter().enumerate().any(|(beat, expected)| {
                let row = t0 + signature.latency_cycles as usize + beat;
                if row >= response.len() {
                    return false;
                }
                let words = &response.row(row)[model.outputs().range(position)];
                unpack(words, map.format.width, expected.len(), map.format.signed) != *expected
            })
        })
    }
}

/// The first probe in program order that differs in the frame that begins at row `t0` of the waveform.
fn first_probe(
    design: &Design,
    file: &Path,
    trace: &Traces,
    window: &Window,
    arrived: Arrived,
) -> Result<Option<Difference>, Error> {
    let codes: BTreeMap<_, &[i64]> = trace
        .values
        .iter()
        .map(|traced| ((traced.path.as_slice(), traced.value), traced.codes.as_slice()))
        .collect();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for place in design.probes.iter().flat_map(|probe| &probe.elements).filter(|place| !place.wire.is_empty())
    {
        let next = numbers.len();
        numbers.entry(&place.wire).or_insert(next);
    }
    let mut names = vec![""; numbers.len()];
    numbers.iter().for_each(|(name, &number)| names[number] = name);

    // Probes by the cycle in which their beat is due; a reset takes later ones away.
    let last = arrived.reset.map_or(usize::MAX, |reset| reset - arrived.row);
    let mut due: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (number, probe) in design.probes.iter().enumerate() {
        for beat in 0..probe.travel.beats() {
            let cycle = probe.travel.phase as usize + probe.travel.cycle(beat);
            if cycle <= last {
                due.entry(cycle).or_default().push((number, beat));
            }
        }
    }
    let mut waveform = Waveform::open(file, &design.signature.top, "clk", &names)?;
    let mut first: Option<(usize, Difference)> = None;
    let mut row = 0usize;
    while let Some(words) = waveform.next_cycle()? {
        for &(number, beat) in
            row.checked_sub(window.t0).and_then(|cycle| due.get(&cycle)).into_iter().flatten()
        {
            if first.as_ref().is_some_and(|&(found, _)| found <= number) {
                continue;
            }
            let probe = &design.probes[number];
            let Some(&expected) = codes.get(&(probe.path.as_slice(), probe.value)) else { continue };
            let read = |place: &Place| {
                place.constant.or_else(|| bits(place, words.get(*numbers.get(place.wire.as_str())?)?))
            };
            if let Some((element, place, found)) = differs(probe, beat, expected, read) {
                let difference = Difference {
                    layer: probe.layer.clone(),
                    frame: 0,
                    element: Some(element),
                    cycle: row,
                    cycle_in_frame: row - window.t0,
                    path: probe.path.clone(),
                    wire: place.wire.clone(),
                    expected: Some(expected[element]),
                    found,
                };
                first = Some((number, difference));
            }
        }
        row += 1;
    }
    Ok(first.map(|(_, difference)| difference))
}

/// The first element of a beat that is not what it should be.
fn differs<'p>(
    probe: &'p Probe,
    beat: usize,
    expected: &[i64],
    read: impl Fn(&Place) -> Option<i64>,
) -> Option<(usize, &'p Place, Option<i64>)> {
    probe.elements.iter().enumerate().find_map(|(n, place)| {
        let element = probe.travel.element(&probe.shape, beat, n)?;
        let found = read(place);
        (found != expected.get(element).copied()).then_some((element, place, found))
    })
}

/// The value at a place, if the wire is that wide.
fn bits(place: &Place, words: &[u32]) -> Option<i64> {
    let (lo, width) = (place.lo as usize, place.width as usize);
    let mut value = 0u64;
    for bit in 0..width {
        let word = words.get((lo + bit) / 32)?;
        value |= u64::from(word >> ((lo + bit) % 32) & 1) << bit;
    }
    let unused = 64 - place.width;
    Some(if place.signed { ((value << unused) as i64) >> unused } else { value as i64 })
}

/// The first directory in which a file can be made, and a passing name for the waveform in it.
fn writable(directories: &[PathBuf]) -> Option<(&Path, PathBuf)> {
    directories.iter().find_map(|directory| {
        let file = directory.join(format!(".cosim-{}.vcd.partial", std::process::id()));
        fs::File::create(&file).ok().map(|_| (directory.as_path(), file))
    })
}
