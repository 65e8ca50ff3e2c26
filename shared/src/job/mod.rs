//! A long procedure as a resumable state machine.
//!
//! A [`Job`] is a list of [`Phase`]s. Every call of [`Job::next`] does one step and says what
//! happened; between two calls the whole state can be saved with [`Job::save`] and taken up again
//! with [`Job::restore`], ending in the same bits. The trainer and the page's live erasing drive
//! the same machine. All randomness is a function of (seed, phase, epoch, image), so the state
//! holds no random generator.

mod augment;
mod phase;
pub mod sgd;
mod state;
mod training;

pub use augment::Augment;
pub use phase::{
    Batch, Course, Edit, Edited, Lesson, Other, Phase, Scene, Stamp, Start, Work, lift,
};
pub use training::{Schedule, Training};

use crate::datasets::Split;
use crate::evaluate::accuracy;
use crate::image::Image;
use crate::model::weights::{self, Arrays, WeightsError};
use crate::model::{Arch, Wrn, batch};
use crate::seed::Seed;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use state::Place;
use std::sync::Arc;

/// What [`Job::next`] did.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// One optimiser step on `images` images.
    Step { phase: &'static str, epoch: usize, step: usize, steps: usize, images: usize, loss: f64 },
    /// An epoch ended.
    Epoch(Epoch),
    /// A phase ended.
    Phase { phase: &'static str },
}

/// Mean losses of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    pub phase: String,
    /// From 0.
    pub epoch: usize,
    pub lr: f64,
    /// Parts of the loss by name, means over the epoch's images.
    pub losses: Vec<(String, f64)>,
}

/// What can go wrong in a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(
        "the loss became {value} in phase {phase}, epoch {epoch}, step {step}; lower the learning rate or beta"
    )]
    NotFinite { value: f64, phase: String, epoch: usize, step: usize },
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("the checkpoint belongs to another run: {0}")]
    Checkpoint(String),
    #[error("there are no images to train on")]
    NoImages,
}

/// A running job.
pub struct Job {
    arch: Arch,
    victim: Arrays,
    phases: Vec<Phase>,
    data: Arc<Split>,
    /// Clean images no phase trains on.
    validation: Option<Split>,
    seed: Seed,
    device: Device,
    watched: Option<usize>,
    /// Weights each finished phase ended with.
    ended: Vec<Arrays>,
    place: Place,
    order: Vec<usize>,
    running: Option<Running>,
}

/// Networks of the current phase.
struct Running {
    student: Wrn,
    others: Vec<Other>,
    momentum: sgd::Momentum,
    /// Weights of the epoch with the best validation accuracy so far, where that counts.
    best: Option<Arrays>,
}

/// Fewer validation images than this decide nothing: at 200 the 95 % interval of an accuracy of
/// 80 % is 11 points wide.
pub const VALIDATION: usize = 200;

impl Job {
    /// A job from the start. `key` names the run, so that a checkpoint of another is refused. Where
    /// a phase asks for validation, the last fifth of `data` is set aside, if that is at least
    /// [`VALIDATION`] images.
    pub fn new(
        key: String,
        arch: Arch,
        victim: Arrays,
        phases: Vec<Phase>,
        data: Arc<Split>,
        seed: Seed,
        device: Device,
    ) -> Result<Self, JobError> {
        if data.is_empty() {
            return Err(JobError::NoImages);
        }
        let (count, aside) = (data.len(), data.len() / 5);
        let validates = phases.iter().any(Phase::validates) && aside >= VALIDATION;
        let part = |range: std::ops::Range<usize>| data.subset(&range.collect::<Vec<_>>());
        let validation = validates.then(|| part(count - aside..count));
        let data = if validates { Arc::new(part(0..count - aside)) } else { data };
        Ok(Self {
            arch,
            victim,
            phases,
            data,
            validation,
            seed,
            device,
            watched: None,
            ended: Vec::new(),
            place: Place::new(key),
            order: Vec::new(),
            running: None,
        })
    }

    /// Has predictions of a class counted for the record, where a lesson can; changes no weight.
    pub fn watch(&mut self, class: Option<usize>) {
        self.watched = class;
    }

    /// Images forward and backward so far; what lessons do beyond a student's pass is counted too.
    pub fn passes(&self) -> u64 {
        self.place.passes
    }

    /// Optimiser steps of the whole job and of it already done; an edit counts as one.
    pub fn progress(&self) -> (usize, usize) {
        let epoch = |course: &Course| course.training.steps(self.data.len());
        let steps = |p: &Phase| match &p.work {
            Work::Train(course) => course.training.epochs * epoch(course),
            Work::Edit(_) => 1,
        };
        let before: usize = self.phases.iter().take(self.place.phase).map(steps).sum();
        let within = match self.phases.get(self.place.phase).map(|p| &p.work) {
            Some(Work::Train(course)) => self.place.epoch * epoch(course) + self.place.step,
            _ => 0,
        };
        (before + within, self.phases.iter().map(steps).sum())
    }

