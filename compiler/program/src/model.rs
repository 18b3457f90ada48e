//! The model: a file, or one of the zoo.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nn2hdl_compiler::front::network::{self, Description};
use nn2hdl_compiler::front::{self, onnx};
use nn2hdl_compiler::pass;
use nn2hdl_models::{ZooModel, find, zoo};

use crate::failure::Failure;
use crate::names::nearest;

/// The largest model file that is read: an ONNX file cannot be larger.
const LARGEST: u64 = 2 << 30;

/// The bytes of a model and what it is called.
#[derive(Debug)]
pub struct Model {
    /// Name: the zoo's, or the file's without its extension.
    pub name: String,
    /// What the user called it.
    pub origin: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// Options that a zoo model comes with.
    pub options: &'static [&'static str],
    /// The zoo's float stage, of a model that was taken from the zoo by name.
    pub float: Option<&'static [u8]>,
}

/// The most models that `A+B+…` joins.
const MOST_PARTS: usize = 64;

/// Finds a model by file or by name; `A+B` is model B behind model A.
pub fn load(model: Option<&str>) -> Result<Model, Failure> {
    let Some(origin) = model else {
        return Err(Failure::usage(
            "which model? MODEL is missing",
            format!("give a file, or a zoo model: {}", listed()),
        ));
    };
    let path = Path::new(origin);
    if origin.contains('+') && !path.exists() {
        return joined(&parts(origin)?, origin);
    }
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if path.is_file() {
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        let bytes = if toml { described(path)? } else { read(path, LARGEST)? };
        return Ok(Model { name, origin: origin.to_owned(), bytes, options: &[], float: None });
    }
    if let Some(ZooModel { name, onnx, options, description, float, .. }) = find(origin) {
        let bytes = match description {
            None => onnx.to_vec(),
            Some((text, weights)) => {
                let model = Description::parse(text).and_then(|parsed| parsed.model(Some(weights)));
                onnx::encode(&model.map_err(|problems| Failure::from(problems).about(origin))?)
            }
        };
        return Ok(Model { name: (*name).into(), origin: origin.to_owned(), bytes, options, float: *float });
    }
    let what = if path.exists() { "is not a file" } else { "there is no such file or zoo model" };
    Err(Failure::new("no-model", origin, what, suggestion(origin)))
}

/// The models that `A+B+…` names. A `+` that belongs to a file's path splits nothing.
fn parts(origin: &str) -> Result<Vec<&str>, Failure> {
    let is_model = |name: &&str| find(name).is_some() || Path::new(name).is_file();
    let mut found = Vec::new();
    let mut rest = origin;
    while !is_model(&rest) {
        let ends = rest.rmatch_indices('+').map(|(at, _)| at);
        let Some(at) = ends.clone().find(|at| is_model(&&rest[at + 1..])) else {
            let wrong = rest.rsplit('+').next().unwrap_or(rest);
            let what = if wrong.is_empty() {
                "a model is missing beside a `+`".to_owned()
            } else {
                format!("there is no file or zoo model `{wrong}`")
            };
            return Err(Failure::new("no-model", origin, what, suggestion(wrong)));
        };
        found.push(&rest[at + 1..]);
        rest = &rest[..at];
        if found.len() == MOST_PARTS {
            let what = format!("more than {MOST_PARTS} models are joined");
            return Err(Failure::new("no-model", "", what, "join some of them into one file first"));
        }
    }
    found.push(rest);
    found.reverse();
    Ok(found)
}

/// One model behind the other.
fn joined(parts: &[&str], origin: &str) -> Result<Model, Failure> {
    let mut names = Vec::new();
    let mut whole: Option<(onnx::Model, &'static [&'static str])> = None;
    for part in parts {
        let Model { name, bytes, options, .. } = load(Some(part))?;
        names.push(name);
        let decoded = front::read(&bytes).map_err(|problems| Failure::from(problems).about(*part))?;
        whole = Some(match whole {
            None => (decoded, options),
            Some((mut before, options)) => {
                complete(&mut before);
                let joined = onnx::join(before, decoded);
                (joined.map_err(|problem| Failure::from(problem).about(origin))?, options)
            }
        });
    }
    let (whole, options) = whole.ok_or_else(|| Failure::usage("no model is named", suggestion(origin)))?;
    let bytes = onnx::encode(&whole);
    Ok(Model { name: names.join("-"), origin: origin.to_owned(), bytes, options, float: None })
}

/// States the shapes of outputs that the file leaves open, as far as they can be known.
fn complete(model: &mut onnx::Model) {
    if model.main.outputs.iter().all(|output| output.ranked) {
        return;
    }
    let Ok(mut graph) = front::import_model(model) else { return };
    let functions = graph.functions.clone();
    // What cannot be known stays open, and whoever compiles the whole says why.
    let _ = pass::infer(&mut graph, &functions);
    for (output, tensor) in model.main.outputs.iter_mut().zip(&graph.outputs) {
        if let (false, Some(shape)) = (output.ranked, &graph.tensors[tensor.index()].shape) {
            let extent = |(axis, &extent): (usize, &usize)| (axis > 0 || !graph.framed).then_some(extent);
            output.shape = shape.iter().enumerate().map(extent).collect();
            output.ranked = true;
        }
    }
}

/// A network described in TOML, as an ONNX file.
fn described(path: &Path) -> Result<Vec<u8>, Failure> {
    let shown = path.display().to_string();
    let bytes = read(path, network::SIZE_LIMIT as u64)?;
    let wrong =
        |message: &str, help: &str| Failure::new("network-description", "", message, help).about(&*shown);
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text", "descriptions are TOML"))?;
    let failed = |problems| Failure::from(problems).about(&*shown);
    let description = Description::parse(&text).map_err(failed)?;
    let weights = match description.weights() {
        None => None,
        Some(file) if Path::new(file).is_relative() => {
            let file = path.parent().unwrap_or(Path::new("")).join(file);
            Some(read(&file, LARGEST)?)
        }
        Some(_) => {
            return Err(wrong("`weights` is an absolute path", "name the file relative to the description"));
        }
    };
    let model = description.model(weights.as_deref()).map_err(failed)?;
    Ok(onnx::encode(&model))
}

/// What may have been meant by a name that is no zoo model's.
pub fn suggestion(name: &str) -> String {
    let meant = nearest(name, zoo().iter().map(|model| model.name));
    let meant = meant.map_or(String::new(), |name| format!("did you mean `{name}`? "));
    format!("{meant}the zoo has {}", listed())
}

fn listed() -> String {
    zoo().iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

/// Reads a file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let message = format!("the file is larger than {limit} bytes");
        return Err(Failure::new("file", path.display().to_string(), message, ""));
    }
    Ok(bytes)
}
