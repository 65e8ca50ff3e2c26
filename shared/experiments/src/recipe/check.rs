//! Checks of a recipe, and its parameters with defaults filled in.

use super::{Erasure, MOST_CELLS, Recipe, RecipeError, Victim};
use crate::adversarial::Robust;
use crate::defences::defence;
use std::collections::BTreeSet;
use unstamp_data::attacks::{Attack, Needs, attack};
use unstamp_data::datasets::{DatasetInfo, ImageSize, dataset};
use unstamp_data::manifest::ModelRole;
use unstamp_networks::model::Arch;

/// `share` must be in (0, 1].
fn check_share(place: String, share: f64) -> Result<(), RecipeError> {
    if share > 0.0 && share <= 1.0 { Ok(()) } else { Err(RecipeError::Share { place, share }) }
}

/// Whether an id can be part of a file name on every system.
pub(crate) fn is_plain(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !id.is_empty() && id.chars().all(allowed)
}

impl Recipe {
    /// Checks every value and fills in the parameters of attacks and defences.
    pub(super) fn resolve(&mut self) -> Result<(), RecipeError> {
        let info = self.check_dataset()?;
        self.check_shares()?;
        self.check_training()?;
        if self.seeds.is_empty() || self.victims.is_empty() {
            return Err(RecipeError::Empty);
        }
        self.check_count()?;
        self.check_ids()?;
        self.check_surrogates()?;
        for victim in &mut self.victims {
            victim.resolve(info)?;
        }
        for erasure in &mut self.defences {
            erasure.resolve()?;
        }
        Ok(())
    }

    /// The description of the data set. An image size that is usual for it is removed, so that it does
    /// not count for hashes.
    fn check_dataset(&mut self) -> Result<&'static DatasetInfo, RecipeError> {
        let id = &self.dataset;
        let unknown = || RecipeError::Unknown { key: "dataset", id: id.clone() };
        let info = dataset(id).ok_or_else(unknown)?;
        let classes = info.classes.len().max(2);
        let arch = Arch::new(&self.arch, classes);
        self.image_size = self.image_size.and_then(|size| size.unless_usual(info));
        let size = self.image_size.map_or(info.size, ImageSize::pair);
        arch.check_images(size)?;
        Ok(info)
    }

    fn check_shares(&self) -> Result<(), RecipeError> {
        check_share("clean_fraction".to_string(), self.clean_fraction)?;
        for erasure in &self.defences {
            if let Some(share) = erasure.clean {
                check_share(format!("defence {}: clean", erasure.id), share)?;
            }
        }
        Ok(())
    }

    fn check_training(&self) -> Result<(), RecipeError> {
        let train = &self.train;
        let no_epochs = train.epochs == 0 || self.victims.iter().any(|v| v.epochs == Some(0));
        if no_epochs || train.batch == 0 || train.lr.is_nan() || train.lr <= 0.0 {
            return Err(RecipeError::Training);
        }
        Ok(())
    }

    fn check_count(&self) -> Result<(), RecipeError> {
        let models = self.victims.len().checked_mul(self.defences.len() + 1);
        let cells = models.and_then(|models| models.checked_mul(self.seeds.len()));
        if cells.is_none_or(|cells| cells > MOST_CELLS) {
            return Err(RecipeError::TooMany);
        }
        let mut seen = BTreeSet::new();
        let repeated = self.seeds.iter().find(|seed| !seen.insert(**seed));
        repeated.map_or(Ok(()), |seed| Err(RecipeError::Seed(*seed)))
    }

    fn check_ids(&self) -> Result<(), RecipeError> {
        let victims = self.victims.iter().map(|v| &v.id);
        let defences = self.defences.iter().map(|d| &d.id);
        let is_role =
            |id: &&String| !matches!(ModelRole::from(id.to_string()), ModelRole::Erased(_));
        if let Some(id) = defences.clone().find(is_role) {
            return Err(RecipeError::Role(id.clone()));
        }
        let mut seen = BTreeSet::new();
        for id in victims.chain(defences) {
            if !is_plain(id) {
                return Err(RecipeError::Id(id.clone()));
            }
            if !seen.insert(id) {
                return Err(RecipeError::Twice(id.clone()));
            }
        }
        Ok(())
    }

    /// A surrogate is an earlier victim without attack; an attack that perturbs images needs one.
    fn check_surrogates(&self) -> Result<(), RecipeError> {
        let mut clean = BTreeSet::new();
        for victim in &self.victims {
            let Some(id) = &victim.attack else {
                clean.insert(&victim.id);
                continue;
            };
            let sound = match &victim.surrogate {
                Some(surrogate) => clean.contains(&surrogate.0),
                None => attack(id).is_none_or(|attack| attack.needs() != Needs::Perturbed),
            };
            if !sound {
                return Err(RecipeError::Surrogate { victim: victim.id.clone() });
            }
        }
        Ok(())
    }
}

