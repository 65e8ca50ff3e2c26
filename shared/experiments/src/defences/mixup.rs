//! Mixup: fine-tuning on blends of two images and their labels.

use super::training::TrainingSettings;
use super::{DefenceInput, Reported, TypedDefence};
use crate::job::{Batch, Phase, PhaseError, TrainStep};
use crate::objectives::{Loss, cross_entropy};
use burn::tensor::{Int, Tensor, TensorData};
use std::sync::Arc;
use unstamp_data::method::Method;
use unstamp_data::settings;

/// [Zhang et al. (2018)](https://arxiv.org/abs/1710.09412) as in NAD appendix B: with
/// `lambda ~ Beta(1, 1)`, that is uniform, and a random partner `x'` in the batch,
///
/// `L = lambda CE(f(z), y) + (1 - lambda) CE(f(z), y')`, `z = lambda x + (1 - lambda) x'`.
///
/// One lambda a batch, as in the public code; crop and flip, no Cutout.
pub struct Mixup;

#[derive(Debug)]
struct Blend;

impl TrainStep for Blend {
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let share = batch.random.unit();
        let order = batch.random.permutation(batch.size());
        let order: Vec<i32> = order.into_iter().map(|i| i as i32).collect();
        let images = batch.images.clone();
        let labels = batch.labels.clone();
        let order = TensorData::new(order, [labels.dims()[0]]);
        let order = Tensor::<1, Int>::from_data(order, &images.device());
        let mixed = images.clone() * share + images.select(0, order.clone()) * (1.0 - share);
        let partners = labels.clone().select(0, order);
        let logits = batch.learn(mixed).logits;
        let own = cross_entropy(logits.clone(), labels);
        let total = own * share + cross_entropy(logits, partners) * (1.0 - share);
        Ok(Loss { total: total.clone(), parts: vec![("mixup", total)] })
    }
}

settings! {
    /// The settings of [`Mixup`].
    pub struct MixupSettings {
        /// The training.
        training: TrainingSettings = TrainingSettings::with_cutout(0);
    }
}

impl TypedDefence for Mixup {
    type Settings = MixupSettings;

    fn method(&self) -> Method {
        Method {
            id: "mixup",
            title: "Mixup",
            paper: "Zhang et al. 2018; NAD appendix B, table 4",
            summary: "Fine-tunes on blends of two clean images and their labels.",
        }
    }

    fn reported(&self) -> &'static [Reported] {
        &[
            Reported { attack: "badnets", acc: 80.27, asr: 68.22 },
            Reported { attack: "trojan", acc: 71.83, asr: 96.20 },
            Reported { attack: "blend", acc: 80.51, asr: 99.11 },
            Reported { attack: "clean_label", acc: 77.13, asr: 93.77 },
            Reported { attack: "sig", acc: 79.94, asr: 52.11 },
        ]
    }

    fn phases(&self, settings: &MixupSettings, given: &DefenceInput) -> Vec<Phase> {
        vec![Phase::train("mixup", Arc::new(Blend), settings.training.training(given.flip))]
    }
}
