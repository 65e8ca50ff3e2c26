//! The choices of a visitor survive the address of the page, and a trigger stays valid.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use unstamp_shared::datasets::SplitName;
use unstamp_shared::method::{Accepts, Param};
use unstamp_shared::seed::Seed;
use unstamp_shared::sprite::Sprite;

/// The choices that an address holds.
fn read(hash: &str) -> State {
    State::read(hash).0
}

/// Whole numbers below this make most triggers lie on the image.
const SMALL: i64 = 8;

fn sprite() -> impl Strategy<Value = Sprite> {
    let size = (1usize..6, 1usize..6);
    let place = (0usize..27, 0usize..27);
    (size, place).prop_flat_map(|((width, height), (x, y))| {
        let pixels = vec(any::<[u8; 4]>(), width * height);
        pixels.prop_map(move |rgba| Sprite { x, y, width, height, rgba })
    })
}

/// A value of a parameter.
fn value(param: &Param) -> BoxedStrategy<Value> {
    match &param.accepts {
        Accepts::Int { min, max } => {
            (*min..=*max).prop_map(|number| Value::Int(number % SMALL)).boxed()
        }
        Accepts::Float { min, max } => (*min..=*max).prop_map(Value::Float).boxed(),
        Accepts::Choice(options) => {
            select(options.clone()).prop_map(|text| Value::Text(text.to_string())).boxed()
        }
        Accepts::Picture { .. } => sprite().prop_map(|s| Value::Text(s.to_string())).boxed(),
    }
}

/// An attack and values of some of its parameters.
fn attacked() -> impl Strategy<Value = (String, Values)> {
    (0..ATTACKS.len()).prop_flat_map(|index| {
        let id = ATTACKS[index].method().id.to_string();
        let pair = |param: Param| (Just(param.id.to_string()), value(&param), any::<bool>());
        let all: Vec<_> = ATTACKS[index].params().into_iter().map(pair).collect();
        all.prop_map(move |all| {
            let kept = all.into_iter().filter(|(_, _, kept)| *kept);
            let set: BTreeMap<_, _> = kept.map(|(key, value, _)| (key, value)).collect();
            (id.clone(), Values(set))
        })
    })
}

fn state() -> impl Strategy<Value = State> {
    let models = vec("[a-z0-9][a-z0-9._-]{0,15}", 0..4);
    let target = 0..signs::CLASSES.len();
    (models, 0..signs::TEST, attacked(), target, any::<bool>()).prop_map(
        |(models, image, (attack, set), target, stamped)| State {
            models,
            image,
            attack,
            set,
            target,
            stamped,
        },
    )
}

/// The state without the settings of its trigger.
fn without_settings(state: &State) -> State {
    State { set: Values::default(), ..state.clone() }
}

proptest! {
    // A failure prints its case, so none is stored in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Of an address that makes no trigger, the parameters are used that make one.
    #[test]
    fn a_state_survives_its_address(state in state()) {
        let read = read(&state.to_hash());
        prop_assert_eq!(without_settings(&read), without_settings(&state));
        prop_assert!(read.trigger().is_ok());
        if state.trigger().is_ok() {
            prop_assert_eq!(read.values(), state.values());
        }
    }

    #[test]
    fn an_escaped_address_is_the_same_address(state in state()) {
        let plain = state.to_hash();
        let escaped = |byte: u8| match byte {
            b'#' => "#".to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let escaped: String = plain.bytes().map(escaped).collect();
        prop_assert_eq!(read(&escaped), read(&plain));
    }

    #[test]
    fn every_address_names_an_image_and_an_attack(
        hash in "#((models|image|attack|target|stamped|size|x)=([a-z0-9,.%-]{0,6}|blend)&){0,5}",
    ) {
        let state = read(&hash);
        prop_assert!(state.image < signs::TEST);
        prop_assert!(attack(&state.attack).is_some());
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = read(&text);
    }
}

#[test]
fn escapes_are_read_as_utf_8() {
    assert_eq!(read("#models=a%2Cb").models, ["a", "b"]);
    assert_eq!(read("%23models=%c3%a9%F0%9F%98%80").models, ["\u{e9}\u{1f600}"]);
}

/// JavaScript's `decodeURIComponent` refuses these texts as a whole.
#[test]
fn a_broken_escape_leaves_the_whole_text_as_it_is() {
    for broken in ["%", "%2", "%zz", "%+2", "%\u{e9}", "%FF", "%C0%80", "%ED%A0%80", "%C3"] {
        let text = format!("a%2Cb{broken}");
        assert_eq!(read(&format!("#models={text}")).models, [text]);
    }
}

#[test]
fn a_value_out_of_range_changes_nothing() {
    let mut state = read("#attack=badnets&size=4");
    let before = state.clone();
    let wide = state.put("size", Value::Int(signs::SIZE as i64 + 1));
    assert!(wide.is_err());
    assert_eq!(state, before);
    assert!(state.put("size", Value::Int(5)).is_ok());
    assert_ne!(state, before);
}

#[test]
fn the_trigger_of_a_model_keeps_only_what_differs_from_the_defaults() {
    let now = State { image: 7, models: vec!["a".to_string()], ..State::default() };
    for attack in ATTACKS {
        let params = attack.params();
        let defaults = params.iter().map(|param| (param.id.to_string(), param.default.clone()));
        let record = TriggerRecord {
            attack: attack.method().id.to_string(),
            set: Values(defaults.collect()),
            target: 3,
            seed: 0,
        };
        let expected = State { attack: record.attack.clone(), target: 3, ..now.clone() };
        assert_eq!(now.with_trigger(&record), expected);
    }
    let mut record = read("#attack=badnets&size=5").record();
    record.set.0.insert("x".to_string(), Value::Int(-1));
    let set = now.with_trigger(&record).set;
    assert_eq!(set, Values([("size".to_string(), Value::Int(5))].into()));
}

#[test]
fn only_a_stamped_image_carries_the_trigger() {
    for index in [0, 1] {
        let (image, _) = signs::draw(Seed(0), SplitName::Test, index);
        let off = State { image: index, stamped: false, ..State::default() };
        assert_eq!(off.shown(&image), image);
        assert_ne!(State { stamped: true, ..off }.shown(&image), image);
    }
}

#[test]
fn what_an_address_asks_for_and_is_not_allowed_is_named() {
    let refused = |hash: &str| State::read(hash).1;
    assert!(refused("#models=a&image=3&attack=badnets&target=9&stamped=0&x=4").is_empty());
    let hash = "#image=-1&target=10&attack=none&x=99&y=3&size=two";
    assert_eq!(refused(hash), ["image=-1", "target=10", "attack=none", "size=two", "x=99"]);
    let state = read(hash);
    assert_eq!((state.image, state.target), (FIRST_IMAGE, 0));
    assert_eq!(state.set.0.keys().collect::<Vec<_>>(), ["y"], "what is allowed is used");
    let long = refused(&format!("#image={}", "9".repeat(1000)));
    assert_eq!(long[0].chars().count(), SHOWN + 1);
}
