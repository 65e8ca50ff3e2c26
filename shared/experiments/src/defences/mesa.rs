//! Retraining with recovered triggers: the defence finds a distribution of triggers with the
//! network and the clean images, and then unlearns them.

mod draw;
mod patch;
mod recovered;
mod scan;
mod staircase;

use super::training::TrainingSettings;
use super::{DefenceInput, TypedDefence};
use crate::job::{
    Augment, Batch, PatchPosition, Phase, PhaseError, PhaseInput, Schedule, Start, TrainPhase,
    TrainStep, Training,
};
use crate::objectives::{CrossEntropy, Loss};
use std::sync::Arc;
use unstamp_data::datasets::LARGEST_SIDE;
use unstamp_data::method::Method;
use unstamp_data::settings;
use unstamp_data::settings::SettingsError;

/// NAD section 4.4, table 6, "Rec-T": max-entropy staircase approximation ([Qiao et al.
/// 2019](https://arxiv.org/abs/1910.04749)), then retraining as with the true trigger.
///
/// 1. `scan` looks for a patch for every class that turns images into it; `choose` takes the class
///    whose patch does so most often on clean images. In MESA the class is given; here `target` gives
///    it.
/// 2. `recover` trains a generator of patches for each of three thresholds: `staircase.rs`.
/// 3. `draw` keeps some of their patches.
/// 4. `retrain` fine-tunes with a share of the clean images carrying one of these and their true
///    label.
///
/// Patches are squares of `side` pixels anywhere in an image, as in MESA, or at the position `x`, `y`:
/// a network that was trained without augmentation recognises a small trigger only at its usual
/// position. The papers give neither the sizes of the networks nor the training of the last step. The
/// training and the share of stamped images are those of [MESA's public
/// code](https://github.com/superrrpotato/Defending-Neural-Backdoors-via-Generative-Distribution-Modeling);
/// NAD's learning rate of 0.1 erases a backdoor without any trigger, so it would not tell what the
/// triggers do. `lr = 0.1, weight_decay = 1e-4, divisions = 1000, share = 0.5` trains as in fine-tuning.
pub struct Mesa;

/// Cross entropy with a share of the images under a patch drawn from the recovered ones.
#[derive(Debug)]
struct Unlearn {
    share: f32,
}

impl TrainStep for Unlearn {
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let found = batch.references.first().ok_or(PhaseError::Missing(PhaseInput::Triggers))?;
        let found = found.auxiliary.triggers()?;
        let n = batch.size();
        let random = &mut batch.random;
        let count = found.patches.shape[0];
        let chosen: Vec<usize> = (0..n).map(|_| random.below(count)).collect();
        let stamped: Vec<bool> = (0..n).map(|_| random.unit() < self.share).collect();
        let patches = patch::chosen(found, &chosen, &batch.images.device());
        batch.images =
            patch::pasted(&batch.images, patches, found.position, Some(&stamped), random);
        TrainStep::loss(&CrossEntropy, batch)
    }
}

settings! {
    /// The settings of [`Mesa`].
    pub struct MesaSettings {
        /// The training of the last step.
        training: TrainingSettings = TrainingSettings::retraining();
        /// Share of the images that carry a recovered trigger.
        share: f64 [0.0..=1.0] = 0.01, "share of the images that carry a recovered trigger";
        /// Side of a patch, in pixels.
        side: usize [1..=64] = 3, "side of a patch in pixels";
        /// The class that triggers lead to; -1 if it is searched for.
        target: i64 [-1..=999] = -1, "class that triggers lead to; -1: search for it";
        /// Left edge of the patches; -1 if they lie anywhere.
        x: i64 [-1..=LARGEST_SIDE as i64 - 1] = -1, "left edge of the patches, if y is given too; -1: anywhere";
        /// Upper edge of the patches; -1 if they lie anywhere.
        y: i64 [-1..=LARGEST_SIDE as i64 - 1] = -1, "top edge of the patches, if x is given too; -1: anywhere";
        /// Epochs of the search for the class.
        scan_epochs: usize [1..=1000] = 5, "epochs of the search for the class";
        /// Epochs of the generators.
        recover_epochs: usize [1..=1000] = 20, "epochs in which the generators are trained";
        /// Adam's learning rate for the generators. The public code has 2e-4, and more steps.
        recover_lr: f64 [1e-6..=1.0] = 2e-3, "Adam's learning rate for the generators", hash_neutral;
        /// Weight of the entropy of the patches.
        alpha: f64 [0.0..=1e6] = 0.1, "weight of the entropy of the patches";
    }
}

