//! One `[[defence]]` of a recipe that stands for many: every combination of some values and clean
//! shares, which is how both papers study a method.

use super::Erasure;
use crate::defences::defence;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use unstamp_data::method::{Value, Values};

/// A `[[defence]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    method: String,
    #[serde(default)]
    set: Values,
    /// Shares of the training set it gets; the recipe's `clean_fraction` where there are none.
    #[serde(default)]
    clean: Vec<f64>,
    /// For some parameters, the values each takes.
    #[serde(default)]
    grid: BTreeMap<String, Vec<Value>>,
}

/// `0.03` as an id may hold it: `0_03`, with `m` for a minus.
fn plain(value: impl ToString) -> String {
    value.to_string().replace('.', "_").replace('-', "m").to_lowercase()
}

impl Entry {
    /// Every combination, the last parameter of the grid changing fastest, clean shares slowest. Ids
    /// say what differs: `nad_clean0_01_beta2_lr0_1`.
    fn expand(self) -> Vec<Erasure> {
        let Entry { id, method, set, clean, grid } = self;
        let of = (!clean.is_empty() || !grid.is_empty()).then(|| id.clone());
        let erasure = |id: String, clean| {
            let (method, set, of) = (method.clone(), set.clone(), of.clone());
            Erasure { id, method, set, clean, of }
        };
        let mut all: Vec<Erasure> = match &clean[..] {
            [] => vec![erasure(id, None)],
            shares => {
                let share = |s: &f64| erasure(format!("{id}_clean{}", plain(s)), Some(*s));
                shares.iter().map(share).collect()
            }
        };
        for (key, values) in &grid {
            let with = |erasure: &Erasure, value: &Value| {
                let mut one = erasure.clone();
                one.id += &format!("_{key}{}", plain(value));
                one.set.0.insert(key.clone(), value.clone());
                one
            };
            all = all.iter().flat_map(|e| values.iter().map(move |v| with(e, v))).collect();
        }
        all
    }
}

impl Erasure {
    /// Its share of clean data (`clean`) or a parameter's value, and its id without that, which
    /// those have in common that differ in nothing else.
    pub fn along(&self, key: &str) -> Option<(f64, String)> {
        let set = self.set.filled(&defence(&self.method)?.params());
        let (at, value) = match (key, set.0.get(key)) {
            ("clean", _) => (self.clean?, plain(self.clean?)),
            (_, Some(Value::Float(v))) => (*v, plain(v)),
            (_, Some(Value::Int(v))) => (*v as f64, plain(v)),
            _ => return None,
        };
        Some((at, self.id.replacen(&format!("_{key}{value}"), "", 1)))
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
    }
    Ok(entries.into_iter().flat_map(Entry::expand).collect())
}
