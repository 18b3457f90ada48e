//! The training itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};

use crate::checkpoint::{self, Header, Position};
use crate::equalize::equalize;
use crate::error::TrainError;
use crate::gradient::{cross_entropy, gradients};
use crate::journal::{Journal, Record};
use crate::measure::Scores;
use crate::optimise;
use crate::prune;
use crate::recipe::{Recipe, Stage, Validation};
use crate::source::{Batch, Source, by_image};
use crate::state::{Moments, State};

/// How a training is run.
pub struct Settings<'a> {
    /// Folder of checkpoint, stage files and log. If it holds a checkpoint of the same recipe, the training goes on from there.
    pub dir: &'a Path,
    /// A stage's file of the same network whose parameters are the start, instead of random ones.
    pub start: Option<&'a Path>,
    /// Whether a progress bar is drawn on stderr, if that is a terminal.
    pub progress: bool,
    /// Asked after each step: whether to write a checkpoint and stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// What a finished training left.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Every validation.
    pub records: Vec<Record>,
    /// The stages' files, in the recipe's order.
    pub files: Vec<PathBuf>,
}

/// Trains, or goes on with, what the recipe says.
///
/// The results depend on the recipe, the source and the start only: not on the number of threads, nor on where the training was
/// interrupted.
///
/// # Errors
/// See [`TrainError`].
pub fn train(recipe: &Recipe, source: &dyn Source, settings: &Settings<'_>) -> Result<Outcome, TrainError> {
    recipe.check()?;
    let mut run = Run::open(recipe, source, settings)?;
    while run.at.stage < recipe.stage.len() {
        run.stage()?;
    }
    let files = recipe.stage.iter().map(|stage| stage_file(settings.dir, stage)).collect();
    Ok(Outcome { records: run.journal.records()?, files })
}

fn stage_file(dir: &Path, stage: &Stage) -> PathBuf {
    dir.join(format!("{}.safetensors", stage.name))
}

struct Run<'a> {
    recipe: &'a Recipe,
    source: &'a dyn Source,
    settings: &'a Settings<'a>,
    start: Option<String>,
    at: Position,
    state: State,
    moments: Moments,
    journal: Journal,
    begun: Instant,
}

