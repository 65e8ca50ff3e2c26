//! A long procedure as a resumable state machine.
//!
//! A [`Job`] runs a list of [`Phase`]s. Each phase either trains a network or edits weights at once,
//! and ends with a [`PhaseOutput`] that later phases use. Every call of [`Job::next`] does one step
//! and returns an [`Event`]. Between two calls [`Job::save`] gives the whole state as bytes, and
//! [`Job::restore`] continues from them to the same bits. The trainer and the page run the same
//! machine. All randomness is a function of (seed, phase, epoch, image), so the state holds no
//! random generator.

pub mod augment;
mod auxiliary;
mod checkpoint;
mod edit;
mod error;
mod evaluation;
mod event;
mod output;
mod phase;
mod running;
mod schedule;
mod settings;
pub mod sgd;
mod step;
mod train_step;

pub use augment::Augment;
pub use edit::{Edit, EditContext, Edited};
pub use error::{CheckpointError, JobError, PhaseError, PhaseInput};
pub use evaluation::Rates;
pub use event::{Epoch, Event, Measurement};
pub use output::{Auxiliary, PatchPosition, PhaseOutput, RecoveredTriggers};
pub use phase::{Phase, Stamp, Start, TrainPhase, Work, last_training};
pub use schedule::Schedule;
pub use settings::Training;
pub use train_step::{Batch, Reference, TrainStep, lift};

use burn::tensor::Device;
use checkpoint::Cursor;
use running::Running;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::seed::{Seed, Stream};
use unstamp_networks::model::Arch;
use unstamp_networks::model::weights::Arrays;

/// A running job.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use unstamp_data::datasets::{SplitName, signs};
/// use unstamp_data::method::Values;
/// use unstamp_data::seed::Seed;
/// use unstamp_experiments::defences::{DefenceInput, defence};
/// use unstamp_experiments::job::{Event, Job};
/// use unstamp_networks::Device;
/// use unstamp_networks::model::{Arch, weights};
///
/// // Fine-tuning on 16 images, 8 in a batch: two steps, the end of the epoch, the end of the phase.
/// let clean = Arc::new(signs::split(Seed(0), SplitName::Train, 0..16));
/// let arch = Arch::new("wrn-10-1", 10);
/// let device = Device::flex();
/// let victim = pollster::block_on(weights::arrays(&arch.init(Seed(0), &device)?))?;
/// let set = Values::parse(["epochs=1", "batch=8"])?;
/// let given = DefenceInput::new(&clean, false, None);
/// let phases = defence("fine_tune").expect("it is listed").phases(&set, given)?;
/// let mut job = Job::new("example".into(), arch, victim, phases, clean, Seed(0), device)?;
/// let mut steps = 0;
/// while let Some(event) = pollster::block_on(job.next())? {
///     steps += usize::from(matches!(event, Event::Step { .. }));
/// }
/// assert_eq!((steps, job.history().len()), (2, 1));
/// assert!(job.result().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Job {
    arch: Arch,
    victim: Arrays,
    phases: Vec<Phase>,
    /// The clean subset.
    all: Arc<Split>,
    /// The clean subset without the validation images.
    data: Arc<Split>,
    /// Clean images that are set aside; only a phase with [`TrainPhase::all_images`] trains on them.
    validation: Option<Split>,
    seed: Seed,
    device: Device,
    counted_class: Option<usize>,
    /// Outputs of the finished phases.
    outputs: Vec<PhaseOutput>,
    cursor: Cursor,
    /// Order of the images in the running epoch; empty before its first step.
    order: Vec<usize>,
    running: Option<Running>,
}

/// The least number of validation images that decide anything. At 200 images the 95 % interval of an
/// accuracy of 80 % is 11 points wide.
const VALIDATION: usize = 200;

/// How many of `images` clean images can be set aside for validation: a fifth, if that is enough to
/// decide anything.
pub fn validation_images(images: usize) -> Option<usize> {
    Some(images / 5).filter(|aside| *aside >= VALIDATION)
}

