//! The model: a file, or one of the zoo.

use std::fs::File;
use std::io::Read;
use std::path::Path;

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
}

/// Finds a model by file or by name.
pub fn load(model: Option<&str>) -> Result<Model, Failure> {
    let Some(origin) = model else {
        return Err(Failure::usage(
            "which model? MODEL is missing",
            format!("give a file, or a zoo model: {}", listed()),
        ));
    };
    let path = Path::new(origin);
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    if path.is_file() {
        return Ok(Model { name, origin: origin.to_owned(), bytes: read(path, LARGEST)?, options: &[] });
    }
    if let Some(ZooModel { name, onnx, options, .. }) = find(origin) {
        return Ok(Model { name: (*name).into(), origin: origin.to_owned(), bytes: onnx.to_vec(), options });
    }
    let what = if path.exists() { "is not a file" } else { "there is no such file or zoo model" };
    Err(Failure::new("no-model", origin, what, suggestion(origin)))
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
