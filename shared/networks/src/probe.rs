//! A network's answers to fixed images, against which an engine tests itself.

use crate::model::weights::{self, WeightsError};
use crate::model::{Frozen, Output, batch};
use burn::tensor::Device;
use unstamp_data::datasets::{Split, signs};
use unstamp_data::manifest::Probe;
use unstamp_data::seed::Seed;

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
    let places: Vec<usize> = features.iter().map(|f| f.dims()[2] * f.dims()[3]).collect();
    let mut tensors = vec![logits.flatten(0, 1)];
    tensors.extend(features.into_iter().map(|f| f.flatten(0, 3)));
    let mut values = weights::read(tensors).await?.into_iter();
    let logits = values.next().unwrap_or_default();
    let mean = |plane: &[f32]| plane.iter().map(|v| v.abs()).sum::<f32>() / plane.len() as f32;
    let features =
        values.zip(places).map(|(all, places)| all.chunks_exact(places).map(mean).collect());
    Ok(Probe {
        logits: logits.chunks(classes).map(<[f32]>::to_vec).collect(),
        features: features.collect(),
    })
}
