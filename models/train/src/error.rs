//! What keeps a training from running.

use std::path::{Path, PathBuf};

/// A fault of the recipe, of a file, or of the computation.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The recipe's text cannot be read.
    #[error("the recipe cannot be read: {0}")]
    Parse(#[from] toml::de::Error),
    /// The recipe asks for something that does not make sense.
    #[error("the recipe's `{key}`: {reason}")]
    Recipe {
        /// Path of the key.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of parameters is damaged or is none.
    #[error("{}: {reason}", path.display())]
    Parameters {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The folder holds the work of another recipe.
    #[error(
        "{}: holds a training of another recipe (or another start); give another folder, or remove this one",
        path.display()
    )]
    OtherRecipe {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The loss is not finite.
    #[error("stage `{stage}`: the loss is no finite number at step {step}; lower the stage's `rate`")]
    Diverged {
        /// The stage.
        stage: String,
        /// Step, counted over all stages.
        step: u64,
    },
    /// The training was asked to stop; a checkpoint was written.
    #[error("stopped at step {step}; the same command continues from there")]
    Stopped {
        /// Step, counted over all stages.
        step: u64,
    },
    /// A batch is not what was asked for, or does not fit the network.
    #[error("a batch of the source: {0}")]
    Batch(String),
    /// Tensor arithmetic.
    #[error("tensor arithmetic: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl TrainError {
    pub(crate) fn file(path: &Path, source: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    pub(crate) fn parameters(path: &Path, reason: impl ToString) -> Self {
        Self::Parameters { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn recipe(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Recipe { key: key.into(), reason: reason.into() }
    }
}
