//! One `[[defence]]` of a recipe that stands for many: every combination of some values and clean
//! shares. Both papers study their methods in this way.

use super::{Erasure, MOST_CELLS};
use crate::defences::defence;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use unstamp_data::method::{Value, Values};

/// A `[[defence]]` as the recipe writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    method: String,
    #[serde(default)]
    set: Values,
    /// Shares of the training set that the defence gets. If the list is empty, it gets the recipe's
    /// `clean_fraction`.
    #[serde(default)]
    clean: Vec<f64>,
    /// Values that a parameter takes, one after another.
    #[serde(default)]
    grid: BTreeMap<String, Vec<Value>>,
}

/// Key of the share of clean data among the settings of an erasure.
const CLEAN: &str = "clean";

/// A setting as ids hold it: `lr0_03` for 0.03, with `m` for a minus.
pub fn setting_name(key: &str, value: &Value) -> String {
    let value = value.to_string().replace('.', "_").replace('-', "m").to_lowercase();
    format!("{key}{value}")
}

impl Entry {
    /// The number of combinations, unless it is too large for the machine.
    fn combinations(&self) -> Option<usize> {
        let lists = self.grid.values().map(Vec::len);
        lists.chain([self.clean.len().max(1)]).try_fold(1usize, usize::checked_mul)
    }

    /// Every combination. The last parameter of the grid changes fastest, clean shares slowest. Ids
    /// say what differs: `nad_clean0_01_beta2_lr0_1`.
    fn expand(self) -> Vec<Erasure> {
        let is_sweep = !self.clean.is_empty() || !self.grid.is_empty();
        let plain_entry = Erasure {
            id: self.id.clone(),
            method: self.method,
            set: self.set,
            clean: None,
            of: is_sweep.then_some(self.id),
        };
        let mut all: Vec<Erasure> = match &self.clean[..] {
            [] => vec![plain_entry],
            shares => shares.iter().map(|share| plain_entry.with_share(*share)).collect(),
        };
        for (key, values) in &self.grid {
            all = all
                .iter()
                .flat_map(|erasure| values.iter().map(|value| erasure.with_value(key, value)))
                .collect();
        }
        all
    }
}

impl Erasure {
    /// This erasure with another share of clean data.
    fn with_share(&self, share: f64) -> Self {
        let id = format!("{}_{}", self.id, setting_name(CLEAN, &Value::Float(share)));
        Self { id, clean: Some(share), ..self.clone() }
    }

    /// This erasure with another value of a parameter.
    fn with_value(&self, key: &str, value: &Value) -> Self {
        let mut erasure = self.clone();
        erasure.id += &format!("_{}", setting_name(key, value));
        erasure.set.0.insert(key.to_string(), value.clone());
        erasure
    }

    /// Its settings by their keys: its share of clean data under `clean`, if it has one of its own, and then
    /// every parameter of the defence.
    pub fn settings(&self) -> Vec<(String, Value)> {
        let params = defence(&self.method).map(|defence| defence.params()).unwrap_or_default();
        let share = self.clean.map(|share| (CLEAN.to_string(), Value::Float(share)));
        share.into_iter().chain(self.set.with_defaults(&params).0).collect()
    }
}

/// Reads a recipe's list of defences.
pub(super) fn expanded<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Erasure>, D::Error> {
    let entries = Vec::<Entry>::deserialize(from)?;
    for entry in &entries {
        if let Some((key, _)) =
            entry.grid.iter().find(|(key, v)| v.is_empty() || entry.set.0.contains_key(*key))
        {
            let id = &entry.id;
            return Err(D::Error::custom(format!(
                "defence {id}: grid.{key} needs values, and must not be in set too"
            )));
        }
        if entry.combinations().is_none_or(|count| count > MOST_CELLS) {
            let id = &entry.id;
            return Err(D::Error::custom(format!(
                "defence {id}: its grid has more than {MOST_CELLS} combinations; write several recipes"
            )));
        }
    }
    Ok(entries.into_iter().flat_map(Entry::expand).collect())
}
