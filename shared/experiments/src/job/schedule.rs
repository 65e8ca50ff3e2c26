//! The learning rate over time.

use serde::{Deserialize, Serialize};

/// Learning rate over time, as a factor of the initial (one-cycle: peak) rate.
///
/// # Examples
///
/// ```
/// use unstamp_experiments::job::Schedule;
///
/// // Five epochs of 10 steps.
/// let halved = Schedule::Step { every: 2, factor: 0.5, times: None };
/// let rates: Vec<f64> = (0..5).map(|epoch| halved.factor(epoch, 10 * epoch, 50)).collect();
/// assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25]);
/// assert_eq!(Schedule::Cosine.factor(2, 25, 50), 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// Multiplied by `factor` every `every` epochs, at most `times` times.
    Step {
        /// Epochs between two changes.
        every: usize,
        /// Factor of one change.
        factor: f64,
        /// Number of changes at most; `None` is no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<usize>,
    },
    /// Half a cosine from 1 to 0, every step ([Loshchilov & Hutter
    /// 2017](https://arxiv.org/abs/1608.03983), without restarts).
    Cosine,
    /// One cycle ([Smith & Topin 2018](https://arxiv.org/abs/1708.07120)) as in PyTorch's
    /// [`OneCycleLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html)
    /// with its defaults: cosine from 1/25 to 1 over the first 30 % of the steps, then cosine to
    /// 1e-4 / 25.
    OneCycle,
    /// Flat for half of the steps, then linearly to 1 % at nine tenths ([Garipov et al.
    /// 2018](https://arxiv.org/abs/1802.10026)).
    FlatThenLinear,
}

impl Schedule {
    /// Factor of the learning rate at step `step` of `steps`, which is in epoch `epoch`.
    pub fn factor(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        let cosine = |from: f64, to: f64, share: f64| {
            to + (from - to) / 2.0 * (1.0 + libm::cos(core::f64::consts::PI * share))
        };
        match *self {
            Self::Constant => 1.0,
            Self::Step { every, factor, times } => {
                let changes = (epoch / every.max(1)).min(times.unwrap_or(usize::MAX));
                libm::pow(factor, changes as f64)
            }
            Self::Cosine => cosine(1.0, 0.0, step as f64 / steps.max(1) as f64),
            Self::FlatThenLinear => {
                let share = step as f64 / steps.max(1) as f64;
                (1.0 - 0.99 * (share - 0.5) / 0.4).clamp(0.01, 1.0)
            }
            Self::OneCycle => {
                let low = 1.0 / 25.0;
                let end = 1.0 / 25.0 * 1e-4;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding of a few operations in f64.
    const ROUNDING: f64 = 1e-12;

    fn close(schedule: Schedule, steps: usize, wanted: &[(usize, f64)]) {
        for &(step, wanted) in wanted {
            let found = schedule.factor(step / 10, step, steps);
            assert!((found - wanted).abs() < ROUNDING, "{schedule:?} at {step}: {found}, {wanted}");
        }
    }

    #[test]
    fn factors_follow_their_formulas() {
        close(Schedule::Constant, 100, &[(0, 1.0), (99, 1.0)]);
        let step = Schedule::Step { every: 2, factor: 0.1, times: None };
        close(step, 100, &[(0, 1.0), (19, 1.0), (20, 0.1), (40, 0.01)]);
        let once = Schedule::Step { every: 2, factor: 0.1, times: Some(1) };
        close(once, 100, &[(0, 1.0), (20, 0.1), (40, 0.1), (99, 0.1)]);
        close(Schedule::Cosine, 100, &[(0, 1.0), (50, 0.5), (100, 0.0)]);
        let flat = [(0, 1.0), (50, 1.0), (70, 0.505), (90, 0.01), (99, 0.01)];
        close(Schedule::FlatThenLinear, 100, &flat);
    }

    #[test]
    fn factors_of_short_trainings_lie_in_0_to_1() {
        let step = Schedule::Step { every: 0, factor: 0.5, times: Some(1) };
        let all = [step, Schedule::Cosine, Schedule::OneCycle, Schedule::FlatThenLinear];
        for (schedule, steps) in all.into_iter().flat_map(|s| (0..5).map(move |n| (s, n))) {
            for step in 0..steps.max(1) {
                let factor = schedule.factor(step, step, steps);
                assert!((0.0..=1.0).contains(&factor), "{schedule:?}, {step} of {steps}: {factor}");
            }
        }
    }

    /// PyTorch's `OneCycleLR(max_lr=1, total_steps=100)`: from 1/25 to the peak at step 29, then to
    /// 1e-4 / 25 at step 99.
    #[test]
    fn one_cycle_is_that_of_pytorch() {
        let wanted = [(0, 0.04), (29, 1.0), (64, (1.0 + 4e-6) / 2.0), (99, 4e-6)];
        close(Schedule::OneCycle, 100, &wanted);
    }
}
