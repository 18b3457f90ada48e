//! The parameters of a simulation: defaults, changed by a configuration file, changed by options.

use std::path::Path;

use nn2hdl_muon::parameters::DESCRIBED;
use nn2hdl_muon::{Parameters, Simulation};

use crate::failure::Failure;
use crate::model::read;
use crate::names::nearest;

const LARGEST: u64 = 1 << 20;

/// The muon chamber's simulation.
pub fn muon(config: Option<&Path>, background: Option<f64>) -> Result<Simulation, Failure> {
    let file = config.map(|path| path.display().to_string());
    let mut parameters = config.map(load).transpose()?.unwrap_or_default();
    parameters.background = background.unwrap_or(parameters.background);
    Simulation::new(parameters).map_err(|error| {
        let described = DESCRIBED.iter().find(|described| described.name == error.name);
        let help = described.map_or(String::new(), |described| format!("it is the {}", described.meaning));
        let failure = wrong(error.name, error.problem.into(), &help);
        let typed = error.name == "background" && background.is_some();
        match file.filter(|_| !typed) {
            Some(file) => failure.about(file),
            None => failure,
        }
    })
}

fn wrong(node: &str, message: String, help: &str) -> Failure {
    Failure { exit: 2, ..Failure::new("parameter", node, message, help) }
}

fn load(path: &Path) -> Result<Parameters, Failure> {
    let bytes = read(path, LARGEST)?;
    let wrong = |node: &str, message: String, help: &str| {
        wrong(node, message, help).about(path.display().to_string())
    };
    let toml_only = "configuration files are TOML";
    let text = String::from_utf8(bytes).map_err(|_| wrong("", "not UTF-8 text".into(), toml_only))?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| wrong("", error.to_string().trim().into(), toml_only))?;
    let names = || DESCRIBED.iter().map(|described| described.name);
    if let Some(key) = table.keys().find(|key| !names().any(|name| name == key.as_str())) {
        let meant = nearest(key, names()).map_or(String::new(), |name| format!("did you mean `{name}`? "));
        let help = format!("{meant}`nn2hdl data muon --parameters` lists all keys");
        return Err(wrong(key, "unknown key".into(), &help));
    }
    // One key at a time, so that the message names it.
    for (key, value) in &table {
        let single = toml::Table::from_iter([(key.clone(), value.clone())]);
        if let Err(error) = single.try_into::<Parameters>() {
            let kind = if key == "cluster_sizes" { "six numbers" } else { "a number" };
            let message = error.message().trim().to_owned();
            return Err(wrong(key, message, &format!("`{key}` is {kind}")));
        }
    }
    table.try_into().map_err(|error| wrong("", error.to_string().trim().into(), toml_only))
}
