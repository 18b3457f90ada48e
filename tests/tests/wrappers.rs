//! The wrappers in Verilator against the emulator: nothing is lost, nothing reordered, whatever stalls.

use std::collections::VecDeque;
use std::fs;

use nn2hdl_compiler::artifact;
use nn2hdl_compiler::netlist::Target;
use nn2hdl_runtime::Program;
use nn2hdl_runtime::interface::{PortMap, Signature};
use nn2hdl_testbench::{BuildRequest, Model, Port, Rows, lint};
use nn2hdl_tests::random::{codes, convolutions, emulate, networks};
use nn2hdl_tests::verilog::toolchain;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

type Beat = Vec<u32>;

/// When a side is willing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pattern {
    Always,
    Random,
    /// Long stretches of either.
    Long,
}

impl Pattern {
    fn next(self, now: bool, random: &mut SmallRng) -> bool {
        match self {
            Self::Always => true,
            Self::Random => random.random_bool(0.6),
            Self::Long => now != random.random_bool(0.03),
        }
    }
}

/// A design in one of its wrappers, frames for it, and the emulator's answer.
struct Bench {
    model: Model,
    signature: Signature,
    inputs: Vec<Vec<Beat>>,
    outputs: Vec<Vec<Beat>>,
}

/// The beats of every frame, ports side by side.
fn beats(ports: &[PortMap], codes: &[Vec<i64>], frames: usize, words: usize) -> Vec<Vec<Beat>> {
    let frame = |frame: usize| {
        let mut beats: Vec<Beat> = Vec::new();
        let mut at = 0;
        for (port, codes) in ports.iter().zip(codes) {
            let elements = port.shape.iter().product::<usize>();
            let split = port.split(&codes[frame * elements..][..elements]);
            beats.resize(split.len(), vec![0; words]);
            for (beat, codes) in beats.iter_mut().zip(&split) {
                let bits =
                    codes.iter().flat_map(|code| (0..port.format.width).map(move |bit| code >> bit & 1));
                bits.enumerate().for_each(|(n, bit)| beat[(at + n) / 32] |= (bit as u32) << ((at + n) % 32));
            }
            at += port.width() as usize;
        }
        beats
    };
    (0..frames).map(frame).collect()
}

fn width(ports: &[PortMap]) -> u32 {
    ports.iter().map(PortMap::width).sum()
}

