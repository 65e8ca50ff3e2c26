//! Phases that change weights at once: pruning, a choice between models, a point on a curve.

use super::{Event, Job, JobError, Measurement, Phase, PhaseError, PhaseOutput};
use crate::BoxFuture;
use burn::tensor::Device;
use std::fmt::Debug;
use std::sync::Arc;
use unstamp_data::datasets::Split;
use unstamp_data::seed::Stream;
use unstamp_networks::model::Arch;
use unstamp_networks::model::weights::Arrays;

/// The inputs of an edit.
pub struct EditContext<'a> {
    /// Architecture of the phase's student.
    pub arch: &'a Arch,
    /// Weights of the phase's student.
    pub weights: &'a Arrays,
    /// Outputs of the phase's references.
    pub references: Vec<&'a PhaseOutput>,
    /// The images that the phases train on.
    pub data: &'a Split,
    /// Clean images that no phase trains on, if there are enough of them.
    pub validation: Option<&'a Split>,
    /// The device without automatic differentiation.
    pub device: &'a Device,
    /// A random stream that depends on the seed and on the phase only.
    pub random: Stream,
}

/// The result of an edit.
pub struct Edited {
    /// The changed weights, and a result in addition to them.
    pub output: PhaseOutput,
    /// Names and values of measurements, such as the number of pruned channels.
    pub measured: Vec<(String, f64)>,
}

/// A change of weights at once.
pub trait Edit: Send + Sync + Debug {
    /// Whether it chooses by validation images.
    fn needs_validation(&self) -> bool {
        false
    }

    /// Alternative edits to report, by position: other `t` on the curve.
    fn points(&self) -> Vec<(f64, Arc<dyn Edit>)> {
        Vec::new()
    }

    /// Changes the weights.
    ///
    /// # Errors
    ///
    /// [`PhaseError`]: an earlier phase did not give what the edit needs, weights do not fit, or the
    /// device fails.
    fn edit<'a>(&'a self, context: EditContext<'a>) -> BoxFuture<'a, Result<Edited, PhaseError>>;
}

impl Job {
    /// Applies an edit to weights as the phase with this index does: with its references, and with the
    /// numbers that it draws, whichever phase runs.
    pub(super) async fn edited(
        &self,
        index: usize,
        edit: &dyn Edit,
        weights: &Arrays,
    ) -> Result<Edited, JobError> {
        let phase = &self.phases[index];
        let mut references = Vec::new();
        for start in &phase.references {
            references.push(self.start(start).await?);
        }
        let context = EditContext {
            arch: &self.arch(&phase.student),
            weights,
            references: references.iter().collect(),
            data: &self.data,
            validation: self.validation.as_ref(),
            device: &self.device,
            random: self.random("edit", index),
        };
        Ok(edit.edit(context).await?)
    }

    /// Runs a phase that is an edit.
    pub(super) async fn edit(&mut self, phase: &Phase, edit: &dyn Edit) -> Result<Event, JobError> {
        let weights = self.start(&phase.student).await?.weights;
        let Edited { output, measured } = self.edited(self.cursor.phase, edit, &weights).await?;
        let measurements = measured.into_iter().map(|(name, value)| Measurement {
            phase: phase.name.to_string(),
            name,
            value,
        });
        self.cursor.measurements.extend(measurements);
        Ok(self.end_phase(phase, output))
    }
}
