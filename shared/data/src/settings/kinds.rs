//! The types that a setting can have: numbers, switches and pictures. Choices are made by
//! [`choices!`](crate::choices!).

use super::{Choice, Setting, single};
use crate::method::{Accepts, Param, Value, Values};
use crate::sprite::Sprite;
use std::ops::RangeInclusive;

impl Setting for i64 {
    type Range = RangeInclusive<i64>;

    fn declare(&self, id: &'static str, help: &'static str, range: Self::Range) -> Vec<Param> {
        let accepts = Accepts::Int { min: *range.start(), max: *range.end() };
        single(id, help, accepts, Value::Int(*self))
    }

    fn write(&self, id: &str, values: &mut Values) {
        values.0.insert(id.to_string(), Value::Int(*self));
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        match values.0.get(id)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }
}

/// The nearest whole number that a [`Value`] can hold.
fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Setting for usize {
    type Range = RangeInclusive<usize>;

    fn declare(&self, id: &'static str, help: &'static str, range: Self::Range) -> Vec<Param> {
        whole(*self).declare(id, help, whole(*range.start())..=whole(*range.end()))
    }

    fn write(&self, id: &str, values: &mut Values) {
        whole(*self).write(id, values);
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        usize::try_from(i64::read(id, values)?).ok()
    }
}

impl Setting for f64 {
    type Range = RangeInclusive<f64>;

    fn declare(&self, id: &'static str, help: &'static str, range: Self::Range) -> Vec<Param> {
        let accepts = Accepts::Float { min: *range.start(), max: *range.end() };
        single(id, help, accepts, Value::Float(*self))
    }

    fn write(&self, id: &str, values: &mut Values) {
        values.0.insert(id.to_string(), Value::Float(*self));
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        match values.0.get(id)? {
            Value::Float(value) => Some(*value),
            Value::Int(value) => Some(*value as f64),
            Value::Text(_) => None,
        }
    }
}

/// `off` or `on`.
impl Choice for bool {
    const ALL: &'static [Self] = &[false, true];

    fn name(self) -> &'static str {
        if self { "on" } else { "off" }
    }
}

/// A picture as text; "" is none.
impl Setting for Option<Sprite> {
    type Range = ();

    fn declare(&self, id: &'static str, help: &'static str, _range: ()) -> Vec<Param> {
        let text = self.as_ref().map(Sprite::to_string).unwrap_or_default();
        single(id, help, Accepts::Picture { painted: false }, Value::Text(text))
    }

    fn write(&self, id: &str, values: &mut Values) {
        let text = self.as_ref().map(Sprite::to_string).unwrap_or_default();
        values.0.insert(id.to_string(), Value::Text(text));
    }

    fn read(id: &str, values: &Values) -> Option<Self> {
        match values.0.get(id)? {
            Value::Text(text) if text.is_empty() => Some(None),
            Value::Text(text) => text.parse().ok().map(Some),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<S: Setting>(value: Value) -> Option<S> {
        S::read("key", &Values([("key".to_string(), value)].into()))
    }

    fn written(setting: impl Setting) -> Value {
        let mut values = Values::default();
        setting.write("key", &mut values);
        values.0.remove("key").expect("written")
    }

    #[test]
    fn numbers_are_read_without_a_change_of_value() {
        assert_eq!(read::<i64>(Value::Int(-3)), Some(-3));
        assert_eq!(read::<i64>(Value::Float(3.0)), None);
        assert_eq!(read::<usize>(Value::Int(3)), Some(3));
        assert_eq!(read::<usize>(Value::Int(-3)), None);
        assert_eq!(read::<f64>(Value::Float(0.5)), Some(0.5));
        assert_eq!(read::<f64>(Value::Int(2)), Some(2.0));
        assert_eq!(read::<f64>(Value::Text("2".to_string())), None);
        assert_eq!(written(usize::MAX), Value::Int(i64::MAX));
    }

    #[test]
    fn an_empty_text_is_no_picture_and_another_text_an_error() {
        let text = |text: &str| Value::Text(text.to_string());
        assert_eq!(read::<Option<Sprite>>(text("")), Some(None));
        assert_eq!(read::<Option<Sprite>>(text("red")), None);
        let red = text("1x1+2+3:_wAA_w");
        let sprite = read::<Option<Sprite>>(red.clone()).expect("a picture");
        assert_eq!(written(sprite), red);
        assert_eq!(written(None::<Sprite>), text(""));
    }
}
