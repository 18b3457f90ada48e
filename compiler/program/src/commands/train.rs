//! `train`: parameters, log and ONNX files of a recipe.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use nn2hdl_models::{find, zoo};
use nn2hdl_train::{
    Chamber, Export, Flavour, Outcome, Recipe, Record, Settings, Source, Synthetic, TrainError, Trained,
};
use serde::Serialize;

use crate::args::TrainArgs;
use crate::directory::write_file;
use crate::failure::Failure;
use crate::names::nearest;
use crate::output::Output;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    digest: String,
    threshold: f64,
    files: &'a [String],
    last: Option<&'a Record>,
}

/// Images and crops have at most so many rows and columns.
const MOST_EXTENT: usize = 4096;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

pub fn run(args: &TrainArgs, output: Output) -> Result<u8, Failure> {
    let text = text(&args.recipe)?;
    let about = |error: TrainError| Failure::new("train", "", error.to_string(), "").about(&args.recipe);
    let recipe = Recipe::parse(&text).map_err(about)?;
    let source = source(&recipe)?;
    let (height, width) = source.extents();
    if !(1..=MOST_EXTENT).contains(&height) || !(1..=MOST_EXTENT).contains(&width) {
        let message = format!("crops of {height} × {width} voxels are not supported");
        return Err(Failure::new("source", "source", message, "1 to 4096 each way").about(&args.recipe));
    }
    // Without a handler Ctrl-C ends the program, and the last checkpoint stands.
    let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed));
    let stop = || STOP.load(Ordering::Relaxed);
    let settings = Settings { dir: &args.output, start: args.start.as_deref(), progress: true, stop: &stop };
    let outcome = nn2hdl_train::train(&recipe, source.as_ref(), &settings).map_err(about)?;
    let last = outcome.records.last();
    let found = last.and_then(|record| record.threshold).map(f64::from).filter(|found| found.is_finite());
    let threshold = args.threshold.or(found).ok_or_else(|| {
        let message = "the last validation found no threshold, so that no mask can be exported";
        Failure::new("threshold", "", message, "state one: the same command with `--threshold T`")
            .about(&args.recipe)
    })?;
    let (height, width) = source.image();
    let height = args.height.map_or(height, usize::from);
    let width = args.width.map_or(width, usize::from);
    let files = export((height, width), &outcome, threshold).map_err(about)?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let path = args.output.join(name);
        write_file(&path, &bytes)?;
        written.push(path.display().to_string());
    }
    let mut words = String::new();
    if let Some(record) = last {
        words.push_str(&format!(
            "validation loss {:.5}, area {:.5}, efficiency {:.4} at threshold {}, cost {:.0}, zeros {:.1} %\n",
            record.validation_loss,
            record.area.unwrap_or(f64::NAN),
            record.efficiency.unwrap_or(f64::NAN),
            record.threshold.unwrap_or(f32::NAN),
            record.cost.iter().sum::<f64>(),
            100.0 * record.zeros,
        ));
    }
    words.push_str(&format!("masks from logits of {threshold} on\n"));
    written.iter().for_each(|file| words.push_str(&format!("wrote {file}\n")));
    let digest = recipe.digest();
    output.result(&Report { schema: "nn2hdl.train/1", digest, threshold, files: &written, last }, &words);
    Ok(0)
}

/// The text of a recipe: a file, or one of the zoo.
fn text(recipe: &str) -> Result<String, Failure> {
    let path = Path::new(recipe);
    if path.is_file() {
        return fs::read_to_string(path).map_err(|error| Failure::file(path, &error));
    }
    if let Some(text) = find(recipe).and_then(|model| model.recipe) {
        return Ok(text.to_owned());
    }
    let names: Vec<&str> =
        zoo().iter().filter(|model| model.recipe.is_some()).map(|model| model.name).collect();
    let meant = nearest(recipe, names.iter().copied())
        .map_or(String::new(), |name| format!("did you mean `{name}`? "));
    let help = format!("{meant}the zoo has recipes for {}", names.join(", "));
    Err(Failure::new("no-recipe", recipe, "there is no such file or zoo model with a recipe", help))
}

/// The ONNX files of every stage.
fn export(
    (height, width): (usize, usize),
    outcome: &Outcome,
    threshold: f64,
) -> Result<Vec<(String, Vec<u8>)>, TrainError> {
    let mut files = Vec::new();
    for path in &outcome.files {
        let trained = Trained::load(path)?;
        let kinds: &[(Flavour, &str)] = if trained.is_quantized() {
            &[(Flavour::Qonnx, "onnx"), (Flavour::Plain, "plain.onnx")]
        } else {
            &[(Flavour::Float, "onnx")]
        };
        for &(flavour, extension) in kinds {
            let export = Export { flavour, height, width, threshold };
            files.push((format!("{}.{extension}", trained.stage()), trained.export(&export)?));
        }
    }
    Ok(files)
}

/// The source that the recipe's table `[source]` describes by its `kind`.
fn source(recipe: &Recipe) -> Result<Box<dyn Source>, Failure> {
    let fail = |message: String| {
        Failure::new("source", "source", message, "sources: kind = \"chamber\" or kind = \"synthetic\"")
    };
    let mut table = recipe.source.clone();
    let kind = table.remove("kind");
    match kind.as_ref().and_then(|kind| kind.as_str()) {
        Some("synthetic") => {
            let source: Synthetic =
                table.try_into().map_err(|error| fail(format!("{error}").trim().into()))?;
            Ok(Box::new(source))
        }
        Some("chamber") => {
            let settings = table.try_into().map_err(|error| fail(format!("{error}").trim().into()))?;
            Ok(Box::new(Chamber::new(settings).map_err(|error| fail(error.to_string()))?))
        }
        Some(other) => Err(fail(format!("there is no source `{other}`"))),
        None => Err(fail("the recipe names no source".into())),
    }
}
