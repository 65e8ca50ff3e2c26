//! The state of a job as bytes and back.

use super::output::{Auxiliary, AuxiliaryHead};
use super::running::Running;
use super::{CheckpointError, Epoch, Job, JobError, Measurement, Phase, PhaseOutput, sgd};
use serde::{Deserialize, Serialize};
use unstamp_networks::model::weights::{self, Array, Arrays, Precision};

/// The position of a job. Together with the arrays of [`Job::save`] it is the whole state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cursor {
    key: String,
    pub(super) phase: usize,
    pub(super) epoch: usize,
    pub(super) step: usize,
    /// Sums over the running epoch: name of a part of the loss, sum of its value times images.
    pub(super) sums: Vec<(String, f64)>,
    /// The same of quantities that are no part of the loss.
    #[serde(default)]
    pub(super) measured: Vec<(String, f64)>,
    /// Images of the running epoch so far.
    pub(super) images: usize,
    pub(super) history: Vec<Epoch>,
    #[serde(default)]
    pub(super) measurements: Vec<Measurement>,
    pub(super) passes: u64,
    /// Of the running phase: most validation images classified correctly, and in which epoch.
    pub(super) best: Option<(u64, usize)>,
    /// For every finished phase, the kind of its auxiliary output; only [`Job::save`] fills it.
    #[serde(default)]
    auxiliary: Vec<AuxiliaryHead>,
}

impl Cursor {
    pub(super) fn new(key: String) -> Self {
        Self {
            key,
            phase: 0,
            epoch: 0,
            step: 0,
            sums: Vec::new(),
            measured: Vec::new(),
            images: 0,
            history: Vec::new(),
            measurements: Vec::new(),
            passes: 0,
            best: None,
            auxiliary: Vec::new(),
        }
    }

    /// Whether `right` images are more than after any epoch before. Remembers the best.
    pub(super) fn improves(&mut self, right: u64) -> bool {
        let better = self.best.is_none_or(|(best, _)| right > best);
        if better {
            self.best = Some((right, self.epoch));
        }
        better
    }

    /// Whether the last `patience` epochs brought no better validation accuracy.
    pub(super) fn settled(&self, patience: Option<usize>) -> bool {
        match (patience, self.best) {
            (Some(patience), Some((_, at))) => self.step == 0 && self.epoch > at + patience,
            _ => false,
        }
    }

    /// Moves to the beginning of the next phase.
    pub(super) fn next_phase(&mut self) {
        self.phase += 1;
        self.epoch = 0;
        self.step = 0;
        self.best = None;
    }
}

// Prefixes of the arrays of a checkpoint. A run that was interrupted by another version must find its
// arrays, so the prefixes stay as they are.

/// Prefix of the parameters that are trained together with the student.
const AUXILIARY: &str = "own";

/// Prefix of Adam's state for these parameters.
const ADAM_MOMENTS: &str = "moments";

/// Prefix of the weights that phase `i` ended with.
fn output_weights(i: usize) -> String {
    format!("ended{i}")
}

/// Prefix of the arrays of the auxiliary output of phase `i`.
fn output_auxiliary(i: usize) -> String {
    format!("ended{i}.own")
}

/// Adds arrays under `prefix/`.
fn add_under(all: &mut Arrays, prefix: &str, arrays: Arrays) {
    all.extend(arrays.into_iter().map(|(name, array)| (format!("{prefix}/{name}"), array)));
}

/// The arrays under `prefix/`, without it.
fn arrays_under(all: &Arrays, prefix: &str) -> Arrays {
    let strip = |name: &String| name.strip_prefix(prefix)?.strip_prefix('/').map(str::to_string);
    all.iter().filter_map(|(name, array)| Some((strip(name)?, array.clone()))).collect()
}

impl Running {
    /// Adds the state of a training.
    async fn add_to(&self, all: &mut Arrays) -> Result<(), JobError> {
        add_under(all, "student", weights::arrays(&self.student).await?);
        if let Some(best) = &self.best {
            add_under(all, "best", best.clone());
        }
        if let Some(auxiliary) = &self.auxiliary {
            add_under(all, AUXILIARY, auxiliary.arrays().await?);
            add_under(all, ADAM_MOMENTS, auxiliary.moments().await?);
        }
        let (names, tensors): (Vec<_>, Vec<_>) =
            self.momentum.named(&self.student).into_iter().unzip();
        for (name, values) in names.into_iter().zip(weights::read(tensors).await?) {
            let array = Array { shape: vec![values.len()], values };
            all.insert(format!("momentum/{name}"), array);
        }
        Ok(())
    }
}

