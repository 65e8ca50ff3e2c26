//! Evaluation of a network on a test split, batch by batch: ACC, ASR, RA and floor.

use crate::batches::{ImageBatch, batches};
use crate::model::weights::{self, Arrays, WeightsError};
use crate::model::{Arch, Frozen};
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::metrics::{Confusion, Rate, Report};
use unstamp_data::poison::Trigger;

/// Images per batch where no progress is shown.
pub const BATCH: usize = 128;

/// Counts of an evaluation that goes through a split batch by batch.
///
/// # Examples
///
/// ```
/// use unstamp_data::datasets::Split;
/// use unstamp_networks::evaluate::Evaluation;
///
/// let split = Split { labels: vec![0, 1, 2, 2], ..Split::default() };
/// let mut evaluation = Evaluation::new(3);
/// // The predictions of a network, without and with a trigger that it takes for class 0.
/// evaluation.add(&split, &[0, 1, 2, 1], &[0, 0, 0, 2]);
/// assert_eq!(evaluation.seen(), 4);
/// assert_eq!(evaluation.report(None).acc.value, 0.75);
/// ```
pub struct Evaluation {
    next: usize,
    known: Vec<u16>,
    clean: Confusion,
    triggered: Confusion,
    /// Predicted classes of every image so far: without the trigger, and with it.
    pub predictions: Vec<(u16, u16)>,
}

impl Evaluation {
    /// An evaluation that has seen no image, for a network of `classes` classes.
    pub fn new(classes: usize) -> Self {
        let blank = Confusion::new(classes);
        Self {
            next: 0,
            known: Vec::new(),
            clean: blank.clone(),
            triggered: blank,
            predictions: Vec::new(),
        }
    }

    /// An evaluation with the clean predictions of the first images known. They do not depend on
    /// the trigger, so a page that moves the trigger does not compute them again.
    pub fn with_clean(classes: usize, known: Vec<u16>) -> Self {
        Self { known, ..Self::new(classes) }
    }

    /// Images evaluated so far.
    pub fn seen(&self) -> usize {
        self.next
    }

    /// Evaluates the next `size` images; `false` if no image was left.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub async fn step(
        &mut self,
        network: &Frozen,
        split: &Split,
        trigger: Option<&Trigger>,
        device: &Device,
        size: usize,
    ) -> Result<bool, WeightsError> {
        let chosen: Vec<usize> = (self.next..(self.next + size).min(split.len())).collect();
        if chosen.is_empty() {
            return Ok(false);
        }
        let known = self.known.get(self.next..self.next + chosen.len());
        let clean = match known {
            Some(known) => known.iter().map(|&k| usize::from(k)).collect(),
            None => predict(network, split, &chosen, None, device).await?,
        };
        let triggered = match trigger {
            Some(_) => predict(network, split, &chosen, trigger, device).await?,
            None => clean.clone(),
        };
        self.add(split, &clean, &triggered);
        Ok(true)
    }

    /// Counts predictions of the next images: without the trigger, and with it.
    pub fn add(&mut self, split: &Split, clean: &[usize], triggered: &[usize]) {
        for (&clean, &triggered) in clean.iter().zip(triggered) {
            let label = usize::from(split.labels[self.next]);
            self.clean.add(label, clean);
            self.triggered.add(label, triggered);
            self.predictions.push((clean as u16, triggered as u16));
            self.next += 1;
        }
    }

    /// Rates and confusion matrices of the images so far; without a trigger only the accuracy.
    pub fn report(&self, trigger: Option<&Trigger>) -> Report {
        let wanted = trigger.map(|t| move |label| t.wanted(label));
        Report {
            acc: self.clean.accuracy(),
            asr: wanted.map(|w| self.triggered.success(w)),
            ra: wanted.map(|w| self.triggered.robust(w)),
            floor: wanted.map(|w| self.clean.success(w)),
            confusion: self.clean.clone(),
            triggered: trigger.map(|_| self.triggered.clone()),
        }
    }
}

