//! Adversarial training. The public code makes clean-label images with such a robust model.

use super::{Norm, Pgd};
use crate::job::{Batch, PhaseError, TrainStep};
use crate::objectives::{Loss, cross_entropy};
use burn::module::Module;
use serde::{Deserialize, Serialize};
use unstamp_networks::model::Network;

/// Cross entropy on images that PGD has moved against the student itself ([Madry et al.
/// 2018](https://arxiv.org/abs/1706.06083)). The student is in evaluation mode while they are made.
/// A single step is 1.25 eps long and begins at a random point ([Wong et al.
/// 2020](https://arxiv.org/abs/2001.03994)); several steps are 2.5 eps long together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robust {
    /// Radius, of the range 0..1.
    pub eps: f64,
    /// Steps of PGD.
    #[serde(default = "one")]
    pub steps: usize,
}

fn one() -> usize {
    1
}

impl Robust {
    fn attack(&self) -> Pgd {
        let reach = if self.steps == 1 { 1.25 } else { 2.5 / self.steps.max(1) as f64 };
        Pgd {
            norm: Norm::Linf,
            eps: self.eps as f32,
            step: (reach * self.eps) as f32,
            steps: self.steps,
        }
    }
}

impl TrainStep for Robust {
    fn loss(&self, batch: &mut Batch) -> Result<Loss, PhaseError> {
        let fixed: Network = batch.student.clone().no_grad();
        let moved = self.attack().perturb_batch(&fixed, batch);
        let student = batch.learn(moved);
        let total = cross_entropy(student.logits, batch.labels.clone());
        Ok(Loss { total: total.clone(), parts: vec![("adversarial_cross_entropy", total)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_step_leaves_the_ball_and_several_can_cross_it() {
        let step = |steps| Robust { eps: 0.1, steps }.attack().step;
        assert!((step(1) - 0.125).abs() < 1e-6);
        assert!((step(5) - 0.05).abs() < 1e-6);
        assert!(step(0).is_finite());
    }
}