impl MesaSettings {
    /// Size and place of the patches.
    fn position(&self) -> PatchPosition {
        let x = usize::try_from(self.x).ok();
        let y = usize::try_from(self.y).ok();
        PatchPosition { side: self.side, at: x.zip(y).map(|(x, y)| [x, y]) }
    }
}

/// The training of a phase that does not change the student. What it learns instead has learning rates
/// of its own.
fn without_student(training: &Training, epochs: usize) -> Training {
    Training {
        epochs,
        lr: 0.0,
        schedule: Schedule::Constant,
        augment: Augment { cutout: 0, ..training.augment },
        ..training.clone()
    }
}

impl TypedDefence for Mesa {
    type Settings = MesaSettings;

    fn method(&self) -> Method {
        Method {
            id: "mesa",
            title: "Retraining with recovered triggers",
            paper: "Qiao et al. 2019; NAD section 4.4, table 6 (Rec-T)",
            summary: "Finds a distribution of triggers with the network and clean images, then fine-tunes on clean images that carry them.",
        }
    }

    fn check(&self, settings: &MesaSettings, size: (usize, usize)) -> Result<(), SettingsError> {
        let shorter = size.0.min(size.1);
        if settings.side > shorter {
            let value = settings.side;
            return Err(SettingsError::TooLong { id: "side", value, side: shorter });
        }
        Ok(())
    }

    fn phases(&self, settings: &MesaSettings, given: &DefenceInput) -> Vec<Phase> {
        let position = settings.position();
        let target = usize::try_from(settings.target).ok();
        let training = settings.training.training(given.flip);
        let mut phases = Vec::new();
        let mut then = |phase: Phase, references: Vec<Start>| {
            phases.push(phase.with_references(references));
            Start::Phase(phases.len() - 1)
        };
        let mut candidates = Vec::new();
        if target.is_none() {
            let search = without_student(&training, settings.scan_epochs);
            let scan = Phase::train("scan", Arc::new(scan::Scan { position }), search);
            candidates.push(then(scan, Vec::new()));
        }
        let choose = Phase::edit("choose", Arc::new(scan::Choose { position, target }));
        let chosen = then(choose, candidates);
        let staircase = staircase::Staircase {
            position,
            alpha: settings.alpha as f32,
            lr: settings.recover_lr,
        };
        let recovery = without_student(&training, settings.recover_epochs);
        let recover = Phase::train("recover", Arc::new(staircase), recovery);
        let trained = then(recover, vec![chosen.clone()]);
        let draw = Phase::edit("draw", Arc::new(draw::Draw { position }));
        let drawn = then(draw, vec![chosen, trained]);
        let unlearn = Unlearn { share: settings.share as f32 };
        let retrain = Phase::training("retrain", TrainPhase::new(Arc::new(unlearn), training));
        then(retrain, vec![drawn]);
        phases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_have_a_position_if_both_edges_are_given() {
        let at = |x, y| MesaSettings { x, y, ..MesaSettings::default() }.position().at;
        assert_eq!(at(0, 7), Some([0, 7]));
        assert_eq!([at(-1, 7), at(0, -1), at(-1, -1)], [None; 3]);
    }

    #[test]
    fn a_given_target_needs_no_search() {
        let given = DefenceInput { images: 500, size: (32, 32), flip: false, trigger: None };
        let names = |target| -> Vec<&str> {
            let settings = MesaSettings { target, ..MesaSettings::default() };
            let phases = TypedDefence::phases(&Mesa, &settings, &given);
            phases.iter().map(|phase| phase.name).collect()
        };
        assert_eq!(names(-1), ["scan", "choose", "recover", "draw", "retrain"]);
        assert_eq!(names(0), ["choose", "recover", "draw", "retrain"]);
    }

    #[test]
    fn a_phase_that_keeps_the_student_has_no_rate() {
        let training = TrainingSettings::with_cutout(9).training(true);
        let still = without_student(&training, 4);
        assert_eq!((still.epochs, still.lr), (4, 0.0));
        assert_eq!(still.augment, Augment { cutout: 0, ..training.augment });
    }

    #[test]
    fn a_patch_must_fit_the_shorter_side() {
        let settings = MesaSettings { side: 5, ..MesaSettings::default() };
        assert_eq!(TypedDefence::check(&Mesa, &settings, (32, 5)), Ok(()));
        let error = SettingsError::TooLong { id: "side", value: 5, side: 4 };
        assert_eq!(TypedDefence::check(&Mesa, &settings, (4, 32)), Err(error));
    }
}