    /// Every finished epoch.
    pub fn history(&self) -> &[Epoch] {
        &self.place.history
    }

    /// Number of clean images set aside for validation.
    pub fn validation(&self) -> usize {
        self.validation.as_ref().map_or(0, Split::len)
    }

    /// Weights the phase `index` ended with.
    pub fn ended(&self, index: usize) -> Option<&Arrays> {
        self.ended.get(index)
    }

    /// Weights the last phase ended with, once the job is done.
    pub fn result(&self) -> Option<&Arrays> {
        (self.ended.len() == self.phases.len()).then(|| self.ended.last()).flatten()
    }

    /// Weights of the student as it is now, for showing it while it learns.
    pub async fn student(&self) -> Result<Option<Arrays>, JobError> {
        match &self.running {
            Some(running) => Ok(Some(weights::arrays(&running.student).await?)),
            None => Ok(None),
        }
    }

    /// Architecture of the weights a phase begins with, or looks at.
    pub fn arch(&self, start: &Start) -> Arch {
        match start {
            Start::Phase(i) => self.arch(&self.phases[*i].student),
            Start::Fresh(Some(name)) => Arch { name: name.clone(), ..self.arch.clone() },
            Start::Fresh(None) | Start::Victim => self.arch.clone(),
        }
    }

    /// The weights a phase begins with, or looks at; fresh ones are another draw than the victim's.
    async fn weights(&self, start: &Start) -> Result<Arrays, JobError> {
        Ok(match start {
            Start::Victim => self.victim.clone(),
            Start::Phase(i) => self.ended[*i].clone(),
            Start::Fresh(_) => {
                let seed = Seed(self.seed.0.wrapping_add(1 << 32));
                let drawn = self.arch(start).init(seed, &self.device);
                weights::arrays(&drawn.map_err(WeightsError::Arch)?).await?
            }
        })
    }

    async fn begin(&self, phase: &Phase) -> Result<Running, JobError> {
        let autodiff = self.device.clone().autodiff();
        let own = self.weights(&phase.student).await?;
        let student = weights::network(&self.arch(&phase.student), &own, &autodiff)?;
        let mut others = Vec::new();
        for start in &phase.others {
            let weights = self.weights(start).await?;
            let network = weights::frozen(&self.arch(start), &weights, &self.device)?;
            others.push(Other { weights, network });
        }
        Ok(Running { student, others, momentum: sgd::Momentum::default(), best: None })
    }

    /// Does one step; `None` when the job is done.
    pub async fn next(&mut self) -> Result<Option<Event>, JobError> {
        let Some(phase) = self.phases.get(self.place.phase).cloned() else { return Ok(None) };
        match &phase.work {
            Work::Train(course) => self.train(&phase, course).await.map(Some),
            Work::Edit(edit) => self.edit(&phase, edit.as_ref()).await.map(Some),
        }
    }

    async fn edit(&mut self, phase: &Phase, edit: &dyn Edit) -> Result<Event, JobError> {
        let weights = self.weights(&phase.student).await?;
        let mut others = Vec::new();
        for start in &phase.others {
            others.push(self.weights(start).await?);
        }
        let scene = Scene {
            arch: &self.arch(&phase.student),
            weights: &weights,
            others: others.iter().collect(),
            data: &self.data,
            validation: self.validation.as_ref(),
            seed: self.seed,
            device: &self.device,
        };
        let Edited { weights, measured } = edit.edit(scene).await?;
        let (name, lr) = (phase.name.to_string(), 0.0);
        self.place.history.push(Epoch { phase: name, epoch: 0, lr, losses: measured });
        Ok(self.end_phase(phase, weights))
    }

    fn end_phase(&mut self, phase: &Phase, weights: Arrays) -> Event {
        self.ended.push(weights);
        self.place.phase += 1;
        (self.place.epoch, self.place.step, self.place.best) = (0, 0, None);
        Event::Phase { phase: phase.name }
    }

    async fn train(&mut self, phase: &Phase, course: &Course) -> Result<Event, JobError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.begin(phase).await?,
        };
        let steps = course.training.steps(self.data.len());
        if self.place.epoch == course.training.epochs || self.place.settled(course.patience) {
            let last = weights::arrays(&running.student).await?;
            return Ok(self.end_phase(phase, running.best.unwrap_or(last)));
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
        let Running { mut student, others, mut momentum, best } = running;
        let mut batch = Batch {
            student: &mut student,
            others: &others,
            images: self.images(course, &chosen, share.flatten().unwrap_or(0.0)),
            labels: self.labels(&chosen),
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
        self.running = Some(Running { student, others, momentum, best });
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

    fn labels(&self, chosen: &[usize]) -> Tensor<1, Int> {
        let labels: Vec<i32> = chosen.iter().map(|&i| i32::from(self.data.labels[i])).collect();
        let labels = TensorData::new(labels, [chosen.len()]);
        Tensor::from_data(labels, &self.device.clone().autodiff())
    }
}
