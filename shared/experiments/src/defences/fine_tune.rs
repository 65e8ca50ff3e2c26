//! Fine-tuning on the clean subset: the baseline, and the way NAD's teacher is made.

use super::{Defence, Given, Reported};
use crate::job::{Augment, Phase, Schedule, Start, TrainPhase, Training};
use crate::objectives::CrossEntropy;
use std::sync::Arc;
use unstamp_data::method::{Method, Param, Value};

/// NAD section 4.1: SGD, momentum 0.9, weight decay 1e-4, batch 64, 10 epochs, learning rate 0.1
/// divided by 10 every 2 epochs; random crop, flip where the data allow it, Cutout of length 9.
///
/// As a defence the paper fine-tunes "until convergence" (appendix A): with this schedule the
/// learning rate has fallen to 1e-5 by the tenth epoch and nothing moves any more. `patience`
/// stops by the accuracy on a fifth of the clean subset instead, for schedules that do not end so.
pub struct FineTune;

/// The parameters every fine-tuning method shares.
pub(super) fn training_params() -> Vec<Param> {
    vec![
        Param::float("lr", "initial learning rate", 0.0, 10.0, 0.1),
        Param::int("epochs", "passes over the clean subset", 1, 1000, 10),
        Param::int("step", "epochs between divisions of the learning rate by 10", 1, 1000, 2),
        Param::int("batch", "images a step", 1, 4096, 64),
        Param::float("momentum", "of SGD", 0.0, 0.999, 0.9),
        Param::choice(
            "nesterov",
            "Nesterov's form of momentum (the public code's)",
            &["off", "on"],
        ),
        Param::float("weight_decay", "L2 penalty", 0.0, 1.0, 1e-4),
        Param::int("cutout", "side of the blanked square; 0 for none", 0, 32, 9),
    ]
}

/// Early stopping, on a fifth of the clean subset.
pub(super) fn patience() -> Param {
    let help = "epochs without a better validation accuracy after which it stops; 0: never";
    Param::int("patience", help, 0, 1000, 0)
}

/// Parameters with other defaults.
pub(super) fn with(mut params: Vec<Param>, defaults: &[(&str, Value)]) -> Vec<Param> {
    for param in &mut params {
        if let Some((_, value)) = defaults.iter().find(|(id, _)| *id == param.id) {
            param.default = value.clone();
        }
    }
    params
}

/// The training they describe.
pub(super) fn training(given: &Given) -> Training {
    let (values, flip) = (given.values, given.flip);
    Training {
        epochs: values.int("epochs") as usize,
        batch: values.int("batch") as usize,
        lr: values.float("lr"),
        schedule: Schedule::Step { every: values.int("step") as usize, factor: 0.1 },
        momentum: values.float("momentum"),
        nesterov: values.text("nesterov") == "on",
        weight_decay: values.float("weight_decay"),
        augment: Augment { crop: 4, flip, cutout: values.int("cutout") as usize },
    }
}

/// A fine-tuning phase from the victim.
pub(super) fn phase(name: &'static str, training: Training) -> Phase {
    Phase::train(name, Arc::new(CrossEntropy), training)
}

impl Defence for FineTune {
    fn method(&self) -> Method {
        Method {
            id: "fine_tune",
            title: "Fine-tuning",
            paper: "NAD section 4.1",
            summary: "Goes on training all layers on the clean subset.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        params.push(patience());
        params.push(Param::int("rounds", "times the whole is repeated (figure 9)", 1, 20, 1));
        params
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            ("badnets", 81.22, 17.18),
            ("trojan", 77.88, 71.76),
            ("blend", 81.22, 36.60),
            ("clean_label", 81.73, 75.08),
            ("sig", 81.28, 9.18),
        ]
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let patience = Some(given.values.int("patience") as usize).filter(|p| *p > 0);
        let round = |i: usize| {
            let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training(given));
            let start = i.checked_sub(1).map_or(Start::Victim, Start::Phase);
            Phase::training("fine_tune", TrainPhase { patience, ..train_phase }).from(start)
        };
        (0..given.values.int("rounds") as usize).map(round).collect()
    }
}
