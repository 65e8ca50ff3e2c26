//! The values that test a claim.

use anyhow::{Result, ensure};
use serde::Deserialize;
use unstamp_shared::recipe::Recipe;
use unstamp_shared::result::CellResult;

/// A measure of a model, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Clean accuracy.
    Acc,
    /// Attack success rate.
    Asr,
    /// The rate without the trigger.
    Floor,
    /// Accuracy with the trigger.
    Ra,
    /// Squared norm of the convolution weights (no percentage).
    Norm,
}

impl Metric {
    fn of(self, result: &CellResult) -> Option<f64> {
        let report = &result.report;
        let rate = match self {
            Self::Acc => Some(report.acc),
            Self::Asr => report.asr,
            Self::Floor => report.floor,
            Self::Ra => report.ra,
            Self::Norm => return result.squared_weight_norm,
        };
        rate.map(|rate| 100.0 * rate.value)
    }
}

/// A quantity of one victim and seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// What is measured.
    pub metric: Metric,
    /// Id of the defence in its recipe; `None` measures the victim itself.
    #[serde(default)]
    pub defence: Option<String>,
}

impl Term {
    /// The value of this victim and seed.
    fn of(&self, results: &[CellResult], victim: &str, seed: u64) -> Option<f64> {
        let is_meant = |r: &&CellResult| {
            let id = r.erasure.as_ref().map(|erasure| erasure.id.as_str());
            r.victim.id == victim && r.seed == seed && id == self.defence.as_deref()
        };
        results.iter().find(is_meant).and_then(|result| self.metric.of(result))
    }
}

/// A quantity, or the difference of two, of some victims of a recipe and each of its seeds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Name of the recipe.
    pub recipe: String,
    /// Ids of the victims.
    pub victims: Vec<String>,
    /// The quantity.
    pub value: Term,
    /// Is subtracted, victim by victim and seed by seed.
    #[serde(default)]
    pub minus: Option<Term>,
}

/// The values of a measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The values.
    pub values: Vec<f64>,
    /// Names of victims without a value.
    pub missing: Vec<String>,
}

impl Sample {
    /// Whether each victim has a value for at least one seed.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && !self.values.is_empty()
    }

    /// The mean of the values.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The least value.
    pub fn least(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The greatest value.
    pub fn greatest(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

impl Measure {
    fn terms(&self) -> impl Iterator<Item = &Term> {
        std::iter::once(&self.value).chain(&self.minus)
    }

    /// Checks that the recipe has these victims and defences.
    ///
    /// # Errors
    /// It lacks one.
    pub fn check(&self, recipe: &Recipe) -> Result<()> {
        for id in &self.victims {
            ensure!(
                recipe.victims.iter().any(|victim| victim.id == *id),
                "recipe {} has no victim {id}",
                recipe.name
            );
        }
        for id in self.terms().filter_map(|term| term.defence.as_ref()) {
            ensure!(
                recipe.defences.iter().any(|defence| defence.id == *id),
                "recipe {} has no defence {id}",
                recipe.name
            );
        }
        Ok(())
    }

    /// The values of each victim and seed that has results.
    pub fn sample(&self, results: &[CellResult]) -> Sample {
        let mut seeds: Vec<u64> = results.iter().map(|r| r.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let mut sample = Sample::default();
        for victim in &self.victims {
            let value = |seed: &u64| {
                let value = self.value.of(results, victim, *seed)?;
                match &self.minus {
                    Some(term) => Some(value - term.of(results, victim, *seed)?),
                    None => Some(value),
                }
            };
            let values: Vec<f64> = seeds.iter().filter_map(value).collect();
            if values.is_empty() {
                sample.missing.push(victim.clone());
            }
            sample.values.extend(values);
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
name = "claimed"
dataset = "signs"
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "badnets"
attack = "badnets"
[[defence]]
id = "nad"
method = "nad"
"#;

    fn measure(victim: &str, defence: &str) -> Measure {
        toml::from_str(&format!(
            "recipe = \"claimed\"\nvictims = [\"{victim}\"]\n\
             value = {{ metric = \"acc\", defence = \"{defence}\" }}\nminus = {{ metric = \"acc\" }}\n"
        ))
        .expect("sound")
    }

    #[test]
    fn victims_and_defences_must_exist() {
        let recipe = Recipe::parse(RECIPE).expect("sound");
        let fault = |victim, defence| {
            measure(victim, defence).check(&recipe).err().map(|error| error.to_string())
        };
        assert_eq!(fault("badnets", "nad"), None);
        assert_eq!(fault("blend", "nad"), Some("recipe claimed has no victim blend".to_string()));
        assert_eq!(fault("badnets", "nba"), Some("recipe claimed has no defence nba".to_string()));
    }

    #[test]
    fn a_victim_without_results_is_missing() {
        let sample = measure("badnets", "nad").sample(&[]);
        assert_eq!(sample, Sample { values: vec![], missing: vec!["badnets".to_string()] });
        assert!(!sample.is_complete());
    }

    #[test]
    fn a_sample_has_a_mean_and_a_range() {
        let sample = Sample { values: vec![3.0, 1.0, 5.0], missing: vec![] };
        assert_eq!((sample.mean(), sample.least(), sample.greatest()), (3.0, 1.0, 5.0));
        assert!(sample.is_complete());
    }
}
