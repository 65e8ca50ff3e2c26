//! The name, origin and parameters of a listed attack or defence, and the values that a user gives.

use crate::settings::SettingsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names and origin of an attack or defence. `id` is its CLI value, recipe value, URL value, table key
/// and file name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Method {
    /// Its key, in snake case.
    pub id: &'static str,
    /// Its name for readers.
    pub title: &'static str,
    /// Where it is defined: paper, section or equation.
    pub paper: &'static str,
    /// One sentence.
    pub summary: &'static str,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A choice, or a picture as text.
    Text(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Int(v) => v.fmt(f),
            Value::Float(v) => v.fmt(f),
            Value::Text(v) => v.fmt(f),
        }
    }
}

/// The values that a parameter accepts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Accepts {
    /// Whole numbers from `min` to `max`.
    Int {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Numbers from `min` to `max`.
    Float {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// One of these texts.
    Choice(Vec<&'static str>),
    /// A [`crate::sprite::Sprite`] as text; a page lets a painted one be drawn by hand.
    Picture {
        /// Whether it can be drawn by hand.
        painted: bool,
    },
}

impl std::fmt::Display for Accepts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Float { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Choice(options) => write!(f, "one of {}", options.join(", ")),
            Self::Picture { .. } => f.write_str("a picture"),
        }
    }
}

/// A typed parameter with range, default and help: CLI, recipes and page menus follow from it.
#[derive(Clone, Debug, Serialize)]
pub struct Param {
    /// Its key.
    pub id: &'static str,
    /// Its effect, in a few words.
    pub help: &'static str,
    /// The values that it accepts.
    pub accepts: Accepts,
    /// Its value if none is given.
    pub default: Value,
    /// Whether it is used only when a backdoor is planted, and not when a trigger is stamped.
    pub planting: bool,
    /// Whether [`Values::for_record`] leaves it out if it has its default. This is set for a parameter that
    /// is newer than some results, so that the hashes of those results stay. Its key in
    /// `unstamp list --json` is "added".
    #[serde(rename = "added")]
    pub hash_neutral: bool,
}

impl Param {
    fn new(id: &'static str, help: &'static str, accepts: Accepts, default: Value) -> Self {
        Self { id, help, accepts, default, planting: false, hash_neutral: false }
    }

    /// The same parameter, with `planting` set.
    pub fn planting(self) -> Self {
        Self { planting: true, ..self }
    }

    /// The same parameter, with `hash_neutral` set.
    pub fn hash_neutral(self) -> Self {
        Self { hash_neutral: true, ..self }
    }

    /// A whole number from `min` to `max`.
    pub fn int(id: &'static str, help: &'static str, min: i64, max: i64, default: i64) -> Self {
        Self::new(id, help, Accepts::Int { min, max }, Value::Int(default))
    }

    /// A number from `min` to `max`.
    pub fn float(id: &'static str, help: &'static str, min: f64, max: f64, default: f64) -> Self {
        Self::new(id, help, Accepts::Float { min, max }, Value::Float(default))
    }

