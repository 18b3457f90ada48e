//! The configuration file: the same settings as the options.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::args::{DesignArgs, InputFormat, Tried};
use crate::failure::Failure;
use crate::model::read;
use crate::names::nearest;

const KEYS: &[&str] =
    &["clock-mhz", "ii", "input-format", "default-format", "output-node", "table-bits", "effort", "delays"];
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    clock_mhz: Option<f64>,
    ii: Option<u32>,
    input_format: Option<Formats>,
    default_format: Option<String>,
    output_node: Option<String>,
    table_bits: Option<u32>,
    effort: Option<Tried>,
    delays: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Formats {
    All(String),
    Named(BTreeMap<String, String>),
}

fn wrong(file: &str, node: &str, message: String, help: &str) -> Failure {
    Failure { exit: 2, ..Failure::new("config", node, message, help).about(file) }
}

/// Reads a TOML file; returns its text. Every key at the top is one of `keys`.
pub fn table(path: &Path, keys: &[&str]) -> Result<String, Failure> {
    let file = path.display().to_string();
    let bytes = read(path, LARGEST)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong(&file, "", "not UTF-8 text".into(), "configuration files are TOML"))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        wrong(&file, "", error.to_string(), "configuration files are TOML")
    })?;
    if let Some(key) = table.keys().find(|key| !keys.contains(&key.as_str())) {
        let meant = nearest(key, keys.iter().copied())
            .map_or(String::new(), |name| format!("did you mean `{name}`? "));
        let help = format!("{meant}the keys are {}", keys.join(", "));
        return Err(wrong(&file, key, "unknown key".into(), &help));
    }
    Ok(text)
}

/// Reads a TOML file into a form whose keys at the top are `keys`. `verb` has the options that explain them.
pub fn parsed<T: serde::de::DeserializeOwned>(path: &Path, keys: &[&str], verb: &str) -> Result<T, Failure> {
    let help = format!("see `nn2hdl {verb} --help` for what each setting takes");
    toml::from_str(&table(path, keys)?)
        .map_err(|error| wrong(&path.display().to_string(), "", error.to_string().trim().into(), &help))
}

/// Reads a configuration file. Paths in it are relative to it.
pub fn load(path: &Path) -> Result<DesignArgs, Failure> {
    let file = path.display().to_string();
    let wrong = |node: &str, message: String, help: &str| wrong(&file, node, message, help);
    let text = table(path, KEYS)?;
    let help = "see `nn2hdl compile --help` for what each setting takes";
    let config: Config =
        toml::from_str(&text).map_err(|error| wrong("", error.to_string().trim().into(), help))?;
    let format = |key: &str, text: &str| {
        text.parse().map_err(|error: nn2hdl_runtime::format::FormatError| wrong(key, error.to_string(), ""))
    };
    let input_format = match config.input_format {
        None => Vec::new(),
        Some(Formats::All(text)) => vec![InputFormat { name: None, format: format("input-format", &text)? }],
        Some(Formats::Named(map)) => (map.iter())
            .map(|(name, text)| Ok(InputFormat { name: Some(name.clone()), format: format(name, text)? }))
            .collect::<Result<_, Failure>>()?,
    };
    Ok(DesignArgs {
        clock_mhz: config.clock_mhz,
        ii: config.ii,
        input_format,
        default_format: config.default_format.map(|text| format("default-format", &text)).transpose()?,
        output_node: config.output_node,
        table_bits: config.table_bits,
        effort: config.effort,
        config: None,
        delays: config.delays.map(|delays| path.parent().unwrap_or(Path::new("")).join(delays)),
    })
}
