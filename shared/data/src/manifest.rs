//! The site's list of models.

use crate::metrics::Report;
use crate::poison::TriggerRecord;
use serde::{Deserialize, Serialize};

/// The content of `static/models/manifest.json`.
/// # Examples
///
/// ```
/// use unstamp_data::manifest::{Manifest, ModelRole};
///
/// let text = r#"{"schema": 1, "models": [{
///     "id": "s0-victim", "title": "BadNets", "file": "s0-victim.safetensors", "sha256": "0f",
///     "bytes": 9, "arch": "wrn-16-1", "dataset": "signs", "class_names": ["stop", "yield"],
///     "role": "victim", "data_seed": 0, "recipe": "quick", "recipe_hash": "0f",
///     "report": {
///         "acc": {"value": 0.5, "k": 1, "n": 2, "ci95": [0.09, 0.91]},
///         "confusion": [[1, 0], [1, 0]]
///     }
/// }]}"#;
/// let manifest: Manifest = serde_json::from_str(text)?;
/// assert_eq!(manifest.models[0].role, ModelRole::Victim);
/// assert_eq!(manifest.models[0].report.acc.k, 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format: 1.
    pub schema: u32,
    /// The models, in the order in which the page lists them.
    pub models: Vec<ModelEntry>,
}

/// The role of a model on the page. In files it is one word: `clean`, `victim`, `imported`, `own`, or for
/// [`ModelRole::Erased`] the id of the defence in the recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ModelRole {
    /// A model without a backdoor.
    Clean,
    /// A model with a backdoor.
    Victim,
    /// A model that another program trained.
    Imported,
    /// A model that a visitor of the page brought or made.
    Own,
    /// A victim after a defence. The text is the id of the defence in the recipe, such as
    /// `nad_beta0`. No recipe has an entry whose id is the word of another role.
    Erased(String),
}

impl std::fmt::Display for ModelRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Victim => "victim",
            Self::Imported => "imported",
            Self::Own => "own",
            Self::Erased(id) => id,
        })
    }
}

impl From<ModelRole> for String {
    fn from(role: ModelRole) -> Self {
        role.to_string()
    }
}

impl From<String> for ModelRole {
    fn from(word: String) -> Self {
        let known = [Self::Clean, Self::Victim, Self::Imported, Self::Own];
        let found = known.into_iter().find(|role| role.to_string() == word);
        found.unwrap_or(Self::Erased(word))
    }
}

/// One published model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Name in links, unique in the manifest: the id of the cell that made the model.
    pub id: String,
    /// Name in texts.
    pub title: String,
    /// Name of the weights file, in the folder of the manifest.
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
    /// Its role on the page.
    pub role: ModelRole,
    /// The trigger that the model was trained with; for an erased model, that of its victim. `None`
    /// for a clean model.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_words_in_files() {
        let erased = ModelRole::Erased("nad_beta0".to_string());
        let all =
            [ModelRole::Clean, ModelRole::Victim, ModelRole::Imported, ModelRole::Own, erased];
        for (role, word) in all.into_iter().zip(["clean", "victim", "imported", "own", "nad_beta0"])
        {
            assert_eq!(role.to_string(), word);
            assert_eq!(ModelRole::from(word.to_string()), role);
        }
    }
}
