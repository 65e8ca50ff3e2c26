//! The events of a job, its epochs and its measurements.

use super::Rates;
use serde::{Deserialize, Serialize};

/// The outcome of one call of [`Job::next`](super::Job::next).
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// One optimiser step.
    Step {
        /// Name of the phase.
        phase: &'static str,
        /// From 0.
        epoch: usize,
        /// From 0, within the epoch.
        step: usize,
        /// Steps of the epoch.
        steps: usize,
        /// Images of the batch.
        images: usize,
        /// The total loss, mean over the batch.
        loss: f64,
    },
    /// An epoch ended.
    Epoch(Epoch),
    /// A phase ended.
    Phase {
        /// Name of the phase.
        phase: &'static str,
    },
}

/// Losses and measurements of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Name of the phase.
    pub phase: String,
    /// From 0.
    pub epoch: usize,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Parts of the loss by name, means over the epoch's images.
    pub losses: Vec<(String, f64)>,
    /// Quantities that are no part of the loss, by name: `validation_accuracy` in a phase that stops
    /// early, and those of [`Batch::measured`](super::Batch::measured), means over the epoch's images.
    /// Results of older versions have them among the losses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<(String, f64)>,
    /// Rates of [`Job::so_far`](super::Job::so_far) on test images, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
}

impl Epoch {
    /// Whether optimiser steps changed weights in this epoch. An epoch with learning rate 0 only computes
    /// running statistics.
    pub fn trained(&self) -> bool {
        self.lr > 0.0
    }
}

/// A number that an edit measured: how many channels it pruned, which class it chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Name of the phase that measured it.
    pub phase: String,
    /// Name of the measured quantity, such as `pruned_channels`.
    pub name: String,
    /// The measured value; a share is a fraction in 0..1.
    pub value: f64,
}
