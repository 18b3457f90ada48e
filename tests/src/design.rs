//! A compiled design, run by the evaluator.

use nn2hdl_compiler::netlist::{Evaluator, Netlist, Target, build};
use nn2hdl_runtime::Program;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The design of `program` for the default target with the given initiation interval.
pub fn compile(program: &Program, ii: u32) -> Netlist {
    let target = Target { ii, ..Target::default() };
    build(program, &program.name, &target, &())
        .unwrap_or_else(|problem| panic!("{}: {problem}", program.name))
}

/// What the evaluator delivered.
pub struct Observed {
    /// Codes of each output, frames × elements.
    pub outputs: Vec<Vec<i64>>,
    /// Cycle of each frame's first input beat.
    pub sent: Vec<usize>,
    /// Cycle of each frame's first output beat.
    pub first: Vec<usize>,
    /// Cycle of each frame's last output beat.
    pub last: Vec<usize>,
}

/// Runs `frames` frames of codes through the evaluator, back to back or with random gaps, garbage between.
pub fn evaluate(netlist: &Netlist, inputs: &[Vec<i64>], frames: usize, gaps: Option<u64>) -> Observed {
    let signature = &netlist.signature;
    let mut evaluator = Evaluator::new(netlist).expect("the design has no combinational loop");
    let mut rng = SmallRng::seed_from_u64(gaps.unwrap_or(0));
    let mut beats: Vec<Option<(usize, usize)>> = Vec::new();
    let mut sent = Vec::new();
    for frame in 0..frames {
        if gaps.is_some() && rng.random_bool(0.4) {
            beats.extend(vec![None; rng.random_range(1..=5)]);
        }
        sent.push(beats.len());
        let sent = signature.inputs.first().map_or(1, |port| port.travel.beats());
        let ii = signature.ii_cycles as usize;
        beats.extend((0..ii).map(|beat| (beat < sent).then_some((frame, beat))));
    }
    beats.extend(vec![None; signature.latency_last_cycles as usize + 3]);
    let split: Vec<Vec<Vec<Vec<i64>>>> = (signature.inputs.iter().zip(inputs))
        .map(|(port, codes)| {
            let elements = port.shape.iter().product::<usize>();
            codes.chunks(elements).map(|frame| port.split(frame)).collect()
        })
        .collect();
    let mut found: Vec<Vec<Vec<i64>>> = vec![Vec::new(); signature.outputs.len()];
    let mut cycles = Vec::new();
    for (cycle, beat) in beats.iter().enumerate() {
        let row: Vec<Vec<i64>> = (signature.inputs.iter().zip(&split))
            .map(|(port, frames)| match beat {
                Some((frame, beat)) => frames[*frame][*beat].clone(),
                None => {
                    let range = port.format.interval();
                    (0..port.beat_elements())
                        .map(|_| rng.random_range(range.lo as i64..=range.hi as i64))
                        .collect()
                }
            })
            .collect();
        let (valid, outputs) = evaluator.step(false, beat.is_some(), &row);
        if valid {
            cycles.push(cycle);
            found.iter_mut().zip(outputs).for_each(|(all, beat)| all.push(beat));
        }
    }
    let travel = signature.outputs.first().map(|port| port.travel.clone());
    let delivered = travel.as_ref().map_or(1, |travel| travel.beats());
    assert_eq!(cycles.len(), frames * delivered, "{}: output beats", signature.top);
    for (frame, cycles) in cycles.chunks(delivered).enumerate() {
        let due = |beat: usize| sent[frame] + travel.as_ref().map_or(0, |t| t.phase as usize + t.cycle(beat));
        let due: Vec<usize> = (0..delivered).map(due).collect();
        assert_eq!(cycles, due, "{}: cycles of frame {frame}", signature.top);
    }
    let outputs = (signature.outputs.iter().zip(&found))
        .map(|(port, beats)| beats.chunks(delivered).flat_map(|frame| port.join(frame)).collect())
        .collect();
    let first = cycles.iter().step_by(delivered).copied().collect();
    let last = cycles.iter().skip(delivered - 1).step_by(delivered).copied().collect();
    Observed { outputs, sent, first, last }
}
