//! The answers of a network to fixed images. An engine compares them with stored answers to test
//! itself.

use crate::model::weights::{self, WeightsError};
use crate::model::{Frozen, Output, batch};
use burn::tensor::Device;
use unstamp_data::datasets::{Split, SplitName, signs};
use unstamp_data::seed::Seed;

pub use unstamp_data::self_test::{IMAGES, SelfTestAnswers, TOLERANCE};

/// The first `count` self-test images: test images of `signs` at seed 0.
pub fn images(count: usize) -> Split {
    signs::split(Seed(0), SplitName::Test, 0..count)
}

/// Answers of `network` to the first `count` self-test images.
///
/// # Errors
/// If the device does not give its results back.
pub async fn answers(
    network: &Frozen,
    count: usize,
    device: &Device,
) -> Result<SelfTestAnswers, WeightsError> {
    let split = images(count);
    let all: Vec<usize> = (0..count).collect();
    let Output { logits, features, .. } = network.forward(batch(&split, &all, device, |_, _| ()));
    let [_, classes] = logits.dims();
    let places: Vec<usize> = features.iter().map(|f| f.dims()[2] * f.dims()[3]).collect();
    let mut tensors = vec![logits.flatten(0, 1)];
    tensors.extend(features.into_iter().map(|f| f.into_tensor().flatten(0, 3)));
    let mut values = weights::read(tensors).await?.into_iter();
    let logits = values.next().unwrap_or_default();
    let means = values.zip(places).map(|(all, places)| mean_magnitudes(&all, places));
    Ok(SelfTestAnswers {
        logits: logits.chunks(classes).map(<[f32]>::to_vec).collect(),
        features: means.collect(),
    })
}

/// The mean of `|v|` over every `places` consecutive values.
fn mean_magnitudes(values: &[f32], places: usize) -> Vec<f32> {
    let planes = values.chunks_exact(places);
    planes.map(|plane| plane.iter().map(|v| v.abs()).sum::<f32>() / places as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arch, constant};

    #[test]
    fn magnitudes_are_means_of_absolute_values() {
        assert_eq!(mean_magnitudes(&[1.0, -3.0, 0.0, -4.0], 2), [2.0, 2.0]);
    }

    #[test]
    fn answers_have_a_row_for_each_image() {
        let device = Device::flex();
        let network = weights::frozen(&arch(), &constant(1), &device).expect("they fit");
        let answers = pollster::block_on(answers(&network, 2, &device)).expect("it computes");
        assert_eq!(answers.logits, [[0.0, 1.0, 0.0]; 2]);
        let lengths: Vec<usize> = answers.features.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2 * 16, 2 * 32, 2 * 64], "two images, the channels of each group");
    }
}
