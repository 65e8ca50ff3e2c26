//! Retraining with the attacker's own trigger: what a defender could do who knew it.

use super::fine_tune::{training, training_params};
use super::{Defence, Given, Knows};
use crate::job::{Phase, Stamp, TrainPhase};
use crate::objectives::CrossEntropy;
use std::sync::Arc;
use unstamp_data::method::{Method, Param, Values};

/// NAD section 4.4, table 6, "Org-T": a share of the clean images carries the trigger and keeps its
/// true label, so the network unlearns what the trigger meant. The paper gives no training for it;
/// here it is fine-tuning's, with half of the images stamped after augmentation.
pub struct Retrain;

impl Defence for Retrain {
    fn method(&self) -> Method {
        Method {
            id: "retrain",
            title: "Retraining with the trigger",
            paper: "NAD section 4.4, table 6 (Org-T)",
            summary: "Fine-tunes on clean images that carry the trigger and their true label.",
        }
    }

    fn knows(&self, _values: &Values) -> Knows {
        Knows::Trigger
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        params.push(Param::float("share", "of the images that are stamped", 0.0, 1.0, 0.5));
        params
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let share = Some(given.values.float("share"));
        let stamp = given.trigger.cloned().map(|trigger| Stamp { trigger, share });
        let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training(given));
        vec![Phase::training("retrain", TrainPhase { stamp, ..train_phase })]
    }
}
