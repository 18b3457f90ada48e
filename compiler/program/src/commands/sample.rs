//! `sample`: the zoo's sample frames.

use nn2hdl_models::{find, zoo};
use serde::Serialize;

use crate::args::SampleArgs;
use crate::directory::write_file;
use crate::failure::Failure;
use crate::model::suggestion;
use crate::output::Output;
use crate::tensors::Archive;

#[derive(Serialize)]
struct Listed {
    schema: &'static str,
    models: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    summary: &'static str,
    arrays: Vec<String>,
    output: Option<String>,
}

pub fn run(args: &SampleArgs, output: Output) -> Result<u8, Failure> {
    let models = match &args.name {
        Some(name) => {
            let model = find(name).ok_or_else(|| {
                Failure::new("no-model", name, "there is no such zoo model", suggestion(name))
            })?;
            vec![model]
        }
        None if args.output.is_some() => {
            return Err(Failure::usage("the sample of which zoo model?", suggestion("")));
        }
        None => zoo().iter().collect(),
    };
    let (mut entries, mut words) = (Vec::new(), String::new());
    for model in models {
        let arrays = Archive::embedded(model.sample)?.names();
        words.push_str(&format!("{}: {}; sample arrays {}\n", model.name, model.summary, arrays.join(", ")));
        let file = args.output.as_ref().map(|path| path.display().to_string());
        if let Some(path) = &args.output {
            if path.extension().is_none_or(|extension| extension != "npz") {
                return Err(Failure::usage(format!("{}: a sample is a .npz file", path.display()), ""));
            }
            write_file(path, model.sample)?;
            words.push_str(&format!("wrote {}\n", path.display()));
        }
        entries.push(Entry { name: model.name, summary: model.summary, arrays, output: file });
    }
    output.result(&Listed { schema: "nn2hdl.sample/1", models: entries }, &words);
    Ok(0)
}