/// Share of the images of a split that a network with these weights classifies correctly.
///
/// # Errors
///
/// If the weights do not fit the architecture, or the device fails.
///
/// # Examples
///
/// ```
/// use burn::tensor::Device;
/// use unstamp_data::datasets::{SplitName, signs};
/// use unstamp_data::seed::Seed;
/// use unstamp_networks::evaluate::accuracy;
/// use unstamp_networks::model::{Arch, weights};
///
/// let split = signs::split(Seed(0), SplitName::Test, 0..20);
/// let device = Device::flex();
/// let arch = Arch::new("wrn-10-1", 10);
/// let mut arrays = pollster::block_on(weights::arrays(&arch.init(Seed(0), &device)?))?;
/// // With this bias the network answers class 3, whatever the image.
/// arrays.get_mut("fc.bias").expect("it exists").values[3] = 1e6;
/// let rate = pollster::block_on(accuracy(&arch, &arrays, &split, &device))?;
/// let threes = split.labels.iter().filter(|label| **label == 3).count();
/// assert_eq!((rate.k, rate.n), (threes as u64, 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn accuracy(
    arch: &Arch,
    weights: &Arrays,
    split: &Split,
    device: &Device,
) -> Result<Rate, WeightsError> {
    let network = weights::frozen(arch, weights, device)?;
    let mut evaluation = Evaluation::new(arch.classes);
    for batch in batches(split, BATCH) {
        let predicted = classes(&network, batch.images(device)).await?;
        evaluation.add(split, &predicted, &predicted);
    }
    Ok(evaluation.report(None).acc)
}

/// The images `chosen` of a split as a batch `[n, 3, h, w]`, stamped with `trigger` if it is given.
pub fn stamped(
    split: &Split,
    chosen: &[usize],
    trigger: Option<&Trigger>,
    device: &Device,
) -> Tensor<4> {
    ImageBatch { split, indices: chosen.to_vec() }.stamped(trigger, device)
}

/// Predicted classes of the images `chosen`, stamped with `trigger` if it is given.
///
/// # Errors
///
/// If the device fails.
pub async fn predict(
    network: &Frozen,
    split: &Split,
    chosen: &[usize],
    trigger: Option<&Trigger>,
    device: &Device,
) -> Result<Vec<usize>, WeightsError> {
    classes(network, stamped(split, chosen, trigger, device)).await
}

/// Predicted classes of images `[n, 3, h, w]` in 0..1, one for each image.
///
/// # Errors
///
/// If the device fails.
pub async fn classes(network: &Frozen, images: Tensor<4>) -> Result<Vec<usize>, WeightsError> {
    let logits = network.forward(images).logits;
    let [_, classes] = logits.dims();
    let values = weights::read(vec![logits.flatten(0, 1)]).await?.remove(0);
    Ok(values.chunks_exact(classes).map(largest).collect())
}

/// Index of the largest value; the first of equals.
pub fn largest(values: &[f32]) -> usize {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{arch, constant};

    #[test]
    fn the_first_of_equal_values_is_the_largest() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(largest(&[-2.0]), 0);
    }

    /// Three black images of 8x8 pixels.
    fn three() -> Split {
        Split { width: 8, height: 8, pixels: vec![0; 3 * 192], labels: vec![0, 1, 2] }
    }

    #[test]
    fn known_predictions_are_not_computed_again() {
        let device = Device::flex();
        let network = weights::frozen(&arch(), &constant(2), &device).expect("they fit");
        let mut evaluation = Evaluation::with_clean(3, vec![0, 1]);
        let split = three();
        let mut step = || {
            let next = evaluation.step(&network, &split, None, &device, 2);
            pollster::block_on(next).expect("it computes")
        };
        assert_eq!([step(), step(), step()], [true, true, false]);
        assert_eq!(evaluation.predictions, [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(evaluation.report(None).acc, Rate::new(3, 3));
    }

    #[test]
    fn the_accuracy_counts_each_image_once() {
        let arch = arch();
        let split = three();
        let device = Device::flex();
        for class in 0..3 {
            let arrays = constant(class);
            let rate = accuracy(&arch, &arrays, &split, &device);
            assert_eq!(pollster::block_on(rate).expect("it computes"), Rate::new(1, 3));
        }
    }
}
