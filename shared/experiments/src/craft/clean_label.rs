//! Perturbed images for the clean-label attack.

use super::{Artefact, Craft, CraftContext, CraftError, artefact};
use crate::BoxFuture;
use crate::adversarial::{Norm, Pgd};
use unstamp_data::attacks::{CleanLabelSettings, Pictures};
use unstamp_data::datasets::Split;
use unstamp_data::image::Image;
use unstamp_data::poison::Trigger;
use unstamp_data::settings::Settings;
use unstamp_networks::batches::{ImageBatch, batches_of};
use unstamp_networks::evaluate::largest;
use unstamp_networks::model::Network;
use unstamp_networks::model::weights;

/// Moves every training image of the target class by PGD within the ball, away from its class in
/// the eyes of a separately trained model. Rounding to bytes stays within the ball.
///
/// Turner et al. 2019, "Label-Consistent Backdoor Attacks": <https://arxiv.org/abs/1912.02771>.
pub(super) struct Perturbation;

/// Images perturbed at once.
const BATCH: usize = 128;

/// An image counts as moved to the edge of the ball from this share of the radius on.
const EDGE: f32 = 0.95;

/// Numbers of images that the surrogate model classifies correctly, and of images that reach the edge.
#[derive(Default)]
struct Counts {
    right_before: usize,
    right_after: usize,
    at_edge: usize,
}

/// The perturbation that the attack's settings ask for.
fn pgd(settings: &CleanLabelSettings) -> Pgd {
    let eps = settings.eps as f32;
    Pgd { norm: Norm::Linf, eps, step: eps * settings.step as f32, steps: settings.steps }
}

/// The perturbed image, rounded to bytes. Each byte stays within `255 eps` of the original. `values` is
/// `[3, h, w]` in 0..1.
fn rounded(split: &Split, index: usize, values: &[f32], eps: f32) -> Image {
    let most = (255.0 * eps).floor() as i16;
    let plane = split.width * split.height;
    let mut image = Image::new(split.width, split.height);
    for (at, (byte, old)) in image.pixels.iter_mut().zip(split.bytes(index)).enumerate() {
        let value = (255.0 * values[(at % 3) * plane + at / 3]).round() as i16;
        let old = i16::from(*old);
        *byte = value.clamp(old - most, old + most).clamp(0, 255) as u8;
    }
    image
}

/// Whether the largest change of a byte is at the edge of the ball.
fn at_edge(image: &Image, before: &[u8], eps: f32) -> bool {
    let changes = image.pixels.iter().zip(before).map(|(a, b)| a.abs_diff(*b));
    changes.max().map_or(0.0, f32::from) >= EDGE * 255.0 * eps
}

/// Perturbs the images of a batch, adds them to `pictures`, and counts.
async fn perturb(
    context: &CraftContext<'_>,
    trigger: &Trigger,
    network: &Network,
    batch: &ImageBatch<'_>,
    pictures: &mut Pictures,
    counts: &mut Counts,
) -> Result<(), CraftError> {
    let device = context.autodiff();
    let pgd = pgd(&CleanLabelSettings::from_values(&trigger.values)?);
    let images = batch.images(&device);
    let streams = batch.indices.iter().map(|&i| trigger.seed.stream("pgd", &[i as u64]));
    let moved = pgd.perturb_each(network, images.clone(), &batch.labels(&device), streams);
    let before = network.forward(images).logits.inner().flatten(0, 1);
    let read = weights::read(vec![moved.inner().flatten(0, 3), before]).await?;
    for (&i, values) in batch.indices.iter().zip(read[0].chunks_exact(batch.split.stride())) {
        let image = rounded(batch.split, i, values, pgd.eps);
        counts.at_edge += usize::from(at_edge(&image, batch.split.bytes(i), pgd.eps));
        pictures.insert(i, image);
    }
    counts.right_before += hits(&read[1], context.arch.classes, trigger.target);
    // The surrogate is measured on the bytes that are stored, not on the values before rounding.
    let stored = batch.edited(&device, |i, bytes| bytes.copy_from_slice(&pictures[&i].pixels));
    let after = network.forward(stored).logits.inner().flatten(0, 1);
    let after = weights::read(vec![after]).await?.remove(0);
    counts.right_after += hits(&after, context.arch.classes, trigger.target);
    Ok(())
}

async fn make(context: &CraftContext<'_>, trigger: &Trigger) -> Result<Artefact, CraftError> {
    let network = context.network()?;
    let labels = context.train.labels.iter().enumerate();
    let class: Vec<usize> =
        labels.filter(|(_, l)| usize::from(**l) == trigger.target).map(|(i, _)| i).collect();
    let total = class.len();
    let mut pictures = Pictures::new();
    let mut counts = Counts::default();
    for batch in batches_of(context.train, class, BATCH) {
        perturb(context, trigger, &network, &batch, &mut pictures, &mut counts).await?;
        (context.progress)(pictures.len(), total);
    }
    let share = |count: usize| count as f64 / total.max(1) as f64;
    let mut provenance = artefact::provenance(context, trigger);
    provenance.measured = [
        ("surrogate_accuracy_before", share(counts.right_before)),
        ("surrogate_accuracy_after", share(counts.right_after)),
        ("share_reaching_95_percent_of_eps", share(counts.at_edge)),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into();
    Ok(Artefact { provenance, pictures })
}

/// Rows of logits whose largest value is the class's.
fn hits(logits: &[f32], classes: usize, class: usize) -> usize {
    logits.chunks_exact(classes).filter(|row| largest(row) == class).count()
}

impl Craft for Perturbation {
    fn attack(&self) -> &'static str {
        "clean_label"
    }

    fn make<'a>(
        &'a self,
        context: &'a CraftContext<'a>,
        trigger: &'a Trigger,
    ) -> BoxFuture<'a, Result<Artefact, CraftError>> {
        Box::pin(make(context, trigger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_share_of_the_radius() {
        let settings = CleanLabelSettings { eps: 0.2, step: 0.25, ..CleanLabelSettings::default() };
        let pgd = pgd(&settings);
        assert!((pgd.eps - 0.2).abs() < 1e-6 && (pgd.step - 0.05).abs() < 1e-6, "{pgd:?}");
    }

    /// A radius of 0.1 is 25 levels. The values are 127.5, 0 and 229.5 levels.
    #[test]
    fn bytes_stay_in_the_ball_and_in_the_range() {
        let split = Split { width: 1, height: 1, pixels: vec![100, 0, 255], labels: vec![0] };
        let image = rounded(&split, 0, &[0.5, -0.1, 0.9], 0.1);
        assert_eq!(image.pixels, [125, 0, 230]);
        let image = rounded(&split, 0, &[0.4, 0.02, 1.1], 0.1);
        assert_eq!(image.pixels, [102, 5, 255]);
    }

    /// 95 % of 25.5 levels are 24.2.
    #[test]
    fn the_edge_is_reached_by_the_largest_change() {
        let image = |byte| Image { width: 1, height: 1, pixels: vec![byte, 10, 10] };
        assert!(!at_edge(&image(34), &[10; 3], 0.1));
        assert!(at_edge(&image(35), &[10; 3], 0.1));
    }

    #[test]
    fn hits_are_rows_whose_largest_value_is_the_class() {
        let logits = [1.0, 0.0, 0.0, 1.0, 2.0, 1.0];
        assert_eq!([hits(&logits, 2, 0), hits(&logits, 2, 1)], [2, 1]);
    }
}
