//! `log.jsonl`: a header and one line per validation.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::checkpoint;
use crate::error::TrainError;
use crate::recipe::Recipe;

/// One validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The stage.
    pub stage: String,
    /// Steps done over all stages.
    pub step: u64,
    /// Rate of the last step.
    pub rate: f64,
    /// Mean loss of training since the last validation, resource term included.
    pub loss: f64,
    /// Cross entropy of the validation batches.
    pub validation_loss: f64,
    /// Area under the curve of the voxels that count; `None` if they are all of one kind.
    pub area: Option<f64>,
    /// Efficiency at the recipe's share of false positives.
    pub efficiency: Option<f64>,
    /// The logit from which voxels are marked for that.
    pub threshold: Option<f32>,
    /// Cost per position of each layer; empty in a float stage.
    pub cost: Vec<f64>,
    /// Share of weights whose code is zero; 0 in a float stage.
    pub zeros: f64,
    /// Weights that are pruned, and that are limited in digits.
    pub pruned: (usize, usize),
    /// Seconds since this run began.
    pub seconds: f64,
}

#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    seed: u64,
    digest: String,
    recipe: &'a Recipe,
}

/// The log's file.
pub(crate) struct Journal(PathBuf);

impl Journal {
    /// Opens the log: a new one, or what was written up to `step`.
    pub fn open(path: PathBuf, recipe: &Recipe, step: u64) -> Result<Self, TrainError> {
        let head = Head { schema: "nn2hdl.train-log/1", seed: recipe.seed, digest: recipe.digest(), recipe };
        let mut text = serde_json::to_string(&head).unwrap_or_default() + "\n";
        let old = checkpoint::read(&path)?.unwrap_or_default();
        let old = String::from_utf8_lossy(&old);
        if !old.is_empty() && !old.contains("nn2hdl.train-log/") {
            return Err(TrainError::parameters(
                &path,
                "is no log of nn2hdl; give another folder, or remove it",
            ));
        }
        let known =
            |line: &&str| serde_json::from_str::<Record>(line).is_ok_and(|record| record.step <= step);
        old.lines().filter(known).for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        checkpoint::write(&path, text.as_bytes())?;
        Ok(Self(path))
    }

    /// Appends a line.
    pub fn add(&self, record: &Record) -> Result<(), TrainError> {
        let line = serde_json::to_string(record).unwrap_or_default() + "\n";
        let file = OpenOptions::new().append(true).open(&self.0);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| TrainError::file(&self.0, error))
    }

    /// Every validation so far.
    pub fn records(&self) -> Result<Vec<Record>, TrainError> {
        let text = fs::read_to_string(&self.0).map_err(|error| TrainError::file(&self.0, error))?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}
