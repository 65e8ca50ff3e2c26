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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Stamp, TrainPhase, Work};
    use crate::objectives::CrossEntropy;
    use crate::testing::training;
    use std::sync::Arc;
    use unstamp_data::poison::{TriggerRecord, sign_trigger};
    use unstamp_data::{choices, settings};

    choices! {
        enum Answer { No = "no", Yes = "yes" }
    }

    settings! {
        struct Told {
            told: Answer = Answer::No, "whether the defence knows the trigger";
        }
    }

    /// A defence that puts any trigger it is given on all images.
    struct Stamping;

    impl TypedDefence for Stamping {
        type Settings = Told;

        fn method(&self) -> Method {
            Method { id: "stamping", title: "", paper: "", summary: "" }
        }

        fn knows(&self, settings: &Told) -> Knows {
            match settings.told {
                Answer::No => Knows::CleanSubset,
                Answer::Yes => Knows::Trigger,
            }
        }

        fn check(&self, _settings: &Told, size: (usize, usize)) -> Result<(), SettingsError> {
            if size == (32, 32) { Ok(()) } else { Err(SettingsError::Type) }
        }

        fn phases(&self, _settings: &Told, given: &DefenceInput) -> Vec<Phase> {
            let train_phase = TrainPhase::new(Arc::new(CrossEntropy), training(1, 1));
            let trigger = given.trigger.cloned();
            let stamp = trigger.map(|trigger| Stamp { trigger, share: None });
            vec![Phase::training("stamping", TrainPhase { stamp, ..train_phase })]
        }
    }

    /// Whether the defence got the trigger.
    fn is_told(pairs: &[&str], size: (usize, usize)) -> Result<bool, SettingsError> {
        let set = Values::default();
        let record = TriggerRecord { attack: "badnets".into(), set, target: 0, seed: 0 };
        let trigger = sign_trigger(&record, 10).expect("sound");
        let given = DefenceInput { images: 500, size, flip: false, trigger: Some(&trigger) };
        let values = Values::parse(pairs.iter().copied())?;
        let phases = Defence::phases(&Stamping, &values, given)?;
        let told = |phase: &Phase| matches!(&phase.work, Work::Train(t) if t.stamp.is_some());
        Ok(phases.iter().any(told))
    }

    #[test]
    fn only_a_defence_that_says_so_gets_the_trigger() {
        assert_eq!(is_told(&[], (32, 32)), Ok(false));
        assert_eq!(is_told(&["told=yes"], (32, 32)), Ok(true));
    }

    #[test]
    fn settings_are_read_and_checked_before_the_phases() {
        assert!(matches!(is_told(&["told=maybe"], (32, 32)), Err(SettingsError::Refused { .. })));
        assert_eq!(is_told(&[], (8, 8)), Err(SettingsError::Type));
    }
}