impl Job {
    /// A job before its first step.
    ///
    /// `key` names the run, so that [`Job::restore`] refuses the checkpoint of another run. If a
    /// phase asks for validation images, the last of `data` are set aside ([`validation_images`]).
    ///
    /// # Errors
    ///
    /// [`JobError::NoImages`] if `data` is empty.
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
        let count = data.len();
        let needed = phases.iter().any(Phase::needs_validation);
        let aside = validation_images(count).filter(|_| needed);
        let kept = count - aside.unwrap_or(0);
        let validation = aside.map(|_| data.subset(&(kept..count).collect::<Vec<usize>>()));
        let all = data.clone();
        let data = if kept < count { Arc::new(data.front(kept)) } else { data };
        Ok(Self {
            arch,
            victim,
            phases,
            all,
            data,
            validation,
            seed,
            device,
            counted_class: None,
            outputs: Vec::new(),
            cursor: Cursor::new(key),
            order: Vec::new(),
            running: None,
        })
    }

    /// Asks the phases to count predictions of a class for the record, where they can. This changes
    /// no weight.
    pub fn count_predictions_of(&mut self, class: Option<usize>) {
        self.counted_class = class;
    }

    /// Images that went forward and backward so far. Passes of other networks count too.
    pub fn passes(&self) -> u64 {
        self.cursor.passes
    }

    /// Optimiser steps done and optimiser steps of the whole job. An edit counts as one step, and a phase
    /// that stopped early as all of its steps.
    pub fn progress(&self) -> (usize, usize) {
        let steps: Vec<usize> = self.phases.iter().map(|phase| self.steps(phase)).collect();
        let before: usize = steps.iter().take(self.cursor.phase).sum();
        let within = match self.phases.get(self.cursor.phase).map(|p| &p.work) {
            Some(Work::Train(train_phase)) => {
                self.cursor.epoch * self.steps_per_epoch(train_phase) + self.cursor.step
            }
            _ => 0,
        };
        (before + within, steps.iter().sum())
    }

    /// The images that a phase trains on.
    fn images_of(&self, train_phase: &TrainPhase) -> &Split {
        if train_phase.all_images { &self.all } else { &self.data }
    }

    /// Optimiser steps of an epoch.
    fn steps_per_epoch(&self, train_phase: &TrainPhase) -> usize {
        train_phase.training.steps(self.images_of(train_phase).len())
    }

    /// Optimiser steps of a phase if it does not stop early; an edit counts as one.
    fn steps(&self, phase: &Phase) -> usize {
        match &phase.work {
            Work::Train(train_phase) => {
                train_phase.training.epochs * self.steps_per_epoch(train_phase)
            }
            Work::Edit(_) => 1,
        }
    }

    /// Every finished epoch, in order.
    pub fn history(&self) -> &[Epoch] {
        &self.cursor.history
    }

    /// Everything that the edits measured, in order.
    pub fn measurements(&self) -> &[Measurement] {
        &self.cursor.measurements
    }

    /// Number of clean images set aside for validation.
    pub fn validation(&self) -> usize {
        self.validation.as_ref().map_or(0, Split::len)
    }

    /// Outputs of the finished phases, in order.
    pub fn outputs(&self) -> &[PhaseOutput] {
        &self.outputs
    }

    /// Weights that the last phase ended with; `None` while the job is not done.
    pub fn result(&self) -> Option<&Arrays> {
        let output = self.outputs.last().filter(|_| self.outputs.len() == self.phases.len())?;
        Some(&output.weights)
    }

    /// Architecture and weights of the teacher: the other model of the last training, if that
    /// training has exactly one. (A curve has two ends, which are not teachers. A model that an
    /// earlier phase or an edit compares with is not one either.)
    pub fn teacher(&self) -> Option<(Arch, &Arrays)> {
        let [teacher] = &last_training(&self.phases)?.references[..] else { return None };
        let weights = match teacher {
            Start::Victim => &self.victim,
            Start::Phase(i) => &self.outputs.get(*i)?.weights,
            Start::Fresh(_) => return None,
        };
        Some((self.arch(teacher), weights))
    }

    /// Architecture of the weights that `start` names.
    pub fn arch(&self, start: &Start) -> Arch {
        match start {
            Start::Phase(i) => self.arch(&self.phases[*i].student),
            Start::Fresh(Some(name)) => Arch { name: name.clone(), ..self.arch.clone() },
            Start::Fresh(None) | Start::Victim => self.arch.clone(),
        }
    }

    /// A random stream of the phase with this index.
    fn random(&self, name: &str, index: usize) -> Stream {
        self.seed.stream(name, &[index as u64])
    }

    /// Does one step; `None` when the job is done.
    ///
    /// # Errors
    ///
    /// [`JobError`]: the loss is not finite, a phase lacks an input, weights do not fit, or the
    /// device fails.
    pub async fn next(&mut self) -> Result<Option<Event>, JobError> {
        let Some(phase) = self.phases.get(self.cursor.phase).cloned() else { return Ok(None) };
        match &phase.work {
            Work::Train(train_phase) => self.train(&phase, train_phase).await.map(Some),
            Work::Edit(edit) => self.edit(&phase, edit.as_ref()).await.map(Some),
        }
    }

    /// Stores a phase's output and moves to the next phase.
    fn end_phase(&mut self, phase: &Phase, output: PhaseOutput) -> Event {
        self.outputs.push(output);
        self.cursor.next_phase();
        Event::Phase { phase: phase.name }
    }
}

#[cfg(test)]
mod tests;
