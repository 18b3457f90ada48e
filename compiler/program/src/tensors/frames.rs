//! Arrays become frames of codes.

use std::path::Path;

use nn2hdl_models::{ZooModel, find};
use nn2hdl_runtime::Program;

use super::{Archive, Array, Data};
use crate::failure::Failure;
use crate::model::suggestion;

/// Frames of a program's inputs.
pub struct Frames {
    /// Codes of each input, frames × elements.
    pub codes: Vec<Vec<i64>>,
    /// Number of frames.
    pub count: usize,
    /// The zoo model whose sample it is.
    pub sample: Option<&'static ZooModel>,
}

/// A message and a way out.
type Wrong = (String, String);

/// Reads every input of `program` from a file, or from the sample of a zoo model.
pub fn read_frames(source: &str, program: &Program, raw: bool) -> Result<Frames, Failure> {
    let path = Path::new(source);
    let sample = find(source).filter(|_| !path.is_file());
    let mut archive = match sample {
        Some(model) => Archive::embedded(model.sample)?,
        None if path.is_file() => Archive::open(path)?,
        None => {
            return Err(Failure::new(
                "no-input",
                source,
                "there is no such file or zoo model",
                suggestion(source),
            ));
        }
    };
    let (mut codes, mut count): (Vec<Vec<i64>>, Option<(usize, &str)>) = (Vec::new(), None);
    for (number, input) in program.inputs.iter().enumerate() {
        let fail =
            |(message, help): Wrong| Failure::new("input-array", &input.name, message, help).about(source);
        let array = find_array(&mut archive, program, number).map_err(fail)?;
        let frames = frames_of(&array, &program.input_value(number).shape).map_err(fail)?;
        match count {
            Some((other, first)) if other != frames => {
                let message = format!("{frames} frames, but `{first}` has {other}");
                return Err(fail((message, "axis 0 of every array is the frame".into())));
            }
            _ => count = Some((frames, &input.name)),
        }
        let coded = if raw { raw_codes(array, program, number) } else { encoded(array, program, number) };
        codes.push(coded.map_err(fail)?);
    }
    Ok(Frames { codes, count: count.map_or(0, |(count, _)| count), sample })
}

/// The array of an input: of its name, of the name that the zoo's sample has for it, or the only one.
fn find_array(archive: &mut Archive, program: &Program, number: usize) -> Result<Array, Wrong> {
    let (known, name) = (archive.names(), program.inputs[number].name.as_str());
    let aliases = find(&program.name).map_or(&[][..], |model| model.inputs);
    let alias = aliases.iter().find(|(input, _)| *input == name).map(|(_, array)| *array);
    let named =
        [Some(name), alias].into_iter().flatten().find(|name| known.iter().any(|known| known == name));
    let only =
        (program.inputs.len() == 1 && known.len() <= 1).then(|| known.first().map_or("", String::as_str));
    match (named.or(only), &archive) {
        (Some(name), _) => archive.read(name).map_err(|message| (message, String::new())),
        (None, Archive::Npy(_)) => {
            let inputs: Vec<&str> = program.inputs.iter().map(|input| input.name.as_str()).collect();
            let message = format!("a .npy file holds one array, the network has {} inputs", inputs.len());
            Err((message, format!("write a .npz or .safetensors file with the arrays {}", inputs.join(", "))))
        }
        (None, _) => {
            let help = format!("name the array as the input; the file has {}", known.join(", "));
            Err(("there is no array of this name".into(), help))
        }
    }
}

fn frames_of(array: &Array, shape: &[usize]) -> Result<usize, Wrong> {
    match array.shape.split_first() {
        Some((&frames, rest)) if rest == shape => Ok(frames),
        _ => {
            let extents = std::iter::once("frames".to_owned()).chain(shape.iter().map(usize::to_string));
            let expected = extents.collect::<Vec<_>>().join(", ");
            let one =
                if array.shape == shape { "; for one frame, add an axis of extent 1 in front" } else { "" };
            let message = format!("the array has shape {:?}, expected is [{expected}]", array.shape);
            Err((message, format!("axis 0 is the frame{one}")))
        }
    }
}

/// The place of an element, for people.
fn place(flat: usize, len: usize) -> String {
    format!("frame {}, element {}", flat / len.max(1), flat % len.max(1))
}

fn raw_codes(array: Array, program: &Program, input: usize) -> Result<Vec<i64>, Wrong> {
    let value = program.input_value(input);
    let Data::Ints(codes) = array.data else {
        let message = "with `--raw` arrays are integer codes, this one holds floats";
        return Err((message.into(), "leave out `--raw` to give values".into()));
    };
    if let Some(at) = codes.iter().position(|&code| !value.format.holds(code)) {
        let (range, place) = (value.format.interval(), place(at, value.len()));
        let message = format!("{place}: the code {} is not in {}..={}", codes[at], range.lo, range.hi);
        return Err((message, format!("the input's format is {}", value.format)));
    }
    Ok(codes)
}

fn encoded(array: Array, program: &Program, input: usize) -> Result<Vec<i64>, Wrong> {
    let len = program.input_value(input).len();
    let values = match array.data {
        Data::Floats(values) => values,
        Data::Ints(values) => {
            if let Some(at) = values.iter().position(|&value| value.unsigned_abs() > 1 << 53) {
                let message = format!("{}: {} is not exactly a float64", place(at, len), values[at]);
                return Err((message, "give codes, with `--raw`".into()));
            }
            values.iter().map(|&value| value as f64).collect()
        }
    };
    program.inputs[input].encoder.encode(&values, len).map_err(|error| {
        let value = values.get(error.element).copied().unwrap_or(f64::NAN);
        (format!("{}: {value} {}", place(error.element, len), error.reason), error.reason.help().into())
    })
}
