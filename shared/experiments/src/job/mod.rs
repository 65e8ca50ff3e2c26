//! A long procedure as a resumable state machine.
//!
//! A [`Job`] is a list of [`Phase`]s. Every call of [`Job::next`] does one step and says what
//! happened; between two calls the whole state can be saved with [`Job::save`] and taken up again
//! with [`Job::restore`], ending in the same bits. The trainer and the page's live erasing drive
//! the same machine. All randomness is a function of (seed, phase, epoch, image), so the state
//! holds no random generator.

pub mod augment;
mod look;
mod own;
mod phase;
pub mod sgd;
mod state;
mod train;
mod training;

pub use augment::Augment;
pub use look::Rates;
pub use phase::{
    Batch, Course, Edit, Edited, Ended, Lesson, Other, Phase, Scene, Stamp, Start, Work,
    last_training, lift,
};
pub use training::{Schedule, Training};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use state::Place;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::seed::{Seed, Stream};
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Wrn};

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
    /// Of [`Job::so_far`] on test images, where whoever drives the job looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
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
    /// What each finished phase ended with.
    ended: Vec<Ended>,
    place: Place,
    order: Vec<usize>,
    running: Option<Running>,
}

/// Networks of the current phase.
struct Running {
    student: Wrn,
    others: Vec<Other>,
    momentum: sgd::Momentum,
    beside: Option<own::Beside>,
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

    /// What the finished phases ended with.
    pub fn ended(&self) -> &[Ended] {
        &self.ended
    }

    /// Weights the last phase ended with, once the job is done.
    pub fn result(&self) -> Option<&Arrays> {
        let ended = self.ended.last().filter(|_| self.ended.len() == self.phases.len())?;
        Some(&ended.weights)
    }

    /// The model the last training looked at, if it was one: its teacher. A curve has two ends, and
    /// what an earlier phase or an edit looked at taught nobody here.
    pub fn teacher(&self) -> Option<(Arch, &Arrays)> {
        let [teacher] = &last_training(&self.phases)?.others[..] else { return None };
        let weights = match teacher {
            Start::Victim => &self.victim,
            Start::Phase(i) => &self.ended.get(*i)?.weights,
            Start::Fresh(_) => return None,
        };
        Some((self.arch(teacher), weights))
    }

    /// Architecture of the weights a phase begins with, or looks at.
    pub fn arch(&self, start: &Start) -> Arch {
        match start {
            Start::Phase(i) => self.arch(&self.phases[*i].student),
            Start::Fresh(Some(name)) => Arch { name: name.clone(), ..self.arch.clone() },
            Start::Fresh(None) | Start::Victim => self.arch.clone(),
        }
    }

    /// What a phase begins with, or looks at; fresh weights are another draw than the victim's.
    async fn start(&self, start: &Start) -> Result<Ended, JobError> {
        Ok(match start {
            Start::Victim => self.victim.clone().into(),
            Start::Phase(i) => self.ended[*i].clone(),
            Start::Fresh(_) => {
                let seed = Seed(self.seed.0.wrapping_add(1 << 32));
                let drawn = self.arch(start).init(seed, &self.device);
                weights::arrays(&drawn.map_err(WeightsError::Arch)?).await?.into()
            }
        })
    }

    /// A stream of the current phase.
    fn random(&self, name: &str) -> Stream {
        self.seed.stream(name, &[self.place.phase as u64])
    }

    async fn begin(&self, phase: &Phase) -> Result<Running, JobError> {
        let autodiff = self.device.clone().autodiff();
        let arch = self.arch(&phase.student);
        let student = self.start(&phase.student).await?.weights;
        let student = weights::network(&arch, &student, &autodiff)?;
        let mut others = Vec::new();
        for start in &phase.others {
            let Ended { weights, own } = self.start(start).await?;
            let network = weights::frozen(&self.arch(start), &weights, &self.device)?;
            others.push(Other { weights, own, network });
        }
        let own = match &phase.work {
            Work::Train(course) => course.lesson.own(&arch, self.random("own")),
            Work::Edit(_) => None,
        };
        let beside = own.map(|own| own::Beside::new(own, &self.device));
        Ok(Running { student, others, momentum: sgd::Momentum::default(), beside, best: None })
    }

    /// Does one step; `None` when the job is done.
    pub async fn next(&mut self) -> Result<Option<Event>, JobError> {
        let Some(phase) = self.phases.get(self.place.phase).cloned() else { return Ok(None) };
        match &phase.work {
            Work::Train(course) => self.train(&phase, course).await.map(Some),
            Work::Edit(edit) => self.edit(&phase, edit.as_ref()).await.map(Some),
        }
    }

    /// What an edit makes of weights.
    async fn edited(
        &self,
        phase: &Phase,
        edit: &dyn Edit,
        weights: &Arrays,
    ) -> Result<Edited, JobError> {
        let mut others = Vec::new();
        for start in &phase.others {
            others.push(self.start(start).await?);
        }
        let scene = Scene {
            arch: &self.arch(&phase.student),
            weights,
            others: others.iter().collect(),
            data: &self.data,
            validation: self.validation.as_ref(),
            device: &self.device,
            random: self.random("edit"),
        };
        Ok(edit.edit(scene).await?)
    }

    async fn edit(&mut self, phase: &Phase, edit: &dyn Edit) -> Result<Event, JobError> {
        let weights = self.start(&phase.student).await?.weights;
        let Edited { ended, measured: losses } = self.edited(phase, edit, &weights).await?;
        self.place.history.push(Epoch {
            phase: phase.name.to_string(),
            epoch: 0,
            lr: 0.0,
            losses,
            rates: None,
        });
        Ok(self.end_phase(phase, ended))
    }

    fn end_phase(&mut self, phase: &Phase, ended: Ended) -> Event {
        self.ended.push(ended);
        self.place.phase += 1;
        (self.place.epoch, self.place.step, self.place.best) = (0, 0, None);
        Event::Phase { phase: phase.name }
    }
}
