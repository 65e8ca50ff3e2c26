//! Predictions, the self-test, and the measurement of speed.

use super::{Engine, now};
use crate::messages::{Answer, Failure, Reply};
use unstamp_shared::attention::predict_with_maps;
use unstamp_shared::datasets::Split;
use unstamp_shared::image::Image;
use unstamp_shared::model::batch;
use unstamp_shared::model::weights::{self, WeightsError};
use unstamp_shared::self_test;

/// Rounds of a measurement; the first is not counted, and the median of the others is the result.
const ROUNDS: usize = 4;

/// The failure for an error of the device.
pub(super) fn device_failure(error: WeightsError) -> Failure {
    Failure::Device { reason: error.to_string() }
}

impl Engine {
    /// Replies with the probabilities and attention maps of an image.
    pub(super) async fn predict(
        &self,
        id: u32,
        model: &str,
        image: Option<&Image>,
    ) -> Result<(), Failure> {
        let image = image.ok_or(Failure::ImageSize)?;
        let loaded = self.model(model)?;
        let start = now();
        let mut split = Split::new(image.width, image.height);
        split.push(image, 0);
        let images = batch(&split, &[0], &self.device, |_, _| ());
        let prediction =
            predict_with_maps(&loaded.network, images).await.map_err(device_failure)?;
        let answer = Answer {
            probabilities: prediction.probabilities,
            maps: prediction.maps,
            milliseconds: now() - start,
        };
        self.reply(&Reply::Prediction { id, model: model.to_string(), answer });
        Ok(())
    }

    /// Replies with the difference between the model's answers and those in its file.
    pub(super) async fn self_test(
        &self,
        id: u32,
        model: &str,
        images: usize,
    ) -> Result<(), Failure> {
        let loaded = self.model(model)?;
        let found = self_test::answers(&loaded.network, images, &self.device)
            .await
            .map_err(device_failure)?;
        let stored = loaded.stored_answers.as_ref();
        let difference = stored.map_or(f32::INFINITY, |stored| stored.difference(&found));
        self.reply(&Reply::Tested {
            id,
            model: model.to_string(),
            // JSON has no infinity.
            difference: difference.min(f32::MAX),
            passed: difference <= self_test::TOLERANCE,
        });
        Ok(())
    }

    /// Replies with the time for a batch of `images`.
    pub(super) async fn measure(&self, id: u32, model: &str, images: usize) -> Result<(), Failure> {
        let loaded = self.model(model)?;
        let all: Vec<usize> = (0..images).collect();
        let input = batch(&self_test::images(images), &all, &self.device, |_, _| ());
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let start = now();
            let logits = loaded.network.forward(input.clone()).logits.flatten(0, 1);
            weights::read(vec![logits]).await.map_err(device_failure)?;
            times.push(now() - start);
            self.pause().await;
        }
        times.remove(0);
        times.sort_by(f64::total_cmp);
        let milliseconds = times[times.len() / 2];
        self.reply(&Reply::Measured { id, model: model.to_string(), images, milliseconds });
        Ok(())
    }
}
