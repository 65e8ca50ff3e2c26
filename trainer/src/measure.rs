//! Measurements of a finished model.

use crate::device::ChosenDevice;
use anyhow::Result;
use rayon::prelude::*;
use unstamp_shared::attention::{Operator, share_on};
use unstamp_shared::batches::batches;
use unstamp_shared::datasets::Split;
use unstamp_shared::evaluate::{BATCH, Evaluation, predict};
use unstamp_shared::metrics::Report;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Arrays};
use unstamp_shared::objectives::attention_distance;
use unstamp_shared::poison::Trigger;

/// Test images on which attention is measured.
pub const ATTENTION_SAMPLE: usize = 500;

/// A test split, and the same images with the trigger, which some attacks need long to put on.
pub struct Tests<'a> {
    clean: Split,
    triggered: Option<(&'a Trigger, Split)>,
}

impl<'a> Tests<'a> {
    /// The images of `clean`; with a trigger also a triggered copy of each.
    pub fn new(clean: Split, trigger: Option<&'a Trigger>) -> Self {
        let triggered = trigger.map(|trigger| {
            let mut split = clean.clone();
            let images = split.pixels.par_chunks_mut(clean.stride().max(1)).enumerate();
            images.for_each(|(i, bytes)| {
                let mut image = clean.image(i);
                trigger.stamp(&mut image, i);
                bytes.copy_from_slice(&image.pixels);
            });
            (trigger, split)
        });
        Self { clean, triggered }
    }

    /// The images as they are.
    pub fn clean(&self) -> &Split {
        &self.clean
    }

    /// `count` images, spread over all.
    pub fn spread(&self, count: usize) -> Self {
        let triggered = self.triggered.as_ref();
        Self {
            clean: self.clean.spread(count),
            triggered: triggered.map(|(trigger, split)| (*trigger, split.spread(count))),
        }
    }

    /// Measures `arrays`: the report, and for every image the predicted class without and with the
    /// trigger.
    ///
    /// # Errors
    /// The weights do not fit the architecture, or the device fails.
    pub fn measure(
        &self,
        arch: &Arch,
        arrays: &Arrays,
        device: &ChosenDevice,
    ) -> Result<(Report, Vec<(u16, u16)>)> {
        let network = weights::frozen(arch, arrays, &device.device)?;
        let mut evaluation = Evaluation::new(arch.classes);
        for batch in batches(&self.clean, BATCH) {
            let predicted = |split| {
                let chosen = &batch.indices;
                pollster::block_on(predict(&network, split, chosen, None, &device.device))
            };
            let clean = predicted(&self.clean)?;
            let triggered = match &self.triggered {
                Some((_, split)) => predicted(split)?,
                None => clean.clone(),
            };
            evaluation.add(&self.clean, &clean, &triggered);
        }
        let trigger = self.triggered.as_ref().map(|(trigger, _)| *trigger);
        Ok((evaluation.report(trigger), evaluation.predictions))
    }
}

/// For every group: share of the attention on a local trigger's pixels with the trigger, less the
/// share without it; mean over [`ATTENTION_SAMPLE`] test images. Empty where the trigger is not local.
///
/// # Errors
/// The weights do not fit the architecture, or the device fails.
pub fn on_trigger(
    arch: &Arch,
    arrays: &Arrays,
    test: &Split,
    trigger: &Trigger,
    device: &ChosenDevice,
) -> Result<Vec<f64>> {
    let Some(area) = trigger.attack.area(&trigger.values, test.width, test.height) else {
        return Ok(Vec::new());
    };
    let network = weights::frozen(arch, arrays, &device.device)?;
    let test = &test.spread(ATTENTION_SAMPLE);
    let mut sums = Vec::new();
    for (sign, trigger) in [(1.0, Some(trigger)), (-1.0, None)] {
        for batch in batches(test, BATCH) {
            let images = batch.stamped(trigger, &device.device);
            let features = network.forward(images).features;
            let shapes: Vec<[usize; 4]> = features.iter().map(|f| f.dims()).collect();
            let maps = features
                .into_iter()
                .map(|f| Operator::Sum2.map(f.into_tensor()).flatten(0, 1))
                .collect();
            let maps = pollster::block_on(weights::read(maps))?;
            sums.resize(maps.len(), 0.0);
            for ((sum, maps), [_, _, height, width]) in sums.iter_mut().zip(maps).zip(shapes) {
                for map in maps.chunks_exact(width * height) {
                    *sum += sign * share_on(map, (width, height), &area, (test.width, test.height));
                }
            }
        }
    }
    Ok(sums.into_iter().map(|sum| sum / test.len().max(1) as f64).collect())
}

/// Images per batch of [`distance`]. It changes only the rounding.
const DISTANCE_BATCH: usize = 100;

/// An architecture and its weights.
pub type Model<'a> = (&'a Arch, &'a Arrays);

/// Sum over groups of NAD's distance between the attention of two networks (equation 2 of
/// <https://arxiv.org/abs/2101.05930>), mean over [`ATTENTION_SAMPLE`] test images.
///
/// # Errors
/// The weights do not fit the architecture, or the device fails.
pub fn distance(a: Model, b: Model, test: &Split, device: &ChosenDevice) -> Result<f64> {
    let teacher = weights::frozen(a.0, a.1, &device.device)?;
    let student = weights::frozen(b.0, b.1, &device.device)?;
    let test = &test.spread(ATTENTION_SAMPLE);
    let mut sum = 0.0;
    for batch in batches(test, DISTANCE_BATCH) {
        let images = batch.images(&device.device);
        let d = attention_distance(
            Operator::Sum2,
            &teacher.forward(images.clone()),
            &student.forward(images),
        );
        let value = pollster::block_on(weights::read(vec![d.reshape([1])]))?;
        sum += f64::from(value[0][0]) * batch.len() as f64;
    }
    Ok(sum / test.len().max(1) as f64)
}

/// Sum of the squares of all convolution weights, which are the arrays with four dimensions. If batch
/// normalisation follows them, the effective step of a training is its learning rate divided by this sum.
pub fn squared_weight_norm(arrays: &Arrays) -> f64 {
    let convolutions = arrays.values().filter(|array| array.shape.len() == 4);
    convolutions.flat_map(|array| &array.values).map(|v| f64::from(*v) * f64::from(*v)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unstamp_shared::model::weights::Array;

    #[test]
    fn only_convolutions_count_for_the_norm() {
        let array = |shape: &[usize], value| Array {
            shape: shape.to_vec(),
            values: vec![value; shape.iter().product()],
        };
        let arrays = Arrays::from([
            ("conv1.weight".to_string(), array(&[2, 1, 3, 3], 0.5)),
            ("fc.weight".to_string(), array(&[10, 4], 7.0)),
        ]);
        assert_eq!(squared_weight_norm(&arrays), 4.5);
    }
}