impl Victim {
    fn resolve(&mut self, info: &DatasetInfo) -> Result<(), RecipeError> {
        self.check_robust()?;
        self.check_changes()?;
        let Some(id) = &self.attack else { return Ok(()) };
        let unknown = || RecipeError::Unknown { key: "attack", id: id.clone() };
        let attack = attack(id).ok_or_else(unknown)?;
        self.resolve_settings(attack)?;
        if self.model.is_none() {
            let rate = *self.rate.get_or_insert(attack.default_rate());
            check_share(format!("victim {}: rate", self.id), rate)?;
        }
        if !info.classes.is_empty() && self.target >= info.classes.len() {
            return Err(RecipeError::Target {
                victim: self.id.clone(),
                target: self.target,
                dataset: info.id.to_string(),
            });
        }
        Ok(())
    }

    fn check_robust(&self) -> Result<(), RecipeError> {
        match self.robust {
            Some(Robust { eps, steps }) if !(eps > 0.0 && eps <= 1.0 && steps > 0) => {
                Err(RecipeError::Robust { victim: self.id.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A finished model is not trained; a factor and a weight decay are sensible numbers.
    fn check_changes(&self) -> Result<(), RecipeError> {
        let trained = self.rate.is_some()
            || self.surrogate.is_some()
            || self.epochs.is_some()
            || self.augment.is_some()
            || self.weight_decay.is_some()
            || self.robust.is_some();
        if self.model.is_some() && trained {
            return Err(RecipeError::Finished { victim: self.id.clone() });
        }
        let is_sound = self.rescale.is_none_or(|factor| (0.01..=100.0).contains(&factor))
            && self.weight_decay.is_none_or(|decay| (0.0..=1.0).contains(&decay));
        if is_sound { Ok(()) } else { Err(RecipeError::Changes { victim: self.id.clone() }) }
    }

    fn resolve_settings(&mut self, attack: &dyn Attack) -> Result<(), RecipeError> {
        let params = attack.params();
        let resolved = self.set.resolve(&params).map_err(|reason| RecipeError::Setting {
            entry: format!("victim {}", self.id),
            reason,
        })?;
        self.set = resolved.for_record(&params);
        Ok(())
    }
}

impl Erasure {
    fn resolve(&mut self) -> Result<(), RecipeError> {
        let unknown = || RecipeError::Unknown { key: "method", id: self.method.clone() };
        let params = defence(&self.method).ok_or_else(unknown)?.params();
        let resolved = self.set.resolve(&params).map_err(|reason| RecipeError::Setting {
            entry: format!("defence {}", self.id),
            reason,
        })?;
        self.set = resolved.for_record(&params);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
name = "wrong"
dataset = "signs"
train = { epochs = 1, lr = 0.1, schedule = { kind = "constant" } }
[[victim]]
id = "victim"
attack = "badnets"
"#;

    const GIVEN_AND_TRAINED: &str = "\"badnets\"\nepochs = 2\nmodel = \"\
        0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"";

    #[test]
    fn every_fault_has_its_error() {
        let cases = [
            ("\"signs\"", "\"sings\"", "dataset = 'sings' is not known; see unstamp list"),
            ("\"badnets\"", "\"badnet\"", "attack = 'badnet' is not known; see unstamp list"),
            ("epochs = 1", "epochs = 0", "epochs, train.batch and train.lr must be above 0"),
            ("lr = 0.1", "lr = nan", "epochs, train.batch and train.lr must be above 0"),
            ("\"victim\"", "\"Victim\"", "id = 'Victim' may only hold a-z, 0-9 and _"),
            ("\"badnets\"", "\"badnets\"\nrate = 2", "victim victim: rate = 2 must be above 0"),
            ("\"badnets\"", "\"badnets\"\ntarget = 10", "target = 10 is not a class of signs"),
            (
                "\"badnets\"",
                "\"badnets\"\nweight_decay = -1",
                "weight_decay must be within 0 and 1",
            ),
            ("\"badnets\"", "\"badnets\"\nrescale = 0", "rescale within 0.01 and 100"),
            ("\"badnets\"", "\"badnets\"\nmodel = \"12\"", "'12' is no SHA-256 of weights"),
            ("\"badnets\"", GIVEN_AND_TRAINED, "a finished model is not trained"),
            ("\"badnets\"", "\"clean_label\"", "surrogate must name an earlier [[victim]]"),
            ("name", "image_size = 4\nname", "images of 4x4 pixels cannot be used; each side must"),
            (
                "name",
                "image_size = \"64\"\nname",
                "expected a number of pixels such as 64, or width",
            ),
            ("name", "image_size = 16\narch = \"vgg19-bn-1\"\nname", "must have at least 32"),
            ("name", "arch = \"vgg\"\nname", "'vgg' with 10 classes is not an architecture"),
            ("name", "nam", "line "),
        ];
        for (from, to, said) in cases {
            let error = Recipe::parse(&TEXT.replacen(from, to, 1)).expect_err(to);
            assert!(error.to_string().contains(said), "{to}: {error}");
        }
    }
}
