//! A defence with typed settings, and how it becomes a [`Defence`].

use super::{Defence, DefenceInput, Knows, Reported};
use crate::job::Phase;
use unstamp_data::method::{Method, Param, Values};
use unstamp_data::settings::{Settings, SettingsError};

/// A defence whose settings are a struct. It is a [`Defence`], which reads the struct from values.
pub trait TypedDefence: Sync {
    /// The settings; [`settings!`](unstamp_data::settings!) declares them.
    type Settings: Settings;

    /// Its id, title, paper and summary.
    fn method(&self) -> Method;

    /// The data that it uses with these settings.
    fn knows(&self, _settings: &Self::Settings) -> Knows {
        Knows::CleanSubset
    }

    /// The rates that the NAD paper reports with the default settings (tables 1 and 4).
    fn reported(&self) -> &'static [Reported] {
        &[]
    }

    /// Checks the settings against the width and height of the images.
    ///
    /// # Errors
    ///
    /// A setting does not suit the images.
    fn check(
        &self,
        _settings: &Self::Settings,
        _size: (usize, usize),
    ) -> Result<(), SettingsError> {
        Ok(())
    }

    /// The phases in order; the last one ends with the defended model.
    fn phases(&self, settings: &Self::Settings, given: &DefenceInput) -> Vec<Phase>;
}

impl<D: TypedDefence> Defence for D {
    fn method(&self) -> Method {
        TypedDefence::method(self)
    }

    fn params(&self) -> Vec<Param> {
        D::Settings::params()
    }

    fn knows(&self, values: &Values) -> Result<Knows, SettingsError> {
        Ok(TypedDefence::knows(self, &D::Settings::from_values(values)?))
    }

    fn reported(&self) -> &'static [Reported] {
        TypedDefence::reported(self)
    }

    fn phases(&self, values: &Values, given: DefenceInput) -> Result<Vec<Phase>, SettingsError> {
        let settings = D::Settings::from_values(values)?;
        TypedDefence::check(self, &settings, given.size)?;
        let knows_trigger = TypedDefence::knows(self, &settings) == Knows::Trigger;
        let trigger = given.trigger.filter(|_| knows_trigger);
        Ok(TypedDefence::phases(self, &settings, &DefenceInput { trigger, ..given }))
    }
}
