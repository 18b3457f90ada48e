//! Arrays become frames of codes.

use std::path::Path;

use nn2hdl_compiler::graph::{Graph, Tensor, TensorId};
use nn2hdl_models::{ZooModel, find};
use nn2hdl_runtime::Program;

use super::{Archive, Array, Data};
use crate::failure::Failure;
use crate::model::suggestion;

/// Frames of a program's inputs.
pub struct Frames {
    /// Codes of each input, frames × elements.
    pub codes: Vec<Vec<i64>>,
    /// The values behind the codes of each input; none if codes were given.
    pub values: Vec<Option<Vec<f64>>>,
    /// Number of frames.
    pub count: usize,
    /// The zoo model whose sample it is.
    pub sample: Option<&'static ZooModel>,
}

/// A message and a way out.
type Wrong = (String, String);

/// What an input takes.
struct Input<'a> {
    name: &'a str,
    /// Extents of one frame.
    shape: &'a [usize],
}

/// Arrays of a network's inputs.
struct Source {
    archive: Archive,
    sample: Option<&'static ZooModel>,
}

impl Source {
    /// Opens a file, or the sample of a zoo model.
    fn open(source: &str) -> Result<Self, Failure> {
        let path = Path::new(source);
        let sample = find(source).filter(|_| !path.is_file());
        let archive = match sample {
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
        Ok(Self { archive, sample })
    }

    /// Reads the arrays of all inputs of `model` and converts each; all have the same number of frames, which is
    /// returned as well.
    fn read<T>(
        &mut self,
        source: &str,
        model: &str,
        inputs: &[Input<'_>],
        convert: impl Fn(usize, Array) -> Result<T, Wrong>,
    ) -> Result<(Vec<T>, usize), Failure> {
        let (mut all, mut count): (Vec<T>, Option<(usize, &str)>) = (Vec::new(), None);
        for (number, input) in inputs.iter().enumerate() {
            let fail =
                |(message, help): Wrong| Failure::new("input-array", input.name, message, help).about(source);
            let array = find_array(&mut self.archive, model, inputs, number).map_err(fail)?;
            let frames = frames_of(&array, input.shape).map_err(fail)?;
            match count {
                Some((other, first)) if other != frames => {
                    let message = format!("{frames} frames, but `{first}` has {other}");
                    return Err(fail((message, "axis 0 of every array is the frame".into())));
                }
                _ => count = Some((frames, input.name)),
            }
            all.push(convert(number, array).map_err(fail)?);
        }
        Ok((all, count.map_or(0, |(count, _)| count)))
    }
}

/// Reads every input of `program` from a file, or from the sample of a zoo model.
pub fn read_frames(source: &str, program: &Program, raw: bool) -> Result<Frames, Failure> {
    let mut opened = Source::open(source)?;
    let input = |number: usize| Input {
        name: &program.inputs[number].name,
        shape: &program.input_value(number).shape,
    };
    let inputs: Vec<Input<'_>> = (0..program.inputs.len()).map(input).collect();
    let (pairs, count) = opened.read(source, &program.name, &inputs, |number, array| {
        Ok(if raw {
            (raw_codes(array, program, number)?, None)
        } else {
            let (codes, values) = encoded(array, program, number)?;
            (codes, Some(values))
        })
    })?;
    let (codes, values) = pairs.into_iter().unzip();
    Ok(Frames { codes, values, count, sample: opened.sample })
}

/// Reads every input of the network `graph`, which the zoo may know as `model`: for each frame one tensor for each input,
/// with the frame axis that the graph has.
pub fn read_values(source: &str, model: &str, graph: &Graph) -> Result<Vec<Vec<Tensor>>, Failure> {
    let shape = |id: &TensorId| graph.info(*id).shape.as_deref().unwrap_or_default();
    let input = |id: &TensorId| Input {
        name: &graph.info(*id).name,
        shape: &shape(id)[usize::from(graph.framed && !shape(id).is_empty())..],
    };
    let inputs: Vec<Input<'_>> = graph.inputs.iter().map(input).collect();
    let (arrays, count) = Source::open(source)?.read(source, model, &inputs, |number, array| {
        let values = values(array, inputs[number].shape.iter().product())?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let place = place(at, inputs[number].shape.iter().product());
            return Err((
                format!("{place}: {} is no finite number", values[at]),
                "every value must be finite".into(),
            ));
        }
        Ok(values)
    })?;
    let frame = |frame: usize| {
        let tensor = |(values, id): (&Vec<f64>, &TensorId)| {
            let len = values.len() / count;
            let data = values[frame * len..(frame + 1) * len].to_vec();
            Tensor::new(shape(id).to_vec(), data).typed(graph.info(*id).integer)
        };
        arrays.iter().zip(&graph.inputs).map(tensor).collect()
    };
    Ok((0..count).map(frame).collect())
}

/// The array of an input: of its name, of the name that the zoo's sample has for it, or the only one.
fn find_array(
    archive: &mut Archive,
    model: &str,
    inputs: &[Input<'_>],
    number: usize,
) -> Result<Array, Wrong> {
    let (known, name) = (archive.names(), inputs[number].name);
    let aliases = find(model).map_or(&[][..], |model| model.inputs);
    let alias = aliases.iter().find(|(input, _)| *input == name).map(|(_, array)| *array);
    let named =
        [Some(name), alias].into_iter().flatten().find(|name| known.iter().any(|known| known == name));
    let only = (inputs.len() == 1 && known.len() <= 1).then(|| known.first().map_or("", String::as_str));
    match (named.or(only), &archive) {
        (Some(name), _) => archive.read(name).map_err(|message| (message, String::new())),
        (None, Archive::Npy(_)) => {
            let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
            let message = format!("a .npy file holds one array, the network has {} inputs", names.len());
            Err((message, format!("write a .npz or .safetensors file with the arrays {}", names.join(", "))))
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

/// The elements as float64, exactly; a frame has `len` of them.
fn values(array: Array, len: usize) -> Result<Vec<f64>, Wrong> {
    match array.data {
        Data::Floats(values) => Ok(values),
        Data::Ints(values) => {
            if let Some(at) = values.iter().position(|&value| value.unsigned_abs() > 1 << 53) {
                let message = format!("{}: {} is not exactly a float64", place(at, len), values[at]);
                return Err((message, "give codes, with `--raw`".into()));
            }
            Ok(values.iter().map(|&value| value as f64).collect())
        }
    }
}

fn encoded(array: Array, program: &Program, input: usize) -> Result<(Vec<i64>, Vec<f64>), Wrong> {
    let len = program.input_value(input).len();
    let values = values(array, len)?;
    let codes = program.inputs[input].encoder.encode(&values, len).map_err(|error| {
        let value = values.get(error.element).copied().unwrap_or(f64::NAN);
        (format!("{}: {value} {}", place(error.element, len), error.reason), error.reason.help().into())
    })?;
    Ok((codes, values))
}
