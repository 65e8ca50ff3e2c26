//! A setting that takes one of a few named values.

use super::{Setting, single};
use crate::method::{Accepts, Param, Value, Values};

/// An enum whose variants are the values of a choice; [`choices!`](crate::choices!) implements it.
pub trait Choice: Copy + 'static {
    /// All variants, in the order they are listed in.
    const ALL: &'static [Self];

    /// The name of a variant in recipes and on the command line.
    fn name(self) -> &'static str;

    /// The variant with this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.name() == name)
    }
}

impl<C: Choice> Setting for C {
    type Range = ();

    fn declare(&self, id: &'static str, help: &'static str, _range: ()) -> Vec<Param> {
        let names = C::ALL.iter().map(|variant| variant.name()).collect();
        single(id, help, Accepts::Choice(names), Value::Text(self.name().to_string()))
    }

    fn write(&self, id: &str, values: &mut Values) {
        values.0.insert(id.to_string(), Value::Text(self.name().to_string()));
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        match values.0.get(id)? {
            Value::Text(text) => C::named(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_by_its_name_only() {
        assert_eq!(bool::named("on"), Some(true));
        assert_eq!(bool::named("off"), Some(false));
        assert_eq!(bool::named("On"), None);
        let read = |value| bool::read("key", &Values([("key".to_string(), value)].into()));
        assert_eq!(read(Value::Text("on".to_string())), Some(true));
        assert_eq!(read(Value::Text("1".to_string())), None);
        assert_eq!(read(Value::Int(1)), None);
        assert_eq!(bool::read("key", &Values::default()), None);
    }
}