impl Bench {
    fn new(program: &Program, ii: u32, frames: usize, wrapper: &str, damage: Option<(&str, &str)>) -> Self {
        let target = Target { ii, ..Target::default() };
        let made = artifact::compile(program, &target, Vec::new(), &()).expect("a design");
        let signature = made.netlist.signature.clone();
        let folder = tempfile::tempdir().expect("a folder");
        let mut sources = Vec::new();
        let mut damaged = damage.is_none();
        for file in made.files.iter().filter(|file| file.path.ends_with(".v")) {
            let path = folder.path().join(file.path.trim_start_matches("rtl/"));
            let mut text = String::from_utf8(file.bytes.clone()).expect("Verilog is text");
            if let Some((from, to)) = damage {
                damaged |= text.contains(from);
                text = text.replace(from, to);
            }
            fs::write(&path, text).expect("a file");
            sources.push(path);
        }
        assert!(damaged, "the damage fits no file");
        let top = format!("{}_{wrapper}", signature.top);
        if damage.is_none() {
            lint(&toolchain(), &sources, &top).unwrap_or_else(|error| panic!("{error}"));
        }
        let bytes = |ports: &[PortMap]| width(ports).div_ceil(8) * 8;
        let mut ports: Vec<Port> = Vec::new();
        if wrapper == "axis" {
            for name in ["aclk", "aresetn", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready"] {
                ports.push(Port::input(name, 1));
            }
            ports.push(Port::input("s_axis_tdata", bytes(&signature.inputs)));
            for name in ["s_axis_tready", "m_axis_tvalid", "m_axis_tlast", "error"] {
                ports.push(Port::output(name, 1));
            }
            ports.push(Port::output("m_axis_tdata", bytes(&signature.outputs)));
        } else {
            for name in ["ap_clk", "ap_rst", "ap_start"] {
                ports.push(Port::input(name, 1));
            }
            ports.extend(signature.inputs.iter().map(|port| Port::input(&port.port, port.width())));
            for name in ["ap_done", "ap_idle", "ap_ready"] {
                ports.push(Port::output(name, 1));
            }
            for port in &signature.outputs {
                ports.push(Port::output(&port.port, port.width()));
                ports.push(Port::output(format!("{}_ap_vld", port.port), 1));
            }
        }
        let clock = if wrapper == "axis" { "aclk" } else { "ap_clk" };
        let request = BuildRequest { clock: clock.into(), ..BuildRequest::new(&top, sources, ports) };
        let model =
            Model::build(&toolchain(), &request, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        let input_codes = codes(program, frames, 1);
        let output_codes = emulate(program, &input_codes, frames);
        let words = |ports: &[PortMap]| bytes(ports).div_ceil(32) as usize;
        let inputs = beats(&signature.inputs, &input_codes, frames, words(&signature.inputs));
        let outputs = beats(&signature.outputs, &output_codes, frames, words(&signature.outputs));
        Self { model, signature, inputs, outputs }
    }

    fn step(&mut self, inputs: &[(&str, &[u32])]) -> Rows {
        let layout = self.model.inputs().clone();
        let mut rows = Rows::zeroed(layout.words(), 1);
        for (name, words) in inputs {
            let range = layout.range(layout.position(name).expect("an input"));
            rows.row_mut(0)[range].copy_from_slice(words);
        }
        self.model.run(&rows).unwrap_or_else(|error| panic!("{error}"))
    }

    fn read(&self, rows: &Rows, name: &str) -> Beat {
        let layout = self.model.outputs();
        rows.row(0)[layout.range(layout.position(name).expect("an output"))].to_vec()
    }

    /// Sends all frames through the AXI4-Stream wrapper after a reset, or as many cycles as `cut` says; the number of
    /// cycles, or the first thing that is wrong.
    fn stream(
        &mut self,
        source: Pattern,
        sink: Pattern,
        seed: u64,
        cut: Option<usize>,
    ) -> Result<usize, String> {
        let mut random = SmallRng::seed_from_u64(seed);
        let flat = |frames: &[Vec<Beat>]| -> VecDeque<(Beat, bool)> {
            let beats = |frame: &Vec<Beat>| {
                let last = frame.len() - 1;
                frame.iter().cloned().enumerate().map(|(n, beat)| (beat, n == last)).collect::<Vec<_>>()
            };
            frames.iter().flat_map(beats).collect()
        };
        let (mut to_send, mut due) = (flat(&self.inputs), flat(&self.outputs));
        let zero = vec![0; to_send[0].0.len()];
        self.step(&[("aresetn", &[0])]);
        let limit = 200 + 20 * (to_send.len() + due.len());
        let (mut valid, mut ready) = (false, false);
        for cycle in 0..limit {
            if due.is_empty() || cut == Some(cycle) {
                return Ok(cycle);
            }
            // Once high, tvalid stays until the beat is taken.
            valid = !to_send.is_empty() && (valid || source.next(valid, &mut random));
            ready = sink.next(ready, &mut random);
            let (beat, tlast) = to_send.front().filter(|_| valid).cloned().unwrap_or((zero.clone(), false));
            let row = self.step(&[
                ("aresetn", &[1]),
                ("s_axis_tvalid", &[valid.into()]),
                ("s_axis_tlast", &[tlast.into()]),
                ("s_axis_tdata", &beat),
                ("m_axis_tready", &[ready.into()]),
            ]);
            if valid && self.read(&row, "s_axis_tready") == [1] {
                to_send.pop_front();
                valid = false;
            }
            if self.read(&row, "error") != [0] {
                return Err(format!("cycle {cycle}: error is high"));
            }
            if self.read(&row, "m_axis_tvalid") == [1] {
                let found = (self.read(&row, "m_axis_tdata"), self.read(&row, "m_axis_tlast") == [1]);
                // What is offered is right also while nobody takes it.
                if due.front() != Some(&found) {
                    return Err(format!("cycle {cycle}: {found:?} instead of {:?}", due.front()));
                }
                if ready {
                    due.pop_front();
                }
            }
        }
        Err(format!("{} beats are missing after {limit} cycles", due.len()))
    }

    /// Sends all frames through the ap_ctrl wrapper.
    fn start(&mut self, source: Pattern, seed: u64) -> Result<usize, String> {
        let mut random = SmallRng::seed_from_u64(seed);
        let (inputs, outputs) = (self.signature.inputs.clone(), self.signature.outputs.clone());
        assert!(inputs.len() == 1 && outputs.len() == 1, "the beats of one port each are its vectors");
        let valid_name = format!("{}_ap_vld", outputs[0].port);
        let beats = self.signature.ii_cycles as usize;
        let latency = self.signature.latency_cycles as usize;
        let (frames_in, frames_out) = (self.inputs.clone(), self.outputs.clone());
        self.step(&[("ap_rst", &[1])]);
        // The cycle in which each beat of results is due.
        let mut due: VecDeque<(usize, usize)> = VecDeque::new();
        let (mut sent, mut beat, mut start, mut done, mut last_due) = (0, 0, false, 0, None);
        for cycle in 0..200 + 80 * beats * frames_in.len() {
            if done == frames_in.len() {
                return Ok(cycle);
            }
            start = sent < frames_in.len() && (start || source.next(start, &mut random));
            let reads = start || beat > 0;
            if reads && beat == 0 {
                due.extend((0..beats).map(|n| (cycle + latency + n, n)));
                last_due = Some(cycle + latency + beats - 1);
            }
            let data =
                if reads { frames_in[sent][beat].clone() } else { vec![u32::MAX; frames_in[0][0].len()] };
            let row = self.step(&[("ap_rst", &[0]), ("ap_start", &[start.into()]), (&inputs[0].port, &data)]);
            let flag = |name: &str| self.read(&row, name) == [1];
            let ready = reads && beat == beats - 1;
            let result = due.front().is_some_and(|(at, _)| *at == cycle);
            let complete = result && due[0].1 == beats - 1;
            let idle = !reads && last_due.is_none_or(|at| at < cycle);
            for (name, wanted) in
                [("ap_ready", ready), (&valid_name, result), ("ap_done", complete), ("ap_idle", idle)]
            {
                if flag(name) != wanted {
                    return Err(format!("cycle {cycle}: {name} is not {wanted}"));
                }
            }
            if result {
                let (_, n) = due.pop_front().expect("a beat is due");
                let found = self.read(&row, &outputs[0].port);
                if found != frames_out[done][n] {
                    return Err(format!("cycle {cycle}, frame {done}, beat {n}: {found:?}"));
                }
                done += usize::from(complete);
            }
            if reads {
                beat = (beat + 1) % beats;
                sent += usize::from(ready);
                start = start && !ready;
            }
        }
        Err("frames are missing".into())
    }
}

/// A network of one frame a cycle, and a convolution of four beats a frame.
fn whole() -> (Program, u32) {
    (networks(12, 1), 1)
}

fn streamed() -> (Program, u32) {
    (convolutions(0, 10, 3, 2), 4)
}

fn survives_stalls((program, ii): (Program, u32), frames: usize) {
    let mut bench = Bench::new(&program, ii, frames, "axis", None);
    let beats = bench.signature.ii_cycles as usize;
    assert!(ii == 1 || beats > 1, "several beats a frame are meant");
    let cycles = bench.stream(Pattern::Random, Pattern::Random, 1, None).expect("random stalls");
    println!("{}: {frames} frames of {beats} beats, stalls on both sides, {cycles} cycles", program.name);
    bench.inputs.truncate(5_000);
    bench.outputs.truncate(5_000);
    let cycles = bench.stream(Pattern::Always, Pattern::Always, 2, None).expect("no stalls");
    println!("{}: 5000 frames of {beats} beats, no stalls, {cycles} cycles", program.name);
    let fill = bench.signature.latency_cycles as usize + 2 * beats + 5;
    assert!(cycles <= 5_000 * beats + fill, "{cycles} cycles: full throughput is lost");
    use Pattern::{Always, Long, Random};
    for (n, patterns) in
        [(Always, Random), (Random, Always), (Long, Long), (Always, Long), (Long, Always)].iter().enumerate()
    {
        let at = n * 37 + 50;
        bench.stream(patterns.0, patterns.1, n as u64, Some(at)).expect("up to a reset in mid-stream");
        bench.stream(patterns.0, patterns.1, n as u64, None).unwrap_or_else(|e| panic!("{patterns:?}: {e}"));
    }
}

#[test]
fn axi_stream_loses_nothing() {
    survives_stalls(whole(), 100_000);
}

#[test]
fn axi_stream_loses_nothing_of_frames_of_several_beats() {
    survives_stalls(streamed(), 30_000);
}

#[test]
fn a_misplaced_tlast_is_reported_until_reset() {
    let (program, ii) = streamed();
    let mut bench = Bench::new(&program, ii, 1, "axis", None);
    for wrong in 0..bench.signature.ii_cycles {
        bench.step(&[("aresetn", &[0])]);
        for beat in 0..bench.signature.ii_cycles {
            // Beat `wrong` alone says the opposite of what it should.
            let tlast = u32::from((beat == bench.signature.ii_cycles - 1) != (beat == wrong));
            let row = bench.step(&[("aresetn", &[1]), ("s_axis_tvalid", &[1]), ("s_axis_tlast", &[tlast])]);
            assert_eq!(bench.read(&row, "error"), [u32::from(beat > wrong)], "beat {beat}");
        }
        for _ in 0..3 {
            let row = bench.step(&[("aresetn", &[1])]);
            assert_eq!(bench.read(&row, "error"), [1], "wrong beat {wrong}");
        }
    }
}

/// Faults that the tests above must see.
#[test]
fn damaged_wrappers_are_found_out() {
    let damage = [
        ("credit <= {1'b1, {AO{1'b0}}}", "credit <= {(AO+1){1'b1}}"),
        ("credit >= WHOLE_RESULT[AO:0]", "credit >= {(AO+1){1'b0}}"),
        ("waiting >= WHOLE[AI:0]", "waiting != {(AI+1){1'b0}}"),
        ("assign m_last = out_beat == FINAL_RESULT[CB-1:0]", "assign m_last = out_beat == {CB{1'b0}}"),
    ];
    let (program, ii) = streamed();
    for damage in damage {
        let mut bench = Bench::new(&program, ii, 500, "axis", Some(damage));
        let patterns = [(Pattern::Random, Pattern::Random), (Pattern::Long, Pattern::Long)];
        let found = patterns.iter().any(|&(source, sink)| bench.stream(source, sink, 5, None).is_err());
        assert!(found, "{damage:?} is not found");
    }
}

#[test]
fn ap_ctrl_keeps_its_protocol() {
    for (program, ii) in [whole(), streamed()] {
        let mut bench = Bench::new(&program, ii, 5_000, "ap", None);
        for (seed, source) in [Pattern::Random, Pattern::Long, Pattern::Always].into_iter().enumerate() {
            let cycles = bench.start(source, seed as u64).unwrap_or_else(|e| panic!("{source:?}: {e}"));
            let signature = &bench.signature;
            println!("{}: {source:?}, 5000 frames in {cycles} cycles", program.name);
            let least = 5_000 * signature.ii_cycles as usize + signature.latency_cycles as usize;
            assert!(source != Pattern::Always || cycles == least, "{cycles} cycles instead of {least}");
        }
    }
}
