//! Fine-tuning on the clean subset: the baseline, and the way NAD's teacher is made.

use super::Defence;
use crate::job::{Augment, Phase, Schedule, Start, Training};
use crate::method::{Method, Param, Values};
use crate::objectives::CrossEntropy;
use std::sync::Arc;

/// NAD section 4.1: SGD, momentum 0.9, weight decay 1e-4, batch 64, 10 epochs, learning rate 0.1
/// divided by 10 every 2 epochs; random crop, flip where the data allow it, Cutout of length 9.
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

/// The training they describe.
pub(super) fn training(values: &Values, flip: bool) -> Training {
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
    Phase {
        name,
        student: Start::Victim,
        teacher: None,
        objective: Arc::new(CrossEntropy),
        training,
    }
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
        training_params()
    }

    fn phases(&self, values: &Values, flip: bool) -> Vec<Phase> {
        vec![phase("fine_tune", training(values, flip))]
    }
}
