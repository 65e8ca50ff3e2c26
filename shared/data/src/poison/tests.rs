//! Triggers of training and of test images, and the number of poisoned images.

use super::*;
use crate::datasets::signs;

fn trigger(attack: &str, pairs: &[&str]) -> Trigger {
    let set = Values::parse(pairs.iter().copied()).expect("pairs");
    let record = TriggerRecord { attack: attack.to_string(), set, target: 0, seed: 0 };
    sign_trigger(&record, signs::CLASSES.len()).expect("a trigger")
}

/// Test image 3 after an attack.
struct Made {
    /// As a test image.
    measured: Image,
    /// As a training image of a defence that knows the trigger.
    seen: Image,
    /// As a poisoned training image.
    poisoned: Image,
}

impl Made {
    fn with(trigger: &Trigger) -> Self {
        let (image, _) = signs::draw(Seed(0), SplitName::Test, 3);
        let [mut measured, mut seen, mut poisoned] = [0; 3].map(|_| image.clone());
        trigger.stamp(&mut measured, 3);
        trigger.stamp_training(&mut seen, 3);
        trigger.poison(&mut poisoned, 3).expect("its pictures are there");
        Self { measured, seen, poisoned }
    }
}

#[test]
fn a_trigger_of_each_image_is_another_in_training_and_test() {
    for (attack, pairs) in [("refool", &[][..]), ("blend", &["pattern=fresh"][..])] {
        let made = Made::with(&trigger(attack, pairs));
        assert_ne!(made.measured, made.poisoned, "{attack} {pairs:?}");
        assert_eq!(made.seen, made.poisoned, "{attack} {pairs:?}");
    }
}

#[test]
fn a_trigger_of_all_images_is_the_same_in_training_and_test() {
    for (attack, pairs) in [("badnets", &[][..]), ("blend", &["pattern=fixed"][..])] {
        let made = Made::with(&trigger(attack, pairs));
        assert_eq!(made.measured, made.poisoned, "{attack} {pairs:?}");
        assert_eq!(made.seen, made.poisoned, "{attack} {pairs:?}");
    }
}

#[test]
fn a_rate_that_poisons_nothing_is_refused() {
    let trigger = trigger("badnets", &[]);
    let chosen = |rate| select(&[1; 100], &trigger, rate, RateOf::All, Draw::AnyClass);
    assert_eq!(chosen(0.004), Err(PoisonError::None { rate: 0.004 }));
    assert_eq!(chosen(0.01).map(|chosen| chosen.len()), Ok(1));
}
