//! Names of settings in tables and figures.

use std::collections::BTreeMap;
use unstamp_shared::method::Value;
use unstamp_shared::recipe::{Erasure, setting_name};
use unstamp_shared::result::CellResult;

/// The settings of the erasures of every entry of a recipe.
pub(super) struct Entries<'a>(BTreeMap<&'a str, Vec<Vec<(String, Value)>>>);

impl<'a> Entries<'a> {
    /// The entries of the erasures in `results`.
    pub fn new(results: &'a [CellResult]) -> Self {
        let mut entries: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for erasure in results.iter().filter_map(|r| r.erasure.as_ref()) {
            entries.entry(erasure.entry()).or_default().push(erasure.settings());
        }
        Self(entries)
    }

    /// The settings of `erasure` in which the erasures of its entry differ, such as `beta2_lr0_1`; `-` where
    /// they do not differ.
    pub fn setting(&self, erasure: &Erasure) -> String {
        let differing = self.differing(erasure, None);
        if differing.is_empty() { "-".to_string() } else { differing.join("_") }
    }

    /// The entry of `erasure` and its settings in which the erasures of the entry differ, without the setting
    /// `except`. Erasures of an entry that differ in this setting only have the same name.
    pub fn name(&self, erasure: &Erasure, except: &str) -> String {
        let mut parts = vec![erasure.entry().to_string()];
        parts.extend(self.differing(erasure, Some(except)));
        parts.join("_")
    }

    fn differing(&self, erasure: &Erasure, except: Option<&str>) -> Vec<String> {
        let others = self.0.get(erasure.entry()).map(Vec::as_slice).unwrap_or_default();
        let settings = erasure.settings().into_iter();
        let differ = |setting: &(String, Value)| {
            except != Some(setting.0.as_str())
                && others.iter().any(|other| !other.contains(setting))
        };
        settings.filter(differ).map(|(key, value)| setting_name(&key, &value)).collect()
    }
}
