//! The defences. To add one, write a file here, its `mod` line and a line in [`DEFENCES`].
//!
//! A defence only declares: what it may know, its parameters, and its phases. A
//! [`Job`](crate::job::Job) runs them, in the trainer and in the page alike.

mod argd;
mod cutout;
mod fine_prune;
mod fine_tune;
mod mcr;
pub mod mesa;
mod mixup;
mod nad;
pub mod nba;
mod retrain;
mod teacher;
mod training;
mod typed;

pub use teacher::TEACHER;
pub use typed::TypedDefence;

use crate::job::{Phase, validation_images};
use serde::Serialize;
use unstamp_data::datasets::Split;
use unstamp_data::method::{Method, Param, Values};
use unstamp_data::poison::Trigger;
use unstamp_data::settings::SettingsError;

/// All defences, in the order of the papers.
pub static DEFENCES: &[&dyn Defence] = &[
    &fine_tune::FineTune,
    &mixup::Mixup,
    &cutout::Cutout,
    &fine_prune::FinePruning,
    &mcr::ModeConnectivity,
    &nad::Nad,
    &argd::Argd,
    &nba::Nba,
    &mesa::Mesa,
    &retrain::Retrain,
];

/// The defence with this id.
///
/// # Examples
///
/// ```
/// use unstamp_data::method::Values;
/// use unstamp_experiments::defences::{DefenceInput, Knows, defence};
/// use unstamp_experiments::job::Start;
///
/// let nad = defence("nad").expect("it is listed");
/// assert_eq!(nad.knows(&Values::default())?, Knows::CleanSubset);
///
/// let given = DefenceInput { images: 500, size: (32, 32), flip: false, trigger: None };
/// let phases = nad.phases(&Values::parse(["beta=2", "epochs=3"])?, given)?;
/// assert_eq!([phases[0].name, phases[1].name], ["teacher", "distil"]);
/// assert_eq!(phases[1].references, [Start::Phase(0)]);
///
/// let error = nad.phases(&Values::parse(["bta=2"])?, given).expect_err("a misspelt key");
/// assert!(error.to_string().starts_with("there is no parameter 'bta'"));
/// # Ok::<(), unstamp_data::settings::SettingsError>(())
/// ```
pub fn defence(id: &str) -> Option<&'static dyn Defence> {
    DEFENCES.iter().copied().find(|defence| defence.method().id == id)
}

/// The data that a defence may use in addition to the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Knows {
    /// The clean subset only.
    CleanSubset,
    /// The clean subset and the attacker's trigger. A real defender does not have the trigger, so the result
    /// is an upper bound.
    Trigger,
}

/// Rates of a defended model in a paper, on CIFAR-10 and in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported {
    /// Id of the attack on the victim.
    pub attack: &'static str,
    /// Clean accuracy.
    pub acc: f64,
    /// Attack success rate.
    pub asr: f64,
}

/// Facts about the data, and the trigger, from which a defence builds its phases.
#[derive(Clone, Copy)]
pub struct DefenceInput<'a> {
    /// Number of images in the clean subset.
    pub images: usize,
    /// Width and height of the images.
    pub size: (usize, usize),
    /// Whether the data set allows mirroring.
    pub flip: bool,
    /// The attacker's trigger. Only a defence that knows it sees it.
    pub trigger: Option<&'a Trigger>,
}

impl<'a> DefenceInput<'a> {
    /// The input of a defence whose clean subset is `clean`.
    pub fn new(clean: &Split, flip: bool, trigger: Option<&'a Trigger>) -> Self {
        Self { images: clean.len(), size: (clean.width, clean.height), flip, trigger }
    }

    /// Whether the clean subset is large enough to set validation images aside.
    fn has_validation_images(&self) -> bool {
        validation_images(self.images).is_some()
    }
}

/// A way to erase a backdoor. A defence implements [`TypedDefence`] and is then a `Defence`.
pub trait Defence: Sync {
    /// Its id, title, paper and summary.
    fn method(&self) -> Method;

    /// Its settings.
    fn params(&self) -> Vec<Param>;

    /// The data that it uses with these values.
    ///
    /// # Errors
    ///
    /// A key is no setting, or a value is not accepted.
    fn knows(&self, values: &Values) -> Result<Knows, SettingsError>;

    /// The rates that the NAD paper reports with the default settings (tables 1 and 4).
    fn reported(&self) -> &'static [Reported];

    /// The phases in order; the last one ends with the defended model. Settings that are missing take
    /// their defaults. The trigger is used only if the defence [knows](Defence::knows) it.
    ///
    /// # Errors
    ///
    /// A key is no setting, or a value is not accepted or does not suit the images.
    fn phases(&self, values: &Values, given: DefenceInput) -> Result<Vec<Phase>, SettingsError>;
}

#[cfg(test)]
mod tests;
