//! Retraining with the attacker's own trigger: what a defender could do who knew it.

use super::training::TrainingSettings;
use super::{DefenceInput, Knows, TypedDefence};
use crate::job::{Phase, Stamp, TrainPhase};
use crate::objectives::CrossEntropy;
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::settings;

/// [NAD](https://arxiv.org/abs/2101.05930) section 4.4, table 6, "Org-T": a share of the
/// clean images carries the trigger and keeps its true label, so the network unlearns what the trigger
/// meant. The paper gives no training for it; here it is that of [`super::mesa`], with which the paper
/// compares it. Images are stamped after augmentation.
pub struct Retrain;

settings! {
    /// The settings of [`Retrain`].
    pub struct RetrainSettings {
        /// The training.
        training: TrainingSettings = TrainingSettings::retraining();
        /// Share of the images that carry the trigger.
        share: f64 [0.0..=1.0] = 0.01, "share of the images that carry the trigger";
    }
}

impl TypedDefence for Retrain {
    type Settings = RetrainSettings;

    fn method(&self) -> Method {
        Method {
            id: "retrain",
            title: "Retraining with the trigger",
            paper: "NAD section 4.4, table 6 (Org-T)",
            summary: "Fine-tunes on clean images that carry the trigger and their true label.",
        }
    }

    fn knows(&self, _settings: &RetrainSettings) -> Knows {
        Knows::Trigger
    }

    fn phases(&self, settings: &RetrainSettings, given: &DefenceInput) -> Vec<Phase> {
        let share = Some(settings.share);
        let stamp = given.trigger.cloned().map(|trigger| Stamp { trigger, share });
        let training = settings.training.training(given.flip);
        let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training);
        vec![Phase::training("retrain", TrainPhase { stamp, ..train_phase })]
    }
}
