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

#[test]
fn a_clean_subset_has_its_share_and_at_least_one_image() {
    assert_eq!(clean_count(1000, CLEAN_SHARE), 50);
    assert_eq!(clean_count(3, CLEAN_SHARE), 1, "0.15 images are one");
    assert_eq!(clean_count(0, CLEAN_SHARE), 0);
    assert_eq!(clean_count(7, 1.0), 7);
    assert_eq!(clean_count(7, 2.0), 7);
}

#[test]
fn reflections_are_different_images_of_which_there_may_be_few() {
    let mut chosen = reflections(1000, Seed(0));
    assert_eq!(chosen.len(), REFLECTIONS);
    chosen.sort_unstable();
    chosen.dedup();
    assert_eq!(chosen.len(), REFLECTIONS);
    assert_eq!(reflections(3, Seed(0)).len(), 3);
}

#[test]
fn a_record_gives_the_same_trigger_again() {
    for attack in ATTACKS {
        let first = trigger(attack.method().id, &[]);
        let record = first.record();
        assert_eq!(record.set, first.values, "every parameter is recorded");
        let second = sign_trigger(&record, signs::CLASSES.len()).expect("a trigger");
        let (image, _) = signs::draw(Seed(0), SplitName::Test, 3);
        let [mut a, mut b] = [image.clone(), image];
        first.stamp(&mut a, 3);
        second.stamp(&mut b, 3);
        assert_eq!(a, b, "{}", record.attack);
    }
}

#[test]
fn clean_subsets_are_nested() {
    let sets = [0.01, 0.05, 0.1, 0.2].map(|share| clean_subset(1000, share, Seed(7)));
    assert_eq!(sets.each_ref().map(Vec::len), [10, 50, 100, 200]);
    for pair in sets.windows(2) {
        assert_eq!(pair[0], pair[1][..pair[0].len()]);
    }
    assert_ne!(sets[3], clean_subset(1000, 0.2, Seed(8)));
}
