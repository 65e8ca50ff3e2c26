//! What a job is made of: phases, each a training or a change of weights at once.

use super::Training;
use crate::Later;
use crate::objectives::{Loss, Objective, Own, Seen, Tracked};
use burn::tensor::{Device, Int, Tensor};
use std::fmt::Debug;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::poison::Trigger;
use unstamp_data::seed::Stream;
use unstamp_networks::model::weights::{Arrays, WeightsError};
use unstamp_networks::model::{Arch, Frozen, Output, Wrn};

/// Which weights a phase begins with, or looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The model the job was given.
    Victim,
    /// What an earlier phase ended with.
    Phase(usize),
    /// Random weights of this architecture, `None` being the victim's.
    Fresh(Option<String>),
}

/// One part of a job. It ends with weights, which later phases can begin with or look at.
#[derive(Clone, Debug)]
pub struct Phase {
    pub name: &'static str,
    pub student: Start,
    /// Models looked at and not changed: a teacher; the ends of a curve.
    pub others: Vec<Start>,
    pub work: Work,
}

/// What a phase does.
#[derive(Clone, Debug)]
pub enum Work {
    Train(Course),
    Edit(Arc<dyn Edit>),
}

/// A training of the student.
#[derive(Clone, Debug)]
pub struct Course {
    pub lesson: Arc<dyn Lesson>,
    pub training: Training,
    /// For defences that have a trigger.
    pub stamp: Option<Stamp>,
    /// Ends when accuracy on the validation images has not risen for so many epochs, with the best
    /// weights; without enough validation images all epochs are run.
    pub patience: Option<usize>,
}

/// A trigger and the augmented images it is put on.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub trigger: Trigger,
    /// Share of the images stamped, drawn anew in every epoch; `None` puts a stamped copy of all
    /// beside them.
    pub share: Option<f64>,
}

impl Course {
    pub fn new(lesson: Arc<dyn Lesson>, training: Training) -> Self {
        Self { lesson, training, stamp: None, patience: None }
    }
}

/// The last phase that trains.
pub fn last_training(phases: &[Phase]) -> Option<&Phase> {
    phases.iter().rev().find(|phase| matches!(phase.work, Work::Train(_)))
}

impl Phase {
    /// A training that begins with the victim.
    pub fn train(name: &'static str, lesson: Arc<dyn Lesson>, training: Training) -> Self {
        Self::course(name, Course::new(lesson, training))
    }

    /// The same, with all there is to say of it.
    pub fn course(name: &'static str, course: Course) -> Self {
        let work = Work::Train(course);
        Self { name, student: Start::Victim, others: Vec::new(), work }
    }

    /// A change of the victim's weights.
    pub fn edit(name: &'static str, edit: Arc<dyn Edit>) -> Self {
        Self { name, student: Start::Victim, others: Vec::new(), work: Work::Edit(edit) }
    }

    /// The same, beginning elsewhere.
    pub fn from(self, student: Start) -> Self {
        Self { student, ..self }
    }

    /// The same, looking at more models.
    pub fn beside(mut self, others: impl IntoIterator<Item = Start>) -> Self {
        self.others.extend(others);
        self
    }

    /// Whether it needs validation images.
    pub(super) fn validates(&self) -> bool {
        match &self.work {
            Work::Train(course) => course.patience.is_some(),
            Work::Edit(edit) => edit.validates(),
        }
    }
}

/// What a phase ends with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    pub weights: Arrays,
    /// What was learned or found beside them, for later phases.
    pub own: Arrays,
}

impl From<Arrays> for Ended {
    fn from(weights: Arrays) -> Self {
        Self { weights, own: Arrays::new() }
    }
}

/// A model that is looked at.
pub struct Other {
    pub weights: Arrays,
    pub own: Arrays,
    /// In evaluation mode.
    pub network: Frozen,
}

/// A batch as a lesson sees it.
pub struct Batch<'a> {
    /// Tracked; a forward pass in training mode moves its running statistics.
    pub student: &'a mut Wrn,
    pub others: &'a [Other],
    /// The lesson's own parameters.
    pub own: &'a Tracked,
    /// `[n, 3, h, w]` in 0..1, shuffled and augmented.
    pub images: Tensor<4>,
    /// `[n]`.
    pub labels: Tensor<1, Int>,
    /// The same images with the trigger, where the course has one to put beside.
    pub stamped: Option<Tensor<4>>,
    /// A class whose predictions are counted for the record; no lesson may learn from it.
    pub watched: Option<usize>,
    /// A function of (seed, phase, epoch, step).
    pub random: Stream,
    /// Images through a network beyond one pass of the student, for the account of the cost.
    pub passes: usize,
}

impl Batch<'_> {
    pub fn size(&self) -> usize {
        self.labels.dims()[0]
    }

    /// The student on `images`, in training mode.
    pub fn learn(&mut self, images: Tensor<4>) -> Output {
        self.student.forward_train(images)
    }

    /// What the other model `index` says of the images, without gradient.
    pub fn other(&mut self, index: usize) -> Option<Output> {
        let other = self.others.get(index)?;
        self.passes += self.size();
        Some(lift(other.network.forward(self.images.clone().inner())))
    }
}

/// A constant output beside tracked tensors.
pub fn lift(output: Output) -> Output {
    Output {
        logits: Tensor::from_inner(output.logits),
        features: output.features.into_iter().map(Tensor::from_inner).collect(),
        pooled: Tensor::from_inner(output.pooled),
    }
}

/// What a student learns from a batch. Every [`Objective`] is one: student and first other model
/// see the same images. Lessons of their own change images or labels first, or weigh the network.
pub trait Lesson: Send + Sync + Debug {
    /// Parameters of its own, if it trains any; fresh ones are drawn from `random`.
    fn own(&self, _arch: &Arch, _random: Stream) -> Option<Own> {
        None
    }

    fn loss(&self, batch: &mut Batch) -> Loss;
}

impl<O: Objective> Lesson for O {
    fn own(&self, _arch: &Arch, random: Stream) -> Option<Own> {
        Objective::own(self, random)
    }

    fn loss(&self, batch: &mut Batch) -> Loss {
        let teacher = if self.needs_teacher() { batch.other(0) } else { None };
        let student = batch.learn(batch.images.clone());
        let (teacher, labels) = (teacher.as_ref(), batch.labels.clone());
        Objective::loss(self, &Seen { student: &student, teacher, labels, own: batch.own })
    }
}

/// What an edit is given.
pub struct Scene<'a> {
    pub arch: &'a Arch,
    /// Of the phase's student.
    pub weights: &'a Arrays,
    /// The phase's other models.
    pub others: Vec<&'a Ended>,
    /// The images the phases train on.
    pub data: &'a Split,
    /// Clean images no phase trains on, where there are enough of them.
    pub validation: Option<&'a Split>,
    pub device: &'a Device,
    /// A function of (seed, phase).
    pub random: Stream,
}

/// What an edit ends with, and what was measured on the way.
pub struct Edited {
    pub ended: Ended,
    pub measured: Vec<(String, f64)>,
}

/// A change of weights at once: pruning, a choice between models, a point on a curve.
pub trait Edit: Send + Sync + Debug {
    /// Whether it chooses by validation images.
    fn validates(&self) -> bool {
        false
    }

    /// Edits of the same kind to hold this one against: the other points of a curve by their place.
    fn points(&self) -> Vec<(f64, Arc<dyn Edit>)> {
        Vec::new()
    }

    fn edit<'a>(&'a self, scene: Scene<'a>) -> Later<'a, Result<Edited, WeightsError>>;
}
