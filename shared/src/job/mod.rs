//! A long procedure as a resumable state machine.
//!
//! A [`Job`] is a list of [`Phase`]s. Every call of [`Job::next`] does one step and says what
//! happened; between two calls the whole state can be saved with [`Job::save`] and taken up again
//! with [`Job::restore`], ending in the same bits. The trainer and the page's live erasing drive
//! the same machine. All randomness is a function of (seed, phase, epoch, image), so the state
//! holds no random generator.

mod augment;
pub mod sgd;
mod training;

pub use augment::Augment;
pub use training::{Schedule, Training};

use crate::datasets::Split;
use crate::model::weights::{self, Array, Arrays, Precision, WeightsError};
use crate::model::{Arch, Frozen, Wrn, batch};
use crate::objectives::{Objective, Seen};
use crate::seed::Seed;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which weights a phase begins with, or takes as teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The model the job was given.
    Victim,
    /// What an earlier phase ended with.
    Phase(usize),
}

/// One training within a job.
#[derive(Clone, Debug)]
pub struct Phase {
    pub name: &'static str,
    pub student: Start,
    /// Frozen, in evaluation mode, on the same input as the student.
    pub teacher: Option<Start>,
    pub objective: Arc<dyn Objective>,
    pub training: Training,
}

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

/// Where a job stands; with the arrays of [`Job::save`] it is the whole state.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Place {
    key: String,
    phase: usize,
    epoch: usize,
    step: usize,
    /// Sums over the running epoch: name, sum of loss times images.
    sums: Vec<(String, f64)>,
    images: usize,
    history: Vec<Epoch>,
    passes: u64,
}

/// A running job.
pub struct Job {
    arch: Arch,
    victim: Arrays,
    phases: Vec<Phase>,
    data: Arc<Split>,
    seed: Seed,
    device: Device,
    /// Weights each finished phase ended with.
    ended: Vec<Arrays>,
    place: Place,
    order: Vec<usize>,
    running: Option<Running>,
}

/// Networks of the current phase.
struct Running {
    student: Wrn,
    teacher: Option<Frozen>,
    momentum: sgd::Momentum,
}

