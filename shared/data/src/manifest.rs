//! The site's list of models.

use crate::metrics::Report;
use crate::poison::TriggerRecord;
use serde::{Deserialize, Serialize};

/// `static/models/manifest.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    pub models: Vec<ModelEntry>,
}

/// One published model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    pub id: String,
    pub title: String,
    /// Beside the manifest.
    pub file: String,
    pub sha256: String,
    pub bytes: usize,
    pub arch: String,
    pub dataset: String,
    pub class_names: Vec<String>,
    /// `clean`, `victim` or the id of the defence.
    pub role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerRecord>,
    /// Seed of the data set's test images.
    pub data_seed: u64,
    pub recipe: String,
    pub recipe_hash: String,
    pub report: Report,
}

/// Number of probe images: the first of `signs`' test split at seed 0.
pub const PROBES: usize = 8;

/// Answers of a network to the probe images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// `[probe][class]`.
    pub logits: Vec<Vec<f32>>,
    /// `[group][probe * channels]`: mean over positions of each channel's absolute value.
    pub features: Vec<Vec<f32>>,
}

/// Relative difference that a self-test accepts: f32 sums in another order, over 16 layers.
pub const PROBE_TOLERANCE: f32 = 2e-3;

impl Probe {
    /// Largest difference to `other` over as many probes as both have, relative to the largest
    /// stored value of the same kind; infinite where shapes differ or a value is not finite.
    pub fn difference(&self, other: &Probe) -> f32 {
        let probes = self.logits.len().min(other.logits.len());
        let cut = |p: &Probe| {
            let mut lists = vec![p.logits[..probes].concat()];
            let part = |f: &Vec<f32>| f[..f.len() / p.logits.len().max(1) * probes].to_vec();
            lists.extend(p.features.iter().map(part));
            lists
        };
        let (ours, theirs) = (cut(self), cut(other));
        if probes == 0 || ours.len() != theirs.len() {
            return f32::INFINITY;
        }
        ours.iter().zip(&theirs).fold(0.0, |worst, (a, b)| {
            if a.len() != b.len() || b.iter().any(|v| !v.is_finite()) {
                return f32::INFINITY;
            }
            let scale = a.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
            a.iter().zip(b).fold(worst, |worst, (a, b)| worst.max((a - b).abs() / scale))
        })
    }
}
