//! A model to train, with or without a backdoor.

use super::WeightsDigest;
use crate::adversarial::Robust;
use crate::job::{Augment, Training};
use serde::{Deserialize, Serialize};
use unstamp_data::method::Values;
use unstamp_data::poison::{Draw, RateOf};

/// The id of a [`Victim`] of the same recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VictimId(pub String);

/// A model to train. Without an attack it is a clean model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Victim {
    /// Name of the model within its recipe; part of the file names.
    pub id: String,
    /// Id of the attack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attack: Option<String>,
    /// Poisoning rate; the attack's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Which images the rate is a share of.
    #[serde(default)]
    pub rate_of: RateOf,
    /// Which classes the poisoned images are drawn from.
    #[serde(default)]
    pub draw: Draw,
    /// Target label.
    #[serde(default)]
    pub target: usize,
    /// Parameters of the attack.
    #[serde(default)]
    pub set: Values,
    /// Id of an earlier victim without attack. The attack makes its artefact with that model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surrogate: Option<VictimId>,
    /// Replaces the recipe's number of epochs for this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Replaces the recipe's augmentation for this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Replaces the recipe's weight decay for this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Factor of the convolution weights after the training, with the running statistics changed to
    /// match ([`Rescale`](crate::rescale::Rescale)). The model stays the same function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescale: Option<f32>,
    /// SHA-256 of the weights of a finished model. It is the victim; nothing is trained. `unstamp run
    /// --model FILE` gives the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<WeightsDigest>,
    /// Adversarial training instead of plain training: the robust surrogate of some attacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robust: Option<Robust>,
}

impl Victim {
    /// A clean model with default settings.
    pub fn clean(id: &str) -> Self {
        Self {
            id: id.to_string(),
            attack: None,
            rate: None,
            rate_of: RateOf::All,
            draw: Draw::AnyClass,
            target: 0,
            set: Values::default(),
            surrogate: None,
            epochs: None,
            augment: None,
            weight_decay: None,
            rescale: None,
            model: None,
            robust: None,
        }
    }

    /// `training` with the epochs, the augmentation and the weight decay that this model replaces.
    pub fn adapted(&self, training: &Training) -> Training {
        let mut training = training.clone();
        training.augment = self.augment.unwrap_or(training.augment);
        training.epochs = self.epochs.unwrap_or(training.epochs);
        training.weight_decay = self.weight_decay.unwrap_or(training.weight_decay);
        training
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::training;

    #[test]
    fn a_victim_replaces_epochs_and_augmentation() {
        let plain = Victim::clean("a");
        assert_eq!(plain.adapted(&training(5, 8)), training(5, 8));
        let augment = Augment { crop: 4, ..Augment::default() };
        let other = Victim { epochs: Some(2), augment: Some(augment), ..plain };
        assert_eq!(other.adapted(&training(5, 8)), Training { augment, ..training(2, 8) });
    }

    #[test]
    fn an_entry_with_an_id_is_a_clean_model() {
        let victim: Victim = toml::from_str("id = \"a\"").expect("sound");
        assert_eq!(victim, Victim::clean("a"));
    }
}
