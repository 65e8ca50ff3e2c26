//! ACC, ASR, RA and floor over a test split, batch by batch, natively and in the page.

use crate::model::weights::{self, Arrays, WeightsError};
use crate::model::{Arch, Frozen, batch};
use burn::tensor::{Device, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::metrics::{Confusion, Rate, Report};
use unstamp_data::poison::Trigger;

/// Images at once where nobody watches.
pub const BATCH: usize = 128;

/// A running evaluation.
pub struct Evaluation {
    next: usize,
    known: Vec<u16>,
    clean: Confusion,
    triggered: Confusion,
    /// Predictions of every image so far: clean, triggered.
    pub predictions: Vec<(u16, u16)>,
}

impl Evaluation {
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

    /// With clean predictions that are known already, from the first image on: they do not depend
    /// on the trigger, so a page that moves it need not ask again.
    pub fn with_clean(classes: usize, known: Vec<u16>) -> Self {
        Self { known, ..Self::new(classes) }
    }

    /// Images evaluated so far.
    pub fn seen(&self) -> usize {
        self.next
    }

    /// Takes the next `size` images; `false` when there were none left.
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

    /// Takes predictions of the next images, as they are and with the trigger.
    pub fn add(&mut self, split: &Split, clean: &[usize], triggered: &[usize]) {
        for (&clean, &triggered) in clean.iter().zip(triggered) {
            let label = usize::from(split.labels[self.next]);
            self.clean.add(label, clean);
            self.triggered.add(label, triggered);
            self.predictions.push((clean as u16, triggered as u16));
            self.next += 1;
        }
    }

    /// The counts so far.
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

/// Share of a split that weights classify rightly.
pub async fn accuracy(
    arch: &Arch,
    weights: &Arrays,
    split: &Split,
    device: &Device,
) -> Result<Rate, WeightsError> {
    let network = weights::frozen(arch, weights, device)?;
    let mut evaluation = Evaluation::new(arch.classes);
    while evaluation.step(&network, split, None, device, BATCH).await? {}
    Ok(evaluation.report(None).acc)
}

/// Some images as a batch `[n, 3, h, w]`, stamped with `trigger` where there is one.
pub fn stamped(
    split: &Split,
    chosen: &[usize],
    trigger: Option<&Trigger>,
    device: &Device,
) -> Tensor<4> {
    batch(split, chosen, device, |i, pixels| {
        if let Some(trigger) = trigger {
            let mut image = split.image(i);
            trigger.stamp(&mut image, i);
            pixels.copy_from_slice(&image.pixels);
        }
    })
}

/// Predicted classes of some images, stamped with `trigger` where there is one.
pub async fn predict(
    network: &Frozen,
    split: &Split,
    chosen: &[usize],
    trigger: Option<&Trigger>,
    device: &Device,
) -> Result<Vec<usize>, WeightsError> {
    classes(network, stamped(split, chosen, trigger, device)).await
}

/// Predicted classes of a batch.
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
