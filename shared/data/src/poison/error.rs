//! Errors of triggers and of poisoning.

use crate::attacks::AttackError;

/// Error of making a trigger, or of poisoning images with it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PoisonError {
    /// No attack has this id.
    #[error("there is no attack '{id}'; there are: {}", known.join(", "))]
    UnknownAttack {
        /// The id that was given.
        id: String,
        /// The ids of all attacks.
        known: Vec<&'static str>,
    },
    /// The parameters are not valid, or do not suit the images.
    #[error("attack {id}: {reason}")]
    Attack {
        /// Id of the attack.
        id: String,
        /// The fault of its parameters.
        reason: AttackError,
    },
    /// The target is not a class of the data.
    #[error("target {target} is not a class: the data has classes 0 to {}", classes.saturating_sub(1))]
    Target {
        /// The target that was given.
        target: usize,
        /// Number of classes.
        classes: usize,
    },
    /// The attack reflects other scenes, and there is no picture of one.
    #[error("attack {id} needs pictures of other scenes to reflect")]
    NoReflections {
        /// Id of the attack.
        id: String,
    },
    /// The attack plants perturbed images, and there is none for this one.
    #[error(
        "attack {id} needs a perturbed copy of training image {index}; unstamp craft makes them"
    )]
    NotPerturbed {
        /// Id of the attack.
        id: &'static str,
        /// Index of the training image.
        index: usize,
    },
    /// The poisoning rate is not a share.
    #[error("the poisoning rate is {0}; it must be above 0 and at most 1")]
    Rate(f64),
    /// The poisoning rate is so small that no image is poisoned.
    #[error("a poisoning rate of {rate} poisons no image; raise it")]
    None {
        /// The poisoning rate.
        rate: f64,
    },
    /// The attack cannot poison as many images as the rate asks for.
    #[error(
        "a rate of {rate} asks for {count} images, but only {eligible} can be poisoned; lower the rate"
    )]
    TooMany {
        /// The poisoning rate.
        rate: f64,
        /// Number of images that the rate asks for.
        count: usize,
        /// Number of images that the attack can poison.
        eligible: usize,
    },
}

#[cfg(test)]
mod tests {
    use crate::image::Image;
    use crate::method::Values;
    use crate::poison::{Draw, RateOf, Trigger, TriggerRecord, select};
    use std::sync::Arc;

    /// The sentence with which a trigger of `attack` is refused.
    fn refusal(attack: &str, pairs: &[&str], target: usize) -> String {
        let set = Values::parse(pairs.iter().copied()).expect("pairs");
        let record = TriggerRecord { attack: attack.to_string(), set, target, seed: 0 };
        let made = Trigger::new(&record, 10, (32, 32), Arc::default());
        made.expect_err("refused").to_string()
    }

    fn trigger(attack: &str) -> Trigger {
        let set = Values::default();
        let record = TriggerRecord { attack: attack.to_string(), set, target: 0, seed: 0 };
        Trigger::new(&record, 10, (32, 32), Arc::default()).expect("sound")
    }

    #[test]
    fn triggers_are_refused_with_these_sentences() {
        let sentence = "there is no attack 'badnet'; there are: badnets, trojan, blend, \
            clean_label, sig, refool, all_target, adaptive, custom";
        assert_eq!(refusal("badnet", &[], 0), sentence);
        let sentence = "attack badnets: size = 0 is not a whole number from 1 to 65535";
        assert_eq!(refusal("badnets", &["size=0"], 0), sentence);
        let sentence =
            "attack badnets: a trigger of 3 pixels at x = 30 does not fit the 32x32 image";
        assert_eq!(refusal("badnets", &["x=30"], 0), sentence);
        let sentence = "target 10 is not a class: the data has classes 0 to 9";
        assert_eq!(refusal("badnets", &[], 10), sentence);
        let sentence = "attack refool needs pictures of other scenes to reflect";
        assert_eq!(refusal("refool", &[], 0), sentence);
    }

    #[test]
    fn poisoning_is_refused_with_these_sentences() {
        let fault = trigger("clean_label").poison(&mut Image::new(32, 32), 7);
        let sentence = "attack clean_label needs a perturbed copy of training image 7; unstamp craft makes them";
        assert_eq!(fault.expect_err("refused").to_string(), sentence);
        let choose =
            |rate| select(&[0, 0, 1, 1], &trigger("sig"), rate, RateOf::All, Draw::AnyClass);
        let sentence = "the poisoning rate is 0; it must be above 0 and at most 1";
        assert_eq!(choose(0.0).expect_err("refused").to_string(), sentence);
        let sentence =
            "a rate of 0.75 asks for 3 images, but only 2 can be poisoned; lower the rate";
        assert_eq!(choose(0.75).expect_err("refused").to_string(), sentence);
    }
}
