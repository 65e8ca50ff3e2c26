//! Fine-tuning on the clean subset: the baseline, and the way NAD's teacher is made.

use super::training::{StoppingSettings, TrainingSettings};
use super::{DefenceInput, Reported, TypedDefence};
use crate::job::{Phase, Start, TrainPhase};
use crate::objectives::CrossEntropy;
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::settings;

/// [NAD](https://arxiv.org/abs/2101.05930) section 4.1.
///
/// As a defence the paper fine-tunes "until convergence" (appendix A): with the default schedule the
/// learning rate has fallen to 1e-5 by the tenth epoch and nothing moves any more. `patience`
/// stops by the accuracy on a fifth of the clean subset instead, for schedules that do not end so.
pub struct FineTune;

settings! {
    /// The settings of [`FineTune`].
    pub struct FineTuneSettings {
        /// The training.
        training: TrainingSettings = TrainingSettings::default();
        /// Early stopping.
        stopping: StoppingSettings = StoppingSettings::default();
        /// Number of trainings, each from the model of the one before.
        rounds: usize [1..=20] = 1, "number of trainings in a row (figure 9)";
    }
}

impl TypedDefence for FineTune {
    type Settings = FineTuneSettings;

    fn method(&self) -> Method {
        Method {
            id: "fine_tune",
            title: "Fine-tuning",
            paper: "NAD section 4.1",
            summary: "Goes on training all layers on the clean subset.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 81.22, asr: 17.18 },
            Reported { attack: "trojan", acc: 77.88, asr: 71.76 },
            Reported { attack: "blend", acc: 81.22, asr: 36.60 },
            Reported { attack: "clean_label", acc: 81.73, asr: 75.08 },
            Reported { attack: "sig", acc: 81.28, asr: 9.18 },
        ]
    }

    fn phases(&self, settings: &FineTuneSettings, given: &DefenceInput) -> Vec<Phase> {
        let training = settings.training.training(given.flip);
        let patience = settings.stopping.patience();
        let round = |i: usize| {
            let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training.clone());
            let start = i.checked_sub(1).map_or(Start::Victim, Start::Phase);
            Phase::training("fine_tune", TrainPhase { patience, ..train_phase }).from(start)
        };
        (0..settings.rounds).map(round).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Work;

    #[test]
    fn each_round_begins_with_the_model_of_the_last_one() {
        let stopping = StoppingSettings { patience: 4 };
        let settings = FineTuneSettings { rounds: 3, stopping, ..FineTuneSettings::default() };
        let given = DefenceInput { images: 500, size: (32, 32), flip: false, trigger: None };
        let phases = TypedDefence::phases(&FineTune, &settings, &given);
        let starts: Vec<Start> = phases.iter().map(|phase| phase.student.clone()).collect();
        assert_eq!(starts, [Start::Victim, Start::Phase(0), Start::Phase(1)]);
        for phase in phases {
            let Work::Train(train_phase) = phase.work else { panic!("an edit") };
            assert_eq!(train_phase.patience, Some(4));
        }
    }
}
