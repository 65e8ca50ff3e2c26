//! A painted trigger survives its text.

use crate::config;
use crate::drawn::sprite;
use proptest::prelude::*;
use unstamp_shared::sprite::Sprite;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_painted_trigger_survives_its_text(sprite in sprite()) {
        prop_assert_eq!(sprite.to_string().parse(), Ok(sprite));
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = text.parse::<Sprite>();
    }
}
