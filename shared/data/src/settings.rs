//! Typed settings: a method writes its settings once, as a struct.
//!
//! From the struct follow the list of parameters (and with it the command line, the page's menus
//! and the recipes), the reading of [`Values`] and the recorded form. A misspelt name does not
//! compile, and a `match` on a choice is exhaustive.

mod choice;
mod error;
mod kinds;

pub use choice::Choice;
pub use error::SettingsError;

use crate::method::{Accepts, Param, Value, Values};
use crate::sprite::Sprite;

/// A field of a settings struct: one parameter, or a group of them.
pub trait Setting: Sized {
    /// The bounds that a declaration gives in brackets; `()` where there are none.
    type Range;

    /// The parameters of the field, with the field's value as default.
    fn declare(&self, id: &'static str, help: &'static str, range: Self::Range) -> Vec<Param>;

    /// Puts the field's value among the values.
    fn write(&self, id: &str, values: &mut Values);

    /// Takes the field's value from resolved values; `None` where it is missing.
    fn read(id: &str, values: &Values) -> Option<Self>;
}

/// The settings of a method; [`settings!`](crate::settings!) implements it.
pub trait Settings: Setting<Range = ()> + Default {
    /// Every parameter, in the order of the struct's fields.
    fn params() -> Vec<Param> {
        Self::default().declare("", "", ())
    }

    /// Reads values; a parameter that is missing takes its default.
    ///
    /// # Errors
    ///
    /// A key that is no parameter, a value outside its range or of another type, or a text that is no
    /// picture.
    fn from_values(values: &Values) -> Result<Self, SettingsError> {
        let params = Self::params();
        let resolved = values.resolve(&params)?;
        Self::read("", &resolved).ok_or_else(|| unreadable(&params, &resolved))
    }

    /// The inverse of [`Settings::from_values`].
    fn to_values(&self) -> Values {
        let mut values = Values::default();
        self.write("", &mut values);
        values
    }
}

/// The error of resolved values that cannot be read. Resolving does not check whether a text is a picture.
fn unreadable(params: &[Param], values: &Values) -> SettingsError {
    let pictures = params.iter().filter(|p| matches!(p.accepts, Accepts::Picture { .. }));
    let mut given = pictures.filter_map(|p| Some((p.id, values.text(p.id)?)));
    let fault = given.find_map(|(id, text)| {
        let reason = text.parse::<Sprite>().err().filter(|_| !text.is_empty())?;
        Some(SettingsError::Picture { id, reason })
    });
    fault.unwrap_or(SettingsError::Type)
}

/// A list of one parameter.
pub fn single(
    id: &'static str,
    help: &'static str,
    accepts: Accepts,
    default: Value,
) -> Vec<Param> {
    vec![Param { id, help, accepts, default, planting: false, hash_neutral: false }]
}

/// Declares a settings struct: `name: type [range] = default, "help", flag;` for each parameter.
///
/// Only a number has a range. Flags are the methods of [`Param`]: `planting`,
/// `hash_neutral`, `painted`. A field whose type is itself a settings struct is a group: its
/// parameters are listed in its place, with the values of the field's default as their defaults.
/// # Examples
///
/// ```
/// use unstamp_data::method::Values;
/// use unstamp_data::settings::Settings;
/// use unstamp_data::{choices, settings};
///
/// choices! {
///     enum Colour { Red = "red", White = "white" }
/// }
///
/// settings! {
///     struct Spot {
///         size: usize [1..=9] = 3, "side in pixels";
///         colour: Colour = Colour::White, "colour of the spot";
///     }
/// }
///
/// let spot = Spot::from_values(&Values::parse(["colour=red"])?)?;
/// assert_eq!(spot, Spot { size: 3, colour: Colour::Red });
/// let refused = Spot::from_values(&Values::parse(["size=10"])?).unwrap_err();
/// assert_eq!(refused.to_string(), "size = 10 is not a whole number from 1 to 9");
/// # Ok::<(), unstamp_data::settings::SettingsError>(())
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$about:meta])* $vis:vis struct $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty $([$range:expr])? = $default:expr
            $(, $help:literal)? $(, $flag:ident)*;)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name { $($(#[$doc])* pub $field: $type,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::settings::Setting for $name {
            type Range = ();

            fn declare(
                &self,
                _id: &'static str,
                _help: &'static str,
                _range: (),
            ) -> Vec<$crate::method::Param> {
                let mut params = Vec::new();
                $(
                    let range = $crate::settings!(@range $($range)?);
                    let help = concat!($($help)?);
                    let declared = self.$field.declare(stringify!($field), help, range);
                    params.extend(declared.into_iter().map(|param| param$(.$flag())*));
                )+
                params
            }

            fn write(&self, _id: &str, values: &mut $crate::method::Values) {
                $(self.$field.write(stringify!($field), values);)+
            }

            fn read(_id: &str, values: &$crate::method::Values) -> Option<Self> {
                Some(Self {
                    $($field: <$type as $crate::settings::Setting>::read(
                        stringify!($field),
                        values,
                    )?,)+
                })
            }
        }

        impl $crate::settings::Settings for $name {}
    };
    (@range) => { () };
    (@range $range:expr) => { $range };
}

/// Declares an enum whose variants are the values of a choice, in the order they are listed in. It
/// implements [`Choice`] and so [`Setting`].
#[macro_export]
macro_rules! choices {
    ($(#[$about:meta])* $vis:vis enum $name:ident {
        $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name { $($(#[$doc])* $variant,)+ }

        impl $crate::settings::Choice for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    choices! {
        /// A choice of two.
        enum Pattern { Grid = "grid", White = "white" }
    }

    settings! {
        /// A group.
        struct Place {
            x: i64 [-1..=255] = -1, "left edge";
        }
    }

    settings! {
        /// A method's settings, with another default in their group.
        struct Example {
            size: i64 [1..=256] = 3, "side";
            place: Place = Place { x: 14 };
            eps: f64 [0.0..=1.0] = 0.5, "radius", planting;
            pattern: Pattern = Pattern::White, "what is drawn", hash_neutral;
        }
    }

    #[test]
    fn parameters_follow_the_fields() {
        let params = Example::params();
        let ids: Vec<_> = params.iter().map(|param| param.id).collect();
        assert_eq!(ids, ["size", "x", "eps", "pattern"]);
        assert_eq!(params[1].default, Value::Int(14), "the group's default is replaced");
        assert!(params[2].planting && params[3].hash_neutral);
    }

    #[test]
    fn settings_survive_values() {
        let settings = Example { size: 5, pattern: Pattern::Grid, ..Example::default() };
        assert_eq!(Example::from_values(&settings.to_values()), Ok(settings));
        assert_eq!(Example::from_values(&Values::default()), Ok(Example::default()));
    }

    #[test]
    fn faults_are_named() {
        let fault = |pair: &str| {
            let values = Values::parse([pair]).expect("a pair");
            Example::from_values(&values).expect_err("refused").to_string()
        };
        assert_eq!(
            fault("sise=3"),
            "there is no parameter 'sise'; there are: size, x, eps, pattern"
        );
        assert_eq!(fault("size=0"), "size = 0 is not a whole number from 1 to 256");
        assert_eq!(fault("pattern=red"), "pattern = red is not one of grid, white");
    }
}
