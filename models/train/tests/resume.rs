//! An interrupted training ends in the same bytes as one that was not.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use nn2hdl_train::{Batch, Outcome, Recipe, Record, Settings, Source, Synthetic, TrainError, train};

const RECIPE: &str = r#"
seed = 3
checkpoint_every = 7
[[network.layer]]
outputs = 4
rows = 3
columns = 5
bits = 5
max_digits = 2
activation = { bits = 3, fraction = 1 }
[[network.layer]]
outputs = 6
rows = 1
columns = 1
bits = 6
[loss]
beta = 2.0
resources = 1e-5
[optimiser]
weight_decay = 1e-3
[validation]
every = 10
batches = 2
batch = 9
[[stage]]
name = "float"
steps = 25
batch = 19
rate = 5e-3
warmup = 3
quantize = false
[[stage]]
name = "quantized"
steps = 31
batch = 19
rate = 2e-3
quantize = true
prune = { budget = 150, zeros = 0.6, start = 5, end = 20, every = 3 }
"#;

const SOURCE: Synthetic = Synthetic { seed: 5, height: 4, width: 24 };

/// A source that fails like a power cut when a batch is asked for.
struct Failing(u64);

impl Source for Failing {
    fn fill(&self, step: u64, batch: &mut Batch) {
        assert_ne!(step, self.0, "the lights go out");
        SOURCE.fill(step, batch);
    }

    fn extents(&self) -> (usize, usize) {
        SOURCE.extents()
    }
}

fn run(recipe: &str, source: &dyn Source, dir: &Path) -> Result<Outcome, TrainError> {
    let settings = Settings { dir, start: None, progress: false, stop: &|| false };
    train(&Recipe::parse(recipe)?, source, &settings)
}

fn timeless(mut records: Vec<Record>) -> Vec<Record> {
    records.iter_mut().for_each(|record| record.seconds = 0.0);
    records
}

/// Parameters of all stages and the checkpoint, and the log without its times.
fn result(dir: &Path, outcome: Outcome) -> (Vec<Vec<u8>>, Vec<Record>) {
    let names = ["float", "quantized", "checkpoint"].map(|name| dir.join(format!("{name}.safetensors")));
    (names.iter().map(|path| fs::read(path).unwrap()).collect(), timeless(outcome.records))
}

#[test]
fn interrupted_is_as_good_as_whole() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let whole = result(&at("whole"), run(RECIPE, &SOURCE, &at("whole")).unwrap());
    let steps: Vec<u64> = whole.1.iter().map(|record| record.step).collect();
    assert_eq!(steps, [10, 20, 25, 30, 40, 50, 56]);
    assert!(whole.1.last().unwrap().cost.iter().sum::<f64>() <= 150.0);
    assert!(whole.1.last().unwrap().zeros >= 0.6);

    for step in [0, 3, 7, 12, 24, 25, 26, 33, 44, 45, 46, 55] {
        let folder = at(&format!("cut{step}"));
        assert!(catch_unwind(AssertUnwindSafe(|| run(RECIPE, &Failing(step), &folder))).is_err());
        assert_eq!(result(&folder, run(RECIPE, &SOURCE, &folder).unwrap()), whole, "cut at {step}");
    }

    let folder = at("stopped");
    let count = AtomicU64::new(0);
    loop {
        let stop = || count.fetch_add(1, Ordering::Relaxed) % 5 == 4;
        let settings = Settings { dir: &folder, start: None, progress: false, stop: &stop };
        match train(&Recipe::parse(RECIPE).unwrap(), &SOURCE, &settings) {
            Err(TrainError::Stopped { .. }) => {}
            other => break assert_eq!(result(&folder, other.unwrap()), whole, "stopped every five steps"),
        }
    }
    assert_eq!(result(&folder, run(RECIPE, &SOURCE, &folder).unwrap()), whole, "finished is finished");
    let lines = fs::read_to_string(folder.join("log.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1 + steps.len());

    let other = RECIPE.replace("seed = 3", "seed = 4");
    assert!(matches!(run(&other, &SOURCE, &folder), Err(TrainError::OtherRecipe { .. })));
}

#[test]
fn threads_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = dir.path().join(threads.to_string());
        pool.install(|| result(&folder, run(RECIPE, &SOURCE, &folder).unwrap()))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn a_stage_starts_from_another_training() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let whole = result(&first, run(RECIPE, &SOURCE, &first).unwrap());
    let (head, rest) = RECIPE.split_once("[[stage]]").unwrap();
    let recipe = format!("{head}[[stage]]{}", rest.split_once("[[stage]]").unwrap().1);
    let start = first.join("float.safetensors");
    let settings = Settings { dir: &second, start: Some(&start), progress: false, stop: &|| false };
    let outcome = train(&Recipe::parse(&recipe).unwrap(), &SOURCE, &settings).unwrap();
    assert_eq!(outcome.files.len(), 1);
    assert!(outcome.records.last().unwrap().cost.iter().sum::<f64>() <= 150.0);
    // The training's batches have other numbers, its start is the same.
    assert_ne!(fs::read(&outcome.files[0]).unwrap(), whole.0[1]);
    let settings = Settings { start: None, ..settings };
    let error = train(&Recipe::parse(&recipe).unwrap(), &SOURCE, &settings);
    assert!(matches!(error, Err(TrainError::OtherRecipe { .. })));
}

#[test]
fn nonsense_is_refused() {
    Recipe::parse(include_str!("../recipes/synthetic.toml")).unwrap();
    for (from, to, word) in [
        ("seed = 3", "sead = 3", "sead"),
        ("bits = 3,", "bits = 9,", "activation.bits"),
        ("rows = 3", "rows = 2", "rows"),
        ("end = 20", "end = 99", "prune"),
        ("quantize = false", "quantize = false\nprune = { start = 1, end = 2 }", "prune"),
        ("name = \"float\"", "name = \"../float\"", "name"),
        ("outputs = 6", "outputs = 5", "outputs"),
        ("steps = 25", "steps = 0", "steps"),
    ] {
        let text = RECIPE.replacen(from, to, 1);
        let error = Recipe::parse(&text).unwrap_err().to_string();
        assert!(error.contains(word), "{to}: {error}");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("checkpoint.safetensors"), b"garbage").unwrap();
    assert!(matches!(run(RECIPE, &SOURCE, dir.path()), Err(TrainError::Parameters { .. })));
}
