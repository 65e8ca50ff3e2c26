//! Retraining with recovered triggers: the defence models a distribution of triggers from the
//! network alone and then unlearns them.

mod draw;
mod patch;
mod recovered;
mod scan;
mod staircase;

use super::fine_tune::{training, training_params};
use super::{Defence, Given};
use crate::job::{
    Augment, Batch, PatchPosition, Phase, PhaseError, PhaseInput, Schedule, Start, TrainPhase,
    TrainStep, Training,
};
use crate::objectives::{CrossEntropy, Loss};
use std::sync::Arc;
use unstamp_data::method::{Method, Param};

/// NAD section 4.4, table 6, "Rec-T": max-entropy staircase approximation (Qiao et al. 2019), then
/// retraining as with the true trigger.
///
/// 1. `scan` looks for a patch for every class that turns images into it; `choose` takes the class
///    whose patch does so most often on clean images. MESA is told the class: `target` does that.
/// 2. `recover` trains a generator of patches for each of three thresholds: `staircase.rs`.
/// 3. `draw` keeps some of their patches.
/// 4. `retrain` fine-tunes with a share of the clean images carrying one of these and their true
///    label.
///
/// Patches are squares of `side` pixels anywhere in an image, as MESA's, or at a place one is told: a
/// network trained without augmentation knows a small trigger only where it has seen it. The papers
/// give neither the networks' sizes nor the training of the last step: it is fine-tuning's here.
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

impl Defence for Mesa {
    fn method(&self) -> Method {
        Method {
            id: "mesa",
            title: "Retraining with recovered triggers",
            paper: "Qiao et al. 2019; NAD section 4.4, table 6 (Rec-T)",
            summary: "Models a distribution of triggers from the network alone, then fine-tunes on clean images that carry them.",
        }
    }

    fn params(&self) -> Vec<Param> {
        let mut params = training_params();
        params.extend([
            Param::float("share", "of the images that are stamped", 0.0, 1.0, 0.5),
            Param::int("side", "of a patch, in pixels", 1, 8, 3),
            Param::int("target", "the class triggers lead to; -1: searched for", -1, 999, -1),
            Param::int("x", "where patches lie, from the left; -1: anywhere", -1, 999, -1),
            Param::int("y", "where patches lie, from the top; -1: anywhere", -1, 999, -1),
            Param::int("scan_epochs", "passes in search of the class", 1, 1000, 5),
            Param::int("recover_epochs", "passes to train the generators", 1, 1000, 20),
            Param::float("alpha", "weight of the patches' entropy", 0.0, 1e6, 0.1),
        ]);
        params
    }

    fn phases(&self, given: &Given) -> Vec<Phase> {
        let values = given.values;
        let [x, y] = ["x", "y"].map(|key| usize::try_from(values.int(key)).ok());
        let at = x.zip(y).map(|(x, y)| [x, y]);
        let position = PatchPosition { side: values.int("side") as usize, at };
        // The student stands still; what is learned beside it has learning rates of its own.
        let still = |epochs: &str| Training {
            epochs: values.int(epochs) as usize,
            lr: 0.0,
            schedule: Schedule::Constant,
            augment: Augment { cutout: 0, ..training(given).augment },
            ..training(given)
        };
        let target = usize::try_from(values.int("target")).ok();
        let mut phases = Vec::new();
        let mut then = |phase: Phase, references: Vec<Start>| {
            phases.push(phase.with_references(references));
            Start::Phase(phases.len() - 1)
        };
        let scan = || Phase::train("scan", Arc::new(scan::Scan { position }), still("scan_epochs"));
        let scanned = target.is_none().then(|| then(scan(), Vec::new()));
        let choose = Phase::edit("choose", Arc::new(scan::Choose { position, target }));
        let chosen = then(choose, scanned.into_iter().collect());
        let staircase = staircase::Staircase { position, alpha: values.float("alpha") as f32 };
        let recover = Phase::train("recover", Arc::new(staircase), still("recover_epochs"));
        let trained = then(recover, vec![chosen.clone()]);
        let draw = Phase::edit("draw", Arc::new(draw::Draw { position }));
        let drawn = then(draw, vec![chosen, trained]);
        let unlearn = Unlearn { share: values.float("share") as f32 };
        let retrain =
            Phase::training("retrain", TrainPhase::new(Arc::new(unlearn), training(given)));
        then(retrain, vec![drawn]);
        phases
    }
}
