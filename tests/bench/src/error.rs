//! The errors of benchmarks and checks.

use unstamp_shared::job::JobError;
use unstamp_shared::model::ArchError;
use unstamp_shared::model::weights::WeightsError;
use unstamp_shared::poison::PoisonError;
use unstamp_shared::settings::SettingsError;

/// Why a benchmark or a check has no result, or what differs in a check.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The file of a model cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// Weights do not fit their architecture, or the device failed.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The file of a model has no metadata.
    #[error("the file does not say its architecture")]
    NoArchitecture,
    /// The default parameters of an attack give no trigger.
    #[error(transparent)]
    Trigger(#[from] PoisonError),
    /// The settings of a defence are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A training failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The network of Burn's layers was asked for features.
    #[error("only this project's network gives features")]
    NoFeatures,
    /// A kernel gives a tensor of another shape than Burn.
    #[error("{check}: {found:?} is not {expected:?}")]
    Shape {
        /// The operation, its shape, and the tensor.
        check: String,
        /// Shape of the kernel's tensor.
        found: Vec<usize>,
        /// Shape of Burn's tensor.
        expected: Vec<usize>,
    },
    /// A kernel gives other values than Burn.
    #[error("{check}: off by {difference}")]
    Difference {
        /// The operation, its shape, and the tensor.
        check: String,
        /// Largest difference, relative to the largest value.
        difference: f32,
    },
    /// A tensor of this operation has no gradient.
    #[error("{0}: no gradient")]
    NoGradient(String),
    /// The device gave no values for this operation.
    #[error("{0}: no values")]
    NoValues(String),
    /// A page asked for a measurement before it prepared a batch.
    #[error("prepare a batch first")]
    NotPrepared,
    /// WebGPU did not start.
    #[error("{0}")]
    WebGpu(String),
    /// A line of standard input has no count.
    #[error("say TASK COUNT")]
    NoCount,
    /// The system does not tell how much memory a process uses.
    #[error("this system does not tell the memory of a process")]
    NoMemory,
    /// The name of an architecture is wrong.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// The count of a line is not a whole number.
    #[error("'{0}' is no number")]
    Count(String),
    /// The task of a line is unknown.
    #[error("'{0}' is no task")]
    Task(String),
}

#[cfg(test)]
mod tests {
    use super::BenchError;

    #[test]
    fn differences_have_these_sentences() {
        let check = "convolution n=1 1->1 1x1 k=3 s=1 dx".to_string();
        let difference = BenchError::Difference { check: check.clone(), difference: 0.5 };
        assert_eq!(difference.to_string(), "convolution n=1 1->1 1x1 k=3 s=1 dx: off by 0.5");
        let shape = BenchError::Shape { check, found: vec![1, 2], expected: vec![2, 1] };
        assert_eq!(shape.to_string(), "convolution n=1 1->1 1x1 k=3 s=1 dx: [1, 2] is not [2, 1]");
    }
}
