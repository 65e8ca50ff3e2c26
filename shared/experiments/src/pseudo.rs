//! What NBA's pseudo samples have in common with the attacker's (NBA figure 4). Looks at the trigger,
//! so it is for evaluation only.

use crate::craft::Pgd;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::image::Image;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::Seed;
use unstamp_networks::evaluate::stamped;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Wrn, labels};

/// Means over pseudo samples of images that are not of the target class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Samples made.
    pub images: usize,
    /// Those predicted as the target: pseudo poisoned samples. The cosines are theirs.
    pub as_target: usize,
    /// Cosine between the last group's features and those of the same image with the trigger.
    pub to_poisoned: f64,
    /// The same with the image as it is.
    pub to_clean: f64,
}

/// Images are attacked so many at a time.
const BATCH: usize = 100;

/// A network's pseudo samples.
pub struct Pseudo {
    judge: Wrn,
    attack: Pgd,
    device: Device,
}

impl Pseudo {
    /// Of the network with these weights.
    pub fn new(
        arch: &Arch,
        arrays: &Arrays,
        attack: Pgd,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let device = device.clone().autodiff();
        Ok(Self { judge: weights::network(arch, arrays, &device)?.no_grad(), attack, device })
    }

    /// Pseudo samples `[n, 3, h, w]` of the images `chosen`, on the device as it differentiates.
    pub fn samples(&self, split: &Split, chosen: &[usize]) -> Tensor<4> {
        let images = stamped(split, chosen, None, &self.device);
        let labels = labels(split, chosen, &self.device);
        let streams = chosen.iter().map(|&i| Seed(0).stream("pseudo", &[i as u64]));
        self.attack.perturb_each(&self.judge, images, &labels, streams)
    }

    /// The pseudo sample of one image, in whole grey levels.
    pub async fn picture(&self, split: &Split, index: usize) -> Result<Image, WeightsError> {
        let sample = self.samples(split, &[index]).inner().flatten(0, 3);
        let values = weights::read(vec![sample]).await?.remove(0);
        let mut image = split.image(index);
        let plane = image.width * image.height;
        for (at, byte) in image.pixels.iter_mut().enumerate() {
            *byte = (255.0 * values[at % 3 * plane + at / 3]).round() as u8;
        }
        Ok(image)
    }

    /// How alike they are to poisoned and to clean images, over these images.
    pub async fn likeness(
        &self,
        split: &Split,
        chosen: &[usize],
        trigger: &Trigger,
    ) -> Result<Likeness, WeightsError> {
        let other = |i: &usize| usize::from(split.labels[*i]) != trigger.target;
        let chosen: Vec<usize> = chosen.iter().copied().filter(other).collect();
        let mut all = Likeness::default();
        let features = |images: Tensor<4>| {
            let output = self.judge.forward(images);
            let last = output.features.last().expect("a network has features").clone();
            (last.flatten::<2>(1, 3), output.logits)
        };
        for chosen in chosen.chunks(BATCH) {
            let (own, logits) = features(self.samples(split, chosen));
            let hits = logits.argmax(1).equal_elem(trigger.target as i32).float();
            let cosine = |trigger| {
                let (its, _) = features(stamped(split, chosen, trigger, &self.device));
                let product = |a: &Tensor<2>, b: &Tensor<2>| (a.clone() * b.clone()).sum_dim(1);
                let length = (product(&own, &own) * product(&its, &its)).sqrt();
                (product(&own, &its) / length).flatten::<1>(0, 1)
            };
            let rows = vec![hits.flatten::<1>(0, 1), cosine(Some(trigger)), cosine(None)];
            let rows = weights::read(rows.into_iter().map(Tensor::inner).collect()).await?;
            all.images += chosen.len();
            for (i, _) in rows[0].iter().enumerate().filter(|(_, hit)| **hit > 0.5) {
                all.as_target += 1;
                all.to_poisoned += f64::from(rows[1][i]);
                all.to_clean += f64::from(rows[2][i]);
            }
        }
        let count = all.as_target.max(1) as f64;
        (all.to_poisoned, all.to_clean) = (all.to_poisoned / count, all.to_clean / count);
        Ok(all)
    }
}
