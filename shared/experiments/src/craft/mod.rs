//! Artefacts: pictures or parameters that some attacks need, and that are made with a clean model. Each
//! [`Craft`] makes the [`Artefact`] of one attack. To add one, write a file here, its `mod` line and a line
//! in [`CRAFTS`].

mod artefact;
mod clean_label;
mod trojan;

pub use artefact::{Artefact, ArtefactError, Provenance, fingerprint, provenance};

use crate::BoxFuture;
use burn::module::Module;
use burn::tensor::Device;
use unstamp_data::datasets::Split;
use unstamp_data::poison::Trigger;
use unstamp_data::settings::SettingsError;
use unstamp_networks::model::weights::{self, Arrays, WeightsError};
use unstamp_networks::model::{Arch, Network};

/// All crafts.
pub static CRAFTS: &[&dyn Craft] = &[&trojan::Square, &clean_label::Perturbation];

/// The craft for an attack; `None` if the attack needs no artefact.
///
/// # Examples
///
/// ```
/// use unstamp_experiments::craft::craft;
///
/// assert!(craft("trojan").is_some(), "its square is made with a model");
/// assert!(craft("badnets").is_none(), "it stamps a fixed pattern");
/// ```
pub fn craft(attack: &str) -> Option<&'static dyn Craft> {
    CRAFTS.iter().copied().find(|craft| craft.attack() == attack)
}

/// A clean model that the attacker has, and the data that the attacker uses.
pub struct CraftContext<'a> {
    /// Architecture of the model.
    pub arch: &'a Arch,
    /// Weights of the model.
    pub arrays: &'a Arrays,
    /// Id of the data set.
    pub dataset: &'a str,
    /// Images the artefact is made from.
    pub train: &'a Split,
    /// The device without automatic differentiation.
    pub device: &'a Device,
    /// Is called with the number of steps done and the number of all steps.
    pub progress: &'a dyn Fn(usize, usize),
}

impl CraftContext<'_> {
    /// The network in evaluation mode, for gradients with respect to its input; no weight carries
    /// gradients.
    fn network(&self) -> Result<Network, WeightsError> {
        Ok(weights::network(self.arch, self.arrays, &self.autodiff())?.no_grad())
    }

    fn autodiff(&self) -> Device {
        self.device.clone().autodiff()
    }
}

/// Why an artefact could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CraftError {
    /// Weights do not fit their architecture, or the device failed.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The trigger's parameters are not the settings of the attack.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The attack's settings give its square no area in the images.
    #[error("the settings of the attack give no position of the square")]
    NoArea,
    /// No neuron of the last layer reacts to a square.
    #[error("no square of this size raises a neuron of the model's last layer")]
    NoNeuron,
}

/// Makes the artefact of one attack.
pub trait Craft: Sync {
    /// Id of the attack that uses it.
    fn attack(&self) -> &'static str;

    /// Makes the artefact for `trigger`, with the settings in the trigger's parameters.
    ///
    /// # Errors
    ///
    /// [`CraftError`]: the model or the settings do not suit the attack, or the device fails.
    fn make<'a>(
        &'a self,
        context: &'a CraftContext<'a>,
        trigger: &'a Trigger,
    ) -> BoxFuture<'a, Result<Artefact, CraftError>>;
}
