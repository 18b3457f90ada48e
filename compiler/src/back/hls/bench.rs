//! The test bench and the frames that it finds beside it.

use askama::Template;
use nn2hdl_runtime::{Emulator, Program};

use super::Settings;
use super::ports::{self, PortView};

/// Frames, and codes in all of them, that are written beside a design.
const FRAMES: usize = 8;
const CODES: usize = 1 << 15;

/// What `tb.cpp` substitutes.
#[derive(Template)]
#[template(path = "tb.cpp")]
pub(super) struct BenchView {
    top: String,
    inputs: Vec<PortView>,
    outputs: Vec<PortView>,
    arguments: String,
}

pub(super) fn view(program: &Program, settings: &Settings) -> BenchView {
    let (inputs, outputs) = (ports::inputs(program, settings), ports::outputs(program, settings));
    let arguments: Vec<&str> = inputs.iter().chain(&outputs).map(|port| port.variable.as_str()).collect();
    BenchView { top: settings.top.clone(), arguments: arguments.join(", "), inputs, outputs }
}

/// Lines of codes, one line a frame: every input's elements, every output's elements.
pub(super) struct Frames {
    pub inputs: String,
    pub answers: String,
}

/// Extreme and random codes, the same for a program every time, with the emulator's answers.
pub(super) fn frames(program: &Program) -> Frames {
    let inputs = (0..program.inputs.len()).map(|n| program.input_value(n));
    let elements: usize = inputs.clone().map(nn2hdl_runtime::Value::len).sum();
    let frames = (CODES / elements.max(1)).clamp(1, FRAMES);
    let mut state = 0u64;
    let codes: Vec<Vec<i64>> = inputs
        .map(|value| {
            let range = value.format.interval();
            (0..frames * value.len())
                .map(|n| match n / value.len() {
                    1 => range.lo as i64,
                    2 => range.hi as i64,
                    _ => (range.lo + i128::from(mixed(&mut state)) % (range.hi - range.lo + 1)) as i64,
                })
                .collect()
        })
        .collect();
    let slices: Vec<&[i64]> = codes.iter().map(Vec::as_slice).collect();
    let emulator = Emulator::new(program).expect("the program is valid");
    let answers = emulator.run(&slices, frames).expect("the codes fit the program");
    Frames { inputs: lines(&codes, frames), answers: lines(&answers, frames) }
}

/// The next number of the sequence SplitMix64.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn lines(tensors: &[Vec<i64>], frames: usize) -> String {
    let mut text = String::new();
    for frame in 0..frames {
        let codes = tensors.iter().flat_map(|codes| {
            let len = codes.len() / frames;
            &codes[frame * len..][..len]
        });
        for (n, code) in codes.enumerate() {
            if n > 0 {
                text.push(' ');
            }
            text.push_str(&code.to_string());
        }
        text.push('\n');
    }
    text
}
