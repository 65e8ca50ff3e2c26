//! The site's list of models.

use crate::metrics::Report;
use crate::poison::TriggerRecord;
use serde::{Deserialize, Serialize};

/// The content of `static/models/manifest.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema: u32,
    /// The models, in the order in which the page lists them.
    pub models: Vec<ModelEntry>,
}

/// One published model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Name in links, unique in the manifest: the id of the cell that made the model.
    pub id: String,
    /// Name in texts.
    pub title: String,
    /// Name of the weights file, which lies beside the manifest.
    pub file: String,
    /// SHA-256 of the weights file, in hexadecimal.
    pub sha256: String,
    /// Size of the weights file.
    pub bytes: usize,
    /// Architecture, such as `wrn-16-1`.
    pub arch: String,
    /// Id of the data set that the model was trained on.
    pub dataset: String,
    /// One name for each output.
    pub class_names: Vec<String>,
    /// `clean`, `victim` or the id of the defence.
    pub role: String,
    /// The trigger that the model, or the victim it was erased from, was trained under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerRecord>,
    /// Seed of the data set's test images.
    pub data_seed: u64,
    /// Name of the recipe that made the model.
    pub recipe: String,
    /// Hash of that recipe.
    pub recipe_hash: String,
    /// Rates on the test set.
    pub report: Report,
}
