//! What the papers claim, and what the results say about it.
//!
//! `trainer/claims.toml` lists the claims. Each names the cells of a recipe that test it, the quantity to
//! look at, and when the claim holds. The verdict follows from the result files.

mod measure;
mod table;

pub use measure::{Measure, Sample, Term};
pub use table::{markdown, placed};

use crate::table::{all_results, read_recipe, results_of};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use unstamp_shared::recipe::Recipe;
use unstamp_shared::result::CellResult;

/// All claims.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The claims, in the order in which they are printed.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

/// One claim of a paper.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Paper and place, such as `NAD table 1`.
    pub place: String,
    /// The claim, in one sentence.
    pub says: String,
    /// The paper's figure.
    pub figure: String,
    /// What tests the claim; `None` if no recipe does.
    #[serde(default)]
    pub measure: Option<Measure>,
    /// When the claim holds.
    #[serde(default)]
    pub holds: Option<Bound>,
}

/// A condition on the mean of a sample, in percentage points.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bound {
    /// The mean is at most this.
    AtMost(f64),
    /// The mean is at least this.
    AtLeast(f64),
    /// The greatest value is at most this.
    AllAtMost(f64),
    /// The least value is at least this.
    AllAtLeast(f64),
}

impl Bound {
    /// Whether a sample that is not empty satisfies the condition.
    fn is_met(self, sample: &Sample) -> bool {
        match self {
            Self::AtMost(most) => sample.mean() <= most,
            Self::AtLeast(least) => sample.mean() >= least,
            Self::AllAtMost(most) => sample.greatest() <= most,
            Self::AllAtLeast(least) => sample.least() >= least,
        }
    }
}

/// What the results say about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All cells are there, and the condition is met.
    Holds,
    /// All cells are there, and the condition is not met.
    DoesNotHold,
    /// Cells are missing, or no recipe tests the claim.
    Untested,
}

/// A claim with what was measured.
#[derive(Debug)]
pub struct Finding<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// The values, as far as they are there.
    pub sample: Sample,
    /// The verdict.
    pub verdict: Verdict,
}

impl Claim {
    /// The finding on the claim. `known` holds its recipe with the results.
    fn finding(&self, known: &BTreeMap<&str, (Recipe, Vec<CellResult>)>) -> Result<Finding<'_>> {
        let mut sample = Sample::default();
        if let Some(measure) = &self.measure {
            let (recipe, found) = &known[measure.recipe.as_str()];
            let about = || format!("the claim of {}: {}", self.place, self.says);
            measure.check(recipe).with_context(about)?;
            sample = measure.sample(found);
        }
        let verdict = match self.holds {
            Some(bound) if sample.is_complete() && bound.is_met(&sample) => Verdict::Holds,
            Some(_) if sample.is_complete() => Verdict::DoesNotHold,
            _ => Verdict::Untested,
        };
        Ok(Finding { claim: self, sample, verdict })
    }
}

impl Claims {
    /// Reads `claims.toml`.
    ///
    /// # Errors
    /// The text is no TOML, or has an unknown key.
    pub fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("these are no claims")
    }

    /// The findings on all claims, from the recipes and results in two folders.
    ///
    /// # Errors
    /// A claim names a recipe, victim or defence that does not exist, or a file cannot be read.
    pub fn findings(&self, recipes: &Path, results: &Path) -> Result<Vec<Finding<'_>>> {
        let all = all_results(results)?;
        let mut known: BTreeMap<&str, (Recipe, Vec<CellResult>)> = BTreeMap::new();
        for measure in self.claims.iter().filter_map(|claim| claim.measure.as_ref()) {
            let name = measure.recipe.as_str();
            if !known.contains_key(name) {
                let recipe = read_recipe(&recipes.join(format!("{name}.toml")))?;
                let found = results_of(&recipe, &all);
                known.insert(name, (recipe, found));
            }
        }
        self.claims.iter().map(|claim| claim.finding(&known)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample { values: values.to_vec(), missing: Vec::new() }
    }

    #[test]
    fn bounds_look_at_the_mean_or_at_every_value() {
        let values = sample(&[1.0, 5.0]);
        assert!(Bound::AtMost(3.0).is_met(&values) && !Bound::AtMost(2.9).is_met(&values));
        assert!(Bound::AtLeast(3.0).is_met(&values) && !Bound::AtLeast(3.1).is_met(&values));
        assert!(Bound::AllAtMost(5.0).is_met(&values) && !Bound::AllAtMost(4.9).is_met(&values));
        assert!(Bound::AllAtLeast(1.0).is_met(&values) && !Bound::AllAtLeast(1.1).is_met(&values));
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = "[[claim]]\nplace = \"NAD\"\nsays = \"a\"\nfigure = \"1\"\n";
        assert_eq!(Claims::parse(text).expect("sound").claims.len(), 1);
        assert!(Claims::parse(&format!("{text}verdict = \"holds\"\n")).is_err());
    }
}
