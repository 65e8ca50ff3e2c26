//! Errors of jobs.

use unstamp_networks::model::weights::WeightsError;

/// Why a job cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A loss or one of its parts is infinite or no number.
    #[error(
        "the loss became {value} in phase {phase}, epoch {epoch}, step {step}; lower the learning rate or beta"
    )]
    NotFinite {
        /// The first value that is not finite.
        value: f64,
        /// Name of the phase.
        phase: String,
        /// From 0.
        epoch: usize,
        /// From 0, within the epoch.
        step: usize,
    },
    /// Weights do not fit their architecture, or the device failed.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A phase cannot do its work.
    #[error(transparent)]
    Phase(#[from] PhaseError),
    /// A checkpoint is not one of this job.
    #[error("the checkpoint belongs to another run: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A job needs training images.
    #[error("there are no images to train on")]
    NoImages,
}

/// Why a phase cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// Weights do not fit their architecture, or the device failed.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An earlier phase did not give something that the phase needs.
    #[error("the phase needs {0}, and no earlier phase gave it")]
    Missing(PhaseInput),
    /// The features of teacher and student cannot be compared.
    #[error(
        "the teacher's features have other sizes than the student's; choose a teacher of the student's family (with operator = raw, of the same width)"
    )]
    Teacher,
    /// The network has no convolution that can be pruned.
    #[error("the network has no convolution whose channels can be pruned")]
    NoConvolution,
    /// The target class does not exist.
    #[error("target = {target} is not a class: the classes are 0 to {}", classes.saturating_sub(1))]
    Target {
        /// The class asked for.
        target: usize,
        /// Number of classes.
        classes: usize,
    },
}

/// Something that a phase gets from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhaseInput {
    /// A model to compare with, such as a teacher.
    Model,
    /// The two models that a curve connects.
    CurveEnds,
    /// Parameters that were learned together with a network.
    Parameters,
    /// The class that triggers lead to.
    Target,
    /// Recovered triggers.
    Triggers,
}

impl std::fmt::Display for PhaseInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Model => "another model",
            Self::CurveEnds => "the two ends of a curve",
            Self::Parameters => "parameters learned together with the network",
            Self::Target => "the class that triggers lead to",
            Self::Triggers => "recovered triggers",
        })
    }
}

/// Why a checkpoint does not continue a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The file has no metadata.
    #[error("it has no metadata")]
    NoMetadata,
    /// The key of the run differs.
    #[error("its settings differ")]
    Settings,
    /// The outputs of the finished phases are incomplete, as in files of earlier versions.
    #[error("its phases have other outputs")]
    Outputs,
    /// A velocity has another size than its parameter.
    #[error("its momentum has another size")]
    Momentum,
    /// A parameter learned together with the student has another size.
    #[error("its auxiliary parameters have another size")]
    Auxiliary,
}