impl Job {
    /// The whole state as bytes.
    ///
    /// # Errors
    ///
    /// If the device does not give the weights back.
    pub async fn save(&self) -> Result<Vec<u8>, JobError> {
        let mut all = Arrays::new();
        let mut cursor = self.cursor.clone();
        for (i, output) in self.outputs.iter().enumerate() {
            add_under(&mut all, &output_weights(i), output.weights.clone());
            add_under(&mut all, &output_auxiliary(i), output.auxiliary.arrays());
            cursor.auxiliary.push(output.auxiliary.head());
        }
        if let Some(running) = &self.running {
            running.add_to(&mut all).await?;
        }
        Ok(weights::to_bytes(&all, Precision::F32, &cursor))
    }

    /// Continues from a state that [`Job::save`] gave for a job with the same arguments.
    ///
    /// # Errors
    ///
    /// [`JobError::Checkpoint`] if the state is one of another job, [`JobError::Weights`] if the
    /// bytes are no checkpoint; the job is then as before, or at its first step.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use unstamp_data::datasets::{SplitName, signs};
    /// use unstamp_data::seed::Seed;
    /// use unstamp_experiments::job::Job;
    /// use unstamp_networks::Device;
    /// use unstamp_networks::model::{Arch, weights::Arrays};
    ///
    /// let data = Arc::new(signs::split(Seed(0), SplitName::Train, 0..2));
    /// let job = |key: &str| {
    ///     let arch = Arch::new("wrn-10-1", 10);
    ///     Job::new(key.into(), arch, Arrays::new(), Vec::new(), data.clone(), Seed(0), Device::flex())
    /// };
    /// let saved = pollster::block_on(job("one run")?.save())?;
    /// assert!(pollster::block_on(job("one run")?.restore(&saved)).is_ok());
    /// let error = pollster::block_on(job("another run")?.restore(&saved)).expect_err("another key");
    /// assert_eq!(error.to_string(), "the checkpoint belongs to another run: its settings differ");
    /// # Ok::<(), unstamp_experiments::job::JobError>(())
    /// ```
    pub async fn restore(&mut self, bytes: &[u8]) -> Result<(), JobError> {
        let (all, cursor) = weights::from_bytes::<Cursor>(bytes)?;
        let mut cursor = cursor.ok_or(CheckpointError::NoMetadata)?;
        if cursor.key != self.cursor.key {
            return Err(CheckpointError::Settings.into());
        }
        let heads = std::mem::take(&mut cursor.auxiliary);
        if heads.len() != cursor.phase {
            return Err(CheckpointError::Outputs.into());
        }
        let mut outputs = Vec::new();
        for (i, head) in heads.iter().enumerate() {
            let arrays = arrays_under(&all, &output_auxiliary(i));
            let auxiliary = Auxiliary::from_parts(head, arrays).ok_or(CheckpointError::Outputs)?;
            let weights = arrays_under(&all, &output_weights(i));
            outputs.push(PhaseOutput { weights, auxiliary });
        }
        let before = std::mem::replace(&mut self.cursor, cursor);
        self.outputs = outputs;
        self.order.clear();
        self.running = None;
        let phase = self.phases.get(self.cursor.phase).cloned();
        if let Some(phase) = phase
            && all.keys().any(|name| name.starts_with("student/"))
        {
            match self.resumed(&phase, &all).await {
                Ok(running) => self.running = Some(running),
                Err(error) => {
                    self.cursor = Cursor::new(before.key);
                    self.outputs.clear();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The training that was running when the arrays were saved.
    async fn resumed(&self, phase: &Phase, all: &Arrays) -> Result<Running, JobError> {
        let mut running = self.begin(phase).await?;
        let autodiff = self.device.clone().autodiff();
        let student = arrays_under(all, "student");
        running.student = weights::network(&self.arch(&phase.student), &student, &autodiff)?;
        let momentum = arrays_under(all, "momentum");
        running.momentum = sgd::Momentum::from_arrays(&running.student, &momentum, &self.device)
            .ok_or(CheckpointError::Momentum)?;
        if let Some(auxiliary) = &mut running.auxiliary {
            let values = arrays_under(all, AUXILIARY);
            let moments = arrays_under(all, ADAM_MOMENTS);
            auxiliary.restore(&values, &moments, &self.device).ok_or(CheckpointError::Auxiliary)?;
        }
        running.best = Some(arrays_under(all, "best")).filter(|best| !best.is_empty());
        Ok(running)
    }
}

#[cfg(test)]
mod tests;
