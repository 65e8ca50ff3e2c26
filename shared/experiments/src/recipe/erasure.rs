//! A defence with its settings.

use crate::defences::{Knows, defence};
use serde::{Deserialize, Serialize};
use unstamp_data::method::Values;

/// A defence to run on every victim that has an attack, and on clean models if the recipe says
/// `erase_clean`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Name of the entry within its recipe; part of the file names.
    pub id: String,
    /// Id of the defence.
    pub method: String,
    /// Parameters of the defence.
    #[serde(default)]
    pub set: Values,
    /// Share of the training set it gets instead of the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean: Option<f64>,
    /// Id of the recipe's entry that was expanded into this one; `None` if it was not expanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

impl Erasure {
    /// Id of the recipe's entry that this erasure was expanded from, or its own id.
    pub fn entry(&self) -> &str {
        self.of.as_ref().unwrap_or(&self.id)
    }

    /// Whether the defence knows the trigger, so that it cannot run on a model without one. A recipe
    /// with settings that the defence refuses has no cells.
    pub(super) fn needs_trigger(&self) -> bool {
        let knows = defence(&self.method).map(|defence| defence.knows(&self.set));
        knows == Some(Ok(Knows::Trigger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erasure(method: &str, pairs: &[&str]) -> Erasure {
        let set = Values::parse(pairs.iter().copied()).expect("pairs");
        Erasure { id: "id".into(), method: method.into(), set, clean: None, of: None }
    }

    #[test]
    fn a_trigger_is_needed_by_the_method_or_its_settings() {
        let cases: [(&str, &[&str], bool); 5] = [
            ("retrain", &[], true),
            ("fine_tune", &[], false),
            ("nba", &["samples=poisoned"], true),
            ("nba", &["samples=none"], false),
            ("unknown", &[], false),
        ];
        for (method, pairs, needs) in cases {
            assert_eq!(erasure(method, pairs).needs_trigger(), needs, "{method} {pairs:?}");
        }
    }

    #[test]
    fn the_entry_is_the_id_before_the_expansion() {
        let plain = erasure("nad", &[]);
        assert_eq!(plain.entry(), "id");
        assert_eq!(Erasure { of: Some("nad".to_string()), ..plain }.entry(), "nad");
    }
}
