//! Perturbed images for the clean-label attack.

use super::{Artefact, Craft, Pgd, Workshop, artefact};
use crate::Later;
use unstamp_data::attacks::Pictures;
use unstamp_data::image::Image;
use unstamp_data::poison::Trigger;
use unstamp_networks::model::weights::{self, WeightsError};

/// Every training image of the target class, moved by PGD within the ball until the separately
/// trained model no longer sees its class. Rounding to bytes stays within the ball.
pub(super) struct Perturbation;

/// Images perturbed at once.
const BATCH: usize = 128;

async fn make(shop: &Workshop<'_>, trigger: &Trigger) -> Result<Artefact, WeightsError> {
    let split = shop.train;
    let (network, device) = (shop.network()?, shop.autodiff());
    let eps = trigger.values.float("eps") as f32;
    let step = eps * trigger.values.float("step") as f32;
    let pgd = Pgd { eps, step, steps: trigger.values.int("steps") as usize };
    let target = trigger.target;
    let class: Vec<usize> =
        (0..split.len()).filter(|i| usize::from(split.labels[*i]) == target).collect();
    let most = (255.0 * eps).floor() as i16;
    let mut pictures = Pictures::new();
    let (mut right, mut still, mut reach) = (0, 0, 0);
    for chosen in class.chunks(BATCH) {
        let (images, labels) = shop.batch(chosen);
        let streams = chosen.iter().map(|&i| trigger.seed.stream("pgd", &[i as u64]));
        let moved = pgd.perturb_each(&network, images.clone(), &labels, streams);
        let before = network.forward(images).logits.inner().flatten(0, 1);
        let moved = moved.inner();
        let read = weights::read(vec![moved.flatten(0, 3), before]).await?;
        let plane = split.width * split.height;
        for (&i, values) in chosen.iter().zip(read[0].chunks_exact(3 * plane)) {
            let mut image = Image::new(split.width, split.height);
            for (at, (byte, old)) in image.pixels.iter_mut().zip(split.bytes(i)).enumerate() {
                let value = (255.0 * values[(at % 3) * plane + at / 3]).round() as i16;
                let old = i16::from(*old);
                *byte = value.clamp(old - most, old + most).clamp(0, 255) as u8;
            }
            let furthest = image.pixels.iter().zip(split.bytes(i)).map(|(a, b)| a.abs_diff(*b));
            reach += usize::from(furthest.max().map_or(0.0, f32::from) >= 0.95 * 255.0 * eps);
            pictures.insert(i, image);
        }
        right += hits(&read[1], shop.arch.classes, target);
        // What the surrogate says of the bytes that are stored.
        let stored = unstamp_networks::model::batch(split, chosen, &device, |i, bytes| {
            bytes.copy_from_slice(&pictures[&i].pixels);
        });
        let after = network.forward(stored).logits.inner().flatten(0, 1);
        still += hits(&weights::read(vec![after]).await?[0], shop.arch.classes, target);
        (shop.progress)(pictures.len(), class.len());
    }
    let share = |count: usize| count as f64 / class.len().max(1) as f64;
    let mut head = artefact::head(shop, trigger);
    head.measured = [
        ("surrogate_accuracy_before", share(right)),
        ("surrogate_accuracy_after", share(still)),
        ("share_reaching_95_percent_of_eps", share(reach)),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into();
    Ok(Artefact { head, pictures })
}

/// Rows of logits whose largest value is the class's.
fn hits(logits: &[f32], classes: usize, class: usize) -> usize {
    logits
        .chunks_exact(classes)
        .filter(|row| unstamp_networks::evaluate::largest(row) == class)
        .count()
}

impl Craft for Perturbation {
    fn attack(&self) -> &'static str {
        "clean_label"
    }

    fn make<'a>(
        &'a self,
        shop: &'a Workshop<'a>,
        trigger: &'a Trigger,
    ) -> Later<'a, Result<Artefact, WeightsError>> {
        Box::pin(make(shop, trigger))
    }
}
