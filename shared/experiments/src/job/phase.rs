//! The parts of a job: phases, each a training or an edit of weights.

use super::{Edit, TrainStep, Training};
use std::sync::Arc;
use unstamp_data::poison::Trigger;

/// Weights that a phase begins with, or compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The model that the job was given.
    Victim,
    /// The output of the phase with this index.
    Phase(usize),
    /// Random weights of this architecture; `None` is the victim's.
    Fresh(Option<String>),
}

/// One part of a job. It ends with weights, which later phases can begin with or compare with.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Name of the phase in results and progress.
    pub name: &'static str,
    /// The weights that the phase begins with and changes.
    pub student: Start,
    /// Models that the phase compares with and does not change: a teacher; the ends of a curve.
    pub references: Vec<Start>,
    /// Training or edit.
    pub work: Work,
}

/// The work of a phase.
#[derive(Clone, Debug)]
// On WASM the variants are closer in size, and the lint says nothing: hence `allow`.
#[allow(clippy::large_enum_variant, reason = "a job has a few phases")]
pub enum Work {
    /// Trains the student over many steps.
    Train(TrainPhase),
    /// Changes the weights at once.
    Edit(Arc<dyn Edit>),
}

/// A training of the student.
#[derive(Clone, Debug)]
pub struct TrainPhase {
    /// The loss of a batch.
    pub train_step: Arc<dyn TrainStep>,
    /// Optimiser, schedule, augmentation.
    pub training: Training,
    /// A trigger on some of the images, for defences that know it.
    pub stamp: Option<Stamp>,
    /// Stops when the accuracy on validation images has not risen for so many epochs, and takes the
    /// best weights. Without enough validation images all epochs are run.
    pub patience: Option<usize>,
    /// Whether it also trains on the validation images: after the last choice that is made by them.
    pub all_images: bool,
}

/// A trigger and the augmented images that it is put on.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The trigger.
    pub trigger: Trigger,
    /// Share of the images that are stamped; every epoch draws other ones. `None` gives a stamped copy
    /// of every image in addition.
    pub share: Option<f64>,
}

impl TrainPhase {
    /// A training without trigger that runs all its epochs on the images that are not set aside.
    pub fn new(train_step: Arc<dyn TrainStep>, training: Training) -> Self {
        Self { train_step, training, stamp: None, patience: None, all_images: false }
    }
}

/// The last phase that trains.
pub fn last_training(phases: &[Phase]) -> Option<&Phase> {
    phases.iter().rev().find(|phase| matches!(phase.work, Work::Train(_)))
}

impl Phase {
    /// A training that begins with the victim.
    pub fn train(name: &'static str, train_step: Arc<dyn TrainStep>, training: Training) -> Self {
        Self::training(name, TrainPhase::new(train_step, training))
    }

    /// A training that begins with the victim, with a trigger or early stopping.
    pub fn training(name: &'static str, train_phase: TrainPhase) -> Self {
        let work = Work::Train(train_phase);
        Self { name, student: Start::Victim, references: Vec::new(), work }
    }

    /// An edit of the victim's weights.
    pub fn edit(name: &'static str, edit: Arc<dyn Edit>) -> Self {
        Self { name, student: Start::Victim, references: Vec::new(), work: Work::Edit(edit) }
    }

    /// This phase with other weights to begin with.
    pub fn from(self, student: Start) -> Self {
        Self { student, ..self }
    }

    /// This phase with more models to compare with.
    pub fn with_references(mut self, references: impl IntoIterator<Item = Start>) -> Self {
        self.references.extend(references);
        self
    }

    /// Whether it needs validation images.
    pub(super) fn needs_validation(&self) -> bool {
        match &self.work {
            Work::Train(train_phase) => train_phase.patience.is_some(),
            Work::Edit(edit) => edit.needs_validation(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BoxFuture;
    use crate::job::{EditContext, Edited, PhaseError};
    use crate::objectives::CrossEntropy;
    use crate::testing::training;

    /// An edit that changes nothing.
    #[derive(Debug)]
    struct Nothing;

    impl Edit for Nothing {
        fn edit<'a>(
            &'a self,
            context: EditContext<'a>,
        ) -> BoxFuture<'a, Result<Edited, PhaseError>> {
            let output = context.weights.clone().into();
            Box::pin(async { Ok(Edited { output, measured: Vec::new() }) })
        }
    }

    fn phases() -> [Phase; 3] {
        let tuning = |name| Phase::train(name, Arc::new(CrossEntropy), training(1, 1));
        [tuning("first"), tuning("second"), Phase::edit("edit", Arc::new(Nothing))]
    }

    #[test]
    fn the_last_training_is_found_before_edits() {
        let phases = phases();
        assert_eq!(last_training(&phases).map(|phase| phase.name), Some("second"));
        assert!(last_training(&phases[2..]).is_none());
    }

    #[test]
    fn references_are_added_in_order() {
        let [first, ..] = phases();
        let phase = first.from(Start::Phase(3)).with_references([Start::Victim]);
        let phase = phase.with_references([Start::Phase(1), Start::Phase(2)]);
        assert_eq!(phase.student, Start::Phase(3));
        assert_eq!(phase.references, [Start::Victim, Start::Phase(1), Start::Phase(2)]);
    }

    #[test]
    fn patience_needs_validation_images() {
        let [plain, _, edit] = phases();
        assert!(!plain.needs_validation() && !edit.needs_validation());
        let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training(1, 1));
        let patient = TrainPhase { patience: Some(0), ..train_phase };
        assert!(Phase::training("patient", patient).needs_validation());
    }
}