impl<'a> Run<'a> {
    fn open(
        recipe: &'a Recipe,
        source: &'a dyn Source,
        settings: &'a Settings<'a>,
    ) -> Result<Self, TrainError> {
        fs::create_dir_all(settings.dir).map_err(|error| TrainError::file(settings.dir, error))?;
        let (mut state, mut start) = (State::new(&recipe.network, recipe.seed), None);
        if let Some(path) = settings.start {
            let bytes = fs::read(path).map_err(|error| TrainError::file(path, error))?;
            let (header, from, _) =
                checkpoint::from_bytes(&bytes).map_err(|reason| TrainError::parameters(path, reason))?;
            let shape = |recipe: &Recipe| -> Vec<_> {
                recipe.network.layer.iter().map(|layer| (layer.outputs, layer.rows, layer.columns)).collect()
            };
            if shape(&header.recipe) != shape(recipe) {
                return Err(TrainError::parameters(path, "its network has other layers than the recipe's"));
            }
            state.layers = from.layers;
            let digest = Sha256::digest(&bytes);
            start = Some(digest.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        let mut moments = Moments::new(&state);
        let mut at = Position { stage: 0, step: 0, start_cost: None, losses: (0.0, 0) };
        let path = settings.dir.join("checkpoint.safetensors");
        if let Some(bytes) = checkpoint::read(&path)? {
            let (header, saved, saved_moments) =
                checkpoint::from_bytes(&bytes).map_err(|reason| TrainError::parameters(&path, reason))?;
            if header.recipe != *recipe || header.start != start {
                return Err(TrainError::OtherRecipe { path });
            }
            let (Some(position), Some(saved_moments)) = (header.position, saved_moments) else {
                return Err(TrainError::parameters(&path, "it is no checkpoint"));
            };
            (at, state, moments) = (position, saved, saved_moments);
        }
        let journal =
            Journal::open(settings.dir.join("log.jsonl"), recipe, steps_before(recipe, at.stage) + at.step)?;
        Ok(Self { recipe, source, settings, start, at, state, moments, journal, begun: Instant::now() })
    }

    /// Steps done over all stages.
    fn step(&self) -> u64 {
        steps_before(self.recipe, self.at.stage) + self.at.step
    }

    /// Runs what is left of the stage.
    fn stage(&mut self) -> Result<(), TrainError> {
        let recipe = self.recipe;
        let stage = &recipe.stage[self.at.stage];
        if self.at.step == 0 {
            self.begin(stage)?;
        }
        let (height, width) = self.source.extents();
        let mut batch = Batch::new(stage.batch, height, width);
        let bar = self.bar(stage);
        while self.at.step < stage.steps {
            self.fill(self.step(), &mut batch)?;
            let mut found = gradients(recipe, &self.state, stage.quantize, &batch)?;
            if !found.loss.is_finite() {
                return Err(TrainError::Diverged { stage: stage.name.clone(), step: self.step() });
            }
            optimise::clip(&mut found.by, recipe.optimiser.clip);
            let rate = optimise::rate(stage, self.at.step);
            let (state, moments) = (&mut self.state, &mut self.moments);
            optimise::step(state, moments, &found.by, self.at.step + 1, rate, &recipe.optimiser);
            self.at.losses = (self.at.losses.0 + found.loss, self.at.losses.1 + 1);
            self.prune(stage);
            self.at.step += 1;
            bar.inc(1);
            let last = self.at.step == stage.steps;
            if last || self.step().is_multiple_of(recipe.validation.every) {
                let record = self.validate(stage, rate)?;
                bar.set_message(format!(
                    "loss {:.4} validation {:.4} cost {:.0}",
                    record.loss,
                    record.validation_loss,
                    record.cost.iter().sum::<f64>()
                ));
                self.journal.add(&record)?;
            }
            if last {
                break;
            }
            let stop = (self.settings.stop)();
            if stop || self.step().is_multiple_of(recipe.checkpoint_every) {
                self.save()?;
            }
            if stop {
                return Err(TrainError::Stopped { step: self.step() });
            }
        }
        bar.finish();
        self.finish(stage)
    }

    /// What happens before a stage's first step.
    fn begin(&mut self, stage: &Stage) -> Result<(), TrainError> {
        let first =
            stage.quantize && !self.recipe.stage[..self.at.stage].iter().any(|before| before.quantize);
        if first {
            if stage.equalize {
                let (height, width) = self.source.extents();
                let mut batch = Batch::new(self.recipe.validation.batch, height, width);
                self.fill(Validation::FIRST, &mut batch)?;
                equalize(&mut self.state, &self.recipe.network, &batch);
            }
            self.state.start_quantization(&self.recipe.network);
        }
        self.moments = Moments::new(&self.state);
        self.at.start_cost = None;
        Ok(())
    }

    fn finish(&mut self, stage: &Stage) -> Result<(), TrainError> {
        let header = Header::new(self.recipe, self.start.as_deref(), self.at.stage, self.step());
        let path = stage_file(self.settings.dir, stage);
        let bytes = checkpoint::to_bytes(&header, &self.state, None);
        checkpoint::write(&path, &bytes.map_err(|reason| TrainError::parameters(&path, reason))?)?;
        (self.at.stage, self.at.step) = (self.at.stage + 1, 0);
        self.save()
    }

    fn save(&self) -> Result<(), TrainError> {
        let mut header = Header::new(self.recipe, self.start.as_deref(), self.at.stage, self.step());
        header.position = Some(self.at.clone());
        let path = self.settings.dir.join("checkpoint.safetensors");
        let bytes = checkpoint::to_bytes(&header, &self.state, Some(&self.moments));
        checkpoint::write(&path, &bytes.map_err(|reason| TrainError::parameters(&path, reason))?)
    }

    /// What is due after step `at.step`, counted from 0.
    fn prune(&mut self, stage: &Stage) {
        let Some(settings) = &stage.prune else { return };
        let step = self.at.step + 1;
        if step < settings.start || step > settings.end {
            return;
        }
        let network = &self.recipe.network;
        let cost = || self.state.costs(network).iter().sum();
        let start_cost = self.at.start_cost.unwrap_or_else(cost);
        self.at.start_cost = Some(start_cost);
        if (step - settings.start).is_multiple_of(settings.every) || step == settings.end {
            let allowed = prune::allowed(settings, step, start_cost);
            prune::prune(&mut self.state, &self.moments, network, allowed);
        }
        if step == settings.end {
            prune::freeze(&mut self.state);
        }
    }

    fn validate(&mut self, stage: &Stage, rate: f64) -> Result<Record, TrainError> {
        let (recipe, validation) = (self.recipe, self.recipe.validation);
        let (height, width) = self.source.extents();
        let mut batch = Batch::new(validation.batch, height, width);
        let (mut scores, mut loss, mut weight) = (Scores::default(), 0.0, 0.0);
        for n in 0..validation.batches {
            self.fill(Validation::FIRST + n, &mut batch)?;
            let x = by_image(&batch.x, batch.n, height * width);
            let logits = self.state.forward(&recipe.network, stage.quantize, &x, (height, width), |_, _| {});
            let entropy = cross_entropy(&batch, recipe.loss.beta);
            let (sum, weights) = entropy.sums(&logits);
            (loss, weight) = (loss + sum, weight + weights);
            scores.add(&logits, &entropy.truth, &entropy.weight);
        }
        let (losses, steps) = std::mem::take(&mut self.at.losses);
        let efficiency = scores.efficiency(validation.false_positives);
        Ok(Record {
            stage: stage.name.clone(),
            step: self.step(),
            rate,
            loss: losses / steps.max(1) as f64,
            validation_loss: loss / weight.max(f64::MIN_POSITIVE),
            area: scores.area(),
            efficiency: efficiency.map(|(efficiency, _)| efficiency),
            threshold: efficiency.map(|(_, threshold)| threshold).filter(|threshold| threshold.is_finite()),
            cost: if stage.quantize { self.state.costs(&recipe.network) } else { Vec::new() },
            zeros: if stage.quantize { self.state.zeros() } else { 0.0 },
            pruned: prune::counts(&self.state),
            seconds: self.begun.elapsed().as_secs_f64(),
        })
    }

    fn fill(&self, step: u64, batch: &mut Batch) -> Result<(), TrainError> {
        let extents = (batch.n, batch.height, batch.width);
        self.source.fill(step, batch);
        if extents != (batch.n, batch.height, batch.width) || !batch.is_whole() {
            return Err(TrainError::Batch(format!("number {step} has other extents than asked for")));
        }
        Ok(())
    }

    fn bar(&self, stage: &Stage) -> ProgressBar {
        if !self.settings.progress {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(stage.steps).with_prefix(stage.name.clone()).with_position(self.at.step);
        let template = "{prefix} {wide_bar} {pos}/{len} {eta} {msg}";
        bar.with_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        )
    }
}

fn steps_before(recipe: &Recipe, stage: usize) -> u64 {
    recipe.stage[..stage].iter().map(|stage| stage.steps).sum()
}
