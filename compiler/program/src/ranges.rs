//! Ranges on the user's frames: what saturated, what wrapped, which codes occurred.

use nn2hdl_compiler::diagnostic::Diagnostic;
use nn2hdl_compiler::front::observe::{Counted, Observation};
use nn2hdl_runtime::codec::side;
use nn2hdl_runtime::{Emulator, Encoder, Format, Overflow, Program, Value};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Progress, grouped, table};
use crate::report;
use crate::tensors::Frames;

/// Elements of further outputs that are held at a time.
const HELD: usize = 1 << 24;

/// What was seen at every input and quantizer.
#[derive(Debug, Serialize)]
pub struct Ranges {
    schema: &'static str,
    frames: usize,
    /// Elements that saturated or wrapped, in all.
    overflows: u64,
    inputs: Vec<Range>,
    layers: Vec<Range>,
}

/// What was seen at one input or quantizer.
#[derive(Debug, Serialize)]
struct Range {
    /// Name of the input, or of the quantizer's node.
    layer: String,
    /// Name of the tensor.
    tensor: String,
    format: String,
    bits: u32,
    format_least: i64,
    format_greatest: i64,
    /// Elements seen: frames × elements of the tensor.
    elements: u64,
    /// Elements that saturated; none if they were not counted.
    saturated: Option<u64>,
    /// Elements that wrapped; none if they were not counted.
    wrapped: Option<u64>,
    /// Those of both whose value was below the range.
    below: Option<u64>,
    /// Those of both whose value was above the range.
    above: Option<u64>,
    /// Whether no input at all can overflow here.
    never_overflows: bool,
    /// Where the first one was.
    first: Option<Place>,
    least: Option<i64>,
    greatest: Option<i64>,
    /// Upper bits that no code needed.
    unused_top_bits: Option<u32>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Place {
    frame: usize,
    element: usize,
}

impl Range {
    fn new(layer: &str, tensor: &str, value: &Value) -> Self {
        let Format { width, .. } = value.format;
        let holds = value.format.interval();
        Self {
            layer: layer.into(),
            tensor: tensor.into(),
            format: value.format.to_string(),
            bits: width,
            format_least: holds.lo as i64,
            format_greatest: holds.hi as i64,
            elements: 0,
            saturated: None,
            wrapped: None,
            below: None,
            above: None,
            never_overflows: false,
            first: None,
            least: None,
            greatest: None,
            unused_top_bits: None,
        }
    }

    fn counted(&mut self, never: bool) {
        self.never_overflows = never;
        [self.saturated, self.wrapped, self.below, self.above] = [Some(0); 4];
    }

    fn codes(&mut self, codes: &[i64], format: Format) {
        self.elements += codes.len() as u64;
        let (Some(&least), Some(&greatest)) = (codes.iter().min(), codes.iter().max()) else { return };
        let least = self.least.map_or(least, |known| known.min(least));
        let greatest = self.greatest.map_or(greatest, |known| known.max(greatest));
        let magnitude = |code: i64| 64 - (if code < 0 { !code } else { code }).leading_zeros();
        let needed = magnitude(least).max(magnitude(greatest)).max(u32::from(!format.signed));
        (self.least, self.greatest) = (Some(least), Some(greatest));
        self.unused_top_bits = Some(format.width - needed - u32::from(format.signed));
    }

    /// Counts sides of whole frames of `len` elements, from frame `begin` on.
    fn sides(&mut self, sides: impl Iterator<Item = i8>, wraps: bool, begin: usize, len: usize) {
        let (mut below, mut above) = (0, 0);
        for (number, side) in sides.enumerate() {
            match side {
                0 => continue,
                1.. => above += 1,
                _ => below += 1,
            }
            let place = Place { frame: begin + number / len, element: number % len };
            self.first.get_or_insert(place);
        }
        let kind = if wraps { &mut self.wrapped } else { &mut self.saturated };
        let counts = [(kind, below + above), (&mut self.below, below), (&mut self.above, above)];
        counts.into_iter().for_each(|(count, more)| *count = Some(count.unwrap_or(0) + more));
    }

