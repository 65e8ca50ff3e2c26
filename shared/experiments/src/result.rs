//! The record of a finished cell.

mod schema_1;

use crate::craft::Provenance;
use crate::job::{Epoch, Measurement, Rates};
use crate::recipe::{Erasure, Victim, is_plain};
use serde::{Deserialize, Serialize};
use unstamp_data::datasets::ImageSize;
use unstamp_data::metrics::{Confusion, Report};

/// Version of the format of [`CellResult`]. Schema 2 keeps measurements apart from epochs.
pub const SCHEMA: u32 = 2;

/// Why bytes are no result.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// The JSON does not have the form of a result.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A later version wrote it.
    #[error("it has schema {found}, and this version reads schemas up to {SCHEMA}")]
    Schema {
        /// Schema of the file.
        found: u32,
    },
    /// The name of its cell could lead out of the folder of the results.
    #[error("its cell '{0}' may only hold a-z, 0-9, _ and -")]
    Cell(String),
    /// A table of predictions is not square, or has no column for the target class.
    #[error(
        "its predictions are no square table with a column for the target class; run the cell again"
    )]
    Predictions,
}

/// One trained or erased model, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Name of the recipe.
    pub recipe: String,
    /// Hash of the whole recipe.
    pub recipe_hash: String,
    /// Name of the cell.
    pub cell: String,
    /// Hash of everything that the cell depends on.
    pub cell_hash: String,
    /// Seed of the cell.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Git commit that the program was built from, where the build knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Device that computed it, in words.
    pub device: String,
    /// Threads of the processor that computed; results repeat to the bit only with the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Id of the data set.
    pub dataset: String,
    /// Size to which the images were brought, where it is not the usual one of the data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<ImageSize>,
    /// Remark on the data, such as "JPEG copy".
    pub data_note: String,
    /// Name of the architecture.
    pub arch: String,
    /// The model that was trained or defended.
    pub victim: Victim,
    /// The defence, if one was run.
    pub erasure: Option<Erasure>,
    /// Numbers of the images that were used.
    pub data: Counts,
    /// Rates on images that attack and defences do not see, if the recipe keeps such images to
    /// choose settings by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Rates>,
    /// Provenance of the artefact, if the attack needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<Provenance>,
    /// Wall-clock minutes on `device`.
    pub minutes: f64,
    /// Images forward and backward; a teacher's forward counts as one.
    pub passes: u64,
    /// Rates on test images.
    pub report: Report,
    /// Sum of the squares of all convolution weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squared_weight_norm: Option<f64>,
    /// Defence effectiveness rate against the victim, where something was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<f64>,
    /// NAD equation 2 (A^2_sum, summed over groups) between teacher and student on 500 test
    /// images, if the defence has a teacher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_distance: Option<f64>,
    /// For a local trigger and every group: the share of the attention map's mass on the trigger's
    /// pixels with the trigger, minus the share without it; mean over test images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention_on_trigger: Vec<f64>,
    /// The recovered triggers, if the defence recovers some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovery>,
    /// Every epoch, with rates on some test images.
    pub curve: Vec<Epoch>,
    /// The values that edits measured, such as the number of pruned channels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
    /// Rates along the curve between two models, by position, if the defended model is a point of
    /// such a curve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<(f64, Rates)>,
}

impl CellResult {
    /// Reads a result file. Files of schema 1 are converted.
    ///
    /// # Errors
    ///
    /// [`ResultError`] if the bytes are no result, or one of a later schema.
    ///
    /// # Examples
    ///
    /// ```
    /// use unstamp_experiments::result::{CellResult, SCHEMA};
    ///
    /// let json = r#"{
    ///     "schema": 1, "recipe": "example", "recipe_hash": "", "cell": "s0-clean", "cell_hash": "",
    ///     "seed": 0, "version": "0.1.0", "device": "cpu", "dataset": "signs", "data_note": "",
    ///     "arch": "wrn-16-1", "victim": { "id": "clean" }, "minutes": 4.0, "passes": 120000,
    ///     "data": { "train": 8, "test": 2, "poisoned": 0, "poisoned_of_class": 0.0,
    ///               "clean_subset": 0, "overlap": 0 },
    ///     "report": { "acc": { "value": 0.5, "k": 1, "n": 2, "ci95": [0.0, 1.0] }, "confusion": [] },
    ///     "curve": []
    /// }"#;
    /// let result = CellResult::from_json(json.as_bytes())?;
    /// assert_eq!((result.schema, result.report.acc.value), (SCHEMA, 0.5));
    ///
    /// let later = CellResult::from_json(br#"{ "schema": 3 }"#).expect_err("a later schema");
    /// assert_eq!(later.to_string(), "it has schema 3, and this version reads schemas up to 2");
    /// # Ok::<(), unstamp_experiments::result::ResultError>(())
    /// ```
    pub fn from_json(bytes: &[u8]) -> Result<Self, ResultError> {
        /// The one field that every schema has.
        #[derive(Deserialize)]
        struct Format {
            schema: u32,
        }
        let Format { schema: found } = serde_json::from_slice(bytes)?;
        if found > SCHEMA {
            return Err(ResultError::Schema { found });
        }
        let mut result: Self = serde_json::from_slice(bytes)?;
        if !is_plain(&result.cell.replace('-', "_")) {
            return Err(ResultError::Cell(result.cell));
        }
        if !result.has_sound_predictions() {
            return Err(ResultError::Predictions);
        }
        if found < SCHEMA {
            (result.curve, result.measurements) = schema_1::separated(result.curve);
            result.schema = SCHEMA;
        }
        Ok(result)
    }

