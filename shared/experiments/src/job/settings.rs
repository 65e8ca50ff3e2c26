//! Settings of a training: optimiser, schedule, augmentation.

use super::{Augment, Schedule};
use serde::{Deserialize, Serialize};

/// A training: SGD with momentum and weight decay over shuffled batches.
///
/// # Examples
///
/// ```
/// use unstamp_experiments::job::{Schedule, Training};
///
/// let text = "epochs = 2\nlr = 0.1\nbatch = 64\nschedule = { kind = \"cosine\" }";
/// let training: Training = toml::from_str(text)?;
/// assert_eq!((training.schedule, training.momentum), (Schedule::Cosine, 0.9));
/// assert_eq!(training.steps(100), 2, "the second batch has 36 images");
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the images.
    pub epochs: usize,
    /// Images per step.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// Initial (one-cycle: peak) learning rate.
    pub lr: f64,
    /// Change of the learning rate over time.
    pub schedule: Schedule,
    /// Factor of the last step's velocity.
    #[serde(default = "default_momentum")]
    pub momentum: f64,
    /// Whether momentum has Nesterov's form.
    #[serde(default)]
    pub nesterov: bool,
    /// Factor of the L2 penalty.
    #[serde(default)]
    pub weight_decay: f64,
    /// Augmentation of the images.
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
    /// Epochs of a victim by default.
    pub const VICTIM_EPOCHS: usize = 24;

    /// How victims are trained by default: the settings of [NAD's public
    /// code](https://github.com/bboylyg/NAD), without augmentation. The learning rate is a tenth in the
    /// last sixth of the epochs; the code has [`Training::VICTIM_EPOCHS`] and changes it after 20.
    pub fn of_victim(epochs: usize) -> Self {
        let every = (epochs * 5).div_ceil(6).max(1);
        Self {
            epochs,
            batch: 64,
            lr: 0.1,
            schedule: Schedule::Step { every, factor: 0.1, times: None },
            momentum: default_momentum(),
            nesterov: true,
            weight_decay: 1e-4,
            augment: Augment::default(),
        }
    }

    /// Steps of an epoch of `images` images; a last, smaller batch counts.
    pub fn steps(&self, images: usize) -> usize {
        images.div_ceil(self.batch.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_smaller_batch_is_a_step() {
        let steps = |batch, images| {
            let training = Training { batch, ..crate::testing::training(1, 1) };
            training.steps(images)
        };
        assert_eq!([steps(4, 0), steps(4, 1), steps(4, 4), steps(4, 5)], [0, 1, 1, 2]);
        assert_eq!(steps(0, 3), 3, "a batch holds at least one image");
    }

    #[test]
    fn victims_end_with_a_tenth_of_the_rate() {
        for (epochs, every) in [(0, 1), (1, 1), (6, 5), (24, 20), (25, 21)] {
            let schedule = Schedule::Step { every, factor: 0.1, times: None };
            assert_eq!(Training::of_victim(epochs).schedule, schedule, "{epochs} epochs");
        }
        let last = Training::of_victim(24).schedule.factor(23, 23, 24);
        assert!((last - 0.1).abs() < 1e-12, "one change only: {last}");
    }

    #[test]
    fn missing_keys_have_defaults_and_unknown_keys_are_refused() {
        let text = "epochs = 3\nlr = 0.1\nschedule = { kind = \"one_cycle\" }\n";
        let training: Training = toml::from_str(text).expect("sound");
        let wanted = Training {
            epochs: 3,
            batch: 128,
            lr: 0.1,
            schedule: Schedule::OneCycle,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
            augment: Augment::default(),
        };
        assert_eq!(training, wanted);
        for wrong in ["decay = 0.1", "augment = { crop = 4, rotate = 3 }", "batch = -1"] {
            assert!(toml::from_str::<Training>(&format!("{text}{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
