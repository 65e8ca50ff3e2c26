//! A network's answers to fixed images, against which an engine tests itself.

use crate::datasets::{Split, signs};
use crate::manifest::Probe;
use crate::model::weights::{self, WeightsError};
use crate::model::{Frozen, Output, batch};
use crate::seed::Seed;
use burn::tensor::Device;

/// The probe images.
pub fn probe_images(count: usize) -> Split {
    let mut split = Split { width: signs::SIZE, height: signs::SIZE, ..Split::default() };
    for i in 0..count {
        let (image, label) = signs::draw(Seed(0), "test", i);
        split.push(&image, label);
    }
    split
}

/// Answers of `network` to the first `count` probe images.
pub async fn probe(network: &Frozen, count: usize, device: &Device) -> Result<Probe, WeightsError> {
    let split = probe_images(count);
    let all: Vec<usize> = (0..count).collect();
    let Output { logits, features, .. } = network.forward(batch(&split, &all, device, |_, _| ()));
    let [_, classes] = logits.dims();
    let mut tensors = vec![logits.flatten(0, 1)];
    for feature in features {
        let [n, c, h, w] = feature.dims();
        tensors.push(feature.abs().reshape([n * c, h * w]).mean_dim(1).flatten(0, 1));
    }
    let mut values = weights::read(tensors).await?.into_iter();
    let logits = values.next().unwrap_or_default();
    Ok(Probe {
        logits: logits.chunks(classes).map(<[f32]>::to_vec).collect(),
        features: values.collect(),
    })
}
