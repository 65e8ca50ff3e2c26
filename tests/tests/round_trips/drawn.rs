//! Strategies that several round trips use: texts, numbers, settings, arrays.

use proptest::collection::{btree_map, vec};
use proptest::num::f32::{Any, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use unstamp_shared::attacks::ATTACKS;
use unstamp_shared::method::{Accepts, Param, Value, Values};
use unstamp_shared::model::weights::{Array, Arrays};
use unstamp_shared::sprite::Sprite;

/// A short text of any characters.
pub fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(|letters| letters.into_iter().collect::<String>())
}

/// Any number that is neither infinite nor NaN, with all its digits.
pub fn number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("JSON has finite numbers only", |number| number.is_finite())
}

/// Numbers that are neither infinite nor NaN.
pub fn finite() -> Any {
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// A painted trigger.
pub fn sprite() -> impl Strategy<Value = Sprite> {
    (1usize..6, 1usize..6, 0usize..27, 0usize..27).prop_flat_map(|(width, height, x, y)| {
        vec(any::<[u8; 4]>(), width * height).prop_map(move |rgba| Sprite {
            x,
            y,
            width,
            height,
            rgba,
        })
    })
}

/// A sound value of a setting. The ends of a range come often.
fn value(param: &Param) -> BoxedStrategy<Value> {
    match &param.accepts {
        Accepts::Int { min, max } => {
            let min = *min;
            let max = *max;
            prop_oneof![1 => Just(min), 1 => Just(max), 8 => min..=max].prop_map(Value::Int).boxed()
        }
        Accepts::Float { min, max } => {
            let min = *min;
            let max = *max;
            prop_oneof![1 => Just(min), 1 => Just(max), 8 => min..=max]
                .prop_map(Value::Float)
                .boxed()
        }
        Accepts::Choice(options) => prop::sample::select(options.clone())
            .prop_map(|text| Value::Text(text.to_string()))
            .boxed(),
        Accepts::Picture { .. } => sprite().prop_map(|s| Value::Text(s.to_string())).boxed(),
    }
}

/// A value that a setting refuses: beyond its range, or of another type.
pub fn refused(param: &Param) -> BoxedStrategy<Value> {
    let whole = any::<i64>().prop_map(Value::Int);
    let word = "[a-z]{1,9}".prop_map(Value::Text);
    // A fraction stays a fraction where it is written.
    let fraction = (-999i32..999).prop_map(|n| Value::Float(f64::from(n) + 0.5));
    match param.accepts.clone() {
        Accepts::Int { min, max } => {
            let beyond = prop_oneof![
                Just(min - 1),
                Just(max + 1),
                any::<i64>().prop_filter("beyond the range", move |n| !(min..=max).contains(n)),
            ];
            prop_oneof![4 => beyond.prop_map(Value::Int), 1 => fraction, 1 => word].boxed()
        }
        Accepts::Float { min, max } => {
            let least = 1e-9f64;
            let far = (least..1e9).prop_flat_map(move |by| {
                prop_oneof![Just(min - by - least * min.abs()), Just(max + by + least * max.abs())]
            });
            let odd = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
            let numbers = prop_oneof![3 => far, 1 => odd].prop_map(Value::Float);
            prop_oneof![5 => numbers, 1 => word].boxed()
        }
        Accepts::Choice(options) => {
            let other = move |value: &Value| match value {
                Value::Text(text) => !options.contains(&text.as_str()),
                Value::Int(_) | Value::Float(_) => true,
            };
            let word = word.prop_filter("no choice", other);
            prop_oneof![2 => word, 1 => whole, 1 => fraction].boxed()
        }
        Accepts::Picture { .. } => prop_oneof![word, whole, fraction].boxed(),
    }
}

/// A value of each of the settings.
pub fn all_values(params: Vec<Param>) -> BoxedStrategy<Values> {
    let all: Vec<_> = params.iter().map(|p| (Just(p.id.to_string()), value(p))).collect();
    all.prop_map(|pairs| Values(pairs.into_iter().collect())).boxed()
}

/// Values of some of the settings.
pub fn values(params: Vec<Param>) -> BoxedStrategy<Values> {
    let count = params.len();
    let all: Vec<_> = params.iter().map(|p| (Just(p.id.to_string()), value(p))).collect();
    (all, vec(any::<bool>(), count))
        .prop_map(|(all, kept)| {
            Values(
                all.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(pair, _)| pair).collect(),
            )
        })
        .boxed()
}

/// Values with any names.
pub fn any_values() -> impl Strategy<Value = Values> {
    let value = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        number().prop_map(Value::Float),
        text().prop_map(Value::Text),
    ];
    btree_map(text(), value, 0..4).prop_map(Values)
}

/// An attack and some settings of it.
pub fn attacked() -> impl Strategy<Value = (&'static str, Values)> {
    (0..ATTACKS.len()).prop_flat_map(|i| {
        let id = ATTACKS[i].method().id;
        values(ATTACKS[i].params()).prop_map(move |set| (id, set))
    })
}

/// Arrays of several shapes.
pub fn arrays(numbers: Any) -> impl Strategy<Value = Arrays> {
    let array = vec(0usize..4, 0..4).prop_flat_map(move |shape| {
        let size = shape.iter().product::<usize>();
        vec(numbers, size).prop_map(move |values| Array { shape: shape.clone(), values })
    });
    btree_map("[a-z][a-z0-9.]{0,20}", array, 0..6)
}
