//! Errors of reading the settings of a method.

use crate::method::{Accepts, Value};
use crate::sprite::SpriteError;

/// Error of reading a `key=value` pair, or the settings of a method from values.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// A text has no `=`.
    #[error("'{0}' is not of the form key=value")]
    NoPair(String),
    /// A key names no parameter of the method.
    #[error("there is no parameter '{key}'; there are: {}", known.join(", "))]
    Unknown {
        /// The key that was given.
        key: String,
        /// Every parameter of the method.
        known: Vec<&'static str>,
    },
    /// A value has the wrong type, is out of its range, or is not among the choices.
    #[error("{id} = {value} is not {accepts}")]
    Refused {
        /// The parameter.
        id: &'static str,
        /// The value that was given.
        value: Value,
        /// The values that the parameter accepts.
        accepts: Accepts,
    },
    /// A length is more than the images allow.
    #[error("{id} = {value} is more than the {side} pixels of the images' shorter side")]
    TooLong {
        /// The parameter.
        id: &'static str,
        /// The value that was given.
        value: usize,
        /// Pixels of the shorter side.
        side: usize,
    },
    /// A text that should be a picture is none.
    #[error("{id}: {reason}")]
    Picture {
        /// The parameter.
        id: &'static str,
        /// The fault of the text.
        reason: SpriteError,
    },
    /// The declared default and the field have different types: a fault in the method.
    #[error("a parameter has another type than its default")]
    Type,
}

#[cfg(test)]
mod tests {
    use crate::method::{Param, Values};
    use crate::settings::SettingsError;
    use crate::sprite::SpriteError;

    #[test]
    fn faults_have_these_sentences() {
        let params = [
            Param::int("size", "", 1, 256, 3),
            Param::float("eps", "", 0.0, 1.0, 0.5),
            Param::choice("mode", "", &["add", "replace"]),
            Param::picture("picture", "", ""),
        ];
        let cases = [
            ("size", "'size' is not of the form key=value"),
            ("sise=3", "there is no parameter 'sise'; there are: size, eps, mode, picture"),
            ("size=0", "size = 0 is not a whole number from 1 to 256"),
            ("eps=2.5", "eps = 2.5 is not a number from 0 to 1"),
            ("eps=nan", "eps = NaN is not a number from 0 to 1"),
            ("mode=subtract", "mode = subtract is not one of add, replace"),
            ("picture=3", "picture = 3 is not a picture"),
        ];
        for (pair, sentence) in cases {
            let fault = Values::parse([pair]).and_then(|values| values.resolve(&params));
            assert_eq!(fault.expect_err(pair).to_string(), sentence);
        }
        let fault = SettingsError::Picture { id: "square", reason: SpriteError };
        let sentence = "square: it is not a picture of the form WIDTHxHEIGHT+X+Y:PIXELS";
        assert_eq!(fault.to_string(), sentence);
        let sentence = "a parameter has another type than its default";
        assert_eq!(SettingsError::Type.to_string(), sentence);
    }
}
