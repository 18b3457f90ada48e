//! Frames in every arrival pattern, through modules that are right and wrong.

mod designs;

use designs::{add2, build, request};
use nn2hdl_testbench::{
    Model, Port, PowerUp, Start, pack,
    stimulus::{Arrival, Fault, Frame, Latency, Observation, Plan, Promise, simulate},
    unpack,
};

const ARRIVALS: [Arrival; 3] = [Arrival::BackToBack, Arrival::Gaps, Arrival::ResetMidStream];

fn send(model: &mut Model, frames: &[Frame], plan: &Plan, promise: &Promise) -> Observation {
    model.start(&Start { power_up: PowerUp::Random(plan.seed as u32), waveform: None }).unwrap();
    simulate(model, frames, plan, promise).unwrap()
}

fn promise(beats: usize, first: usize, last: usize) -> Promise {
    Promise { beats, latency: Some(Latency { first, last }) }
}

#[test]
fn a_pipelined_adder_keeps_its_latency_in_every_pattern() {
    let mut model = build(&add2());
    let frame = |n: i64| Frame { beats: vec![vec![vec![n as u32 * 3, 0, 1, 0], pack(&[n], 40)]] };
    let frames: Vec<Frame> = (0..50).map(frame).collect();
    for arrival in ARRIVALS {
        for (ii, seed) in [(1, 1), (1, 2), (3, 3)] {
            let seen = send(&mut model, &frames, &Plan::new(ii, arrival, seed, 5), &promise(1, 2, 2));
            assert_eq!(seen.report.faults, [], "{arrival:?}");
            assert_eq!(seen.report.latency, Some(Latency { first: 2, last: 2 }));
            assert_eq!(seen.report.ii, Some(ii), "{arrival:?}");
            let before_reset = if arrival == Arrival::ResetMidStream { 24..27 } else { 0..1 };
            assert!(before_reset.contains(&(seen.report.frames - 50)), "{arrival:?} {}", seen.report.frames);
            for output in &seen.frames {
                let n = output.frame as u32;
                assert_eq!(output.beats, [[vec![n * 4, 0, 1, 0]]], "{arrival:?}");
            }
            let order: Vec<usize> =
                seen.frames.iter().rev().take(50).rev().map(|frame| frame.frame).collect();
            assert_eq!(order, (0..50).collect::<Vec<_>>());
        }
    }
}

fn byte_frames(count: i64) -> Vec<Frame> {
    (0..count).map(|n| Frame { beats: (0..3).map(|beat| vec![pack(&[n * 7 + beat], 8)]).collect() }).collect()
}

fn byte_ports() -> [Port; 2] {
    [Port::input("x", 8), Port::output("y", 10)]
}

#[test]
fn frames_of_several_beats_survive_a_reset_between_two_of_them() {
    let mut model = build(&request("frame_sum", &byte_ports()));
    for arrival in ARRIVALS {
        for seed in 0..20 {
            let seen = send(&mut model, &byte_frames(30), &Plan::new(3, arrival, seed, 6), &promise(1, 3, 3));
            assert_eq!(seen.report.faults, [], "{arrival:?} seed {seed}");
            assert_eq!(seen.report.ii, Some(3));
            for output in &seen.frames {
                let n = output.frame as i64;
                let sum: i64 = (0..3).map(|beat| (n * 7 + beat) & 0xff).sum();
                assert_eq!(unpack(&output.beats[0][0], 10, 1, false), [sum]);
            }
        }
    }
}

#[test]
fn a_counter_without_reset_is_caught_by_the_reset_in_mid_frame_only() {
    let mut model = build(&request("no_reset", &byte_ports()));
    let mut faults = |arrival, power_up| {
        model.start(&Start { power_up, waveform: None }).unwrap();
        simulate(&mut model, &byte_frames(30), &Plan::new(3, arrival, 1, 6), &promise(1, 3, 3))
            .unwrap()
            .report
            .fault_count
    };
    assert_eq!(faults(Arrival::BackToBack, PowerUp::Zeros), 0);
    assert_eq!(faults(Arrival::Gaps, PowerUp::Zeros), 0);
    assert_ne!(faults(Arrival::ResetMidStream, PowerUp::Zeros), 0);
}

#[test]
fn an_out_valid_that_is_stuck_is_found_in_the_gaps() {
    let mut model = build(&request("stuck_valid", &[Port::input("x", 64), Port::output("y", 64)]));
    let frames: Vec<Frame> = (0..40).map(|n| Frame { beats: vec![vec![pack(&[n << 40], 64)]] }).collect();
    let seen = send(&mut model, &frames, &Plan::new(1, Arrival::Gaps, 1, 5), &promise(1, 1, 1));
    assert!(matches!(seen.report.faults[0], Fault::Unexpected { .. }), "{:?}", seen.report);
    assert_eq!(seen.frames[39].beats, [[vec![0, 39 << 8]]]);
}

#[test]
fn a_broken_promise_is_reported_with_what_was_measured() {
    let mut model = build(&add2());
    let frames = vec![Frame { beats: vec![vec![vec![0; 4], vec![0; 2]]] }; 3];
    let plan = Plan::new(1, Arrival::BackToBack, 1, 5);
    let seen = send(&mut model, &frames, &plan, &promise(1, 3, 3));
    let (promised, measured) = (Latency { first: 3, last: 3 }, Some(Latency { first: 2, last: 2 }));
    assert_eq!(seen.report.faults[0], Fault::Latency { promised, measured });
    assert_eq!(seen.report.latency, measured);

    let short = send(&mut model, &frames, &Plan { drain: 0, ..plan }, &promise(1, 2, 2));
    assert_eq!(short.report.faults[0], Fault::Missing { row: 5, frame: 1, beat: 0 });
    assert_eq!((short.report.frames, short.report.fault_count), (1, 2));

    let json = serde_json::to_value(&seen.report).unwrap();
    assert_eq!(json["faults"][0]["measured"]["first"], 2);
    assert_eq!(json["faults"][0]["fault"], "latency");
}

#[test]
fn a_stimulus_that_does_not_fit_is_refused() {
    let model = build(&add2());
    let refused = |frame: Frame, ii| {
        let plan = Plan::new(ii, Arrival::BackToBack, 1, 5);
        nn2hdl_testbench::stimulus::Schedule::new(model.inputs(), &[frame], &plan).unwrap_err().to_string()
    };
    let beat = vec![vec![0; 4], vec![0; 2]];
    assert!(refused(Frame { beats: vec![beat.clone(); 2] }, 1).contains("2 beats"));
    assert!(refused(Frame { beats: vec![] }, 1).contains("0 beats"));
    assert!(refused(Frame { beats: vec![vec![vec![0; 4]]] }, 1).contains("[4, 2] words, not [4]"));
}
