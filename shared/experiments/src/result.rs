//! What a finished cell leaves behind.

use crate::craft::Head;
use crate::job::{Epoch, Rates};
use crate::recipe::{Erasure, Victim};
use serde::{Deserialize, Serialize};
use unstamp_data::metrics::Report;

/// Version of the format of [`CellResult`].
pub const SCHEMA: u32 = 1;

/// One trained or erased model, measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellResult {
    pub schema: u32,
    pub recipe: String,
    pub recipe_hash: String,
    pub cell: String,
    pub cell_hash: String,
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Git commit that the program was built from, where the build knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    pub device: String,
    /// Threads of the processor that computed; results repeat to the bit only with the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    pub dataset: String,
    pub data_note: String,
    pub arch: String,
    pub victim: Victim,
    pub erasure: Option<Erasure>,
    pub data: Counts,
    /// On images kept from attack and defences to choose settings by, where the recipe has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Rates>,
    /// What the attack was made from, where a model was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artefact: Option<Head>,
    /// Wall-clock minutes on `device`.
    pub minutes: f64,
    /// Images forward and backward; a teacher's forward counts as one.
    pub passes: u64,
    pub report: Report,
    /// Sum of the squares of all convolution weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squared_weight_norm: Option<f64>,
    /// Defence effectiveness rate against the victim, where something was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub der: Option<f64>,
    /// NAD equation 2 (A^2_sum, summed over groups) between teacher and student on 500 test
    /// images, where there was a teacher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_distance: Option<f64>,
    /// For a local trigger, of every group: share of the attention map's mass on the trigger's
    /// pixels with the trigger there less that without, mean over test images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention_on_trigger: Vec<f64>,
    /// Of a defence that recovers triggers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Recovery>,
    /// Every epoch, with rates on some test images.
    pub curve: Vec<Epoch>,
    /// Where the defended model is a point of a curve between two: rates along it, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<(f64, Rates)>,
}

/// Triggers recovered from a network by who knew nothing of the attack.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The class they lead to.
    pub target: usize,
    /// Share of the other classes' test images they lead there, in the network they come from.
    pub asr: f64,
    /// To the true trigger, where that is a square of their size: root mean square of pixels in 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many images of which kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub train: usize,
    pub test: usize,
    pub poisoned: usize,
    /// `poisoned` as a share of the target class.
    pub poisoned_of_class: f64,
    /// Size of the clean subset, and how many of its images the attacker had poisoned (the
    /// defender has their originals).
    pub clean_subset: usize,
    pub overlap: usize,
    /// Images of the clean subset set aside to choose by.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validation: usize,
}
