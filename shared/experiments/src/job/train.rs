//! A step of training, and the batch it takes.

use super::own::Beside;
use super::{
    Augment, Batch, Course, Ended, Epoch, Event, Job, JobError, Phase, Running, Stamp, sgd,
};
use burn::tensor::Tensor;
use unstamp_data::image::Image;
use unstamp_networks::evaluate::accuracy;
use unstamp_networks::model::{batch, labels, weights};

impl Job {
    pub(super) async fn train(
        &mut self,
        phase: &Phase,
        course: &Course,
    ) -> Result<Event, JobError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.begin(phase).await?,
        };
        let steps = course.training.steps(self.data.len());
        if self.place.epoch == course.training.epochs || self.place.settled(course.patience) {
            let last = weights::arrays(&running.student).await?;
            let own = match &running.beside {
                Some(beside) => beside.arrays().await?,
                None => Default::default(),
            };
            let weights = running.best.unwrap_or(last);
            return Ok(self.end_phase(phase, Ended { weights, own }));
        }
        if self.place.step == steps {
            if let (Some(split), true) = (&self.validation, course.patience.is_some()) {
                let weights = weights::arrays(&running.student).await?;
                let arch = self.arch(&phase.student);
                let rate = accuracy(&arch, &weights, split, &self.device).await?;
                if self.place.improves(rate.k) {
                    running.best = Some(weights);
                }
                let sum = rate.value * self.place.images as f64;
                self.place.sums.push(("validation_accuracy".to_string(), sum));
            }
            let event = self.end_epoch(phase, course);
            self.running = Some(running);
            return Ok(event);
        }
        let chosen = self.chosen(course);
        let count = chosen.len();
        let (at, epoch, step) = (self.place.phase, self.place.epoch, self.place.step);
        let share = course.stamp.as_ref().map(|stamp| stamp.share);
        let Running { mut student, others, mut momentum, mut beside, best } = running;
        let own = beside.as_ref().map(Beside::tracked).unwrap_or_default();
        let mut batch = Batch {
            student: &mut student,
            others: &others,
            own: &own,
            images: self.images(course, &chosen, share.flatten().unwrap_or(0.0)),
            labels: labels(&self.data, &chosen, &self.device.clone().autodiff()),
            stamped: (share == Some(None)).then(|| self.images(course, &chosen, 1.0)),
            watched: self.watched,
            random: self.seed.stream("lesson", &[at as u64, epoch as u64, step as u64]),
            passes: 0,
        };
        let loss = course.lesson.loss(&mut batch);
        self.place.passes += (count + batch.passes) as u64;
        let names: Vec<_> = loss.parts.iter().map(|(name, _)| *name).collect();
        let mut values = vec![loss.total.clone().inner().reshape([1])];
        values.extend(loss.parts.into_iter().map(|(_, part)| part.inner().reshape([1])));
        let gradients = loss.total.backward();
        if let Some(beside) = &mut beside {
            beside.step(&own, &gradients);
        }
        let lr = self.lr(course, step);
        let student = sgd::step(student, &course.training, lr, gradients, &mut momentum);

        let values: Vec<f64> =
            weights::read(values).await?.into_iter().map(|v| f64::from(v[0])).collect();
        if let Some(value) = values.iter().find(|v| !v.is_finite()) {
            let (value, phase) = (*value, phase.name.to_string());
            return Err(JobError::NotFinite { value, phase, epoch, step });
        }
        if self.place.sums.is_empty() {
            self.place.sums = names.iter().map(|name| (name.to_string(), 0.0)).collect();
        }
        for ((_, sum), value) in self.place.sums.iter_mut().zip(&values[1..]) {
            *sum += value * count as f64;
        }
        self.place.images += count;
        self.place.step += 1;
        self.running = Some(Running { student, others, momentum, beside, best });
        Ok(Event::Step { phase: phase.name, epoch, step, steps, images: count, loss: values[0] })
    }

    fn lr(&self, course: &Course, step: usize) -> f64 {
        let t = &course.training;
        let steps = t.steps(self.data.len());
        let at = self.place.epoch * steps + step;
        t.lr * t.schedule.factor(self.place.epoch, at, steps * t.epochs)
    }

    fn end_epoch(&mut self, phase: &Phase, course: &Course) -> Event {
        let images = self.place.images.max(1) as f64;
        let epoch = Epoch {
            phase: phase.name.to_string(),
            epoch: self.place.epoch,
            lr: self.lr(course, self.place.step - 1),
            losses: self.place.sums.drain(..).map(|(name, sum)| (name, sum / images)).collect(),
            rates: None,
        };
        self.place.history.push(epoch.clone());
        self.place.images = 0;
        self.place.step = 0;
        self.place.epoch += 1;
        self.order.clear();
        Event::Epoch(epoch)
    }

    /// Indices of the images at the current place of a shuffled epoch.
    fn chosen(&mut self, course: &Course) -> Vec<usize> {
        if self.order.is_empty() {
            let at = [self.place.phase as u64, self.place.epoch as u64];
            self.order = self.seed.stream("shuffle", &at).permutation(self.data.len());
        }
        let from = self.place.step * course.training.batch;
        let to = (from + course.training.batch).min(self.order.len());
        self.order[from..to].to_vec()
    }

    /// Images `[n, 3, h, w]`: augmented, then stamped with the course's trigger on this share.
    fn images(&self, course: &Course, chosen: &[usize], share: f64) -> Tensor<4> {
        let (at, epoch) = (self.place.phase as u64, self.place.epoch as u64);
        let (width, height) = (self.data.width, self.data.height);
        let augment = course.training.augment;
        batch(&self.data, chosen, &self.device.clone().autodiff(), |i, pixels| {
            let of_image = [at, epoch, i as u64];
            if augment != Augment::default() {
                augment.apply(pixels, width, height, &mut self.seed.stream("augment", &of_image));
            }
            let Some(Stamp { trigger, .. }) = &course.stamp else { return };
            if f64::from(self.seed.stream("stamp", &of_image).unit()) < share {
                let mut image = Image { width, height, pixels: std::mem::take(pixels) };
                trigger.stamp(&mut image, i);
                *pixels = image.pixels;
            }
        })
    }
}
