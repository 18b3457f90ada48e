//! The frames that every engine is fed.

use nn2hdl_muon::geometry::{LAYERS, PARTITIONS, STRIPS, VOXELS};
use nn2hdl_muon::{Parameters, Simulation};
use nn2hdl_runtime::codec::Steps;
use nn2hdl_runtime::{EmulateError, Emulator, Encoder, Program};
use nn2hdl_testbench::cosim::random_codes;

use crate::failure::Failure;
use crate::tensors::{Array, Data, Stream, to_archive};

/// Different frames, of small networks; buffers take them in turn.
const DISTINCT: usize = 256;
/// Elements of all frames of the largest input.
const MOST: usize = 1 << 23;
const SEED: u64 = 1;

/// Frames of every input.
#[derive(Debug)]
pub struct Frames {
    /// Number of frames.
    pub count: usize,
    /// Values, frames × elements, of each input.
    pub values: Vec<Vec<f64>>,
    /// Their codes.
    pub codes: Vec<Vec<i64>>,
    /// What they are.
    pub described: String,
}

impl Frames {
    /// Simulated chamber images for a network that takes them, random codes for any other.
    pub fn new(program: &Program) -> Result<Self, Failure> {
        let widest = (0..program.inputs.len()).map(|n| program.input_value(n).len()).max().unwrap_or(1);
        let count = (MOST / widest.max(1)).clamp(1, DISTINCT);
        let (values, described) = match strips_per_column(program) {
            Some(strips) => {
                let of = if strips == 1 { "" } else { " of pairs of strips" };
                let described =
                    format!("{count} simulated chamber images{of}, seed {SEED}, nominal background");
                (vec![images(count, strips)?], described)
            }
            None => (random(program, count), format!("{count} random frames, seed {SEED}")),
        };
        let encode = |(n, values): (usize, &Vec<f64>)| {
            let (input, len) = (&program.inputs[n], program.input_value(n).len());
            let codes = input.encoder.encode(values, len);
            codes.map_err(|error| Failure::new("frames", &input.name, error.to_string(), ""))
        };
        let codes = values.iter().enumerate().map(encode).collect::<Result<_, _>>()?;
        Ok(Self { count, values, codes, described })
    }

    /// The values of input `input` in the frames of a buffer of `size`.
    #[cfg(feature = "train")]
    pub fn buffer(&self, input: usize, size: usize) -> Vec<f32> {
        let len = self.values[input].len() / self.count;
        self.values[input].iter().cycle().take(size * len).map(|&value| value as f32).collect()
    }

    /// A `.npz` file of the values, arrays named as the inputs.
    pub fn archive(&self, program: &Program) -> Result<Vec<u8>, Failure> {
        let array = |(n, values): (usize, &Vec<f64>)| {
            (program.inputs[n].name.clone(), program.input_value(n).shape.clone(), values.clone())
        };
        archive(self.count, self.values.iter().enumerate().map(array).collect())
    }

    /// A `.npz` file of the emulator's answers, arrays named as the outputs.
    pub fn answers(&self, program: &Program) -> Result<Vec<u8>, Failure> {
        let failed = |error: EmulateError| Failure::new("emulator", "", error.to_string(), "");
        let codes: Vec<&[i64]> = self.codes.iter().map(Vec::as_slice).collect();
        let answers = Emulator::new(program).and_then(|emulator| emulator.run(&codes, self.count));
        let array = |(n, codes): (usize, Vec<i64>)| {
            let value = program.output_value(n);
            let values = program.outputs[n].decoder.decode(&codes, value.len());
            (program.outputs[n].name.clone(), value.shape.clone(), values)
        };
        archive(self.count, answers.map_err(failed)?.into_iter().enumerate().map(array).collect())
    }
}

