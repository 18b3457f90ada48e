//! `emulate`: the bit-exact emulator on frames from a file.

use std::path::{Path, PathBuf};

use nn2hdl_compiler::front::observe::Observation;
use nn2hdl_models::{ZooModel, find};
use nn2hdl_runtime::{Emulator, Program};
use serde::Serialize;

use crate::args::{Denied, DesignArgs, EmulateArgs};
use crate::design;
use crate::directory::write_file;
use crate::failure::Failure;
use crate::model::{self, Model};
use crate::output::{Output, grouped};
use crate::ranges::{Ranges, measure};
use crate::settings::{self, Settings};
use crate::tensors::{self, Archive, Array, Data};

#[derive(Serialize)]
struct Emulated {
    schema: &'static str,
    frames: usize,
    outputs: Vec<Shape>,
    output: Option<String>,
    sample: Option<Sample>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranges: Option<Ranges>,
}

#[derive(Serialize)]
struct Shape {
    name: String,
    shape: Vec<usize>,
}

/// How the answers compare with those that the zoo has for its sample.
#[derive(Serialize)]
struct Sample {
    model: &'static str,
    equal_frames: usize,
    accuracy: Option<f64>,
}

pub fn run(args: &EmulateArgs, output: Output) -> Result<u8, Failure> {
    let source = Source::open(args)?;
    let html = source.page(args.html)?;
    let program = source.program()?;
    if let Some(path) = &args.output {
        tensors::extension(path, program.outputs.len())?;
    }
    let frames = tensors::read_frames(&args.input, &program, args.raw)?;
    let emulator = Emulator::new(&program).map_err(refused)?;
    let codes: Vec<&[i64]> = frames.codes.iter().map(Vec::as_slice).collect();
    let answers = emulator.run(&codes, frames.count).map_err(refused)?;
    let watched = args.stats || args.html || args.stats_report.is_some() || args.deny.is_some();
    let ranges = watched.then(|| measure(&source.observation()?, &frames, &answers)).transpose()?;
    if let (Some(path), Some(ranges)) = (&args.stats_report, &ranges) {
        write_file(path, &ranges.to_bytes())?;
    }
    if let (Some(path), Some(ranges)) = (&html, &ranges) {
        let dir = path.parent().unwrap_or(path);
        let page = ranges.in_report(&design::page(dir)?).ok_or_else(|| design::strange_page(dir))??;
        write_file(path, page.as_bytes())?;
    }
    if let (Some(Denied::Overflow), Some(ranges)) = (args.deny, &ranges) {
        ranges.denied().inspect_err(|_| {
            if args.stats {
                output.words(&ranges.words());
            }
        })?;
    }
    let decode = |(n, codes): (usize, &Vec<i64>)| {
        program.outputs[n].decoder.decode(codes, program.output_value(n).len())
    };
    let values: Vec<Vec<f64>> = answers.iter().enumerate().map(decode).collect();

    let sample = match frames.sample {
        Some(model) => compare(model, &program, &values, frames.count)?,
        None => None,
    };
    let arrays: Vec<Array> = (program.outputs.iter().enumerate().zip(answers.into_iter().zip(values)))
        .map(|((n, output), (codes, values))| {
            let shape = std::iter::once(frames.count).chain(program.output_value(n).shape.iter().copied());
            let data = if args.raw { Data::Ints(codes) } else { Data::Floats(values) };
            Array { name: output.name.clone(), shape: shape.collect(), data }
        })
        .collect();
    if let Some(path) = &args.output {
        tensors::write(path, &arrays)?;
    }

    let mut words = format!("{} frames emulated\n", grouped(frames.count as u64));
    if let Some(Sample { model, equal_frames, accuracy }) = &sample {
        words.push_str(&format!(
            "{equal_frames} of {} frames equal {model}'s own answers exactly\n",
            frames.count
        ));
        if let Some(accuracy) = accuracy {
            words.push_str(&format!("{:.1} % have their largest output at the label\n", 100.0 * accuracy));
        }
    }
    for path in [&args.output, &args.stats_report, &html].into_iter().flatten() {
        words.push_str(&format!("wrote {}\n", path.display()));
    }
    let ranges = ranges.filter(|_| args.stats);
    if let Some(ranges) = &ranges {
        words.push_str(&format!("\n{}", ranges.words()));
    }
    let outputs = arrays.into_iter().map(|Array { name, shape, .. }| Shape { name, shape }).collect();
    let file = args.output.as_ref().map(|path| path.display().to_string());
    output.result(
        &Emulated { schema: "nn2hdl.emulate/1", frames: frames.count, outputs, output: file, sample, ranges },
        &words,
    );
    Ok(0)
}

