//! What is measured of a finished model.

use crate::device::Chosen;
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

/// Test images whose attention is looked at.
pub const ATTENTION_SAMPLE: usize = 500;

/// A test split, and all its images with the trigger, which some attacks take long to put on.
pub struct Tests<'a> {
    clean: Split,
    triggered: Option<(&'a Trigger, Split)>,
}

impl<'a> Tests<'a> {
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

    /// `count` of them, spread over all.
    pub fn spread(&self, count: usize) -> Self {
        let spread = |(trigger, split): &(&'a Trigger, Split)| (*trigger, split.spread(count));
        Self { clean: self.clean.spread(count), triggered: self.triggered.as_ref().map(spread) }
    }

    /// Measures `arrays`: the report, and the predictions of every image, as it is and triggered.
    pub fn measure(
        &self,
        arch: &Arch,
        arrays: &Arrays,
        device: &Chosen,
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

/// How much more of every group's attention lies on a local trigger's pixels when it is there, over
/// [`ATTENTION_SAMPLE`] test images; nothing where the trigger has no place.
pub fn on_trigger(
    arch: &Arch,
    arrays: &Arrays,
    test: &Split,
    trigger: &Trigger,
    device: &Chosen,
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
            let maps = network.forward(images).features.into_iter();
            let maps = maps.map(|f| Operator::Sum2.map(f).flatten(0, 1)).collect();
            let maps = pollster::block_on(weights::read(maps))?;
            sums.resize(maps.len(), 0.0);
            for (sum, maps) in sums.iter_mut().zip(maps) {
                for map in maps.chunks_exact(maps.len() / batch.len()) {
                    *sum += sign * share_on(map, &area, test.width, test.height);
                }
            }
        }
    }
    Ok(sums.into_iter().map(|sum| sum / test.len().max(1) as f64).collect())
}

/// Images per batch of [`distance`], which is a mean of batch means.
const DISTANCE_BATCH: usize = 100;

/// An architecture and its weights.
pub type Model<'a> = (&'a Arch, &'a Arrays);

/// NAD's distance between two networks' attention on [`ATTENTION_SAMPLE`] test images.
pub fn distance(a: Model, b: Model, test: &Split, device: &Chosen) -> Result<f64> {
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