    /// One of `options`; the first is the default.
    pub fn choice(id: &'static str, help: &'static str, options: &[&'static str]) -> Self {
        let first = options.first().copied().unwrap_or_default();
        Self::new(id, help, Accepts::Choice(options.to_vec()), Value::Text(first.to_string()))
    }

    /// A picture as text. The empty text stands for no picture.
    pub fn picture(id: &'static str, help: &'static str, default: &str) -> Self {
        let accepts = Accepts::Picture { painted: false };
        Self::new(id, help, accepts, Value::Text(default.to_string()))
    }

    /// A picture that a page lets a visitor draw by hand.
    pub fn painted(self) -> Self {
        Self { accepts: Accepts::Picture { painted: true }, ..self }
    }

    /// The value, if the parameter accepts it. A whole number becomes a float if the parameter is one.
    fn check(&self, value: &Value) -> Result<Value, SettingsError> {
        let sound = match (&self.accepts, value) {
            (Accepts::Int { min, max }, Value::Int(v)) => (*min..=*max).contains(v),
            (Accepts::Float { min, max }, Value::Float(v)) => (*min..=*max).contains(v),
            (Accepts::Float { min, max }, Value::Int(v)) => (*min..=*max).contains(&(*v as f64)),
            (Accepts::Choice(options), Value::Text(v)) => options.contains(&v.as_str()),
            (Accepts::Picture { .. }, Value::Text(_)) => true,
            _ => false,
        };
        match (&self.accepts, value) {
            _ if !sound => Err(SettingsError::Refused {
                id: self.id,
                value: value.clone(),
                accepts: self.accepts.clone(),
            }),
            (Accepts::Float { .. }, Value::Int(v)) => Ok(Value::Float(*v as f64)),
            _ => Ok(value.clone()),
        }
    }
}

/// Parameter values: as someone gave them, resolved (every parameter), or as results record them.
#[derive(Clone, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub BTreeMap<String, Value>);

impl Values {
    /// Reads `key=value` pairs. A value is an integer, else a float, else text. Of equal keys the last
    /// counts. Names are not checked.
    ///
    /// # Errors
    ///
    /// A pair has no `=`.
    /// # Examples
    ///
    /// ```
    /// use unstamp_data::method::{Value, Values};
    ///
    /// let values = Values::parse(["size=5", "opacity=0.5", "pattern=grid"])?;
    /// assert_eq!(values.0["size"], Value::Int(5));
    /// assert_eq!(values.0["opacity"], Value::Float(0.5));
    /// assert_eq!(values.text("pattern"), Some("grid"));
    /// assert!(Values::parse(["size"]).is_err());
    /// # Ok::<(), unstamp_data::settings::SettingsError>(())
    /// ```
    pub fn parse<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, SettingsError> {
        let mut values = BTreeMap::new();
        for pair in pairs {
            let (key, text) =
                pair.split_once('=').ok_or_else(|| SettingsError::NoPair(pair.to_string()))?;
            let value = match (text.parse(), text.parse()) {
                (Ok(int), _) => Value::Int(int),
                (_, Ok(float)) => Value::Float(float),
                _ => Value::Text(text.to_string()),
            };
            values.insert(key.to_string(), value);
        }
        Ok(Self(values))
    }

    /// Fills in defaults and checks names, types and ranges. A whole number becomes a float where the
    /// parameter is one.
    ///
    /// # Errors
    ///
    /// A key is no parameter, or a parameter does not accept its value.
    pub fn resolve(&self, params: &[Param]) -> Result<Self, SettingsError> {
        if let Some(key) = self.0.keys().find(|key| params.iter().all(|p| p.id != *key)) {
            let known = params.iter().map(|p| p.id).collect();
            return Err(SettingsError::Unknown { key: key.clone(), known });
        }
        let mut resolved = BTreeMap::new();
        for param in params {
            let value = param.check(self.0.get(param.id).unwrap_or(&param.default))?;
            resolved.insert(param.id.to_string(), value);
        }
        Ok(Self(resolved))
    }

    /// The values as results record them: without every hash-neutral parameter that has its default.
    pub fn for_record(mut self, params: &[Param]) -> Self {
        for param in params.iter().filter(|p| p.hash_neutral) {
            if self.0.get(param.id) == Some(&param.default) {
                self.0.remove(param.id);
            }
        }
        self
    }

    /// The values, and the defaults of all other parameters: the inverse of [`Values::for_record`].
    pub fn with_defaults(&self, params: &[Param]) -> Self {
        let default = |p: &Param| (p.id.to_string(), p.default.clone());
        let mut all: BTreeMap<_, _> = params.iter().map(default).collect();
        all.extend(self.0.clone());
        Self(all)
    }

    /// The text at `key`, if there is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Text(text) => Some(text),
            Value::Int(_) | Value::Float(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_keys_the_last_counts_and_a_whole_number_becomes_a_float() {
        let values = Values::parse(["eps=1", "text=a=b", "eps=2"]).expect("pairs");
        assert_eq!(values.0["eps"], Value::Int(2));
        assert_eq!(values.text("text"), Some("a=b"));
        assert_eq!(values.text("eps"), None);
        let params = [Param::float("eps", "", 0.0, 2.0, 0.5), Param::picture("text", "", "")];
        let resolved = values.resolve(&params).expect("sound");
        assert_eq!(resolved.0["eps"], Value::Float(2.0));
    }

    #[test]
    fn a_neutral_parameter_is_listed_as_added_and_recorded_if_it_differs() {
        let params =
            [Param::int("size", "", 1, 9, 3), Param::int("late", "", 0, 9, 0).hash_neutral()];
        let listed = serde_json::to_value(&params[1]).expect("JSON");
        assert_eq!(listed["added"], true);
        let recorded = |values: Values| values.resolve(&params).expect("sound").for_record(&params);
        let default = recorded(Values::default());
        assert!(!default.0.contains_key("late"));
        assert_eq!(default.with_defaults(&params).0["late"], Value::Int(0));
        let other = recorded(Values([("late".to_string(), Value::Int(1))].into()));
        assert_eq!(other.0["late"], Value::Int(1));
    }
}