    /// Whether the tables of predictions are square, and that of triggered images has the target class.
    fn has_sound_predictions(&self) -> bool {
        let Report { confusion, triggered, .. } = &self.report;
        let of_target = |table: &Confusion| table.is_sound() && self.victim.target < table.0.len();
        confusion.is_sound() && triggered.as_ref().is_none_or(of_target)
    }
}

/// Triggers recovered from a network without knowledge of the attack.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The class they lead to.
    pub target: usize,
    /// Share of the other classes' test images that they turn into it, in the network they come
    /// from.
    pub asr: f64,
    /// Distance to the true trigger, if that is a square of their size: root mean square over pixels
    /// in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Numbers of images that a cell used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Size of the training set of the victim, poisoned images included.
    pub train: usize,
    /// Size of the test set.
    pub test: usize,
    /// Number of poisoned training images.
    pub poisoned: usize,
    /// `poisoned` as a share of the target class.
    pub poisoned_of_class: f64,
    /// Size of the clean subset.
    pub clean_subset: usize,
    /// Images of the clean subset that the attacker had poisoned; the defender has their originals.
    pub overlap: usize,
    /// Images of the clean subset set aside to choose by.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validation: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A result of schema 1, whose curve holds a training and an edit.
    fn old() -> Value {
        let epoch = |phase: &str, lr: f64, loss: &str| json!({ "phase": phase, "epoch": 0, "lr": lr, "losses": [[loss, 2.0]] });
        json!({
            "schema": 1, "recipe": "r", "recipe_hash": "", "cell": "s0-a-b", "cell_hash": "",
            "seed": 0, "version": "0.1.0", "device": "cpu", "dataset": "signs", "data_note": "",
            "arch": "wrn-16-1", "victim": { "id": "a" }, "minutes": 4.0, "passes": 9,
            "erasure": { "id": "b", "method": "fine_prune" },
            "data": {
                "train": 8, "test": 2, "poisoned": 1, "poisoned_of_class": 0.5,
                "clean_subset": 4, "overlap": 0
            },
            "report": {
                "acc": { "value": 0.5, "k": 1, "n": 2, "ci95": [0.0, 1.0] }, "confusion": []
            },
            "curve": [epoch("prune", 0.0, "pruned_channels"), epoch("fine_tune", 0.1, "ce")]
        })
    }

    fn read(json: &Value) -> Result<CellResult, ResultError> {
        CellResult::from_json(json.to_string().as_bytes())
    }

    #[test]
    fn a_result_of_schema_1_is_converted() {
        let result = read(&old()).expect("sound");
        assert_eq!(result.schema, SCHEMA);
        let phases: Vec<&str> = result.curve.iter().map(|epoch| &epoch.phase[..]).collect();
        assert_eq!(phases, ["fine_tune"]);
        let wanted = Measurement {
            phase: "prune".to_string(),
            name: "pruned_channels".to_string(),
            value: 2.0,
        };
        assert_eq!(result.measurements, [wanted]);
    }

    #[test]
    fn a_result_is_read_back() {
        let result = read(&old()).expect("sound");
        let json = serde_json::to_value(&result).expect("plain data");
        assert_eq!(read(&json).expect("sound"), result);
    }

    #[test]
    fn later_schemas_and_unknown_fields_are_refused() {
        let with = |key: &str, value: Value| {
            let mut json = old();
            json[key] = value;
            read(&json)
        };
        let later = with("schema", json!(SCHEMA + 1));
        assert!(matches!(later, Err(ResultError::Schema { found }) if found == SCHEMA + 1));
        assert!(matches!(with("note", json!("")), Err(ResultError::Json(_))));
        assert!(matches!(CellResult::from_json(b"{}"), Err(ResultError::Json(_))));
    }
}
