//! How a phase trains: optimiser, schedule, augmentation.

use super::augment::Augment;
use serde::{Deserialize, Serialize};

/// Learning rate over time, as a factor of the initial (one-cycle: peak) rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    Constant,
    /// Multiplied by `factor` every `every` epochs.
    Step {
        every: usize,
        factor: f64,
    },
    /// Half a cosine from 1 to 0, every step.
    Cosine,
    /// PyTorch's `OneCycleLR` with its defaults: cosine from 1/25 to 1 over the first 30 % of the
    /// steps, then cosine to 1e-4 / 25.
    OneCycle,
    /// Flat for half of the steps, then linearly to 1 % at nine tenths (Garipov et al. 2018).
    FlatThenLinear,
}

impl Schedule {
    /// Factor at step `step` of `steps` (in epoch `epoch`).
    pub fn factor(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        let cosine = |from: f64, to: f64, share: f64| {
            to + (from - to) / 2.0 * (1.0 + libm::cos(core::f64::consts::PI * share))
        };
        match *self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => libm::pow(factor, (epoch / every.max(1)) as f64),
            Self::Cosine => cosine(1.0, 0.0, step as f64 / steps.max(1) as f64),
            Self::FlatThenLinear => {
                let share = step as f64 / steps.max(1) as f64;
                (1.0 - 0.99 * (share - 0.5) / 0.4).clamp(0.01, 1.0)
            }
            Self::OneCycle => {
                let (low, end) = (1.0 / 25.0, 1.0 / 25.0 * 1e-4);
                let top = 0.3 * steps as f64 - 1.0;
                let last = steps as f64 - 1.0;
                let step = step as f64;
                if step <= top {
                    cosine(low, 1.0, if top > 0.0 { step / top } else { 1.0 })
                } else {
                    cosine(1.0, end, (step - top) / (last - top).max(1.0))
                }
            }
        }
    }
}

/// A training: SGD with momentum and weight decay over shuffled batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    pub epochs: usize,
    #[serde(default = "default_batch")]
    pub batch: usize,
    pub lr: f64,
    pub schedule: Schedule,
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    #[serde(default)]
    pub nesterov: bool,
    #[serde(default)]
    pub weight_decay: f64,
    #[serde(default)]
    pub augment: Augment,
}

fn default_batch() -> usize {
    128
}

fn default_momentum() -> f64 {
    0.9
}

impl Training {
    /// Batches an epoch of `images` images; a last, smaller batch counts.
    pub fn steps(&self, images: usize) -> usize {
        images.div_ceil(self.batch.max(1))
    }
}