/// A `.npz` file of `count` frames of arrays, each with its name and the extents of one frame; as bytes where they fit.
fn archive(count: usize, arrays: Vec<(String, Vec<usize>, Vec<f64>)>) -> Result<Vec<u8>, Failure> {
    let failed = |message: String| Failure::new("frames", "", message, "");
    let small = |value: &f64| (0.0..=255.0).contains(value) && value.fract() == 0.0;
    if arrays.iter().flat_map(|(_, _, values)| values).all(small) {
        let mut stream = Stream::new(std::io::Cursor::new(Vec::new()));
        for (name, shape, values) in arrays {
            let bytes: Vec<u8> = values.iter().map(|&value| value as u8).collect();
            let begun = stream.begin(&name, &[&[count], shape.as_slice()].concat());
            begun.and_then(|()| stream.bytes(&bytes)).map_err(|error| failed(error.to_string()))?;
        }
        return Ok(stream.finish().map_err(|error| failed(error.to_string()))?.into_inner());
    }
    let array = |(name, shape, values): (String, Vec<usize>, Vec<f64>)| Array {
        name,
        shape: [&[count], shape.as_slice()].concat(),
        data: Data::Floats(values),
    };
    to_archive(&arrays.into_iter().map(array).collect::<Vec<_>>()).map_err(failed)
}

/// Strips in a column of the images that a network for the chamber takes, 1 or 2; none of any other network.
fn strips_per_column(program: &Program) -> Option<usize> {
    let [input] = program.inputs.as_slice() else { return None };
    let shape = &program.input_value(0).shape;
    let strips = [1, 2].into_iter().find(|strips| *shape == [LAYERS, PARTITIONS, STRIPS / strips])?;
    let len = VOXELS / strips;
    let codes = input.encoder.encode(&vec![1.0; len], len).ok()?;
    (codes == vec![1; len]).then_some(strips)
}

/// Images whose columns are 1 where any of their strips was hit.
fn images(count: usize, strips: usize) -> Result<Vec<f64>, Failure> {
    let simulation = Simulation::new(Parameters::default())
        .map_err(|error| Failure::new("parameter", error.name, error.problem, ""))?;
    let image = |n: usize| columns(&simulation.event(SEED, n as u64).image().bytes(), strips);
    Ok((0..count).flat_map(image).collect())
}

fn columns(bytes: &[u8], strips: usize) -> Vec<f64> {
    bytes.chunks(strips).map(|column| f64::from(column.iter().fold(0, |any, strip| any | strip))).collect()
}

/// Values that become random codes.
fn random(program: &Program, count: usize) -> Vec<Vec<f64>> {
    let codes = random_codes(program, count, SEED);
    let of_input = |(n, codes): (usize, Vec<i64>)| {
        let len = program.input_value(n).len();
        let encoder = &program.inputs[n].encoder;
        codes.into_iter().enumerate().map(|(at, code)| value(encoder, at % len, code)).collect()
    };
    codes.into_iter().enumerate().map(of_input).collect()
}

/// A value whose code is `code`, or that of the nearest code that the encoder has.
fn value(encoder: &Encoder, element: usize, code: i64) -> f64 {
    match encoder {
        Encoder::Fixed(quantizer) => code as f64 * 2f64.powi(-quantizer.format.frac),
        Encoder::Index(positions) => code.clamp(0, i64::from(*positions)) as f64,
        Encoder::Steps { channels, inner } => {
            let Steps { first, thresholds, descending } = &channels[element / inner % channels.len()];
            let passed = (code - first).clamp(0, thresholds.len() as i64) as usize;
            match (thresholds.as_slice(), descending) {
                ([], _) => 0.0,
                ([least, ..], false) if passed == 0 => least - 1.0,
                ([.., greatest], true) if passed == 0 => greatest + 1.0,
                (all, false) => all[passed - 1],
                (all, true) => all[all.len() - passed],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_hit_where_one_of_its_strips_is() {
        let strips = [0, 0, 0, 1, 1, 0, 1, 1];
        assert_eq!(columns(&strips, 2), [0.0, 1.0, 1.0, 1.0]);
        assert_eq!(columns(&strips, 1), strips.map(f64::from));
    }

    #[test]
    fn values_have_the_codes_they_were_made_for() {
        for descending in [false, true] {
            let steps = Steps { first: -1, thresholds: vec![-0.5, 0.25, 2.0], descending };
            let encoder = Encoder::Steps { channels: vec![steps], inner: 1 };
            let values: Vec<f64> = (-1..3).map(|code| value(&encoder, 0, code)).collect();
            assert_eq!(encoder.encode(&values, 4).unwrap(), [-1, 0, 1, 2]);
        }
        assert_eq!(value(&Encoder::Index(4), 0, 9), 4.0);
    }
}
