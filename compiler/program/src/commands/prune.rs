//! `prune`: a model becomes one that takes less.

use nn2hdl_compiler::front;
use nn2hdl_compiler::front::onnx::encode;
use nn2hdl_compiler::graph::Tensor;
use nn2hdl_compiler::prune::report::{Change, LayerReport};
use nn2hdl_compiler::prune::{Budget, Pruned, Report, magnitude, structured, to_lut};
use nn2hdl_compiler::quantize;
use serde::Serialize;

use super::quantize::outputs;
use crate::args::{PruneArgs, PruneMethod};
use crate::directory::{can_write, write_file};
use crate::failure::Failure;
use crate::output::{Output, Progress, grouped, table};
use crate::{model, settings, tensors};

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    model: &'a str,
    file: String,
    method: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
enum Task {
    Magnitude(f64),
    Structured(f64),
    Digits(Budget),
}

pub fn run(args: &PruneArgs, output: Output) -> Result<u8, Failure> {
    let task = task(args)?;
    let model = model::load(args.model.as_deref())?;
    let settings = settings::resolve(&args.design, &model)?;
    let fail = |problems| Failure::from(problems).about(&model.origin);
    let progress = Progress::new();
    progress.say("reading the model", 0, 0);
    let decoded = front::read(&model.bytes).map_err(fail)?;
    let graph = quantize::graph(&decoded).map_err(fail)?;
    let frames = match &args.calibration {
        Some(source) => {
            let frames = tensors::read_values(source, &model.name, &graph)?;
            if frames.is_empty() {
                return Err(Failure::new("no-frames", source, "there are no frames to calibrate on", ""));
            }
            Some(frames)
        }
        None => None,
    };
    can_write(&args.output)?;
    let mut say = |what: &str, done: usize, total: usize| progress.say(what, done, total);
    let hardware = (&settings.options, &settings.target);
    let pruned = match task {
        Task::Magnitude(share) => magnitude(&decoded, &frames.unwrap_or_default(), share, hardware, &mut say),
        Task::Structured(share) => structured(&decoded, &needed(frames)?, share, hardware, &mut say),
        Task::Digits(budget) => to_lut(&decoded, &needed(frames)?, budget, hardware, &mut say),
    };
    let Pruned { model: changed, report } = pruned.map_err(fail)?;
    drop(progress);
    write_file(&args.output, &encode(&changed))?;
    let method = match task {
        Task::Magnitude(_) => "magnitude",
        Task::Structured(_) => "structured",
        Task::Digits(_) => "digits",
    };
    let file = args.output.display().to_string();
    let written = Written { schema: "nn2hdl.prune/1", model: &model.name, file, method, report: &report };
    if let Some(path) = &args.report {
        write_file(path, serde_json::to_string_pretty(&written).unwrap_or_default().as_bytes())?;
    }
    output.result(&written, &words(&report, &written.file));
    Ok(0)
}

fn needed(frames: Option<Vec<Vec<Tensor>>>) -> Result<Vec<Vec<Tensor>>, Failure> {
    frames.ok_or_else(|| {
        Failure::usage(
            "which frames? `--calibration X` is missing",
            "give frames such as the network will see",
        )
    })
}

fn task(args: &PruneArgs) -> Result<Task, Failure> {
    let share = |share: f64, what: &str| {
        let message = format!("{what} {share} is no share");
        (share > 0.0 && share <= 1.0)
            .then_some(share)
            .ok_or_else(|| Failure::usage(message, "more than 0 and at most 1 is"))
    };
    let budget = match (args.lut, args.lut_fraction) {
        (Some(lut), _) => Some(Budget::Lut(lut)),
        (None, Some(fraction)) => Some(Budget::Share(share(fraction, "--lut-fraction")?)),
        (None, None) => None,
    };
    let sparsity = args.sparsity.map(|sparsity| share(sparsity, "--sparsity")).transpose()?;
    let missing = |what: &str, example: &str| {
        Failure::usage(format!("{what} is missing"), format!("nn2hdl prune MODEL {example} -o OUT.onnx"))
    };
    let of_share = |task: fn(f64) -> Task, method: &str| {
        let example = format!("--method {method} --sparsity 0.5 --calibration X");
        sparsity.map(task).ok_or_else(|| missing("`--sparsity S`", &example))
    };
    match (args.method, budget) {
        (Some(PruneMethod::Digits), None) => {
            Err(missing("the budget, `--lut N` or `--lut-fraction F`,", "--lut-fraction 0.5 --calibration X"))
        }
        (Some(PruneMethod::Digits) | None, Some(budget)) => Ok(Task::Digits(budget)),
        (Some(PruneMethod::Magnitude | PruneMethod::Structured), Some(_)) => {
            Err(Failure::usage("only the method `digits` prunes to a budget of LUT", "leave out `--method`"))
        }
        (Some(PruneMethod::Magnitude) | None, None) => of_share(Task::Magnitude, "magnitude"),
        (Some(PruneMethod::Structured), None) => of_share(Task::Structured, "structured"),
    }
}

fn words(report: &Report, file: &str) -> String {
    let head = ["layer", "weights", "nonzero", "digits", "adders", "LUT (model)", "weights dB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.layers.iter().map(row));
    let whole = |change: &Option<Change>| change.as_ref().map_or(String::new(), arrow);
    let mut all = vec!["in all".to_owned()];
    all.extend(["", "", ""].map(str::to_owned));
    all.extend([whole(&report.adders), whole(&report.lut), String::new()]);
    rows.push(all);
    let mut text = table(&rows);
    text.push_str(&outputs(&report.outputs, report.frames, "the model given"));
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&format!("\nwrote {file}; next: `nn2hdl compile {file} -o DIR`\n"));
    text
}

fn row(layer: &LayerReport) -> Vec<String> {
    let optional = |change: &Option<Change>| change.as_ref().map_or("?".into(), arrow);
    let LayerReport { node, weights, nonzero, digits, adders, lut, weights_db } = layer;
    let ratio = weights_db.map_or("same".into(), |ratio| format!("{ratio:.1}"));
    vec![
        node.clone(),
        arrow(weights),
        arrow(nonzero),
        optional(digits),
        optional(adders),
        optional(lut),
        ratio,
    ]
}

fn arrow(change: &Change) -> String {
    if change.before == change.after {
        return grouped(change.before);
    }
    format!("{} → {}", grouped(change.before), grouped(change.after))
}
