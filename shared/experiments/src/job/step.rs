//! The steps of a phase that trains.

use super::auxiliary::AuxiliaryTraining;
use super::running::Running;
use super::{
    Augment, Batch, Epoch, Event, Job, JobError, Phase, Reference, Stamp, TrainPhase, sgd,
};
use crate::objectives::Tracked;
use burn::tensor::Tensor;
use unstamp_data::image::Image;
use unstamp_networks::evaluate::accuracy;
use unstamp_networks::model::{Network, batch, labels, weights};

/// Names of the quantities that a step records.
struct Recorded {
    /// Parts of the loss.
    parts: Vec<&'static str>,
    /// Quantities that are no part of the loss.
    measured: Vec<&'static str>,
}

/// Adds `values`, means over `images` images, to the sums of an epoch. They are found by their names: a checkpoint
/// of an older version has some measurements among the parts of the loss.
fn add(sums: &mut Vec<(String, f64)>, names: &[&'static str], values: &[f64], images: usize) {
    for (name, value) in names.iter().zip(values) {
        let value = value * images as f64;
        match sums.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += value,
            None => sums.push((name.to_string(), value)),
        }
    }
}

impl Job {
    /// Does the next step of a training: an optimiser step, the end of an epoch, or the end of the
    /// phase.
    pub(super) async fn train(
        &mut self,
        phase: &Phase,
        train_phase: &TrainPhase,
    ) -> Result<Event, JobError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.begin(phase).await?,
        };
        if self.cursor.epoch == train_phase.training.epochs
            || self.cursor.settled(train_phase.patience)
        {
            let output = running.output().await?;
            return Ok(self.end_phase(phase, output));
        }
        let event = if self.cursor.step == self.steps_per_epoch(train_phase) {
            self.validate(phase, train_phase, &mut running).await?;
            self.end_epoch(phase, train_phase)
        } else {
            let (next, event) = self.optimise(phase, train_phase, running).await?;
            running = next;
            event
        };
        self.running = Some(running);
        Ok(event)
    }

    /// Measures the student on the validation images, if the phase stops early, and keeps the best
    /// weights.
    async fn validate(
        &mut self,
        phase: &Phase,
        train_phase: &TrainPhase,
        running: &mut Running,
    ) -> Result<(), JobError> {
        let Some(split) = self.validation.as_ref().filter(|_| train_phase.patience.is_some())
        else {
            return Ok(());
        };
        let weights = weights::arrays(&running.student).await?;
        let rate = accuracy(&self.arch(&phase.student), &weights, split, &self.device).await?;
        if self.cursor.improves(rate.k) {
            running.best = Some(weights);
        }
        // The end of the epoch divides every sum by the number of images.
        let sum = rate.value * self.cursor.images as f64;
        self.cursor.measured.push(("validation_accuracy".to_string(), sum));
        Ok(())
    }

    /// One optimiser step.
    async fn optimise(
        &mut self,
        phase: &Phase,
        train_phase: &TrainPhase,
        running: Running,
    ) -> Result<(Running, Event), JobError> {
        let chosen = self.chosen(train_phase);
        let Running { mut student, references, mut momentum, mut auxiliary, best } = running;
        let tracked = auxiliary.as_ref().map(AuxiliaryTraining::tracked).unwrap_or_default();
        let mut batch = self.batch(train_phase, &chosen, &mut student, &references, &tracked);
        let loss = train_phase.train_step.loss(&mut batch)?;
        self.cursor.passes += (chosen.len() + batch.passes) as u64;
        let recorded = Recorded {
            parts: loss.parts.iter().map(|(name, _)| *name).collect(),
            measured: batch.measured.iter().map(|(name, _)| *name).collect(),
        };
        let mut values = vec![loss.total.clone().inner().reshape([1])];
        let named = loss.parts.into_iter().chain(std::mem::take(&mut batch.measured));
        values.extend(named.map(|(_, value)| value.inner().reshape([1])));
        let gradients = loss.total.backward();
        if let Some(auxiliary) = &mut auxiliary {
            auxiliary.step(&tracked, &gradients);
        }
        let step = self.cursor.step;
        let lr = self.lr(train_phase, step);
        let student = sgd::step(student, &train_phase.training, lr, gradients, &mut momentum);
        let values = weights::read(values).await?;
        let values: Vec<f64> = values.into_iter().map(|value| f64::from(value[0])).collect();
        let loss = self.add_losses(phase, &recorded, &values, chosen.len())?;
        let event = Event::Step {
            phase: phase.name,
            epoch: self.cursor.epoch,
            step,
            steps: self.steps_per_epoch(train_phase),
            images: chosen.len(),
            loss,
        };
        Ok((Running { student, references, momentum, auxiliary, best }, event))
    }

    /// The batch of the images at `chosen`.
    fn batch<'a>(
        &self,
        train_phase: &TrainPhase,
        chosen: &[usize],
        student: &'a mut Network,
        references: &'a [Reference],
        auxiliary: &'a Tracked,
    ) -> Batch<'a> {
        let share = train_phase.stamp.as_ref().map(|stamp| stamp.share);
        let step = [self.cursor.phase, self.cursor.epoch, self.cursor.step].map(|at| at as u64);
        Batch {
            student,
            references,
            auxiliary,
            images: self.images(train_phase, chosen, share.flatten().unwrap_or(0.0)),
            labels: labels(self.images_of(train_phase), chosen, &self.device.clone().autodiff()),
            stamped: (share == Some(None)).then(|| self.images(train_phase, chosen, 1.0)),
            counted_class: self.counted_class,
            random: self.seed.stream("lesson", &step),
            passes: 0,
            measured: Vec::new(),
        }
    }

    /// Adds the losses of a step to the epoch's sums and returns the total loss. `values` are the
    /// total, the parts of the loss, and the other quantities.
    fn add_losses(
        &mut self,
        phase: &Phase,
        recorded: &Recorded,
        values: &[f64],
        images: usize,
    ) -> Result<f64, JobError> {
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(JobError::NotFinite {
                value: *value,
                phase: phase.name.to_string(),
                epoch: self.cursor.epoch,
                step: self.cursor.step,
            });
        }
        let (parts, measured) = values[1..].split_at(recorded.parts.len());
        add(&mut self.cursor.sums, &recorded.parts, parts, images);
        add(&mut self.cursor.measured, &recorded.measured, measured, images);
        self.cursor.images += images;
        self.cursor.step += 1;
        Ok(values[0])
    }

    /// Learning rate of a step of the running epoch.
    fn lr(&self, train_phase: &TrainPhase, step: usize) -> f64 {
        let training = &train_phase.training;
        let steps = self.steps_per_epoch(train_phase);
        let at = self.cursor.epoch * steps + step;
        training.lr * training.schedule.factor(self.cursor.epoch, at, steps * training.epochs)
    }

    fn end_epoch(&mut self, phase: &Phase, train_phase: &TrainPhase) -> Event {
        let images = self.cursor.images.max(1) as f64;
        let mean = |(name, sum)| (name, sum / images);
        let epoch = Epoch {
            phase: phase.name.to_string(),
            epoch: self.cursor.epoch,
            lr: self.lr(train_phase, self.cursor.step - 1),
            losses: std::mem::take(&mut self.cursor.sums).into_iter().map(mean).collect(),
            measured: std::mem::take(&mut self.cursor.measured).into_iter().map(mean).collect(),
            rates: None,
        };
        self.cursor.history.push(epoch.clone());
        self.cursor.images = 0;
        self.cursor.step = 0;
        self.cursor.epoch += 1;
        self.order.clear();
        Event::Epoch(epoch)
    }

    /// Indices in the training data of the next batch's images, in the shuffled order of the epoch.
    fn chosen(&mut self, train_phase: &TrainPhase) -> Vec<usize> {
        if self.order.is_empty() {
            let at = [self.cursor.phase as u64, self.cursor.epoch as u64];
            let images = self.images_of(train_phase).len();
            self.order = self.seed.stream("shuffle", &at).permutation(images);
        }
        let from = self.cursor.step * train_phase.training.batch;
        let to = (from + train_phase.training.batch).min(self.order.len());
        self.order[from..to].to_vec()
    }

    /// Images `[n, 3, h, w]`: augmented, then stamped with the phase's trigger on this share.
    fn images(&self, train_phase: &TrainPhase, chosen: &[usize], share: f64) -> Tensor<4> {
        let split = self.images_of(train_phase);
        let width = split.width;
        let height = split.height;
        let augment = train_phase.training.augment;
        let seed = self.seed;
        let place = [self.cursor.phase, self.cursor.epoch];
        batch(split, chosen, &self.device.clone().autodiff(), |i, pixels| {
            let at = [place[0], place[1], i].map(|at| at as u64);
            if augment != Augment::default() {
                augment.apply(pixels, width, height, &mut seed.stream("augment", &at));
            }
            let Some(Stamp { trigger, .. }) = &train_phase.stamp else { return };
            if f64::from(seed.stream("stamp", &at).unit()) < share {
                let mut image = Image { width, height, pixels: std::mem::take(pixels) };
                trigger.stamp_training(&mut image, i);
                *pixels = image.pixels;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn a_sum_is_found_by_its_name() {
        let mut sums = Vec::new();
        add(&mut sums, &["a", "b"], &[1.0, 2.0], 3);
        assert_eq!(sums, [("a".to_string(), 3.0), ("b".to_string(), 6.0)]);
        // As in a checkpoint of an older version, which has a count between them.
        sums.insert(1, ("count".to_string(), 9.0));
        add(&mut sums, &["a", "b"], &[0.5, 1.0], 2);
        let wanted = [("a", 4.0), ("count", 9.0), ("b", 8.0)];
        assert_eq!(sums, wanted.map(|(name, sum)| (name.to_string(), sum)));
    }
}