impl Job {
    /// A job from the start. `key` names the run, so that a checkpoint of another is refused.
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
        let place = Place {
            key,
            phase: 0,
            epoch: 0,
            step: 0,
            sums: Vec::new(),
            images: 0,
            history: Vec::new(),
            passes: 0,
        };
        let (ended, order) = (Vec::new(), Vec::new());
        Ok(Self { arch, victim, phases, data, seed, device, ended, place, order, running: None })
    }

    /// Images forward and backward so far, a teacher's forward counted as one more.
    pub fn passes(&self) -> u64 {
        self.place.passes
    }

    /// Optimiser steps of the whole job and of it already done.
    pub fn progress(&self) -> (usize, usize) {
        let steps = |p: &Phase| p.training.epochs * p.training.steps(self.data.len());
        let before: usize = self.phases.iter().take(self.place.phase).map(steps).sum();
        let within = self
            .phases
            .get(self.place.phase)
            .map_or(0, |p| self.place.epoch * p.training.steps(self.data.len()) + self.place.step);
        (before + within, self.phases.iter().map(steps).sum())
    }

    /// Every finished epoch.
    pub fn history(&self) -> &[Epoch] {
        &self.place.history
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

    fn weights(&self, start: Start) -> &Arrays {
        match start {
            Start::Victim => &self.victim,
            Start::Phase(i) => &self.ended[i],
        }
    }

    fn begin(&self, phase: &Phase) -> Result<Running, JobError> {
        let autodiff = self.device.clone().autodiff();
        let student = weights::network(&self.arch, self.weights(phase.student), &autodiff)?;
        let teacher = match phase.teacher {
            Some(start) => Some(weights::frozen(&self.arch, self.weights(start), &self.device)?),
            None => None,
        };
        Ok(Running { student, teacher, momentum: sgd::Momentum::default() })
    }

    /// Does one step; `None` when the job is done.
    pub async fn next(&mut self) -> Result<Option<Event>, JobError> {
        let Some(phase) = self.phases.get(self.place.phase).cloned() else { return Ok(None) };
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.begin(&phase)?,
        };
        let steps = phase.training.steps(self.data.len());
        if self.place.epoch == phase.training.epochs {
            self.ended.push(weights::arrays(&running.student).await?);
            self.place.phase += 1;
            (self.place.epoch, self.place.step) = (0, 0);
            return Ok(Some(Event::Phase { phase: phase.name }));
        }
        if self.place.step == steps {
            let event = self.end_epoch(&phase);
            self.running = Some(running);
            return Ok(Some(event));
        }
        let (images, labels) = self.batch(&phase);
        let count = labels.dims()[0];
        let teacher = running.teacher.as_ref().map(|t| t.forward(images.clone().inner()));
        let teacher = teacher.map(lift);
        let student = running.student.forward_train(images);
        let seen = Seen { student: &student, teacher: teacher.as_ref(), labels };
        let loss = phase.objective.loss(&seen);
        let names: Vec<_> = loss.parts.iter().map(|(name, _)| *name).collect();
        let mut values = vec![loss.total.clone().inner().reshape([1])];
        values.extend(loss.parts.into_iter().map(|(_, part)| part.inner().reshape([1])));
        let gradients = loss.total.backward();
        let lr = self.lr(&phase, self.place.step);
        let Running { student, teacher, mut momentum } = running;
        let student = sgd::step(student, &phase.training, lr, gradients, &mut momentum);
        let running = Running { student, teacher, momentum };

        let values: Vec<f64> =
            weights::read(values).await?.into_iter().map(|v| f64::from(v[0])).collect();
        self.place.passes += (count * if running.teacher.is_some() { 2 } else { 1 }) as u64;
        let step = self.place.step;
        if let Some(value) = values.iter().find(|v| !v.is_finite()) {
            let (value, phase, epoch) = (*value, phase.name.to_string(), self.place.epoch);
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
        self.running = Some(running);
        let (epoch, loss) = (self.place.epoch, values[0]);
        Ok(Some(Event::Step { phase: phase.name, epoch, step, steps, images: count, loss }))
    }

    fn lr(&self, phase: &Phase, step: usize) -> f64 {
        let t = &phase.training;
        let steps = t.steps(self.data.len());
        let at = self.place.epoch * steps + step;
        t.lr * t.schedule.factor(self.place.epoch, at, steps * t.epochs)
    }

    fn end_epoch(&mut self, phase: &Phase) -> Event {
        let images = self.place.images.max(1) as f64;
        let epoch = Epoch {
            phase: phase.name.to_string(),
            epoch: self.place.epoch,
            lr: self.lr(phase, self.place.step - 1),
            losses: self.place.sums.drain(..).map(|(name, sum)| (name, sum / images)).collect(),
        };
        self.place.history.push(epoch.clone());
        self.place.images = 0;
        self.place.step = 0;
        self.place.epoch += 1;
        self.order.clear();
        Event::Epoch(epoch)
    }

    /// The batch at the current place: shuffled and augmented.
    fn batch(&mut self, phase: &Phase) -> (Tensor<4>, Tensor<1, Int>) {
        let (at, epoch) = (self.place.phase as u64, self.place.epoch as u64);
        if self.order.is_empty() {
            self.order = self.seed.stream("shuffle", &[at, epoch]).permutation(self.data.len());
        }
        let t = &phase.training;
        let from = self.place.step * t.batch;
        let chosen = &self.order[from..(from + t.batch).min(self.order.len())];
        let device = self.device.clone().autodiff();
        let (width, height) = (self.data.width, self.data.height);
        let images = batch(&self.data, chosen, &device, |i, pixels| {
            if t.augment != Augment::default() {
                let mut random = self.seed.stream("augment", &[at, epoch, i as u64]);
                t.augment.apply(pixels, width, height, &mut random);
            }
        });
        let labels: Vec<i32> = chosen.iter().map(|&i| i32::from(self.data.labels[i])).collect();
        let labels = TensorData::new(labels, [chosen.len()]);
        (images, Tensor::from_data(labels, &device))
    }

    /// The whole state as bytes.
    pub async fn save(&self) -> Result<Vec<u8>, JobError> {
        let mut all = Arrays::new();
        let mut put = |prefix: &str, arrays: &Arrays| {
            all.extend(arrays.iter().map(|(k, v)| (format!("{prefix}/{k}"), v.clone())));
        };
        for (i, arrays) in self.ended.iter().enumerate() {
            put(&format!("ended{i}"), arrays);
        }
        if let Some(running) = &self.running {
            put("student", &weights::arrays(&running.student).await?);
            let (names, tensors): (Vec<_>, Vec<_>) =
                running.momentum.named(&running.student).into_iter().unzip();
            for (name, values) in names.into_iter().zip(weights::read(tensors).await?) {
                let array = Array { shape: vec![values.len()], values };
                all.insert(format!("momentum/{name}"), array);
            }
        }
        Ok(weights::to_bytes(&all, Precision::F32, &self.place))
    }

    /// Takes up a state saved by a job made with the same arguments.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), JobError> {
        let other = |what: &str| JobError::Checkpoint(what.to_string());
        let (all, place) = weights::from_bytes::<Place>(bytes)?;
        let place = place.ok_or_else(|| other("it has no head"))?;
        if place.key != self.place.key {
            return Err(other("its settings differ"));
        }
        let part = |prefix: &str| -> Arrays {
            let strip = |k: &String| k.strip_prefix(prefix)?.strip_prefix('/').map(str::to_string);
            all.iter().filter_map(|(k, v)| Some((strip(k)?, v.clone()))).collect()
        };
        self.ended = (0..place.phase).map(|i| part(&format!("ended{i}"))).collect();
        self.place = place;
        self.order.clear();
        self.running = None;
        let student = part("student");
        if let (Some(phase), false) = (self.phases.get(self.place.phase), student.is_empty()) {
            let mut running = self.begin(phase)?;
            let device = self.device.clone().autodiff();
            running.student = weights::network(&self.arch, &student, &device)?;
            running.momentum =
                sgd::Momentum::from_arrays(&running.student, &part("momentum"), &self.device)
                    .ok_or_else(|| other("its momentum has another size"))?;
            self.running = Some(running);
        }
        Ok(())
    }
}

/// The teacher's output as constants beside tracked tensors.
pub fn lift(output: crate::model::Output) -> crate::model::Output {
    crate::model::Output {
        logits: Tensor::from_inner(output.logits),
        features: output.features.into_iter().map(Tensor::from_inner).collect(),
        pooled: Tensor::from_inner(output.pooled),
    }
}
