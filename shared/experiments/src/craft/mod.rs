//! What has to be made with a model before an attack can be planted. Each [`Craft`] gives an
//! [`Artefact`], which the attack of the same id then takes; adding one is one file here and one
//! line in [`CRAFTS`].

mod artefact;
mod clean_label;
mod pgd;
mod robust;
mod trojan;

pub use artefact::{Artefact, ArtefactError, Head, fingerprint, head};
pub use pgd::Pgd;
pub use robust::Robust;

use crate::Later;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use unstamp_data::datasets::Split;
use unstamp_data::poison::Trigger;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Wrn, batch, labels};

/// Everything that can be made.
pub static CRAFTS: &[&dyn Craft] = &[&trojan::Square, &clean_label::Perturbation];

/// What makes the artefact of this attack, where it has one.
pub fn craft(attack: &str) -> Option<&'static dyn Craft> {
    CRAFTS.iter().copied().find(|craft| craft.attack() == attack)
}

/// A clean model somebody attacks with, and the data it works on.
pub struct Workshop<'a> {
    pub arch: &'a Arch,
    pub arrays: &'a Arrays,
    /// Id of the data set.
    pub dataset: &'a str,
    /// Images the artefact is made from.
    pub train: &'a Split,
    pub device: &'a Device,
    /// Hears of steps done and to do.
    pub progress: &'a dyn Fn(usize, usize),
}

impl Workshop<'_> {
    /// The network for derivatives by its input: evaluation mode, no weight is tracked.
    fn network(&self) -> Result<Wrn, WeightsError> {
        Ok(weights::network(self.arch, self.arrays, &self.autodiff())?.no_grad())
    }

    fn autodiff(&self) -> Device {
        self.device.clone().autodiff()
    }

    /// Training images as `[n, 3, h, w]` with their labels.
    fn batch(&self, indices: &[usize]) -> (Tensor<4>, Tensor<1, Int>) {
        let device = self.autodiff();
        (batch(self.train, indices, &device, |_, _| ()), labels(self.train, indices, &device))
    }
}

/// Makes the artefact of one attack.
pub trait Craft: Sync {
    /// Id of the attack that takes it.
    fn attack(&self) -> &'static str;

    /// Makes it for `trigger`, whose parameters say how.
    fn make<'a>(
        &'a self,
        shop: &'a Workshop<'a>,
        trigger: &'a Trigger,
    ) -> Later<'a, Result<Artefact, WeightsError>>;
}
