//! Trained models that the project does not own.

use std::fs;
use std::path::{Path, PathBuf};

use nn2hdl_compiler::front::onnx::Model;
use nn2hdl_compiler::front::{self, Options};

/// The folder of models that the project does not own; absent outside of CI, and then said loudly.
///
/// # Panics
/// If it is absent in CI.
pub fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if folder.exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
    eprintln!("NOT TESTED: {} is missing, so no model of others was run", folder.display());
    None
}

/// A model that `golden.json` lists under `name`, with the options it is compiled with there; `None` without [`data`].
///
/// # Panics
/// If it cannot be read.
pub fn model(name: &str) -> Option<(Model, Options)> {
    let folder = data()?;
    let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let list: serde_json::Value = serde_json::from_slice(&read("golden.json")).expect("JSON");
    let entry = &list[name];
    let after = |flag: &str| {
        let arguments = entry["options"].as_array().expect("options");
        let at = arguments.iter().position(|argument| argument == flag)? + 1;
        arguments[at].as_str().map(|text| text.parse().expect("a format"))
    };
    let options = Options {
        input_format: after("--input-format"),
        default_format: after("--default-format"),
        ..Options::default()
    };
    let model = front::read(&read(entry["model"].as_str().expect("a file")))
        .unwrap_or_else(|problems| panic!("{name}: {}", problems[0]));
    Some((model, options))
}
