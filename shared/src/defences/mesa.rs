//! Retraining with recovered triggers: a distribution of triggers is modelled from the network
//! alone, then unlearned.

mod patch;
mod recover;
mod scan;

pub use patch::Place;

use super::fine_tune::{training, training_params};
use super::{Defence, Given};
use crate::datasets::Split;
use crate::evaluate::{BATCH, largest};
use crate::job::{Augment, Batch, Course, Lesson, Phase, Scene, Schedule, Start, Training};
use crate::method::{Method, Param};
use crate::model::weights::{self, Array, Arrays, WeightsError};
use crate::model::{Frozen, batch};
use crate::objectives::{Loss, cross_entropy};
use crate::seed::Stream;
use burn::tensor::Device;
use std::sync::Arc;

/// NAD section 4.4, table 6, "Rec-T": max-entropy staircase approximation (Qiao et al. 2019), then
/// retraining as with the true trigger.
///
/// 1. `scan` looks for a patch for every class that turns images into it; `choose` takes the class
///    whose patch does so most often on clean images. MESA is told the class: `target` does that.
/// 2. `recover` trains a generator of patches for each of three thresholds: `recover.rs`.
/// 3. `draw` keeps [`PATCHES`] of their patches.
/// 4. `retrain` fine-tunes with a share of the clean images carrying one of these and their true
///    label.
///
/// Patches are squares of `side` pixels anywhere in an image, as MESA's, or at a place one is told: a
/// network trained without augmentation knows a small trigger only where it has seen it. The papers give neither
/// the networks' sizes nor the training of the last step: it is fine-tuning's here.
pub struct Mesa;

/// Patches kept, of all generators alike.
pub const PATCHES: usize = 99;

/// Images of the clean subset that what a patch does is measured on.
const MEASURED: usize = 256;

/// What MESA found: patches `[count, 3 * side * side]` in 0..1 and the class they lead to.
pub struct Recovered {
    pub place: Place,
    pub target: usize,
    pub patches: Array,
}

impl Recovered {
    /// Found in what a phase of a job ended with.
    pub fn of(own: &Arrays) -> Option<Self> {
        let (patches, target) = (own.get("patches")?, own.get("target")?);
        let at = own.get("at").map(|at| [at.values[0] as usize, at.values[1] as usize]);
        let place = Place { side: (patches.shape.get(1)? / 3).isqrt(), at };
        Some(Self { place, target: *target.values.first()? as usize, patches: patches.clone() })
    }

    /// Share of the images of other classes that become the target under a patch, each the next one,
    /// at a random place.
    pub async fn success(
        &self,
        network: &Frozen,
        split: &Split,
        device: &Device,
        random: &mut Stream,
    ) -> Result<f64, WeightsError> {
        let count = self.patches.shape[0];
        let others: Vec<usize> =
            (0..split.len()).filter(|i| usize::from(split.labels[*i]) != self.target).collect();
        let mut hits = 0;
        for images in others.chunks(BATCH) {
            let chosen: Vec<usize> = images.iter().map(|i| i % count).collect();
            let patches = patch::chosen(self, &chosen, device);
            let images = batch(split, images, device, |_, _| ());
            let images = patch::pasted(&images, patches, self.place, None, random);
            let logits = network.forward(images).logits;
            let [_, classes] = logits.dims();
            let logits = weights::read(vec![logits.flatten(0, 1)]).await?.remove(0);
            let predicted = logits.chunks_exact(classes).map(largest);
            hits += predicted.filter(|class| *class == self.target).count();
        }
        Ok(hits as f64 / others.len().max(1) as f64)
    }

    /// The same on the first clean images an edit is given.
    async fn success_on_clean(&self, scene: &mut Scene<'_>) -> Result<f64, WeightsError> {
        let network = weights::frozen(scene.arch, scene.weights, scene.device)?;
        let split = scene.data.front(MEASURED);
        self.success(&network, &split, scene.device, &mut scene.random).await
    }
}

/// Cross entropy with a share of the images under a patch drawn from the other model's.
#[derive(Debug)]
struct Unlearn {
    share: f32,
}

impl Lesson for Unlearn {
    fn loss(&self, batch: &mut Batch) -> Loss {
        let found = batch.others.first().and_then(|other| Recovered::of(&other.own));
        let images = match found {
            Some(found) => {
                let (n, random) = (batch.size(), &mut batch.random);
                let count = found.patches.shape[0];
                let chosen: Vec<usize> = (0..n).map(|_| random.below(count)).collect();
                let stamped: Vec<bool> = (0..n).map(|_| random.unit() < self.share).collect();
                let patches = patch::chosen(&found, &chosen, &batch.images.device());
                patch::pasted(&batch.images, patches, found.place, Some(&stamped), random)
            }
            None => batch.images.clone(),
        };
        let logits = batch.learn(images).logits;
        let total = cross_entropy(logits, batch.labels.clone());
        Loss { total: total.clone(), parts: vec![("cross_entropy", total)] }
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
        let place = Place { side: values.int("side") as usize, at: x.zip(y).map(|(x, y)| [x, y]) };
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
        let mut then = |phase: Phase, others: Vec<Start>| {
            phases.push(phase.beside(others));
            Start::Phase(phases.len() - 1)
        };
        let scan = || Phase::train("scan", Arc::new(scan::Scan { place }), still("scan_epochs"));
        let scanned = target.is_none().then(|| then(scan(), Vec::new()));
        let choose = Phase::edit("choose", Arc::new(scan::Choose { place, target }));
        let chosen = then(choose, scanned.into_iter().collect());
        let staircase = recover::Staircase { place, alpha: values.float("alpha") as f32 };
        let recover = Phase::train("recover", Arc::new(staircase), still("recover_epochs"));
        let trained = then(recover, vec![chosen.clone()]);
        let draw = Phase::edit("draw", Arc::new(recover::Draw { place }));
        let drawn = then(draw, vec![chosen, trained]);
        let unlearn = Unlearn { share: values.float("share") as f32 };
        let retrain = Phase::course("retrain", Course::new(Arc::new(unlearn), training(given)));
        then(retrain, vec![drawn]);
        phases
    }
}