/// A directory that `compile` wrote, or a model, which need not fit any hardware.
enum Source<'a> {
    Directory(&'a Path),
    Model(Model, Box<Settings>),
}

impl<'a> Source<'a> {
    fn open(args: &'a EmulateArgs) -> Result<Self, Failure> {
        let path = Path::new(&args.source);
        if path.is_dir() {
            if args.design != DesignArgs::default() {
                let message =
                    format!("{} is a directory, whose settings are those it was compiled with", args.source);
                let help = "leave out the settings, or give the model instead of the directory";
                return Err(Failure::usage(message, help));
            }
            return Ok(Self::Directory(path));
        }
        if !path.exists() && find(&args.source).is_none() {
            let help = "compile a model first: `nn2hdl compile MODEL -o DIR`, or give a model; ";
            let help = format!("{help}{}", model::suggestion(&args.source));
            let what = "there is no such directory, file or zoo model";
            return Err(Failure::new("no-design", &args.source, what, help));
        }
        let model = model::load(Some(&args.source))?;
        let settings = settings::resolve(&args.design, &model)?;
        Ok(Self::Model(model, Box::new(settings)))
    }

    fn program(&self) -> Result<Program, Failure> {
        match self {
            Self::Directory(path) => design::program(path),
            Self::Model(model, settings) => Ok(super::lower(model, settings)?.program),
        }
    }

    /// The report that is to be written into, if it is asked for.
    fn page(&self, asked: bool) -> Result<Option<PathBuf>, Failure> {
        match self {
            _ if !asked => Ok(None),
            Self::Directory(path) => Ok(Some(path.join("report.html"))),
            Self::Model(..) => {
                let help = "give the directory that `nn2hdl compile` wrote, or leave out `--html`";
                Err(Failure::usage("`--html` writes into a design's report, and a model has none", help))
            }
        }
    }

    fn observation(&self) -> Result<Observation, Failure> {
        match self {
            Self::Directory(path) => design::observation(path),
            Self::Model(model, settings) => super::observe(model, settings),
        }
    }
}

fn refused(error: nn2hdl_runtime::EmulateError) -> Failure {
    Failure::new("emulator", "", error.to_string(), "compile the model again")
}

fn compare(
    model: &'static ZooModel,
    program: &Program,
    values: &[Vec<f64>],
    frames: usize,
) -> Result<Option<Sample>, Failure> {
    let mut archive = Archive::embedded(model.sample)?;
    let mut equal = vec![true; frames];
    for (output, values) in program.outputs.iter().zip(values) {
        let array = model.outputs.iter().find(|(name, _)| *name == output.name).map(|(_, array)| *array);
        let expected = match array.and_then(|array| archive.read(array).ok()).map(|array| array.data) {
            Some(Data::Floats(expected)) => expected,
            Some(Data::Ints(expected)) => expected.into_iter().map(|value| value as f64).collect(),
            // The network was ended elsewhere: the sample does not know the answer.
            None => return Ok(None),
        };
        let len = values.len() / frames.max(1);
        for (frame, equal) in equal.iter_mut().enumerate() {
            *equal &= expected.get(frame * len..(frame + 1) * len) == Some(&values[frame * len..][..len]);
        }
    }
    let labels = archive.read("label").ok().map(|array| array.data);
    let accuracy = match (labels, values) {
        (Some(Data::Ints(labels)), [values]) if labels.len() == frames && frames > 0 => {
            let classes = values.chunks_exact((values.len() / frames).max(1));
            let right = classes
                .zip(&labels)
                .filter(|(values, label)| Some(largest(values)) == usize::try_from(**label).ok());
            Some(right.count() as f64 / frames as f64)
        }
        _ => None,
    };
    let equal_frames = equal.iter().filter(|&&equal| equal).count();
    Ok(Some(Sample { model: model.name, equal_frames, accuracy }))
}

fn largest(values: &[f64]) -> usize {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}