    fn overflows(&self) -> u64 {
        self.saturated.unwrap_or(0) + self.wrapped.unwrap_or(0)
    }
}

/// What is seen on `frames`, of which the network's answers are `answers`.
pub fn measure(observation: &Observation, frames: &Frames, answers: &[Vec<i64>]) -> Result<Ranges, Failure> {
    let program = &observation.program;
    let inputs: Vec<Range> = (0..program.inputs.len()).map(|n| input(observation, frames, n)).collect();
    let mut layers: Vec<Range> = observation
        .quantizers
        .iter()
        .map(|one| {
            let mut range = Range::new(&one.layer, &one.tensor, program.output_value(one.codes));
            if one.overflow != Counted::Unknown {
                range.counted(one.overflow == Counted::Never);
            }
            range
        })
        .collect();
    let refused = |message: String| Failure::new("emulator", "", message, "compile the model again");
    let emulator = Emulator::new(program).map_err(|error| refused(error.to_string()))?;
    let size: usize = (0..program.outputs.len()).map(|n| program.output_value(n).len()).sum();
    let chunk = (HELD / size.max(1)).clamp(1, frames.count.max(1));
    let progress = Progress::new();
    for begin in (0..frames.count).step_by(chunk) {
        progress.say("watching the quantizers", begin, frames.count);
        let end = frames.count.min(begin + chunk);
        let part = |codes: &'_ [i64], len: usize| begin * len..(end * len).min(codes.len());
        let codes: Vec<&[i64]> = (frames.codes.iter().enumerate())
            .map(|(n, codes)| &codes[part(codes, program.input_value(n).len())])
            .collect();
        let seen = emulator.run(&codes, end - begin).map_err(|error| refused(error.to_string()))?;
        for (n, answer) in answers.iter().enumerate().take(observation.outputs) {
            if answer.get(part(answer, program.output_value(n).len())) != Some(seen[n].as_slice()) {
                return Err(refused("the watched program is not that of the network".into()));
            }
        }
        for (one, range) in observation.quantizers.iter().zip(&mut layers) {
            let value = program.output_value(one.codes);
            range.codes(&seen[one.codes], value.format);
            if let Counted::Flags(flags) = one.overflow {
                let sides = seen[flags].iter().map(|&flag| if flag == 1 { -1 } else { flag.min(1) as i8 });
                range.sides(sides, one.wraps, begin, value.len());
            }
        }
    }
    let overflows = inputs.iter().chain(&layers).map(Range::overflows).sum();
    Ok(Ranges { schema: "nn2hdl.ranges/1", frames: frames.count, overflows, inputs, layers })
}

fn input(observation: &Observation, frames: &Frames, number: usize) -> Range {
    let program: &Program = &observation.program;
    let (input, value) = (&program.inputs[number], program.input_value(number));
    let mut range = Range::new(&input.name, &input.name, value);
    range.codes(&frames.codes[number], value.format);
    let Some(values) = &frames.values[number] else { return range };
    range.counted(false);
    let len = value.len();
    match (&input.encoder, &observation.bounds[number]) {
        (Encoder::Fixed(quantizer), _) => {
            let wraps = quantizer.overflow == Overflow::Wrap;
            range.sides(values.iter().map(|&value| side(value, *quantizer)), wraps, 0, len);
        }
        (Encoder::Steps { .. }, Some(bounds)) => {
            let sides = values.iter().enumerate().map(|(n, &value)| bounds.side(n % len, value));
            range.sides(sides, false, 0, len);
        }
        // Beyond its positions an index stands for none of them.
        (Encoder::Index(_), _) => range.never_overflows = true,
        (Encoder::Steps { .. }, None) => {
            [range.saturated, range.wrapped, range.below, range.above] = [None; 4]
        }
    }
    range
}

impl Ranges {
    /// The table that people read.
    pub fn words(&self) -> String {
        table(&self.rows())
    }

    /// The table's rows, the first its head.
    fn rows(&self) -> Vec<Vec<String>> {
        let titles = ["", "format", "elements", "saturated", "wrapped", "codes seen", "unused top bits"];
        let mut rows = vec![titles.map(str::to_owned).to_vec()];
        let count = |count: Option<u64>, range: &Range| match count {
            None => "not counted".to_owned(),
            Some(_) if range.never_overflows => "never".to_owned(),
            Some(count) => grouped(count),
        };
        for range in self.inputs.iter().chain(&self.layers) {
            let seen = range.least.zip(range.greatest);
            rows.push(vec![
                range.layer.clone(),
                range.format.clone(),
                grouped(range.elements),
                count(range.saturated, range),
                count(range.wrapped, range),
                seen.map_or(String::new(), |(least, greatest)| {
                    format!("{least} … {greatest} of {} … {}", range.format_least, range.format_greatest)
                }),
                range.unused_top_bits.map_or(String::new(), |unused| format!("{unused} of {}", range.bits)),
            ]);
        }
        rows
    }

    /// The report `page` of the design with this table, in place of any earlier one.
    pub fn in_report(&self, page: &str) -> Option<Result<String, Failure>> {
        let overflows = match self.overflows {
            0 => "None of their elements saturated or wrapped.".to_owned(),
            n => format!("{} of their elements saturated or wrapped.", grouped(n)),
        };
        let text =
            format!("Measured with nn2hdl emulate on {} frames. {overflows}", grouped(self.frames as u64));
        report::measured(page, text, self.rows())
    }

    /// The file that programs read.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// The failure of overflows, each with its place.
    pub fn denied(&self) -> Result<(), Failure> {
        let mut problems = Vec::new();
        for range in self.inputs.iter().chain(&self.layers) {
            // Of inputs that are given as codes nothing is encoded.
            let counts = [(range.saturated, "saturated"), (range.wrapped, "wrapped")];
            for (count, verb) in counts.into_iter().filter_map(|(count, verb)| Some((count?, verb))) {
                let Some(Place { frame, element }) = range.first.filter(|_| count > 0) else { continue };
                let all = grouped(range.elements);
                problems.push(Diagnostic::new(
                    "overflow",
                    range.layer.clone(),
                    format!(
                        "{} of {all} elements {verb}, the first in frame {frame} at element {element}",
                        grouped(count)
                    ),
                    format!("{} has too few upper bits for these frames: give it more", range.format),
                ));
            }
        }
        for range in self.layers.iter().filter(|range| range.saturated.is_none()) {
            problems.push(Diagnostic::new(
                "not-counted",
                range.layer.clone(),
                "its overflows cannot be counted: the function before it is not monotone and has too many arguments",
                "raise --table-bits",
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}
