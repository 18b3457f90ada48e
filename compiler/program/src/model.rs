//! The model: a file, or one of the zoo.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nn2hdl_compiler::front::network::{self, Description};
use nn2hdl_compiler::front::{self, onnx};
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

/// Finds a model by file or by name; `A+B` is model B behind model A.
pub fn load(model: Option<&str>) -> Result<Model, Failure> {
    let Some(origin) = model else {
        return Err(Failure::usage(
            "which model? MODEL is missing",
            format!("give a file, or a zoo model: {}", listed()),
        ));
    };
    let path = Path::new(origin);
    if let Some((first, second)) = origin.rsplit_once('+')
        && !path.exists()
    {
        return joined(load(Some(first))?, &load(Some(second))?, origin);
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

/// `second` behind `first`.
fn joined(first: Model, second: &Model, origin: &str) -> Result<Model, Failure> {
    let decoded = |model: &Model| {
        front::read(&model.bytes).map_err(|problems| Failure::from(problems).about(&model.origin))
    };
    let whole = onnx::join(decoded(&first)?, decoded(second)?)
        .map_err(|problem| Failure::from(problem).about(origin))?;
    let name = format!("{}-{}", first.name, second.name);
    let bytes = onnx::encode(&whole);
    Ok(Model { name, origin: origin.to_owned(), bytes, options: first.options, float: None })
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
