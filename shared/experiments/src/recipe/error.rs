//! Errors of recipes.

use super::MOST_CELLS;
use unstamp_data::settings::SettingsError;
use unstamp_networks::model::ImagesError;

/// Why a recipe is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The text is not valid TOML, or a key is unknown, missing or of another type.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line of the text, from 1.
        line: usize,
        /// Message of the parser.
        message: String,
    },
    /// An id that no list holds.
    #[error("{key} = '{id}' is not known; see unstamp list")]
    Unknown {
        /// Key of the recipe: `dataset`, `attack` or `method`.
        key: &'static str,
        /// The unknown id.
        id: String,
    },
    /// The architecture cannot be built, or not for images of this size.
    #[error(transparent)]
    Arch(#[from] ImagesError),
    /// A share outside of (0, 1].
    #[error("{place} = {share} must be above 0 and at most 1")]
    Share {
        /// The key, with its entry.
        place: String,
        /// The value.
        share: f64,
    },
    /// A training that would do nothing.
    #[error("epochs, train.batch and train.lr must be above 0")]
    Training,
    /// A recipe without cells.
    #[error("a recipe needs at least one seed and one [[victim]]")]
    Empty,
    /// A recipe with more cells than anybody can run. Each cell takes memory.
    #[error("a recipe may have at most {MOST_CELLS} cells; write several recipes")]
    TooMany,
    /// A seed that is given twice. Its results would count twice.
    #[error("seed {0} is given twice")]
    Seed(u64),
    /// An id that is no plain file name.
    #[error("id = '{0}' may only hold a-z, 0-9 and _")]
    Id(String),
    /// An id of a defence that stands for another kind of model in model files.
    #[error("defence id = '{0}' means another kind of model; give the defence another id")]
    Role(String),
    /// Two entries with one id.
    #[error("id = '{0}' is given twice")]
    Twice(String),
    /// Adversarial training with an impossible radius or no steps.
    #[error("victim {victim}: robust.eps must be above 0 and at most 1, robust.steps above 0")]
    Robust {
        /// Id of the victim.
        victim: String,
    },
    /// A finished model with settings of a training.
    #[error(
        "victim {victim}: a finished model is not trained; leave out rate, surrogate, epochs, augment, weight_decay and robust"
    )]
    Finished {
        /// Id of the victim.
        victim: String,
    },
    /// An impossible weight decay or factor of the weights.
    #[error("victim {victim}: weight_decay must be within 0 and 1, rescale within 0.01 and 100")]
    Changes {
        /// Id of the victim.
        victim: String,
    },
    /// A surrogate that is missing, comes later, or has an attack.
    #[error("victim {victim}: surrogate must name an earlier [[victim]] without attack")]
    Surrogate {
        /// Id of the victim that needs the surrogate.
        victim: String,
    },
    /// A target label that the data set does not have.
    #[error("victim {victim}: target = {target} is not a class of {dataset}")]
    Target {
        /// Id of the victim.
        victim: String,
        /// The target label.
        target: usize,
        /// Id of the data set.
        dataset: String,
    },
    /// A parameter that is unknown or has a value that is not allowed.
    #[error("{entry}: {reason}")]
    Setting {
        /// The victim or defence.
        entry: String,
        /// The fault, with the parameter's name.
        reason: SettingsError,
    },
}
