//! The choices of a visitor survive the address of the page.

use crate::config;
use crate::drawn::attacked;
use crate::state::State;
use proptest::collection::vec;
use proptest::prelude::*;
use unstamp_shared::attacks::attack;
use unstamp_shared::datasets::signs;
use unstamp_shared::method::{Value, Values};

/// The settings with whole numbers below 8, so that most triggers lie on the image.
fn small(mut set: Values) -> Values {
    for value in set.0.values_mut() {
        if let Value::Int(number) = value {
            *number %= 8;
        }
    }
    set
}

fn state() -> impl Strategy<Value = State> {
    let models = vec("[a-z0-9][a-z0-9._-]{0,15}", 0..4);
    let target = 0..signs::CLASSES.len();
    (models, 0..signs::TEST, attacked(), target, any::<bool>()).prop_map(
        |(models, image, (attack, set), target, stamped)| {
            let attack = attack.to_string();
            State { models, image, attack, set: small(set), target, stamped }
        },
    )
}

/// The state without the settings of its trigger.
fn without_settings(state: &State) -> State {
    State { set: Values::default(), ..state.clone() }
}

proptest! {
    #![proptest_config(config())]

    /// An address that makes no trigger gives the trigger of the attack's defaults.
    #[test]
    fn a_state_survives_its_address(state in state()) {
        let read = State::from_hash(&state.to_hash());
        prop_assert_eq!(without_settings(&read), without_settings(&state));
        let kept = if state.trigger().is_ok() { state } else { without_settings(&state) };
        prop_assert_eq!(read.values(), kept.values());
    }

    /// Mail programs write some characters as `%2B` and the like.
    #[test]
    fn an_encoded_address_is_the_same_address(state in state()) {
        let plain = state.to_hash();
        let encoded = |byte: u8| match byte {
            b'#' => "#".to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let encoded: String = plain.bytes().map(encoded).collect();
        prop_assert_eq!(State::from_hash(&encoded), State::from_hash(&plain));
    }

    #[test]
    fn every_address_names_an_image_and_an_attack(
        hash in "#((models|image|attack|target|stamped|size|x)=([a-z0-9,.%-]{0,6}|blend)&){0,5}",
    ) {
        let state = State::from_hash(&hash);
        prop_assert!(state.image < signs::TEST);
        prop_assert!(attack(&state.attack).is_some());
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = State::from_hash(&text);
    }
}
