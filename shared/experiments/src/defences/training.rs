//! Settings that several defences share: the training on the clean subset, and early stopping.

use crate::job::{Augment, Phase, Schedule, Training};
use crate::objectives::CrossEntropy;
use std::sync::Arc;
use unstamp_data::datasets::LARGEST_SIDE;
use unstamp_data::settings;

settings! {
    /// SGD on augmented images; the caller gives the schedule. The defaults are those of
    /// [NAD](https://arxiv.org/abs/2101.05930) section 4.1.
    pub struct SgdSettings {
        /// Initial learning rate.
        lr: f64 [0.0..=10.0] = 0.1, "initial learning rate";
        /// Passes over the clean subset.
        epochs: usize [1..=1000] = 10, "passes over the clean subset";
        /// Batch size: images per step.
        batch: usize [1..=4096] = 64, "images a step";
        /// Momentum coefficient.
        momentum: f64 [0.0..=0.999] = 0.9, "momentum of SGD";
        /// Whether momentum has Nesterov's form, as in the public code of NAD.
        nesterov: bool = false, "Nesterov's form of momentum (the public code's)";
        /// Factor of the L2 penalty.
        weight_decay: f64 [0.0..=1.0] = 1e-4, "factor of the L2 penalty";
        /// Side of the square that Cutout blanks, in pixels; 0 blanks none.
        cutout: usize [0..=LARGEST_SIDE] = 9, "side in pixels of the square that Cutout blanks; 0: none";
    }
}

impl SgdSettings {
    /// The training with this schedule; images are mirrored where `flip` is set.
    pub fn training(&self, schedule: Schedule, flip: bool) -> Training {
        Training {
            epochs: self.epochs,
            batch: self.batch,
            lr: self.lr,
            schedule,
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
            augment: Augment { crop: 4, flip, cutout: self.cutout },
        }
    }
}

settings! {
    /// Fine-tuning as in NAD section 4.1: SGD, momentum 0.9, weight decay 1e-4, batch 64, 10 epochs,
    /// learning rate 0.1 divided by 10 every 2 epochs; random crop, flip where the data allow it,
    /// Cutout of length 9.
    ///
    /// The settings of [NAD's public code](https://github.com/bboylyg/NAD) are `epochs = 20, step = 2,
    /// divisions = 1, cutout = 2, nesterov = true`: learning rate 0.1 for two epochs, then 0.01. Those of
    /// [ARGD's](https://github.com/BililiCode/ARGD) are `step = 3, divisions = 2, cutout = 2, nesterov =
    /// true`: 0.1, from epoch 3 on 0.01, from epoch 6 on 0.001. Both codes write Cutout of length 3, which
    /// blanks 2x2 pixels, because they halve the length with integers.
    pub struct TrainingSettings {
        /// Optimiser, length and augmentation.
        sgd: SgdSettings = SgdSettings::default();
        /// Epochs between two divisions of the learning rate.
        step: usize [1..=1000] = 2, "epochs between divisions of the learning rate by 10";
        /// Divisions of the learning rate at most.
        divisions: usize [0..=1000] = 1000, "divisions of the learning rate at most", hash_neutral;
    }
}

impl TrainingSettings {
    /// Retraining with triggers as in the public code of MESA: learning rate 1e-3 throughout, without
    /// weight decay.
    pub fn retraining() -> Self {
        let sgd = SgdSettings { lr: 1e-3, weight_decay: 0.0, ..SgdSettings::default() };
        Self { sgd, divisions: 0, ..Self::default() }
    }

    /// The defaults, but Cutout blanks a square of `side` pixels; 0 is no Cutout.
    pub fn with_cutout(side: usize) -> Self {
        let sgd = SgdSettings { cutout: side, ..SgdSettings::default() };
        Self { sgd, ..Self::default() }
    }

    /// The training; images are mirrored where `flip` is set.
    pub fn training(&self, flip: bool) -> Training {
        let times = Some(self.divisions);
        self.sgd.training(Schedule::Step { every: self.step, factor: 0.1, times }, flip)
    }
}

settings! {
    /// Early stopping by the accuracy on validation images, a fifth of the clean subset.
    pub struct StoppingSettings {
        /// Epochs without a better validation accuracy after which a training stops; 0 is never.
        patience: usize [0..=1000] = 0,
            "stops after so many epochs without a better validation accuracy; 0: never";
    }
}

impl StoppingSettings {
    /// The patience, if there is any.
    pub fn patience(&self) -> Option<usize> {
        Some(self.patience).filter(|patience| *patience > 0)
    }
}

/// A training with cross entropy alone. It begins with the victim; [`Phase::from`] changes that.
pub fn cross_entropy_phase(name: &'static str, training: Training) -> Phase {
    Phase::train(name, Arc::new(CrossEntropy), training)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_become_the_training() {
        let settings =
            TrainingSettings { step: 3, divisions: 2, ..TrainingSettings::with_cutout(5) };
        let training = settings.training(true);
        let schedule = Schedule::Step { every: 3, factor: 0.1, times: Some(2) };
        assert_eq!(training.schedule, schedule);
        assert_eq!(training.augment, Augment { crop: 4, flip: true, cutout: 5 });
        assert_eq!((training.lr, training.epochs, training.batch), (0.1, 10, 64));
    }

    #[test]
    fn retraining_keeps_its_rate() {
        let training = TrainingSettings::retraining().training(false);
        assert_eq!((training.lr, training.weight_decay), (1e-3, 0.0));
        assert_eq!([0, 9, 99].map(|epoch| training.schedule.factor(epoch, 0, 100)), [1.0; 3]);
    }

    #[test]
    fn a_patience_of_0_never_stops() {
        let patience = |patience| StoppingSettings { patience }.patience();
        assert_eq!([patience(0), patience(1)], [None, Some(1)]);
    }
}
