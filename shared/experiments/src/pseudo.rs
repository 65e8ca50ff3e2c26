//! Comparison of the pseudo samples of [NBA](https://doi.org/10.1186/s42400-023-00154-z) with the
//! attacker's poisoned images (NBA figure 4). It uses the trigger, so it is for evaluation only.

use crate::adversarial::Pgd;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::image::Image;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::Seed;
use unstamp_networks::batches::{ImageBatch, batches_of};
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Network};

/// Means over pseudo samples of images that are not of the target class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Samples made.
    pub images: usize,
    /// Samples predicted as the target: pseudo poisoned samples. The cosines are means over these.
    pub as_target: usize,
    /// Cosine between the last feature of a sample and that of the same image with the trigger.
    pub to_poisoned: f64,
    /// Cosine between the last feature of a sample and that of the same image without the trigger.
    pub to_clean: f64,
}

/// Images are attacked so many at a time.
const BATCH: usize = 100;

/// Makes the pseudo samples of a network.
pub struct Pseudo {
    fixed: Network,
    attack: Pgd,
    device: Device,
}

/// Cosine between the rows of two matrices, `[n]`.
fn cosines(a: &Tensor<2>, b: &Tensor<2>) -> Tensor<1> {
    let product = |a: &Tensor<2>, b: &Tensor<2>| (a.clone() * b.clone()).sum_dim(1);
    let length = (product(a, a) * product(b, b)).sqrt();
    (product(a, b) / length).flatten(0, 1)
}

impl Pseudo {
    /// Pseudo samples that `attack` makes against the network with these weights.
    ///
    /// # Errors
    ///
    /// If the weights do not fit the architecture.
    pub fn new(
        arch: &Arch,
        arrays: &Arrays,
        attack: Pgd,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let device = device.clone().autodiff();
        Ok(Self { fixed: weights::network(arch, arrays, &device)?.no_grad(), attack, device })
    }

    /// Pseudo samples `[n, 3, h, w]` of a batch, on the device with automatic differentiation. The
    /// start of each depends on its position in the split only.
    pub fn samples(&self, batch: &ImageBatch) -> Tensor<4> {
        let streams = batch.indices.iter().map(|&i| Seed(0).stream("pseudo", &[i as u64]));
        let labels = batch.labels(&self.device);
        self.attack.perturb_each(&self.fixed, batch.images(&self.device), &labels, streams)
    }

    /// The pseudo sample of one image, rounded to bytes.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub async fn picture(&self, split: &Split, index: usize) -> Result<Image, WeightsError> {
        let sample = self.samples(&ImageBatch { split, indices: vec![index] });
        let values = weights::read(vec![sample.inner().flatten(0, 3)]).await?.remove(0);
        let mut image = split.image(index);
        let plane = image.width * image.height;
        for (at, byte) in image.pixels.iter_mut().enumerate() {
            *byte = (255.0 * values[at % 3 * plane + at / 3]).round() as u8;
        }
        Ok(image)
    }

    /// Features of the last group, `[n, c * h * w]`, and logits `[n, classes]`.
    fn features(&self, images: Tensor<4>) -> Option<(Tensor<2>, Tensor<2>)> {
        let mut output = self.fixed.forward(images);
        let last = output.features.pop()?;
        Some((last.into_tensor().flatten(1, 3), output.logits))
    }

    /// For every image of a batch: whether its sample is predicted as the target (1 or 0), the
    /// cosine to the poisoned image, and the cosine to the clean image.
    async fn rows(
        &self,
        batch: &ImageBatch<'_>,
        trigger: &Trigger,
    ) -> Result<Vec<Vec<f32>>, WeightsError> {
        let features = |images| self.features(images).map(|(features, _)| features);
        let Some((samples, logits)) = self.features(self.samples(batch)) else {
            return Ok(vec![Vec::new(); 3]);
        };
        let hits = logits.argmax(1).equal_elem(trigger.target as i32).float();
        let mut rows = vec![hits.flatten(0, 1)];
        for trigger in [Some(trigger), None] {
            let compared = features(batch.stamped(trigger, &self.device));
            rows.extend(compared.map(|compared| cosines(&samples, &compared)));
        }
        weights::read(rows.into_iter().map(Tensor::inner).collect()).await
    }

    /// How similar the samples of the images at `chosen` are to poisoned and to clean images; images
    /// of the target class are left out.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub async fn likeness(
        &self,
        split: &Split,
        chosen: &[usize],
        trigger: &Trigger,
    ) -> Result<Likeness, WeightsError> {
        let counts = |i: &usize| usize::from(split.labels[*i]) != trigger.target;
        let chosen = chosen.iter().copied().filter(counts).collect();
        let mut all = Likeness::default();
        for batch in batches_of(split, chosen, BATCH) {
            let rows = self.rows(&batch, trigger).await?;
            all.images += batch.len();
            for (i, _) in rows[0].iter().enumerate().filter(|(_, hit)| **hit > 0.5) {
                all.as_target += 1;
                all.to_poisoned += f64::from(rows[1][i]);
                all.to_clean += f64::from(rows[2][i]);
            }
        }
        let count = all.as_target.max(1) as f64;
        all.to_poisoned /= count;
        all.to_clean /= count;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::cosines;
    use crate::testing::{close, logits, values};

    #[test]
    fn cosines_ignore_lengths() {
        let a = logits([[2.0, 0.0], [1.0, 1.0], [1.0, 2.0]]);
        let b = logits([[0.0, 5.0], [3.0, 0.0], [-2.0, -4.0]]);
        close(&values(cosines(&a, &b)), &[0.0, 0.5f32.sqrt(), -1.0]);
    }
}
