//! Rules that all defences keep, with every option of their choices.

use super::*;
use crate::job::{Start, Work};
use std::collections::BTreeSet;
use unstamp_data::method::{Accepts, Value};
use unstamp_data::poison::{TriggerRecord, sign_trigger};

fn trigger() -> Trigger {
    let set = Values::default();
    let record = TriggerRecord { attack: "badnets".into(), set, target: 3, seed: 0 };
    sign_trigger(&record, 10).expect("sound")
}

/// The default values of a defence, and those with each option of each choice.
fn variants(defence: &dyn Defence) -> Vec<Values> {
    let mut variants = vec![Values::default()];
    for param in defence.params() {
        let Accepts::Choice(options) = &param.accepts else { continue };
        let with = |option: &&str| {
            let value = Value::Text(option.to_string());
            Values([(param.id.to_string(), value)].into_iter().collect())
        };
        variants.extend(options.iter().map(with));
    }
    variants
}

#[test]
fn ids_are_unique_and_found() {
    let ids: BTreeSet<&str> = DEFENCES.iter().map(|defence| defence.method().id).collect();
    assert_eq!(ids.len(), DEFENCES.len(), "two defences have one id");
    for id in ids {
        assert_eq!(defence(id).map(|found| found.method().id), Some(id));
    }
    assert!(defence("none").is_none());
}

/// A phase can only use the output of a phase before it.
#[test]
fn phases_refer_to_earlier_phases() {
    let trigger = trigger();
    for (defence, images) in DEFENCES.iter().flat_map(|d| [(d, 500), (d, 5000)]) {
        let id = defence.method().id;
        for values in variants(*defence) {
            let given =
                DefenceInput { images, size: (32, 32), flip: true, trigger: Some(&trigger) };
            let phases = defence.phases(&values, given).expect("sound values");
            assert!(!phases.is_empty(), "{id}");
            for (index, phase) in phases.iter().enumerate() {
                for start in phase.references.iter().chain([&phase.student]) {
                    let earlier = !matches!(start, Start::Phase(other) if *other >= index);
                    assert!(earlier, "{id} {values:?}: phase {index} uses {start:?}");
                }
            }
        }
    }
}

/// The trigger is on images only if the defence says that it knows the trigger.
#[test]
fn a_trigger_that_is_not_known_is_not_used() {
    let trigger = trigger();
    for defence in DEFENCES {
        for values in variants(*defence) {
            let given =
                DefenceInput { images: 500, size: (32, 32), flip: true, trigger: Some(&trigger) };
            let knows = defence.knows(&values).expect("sound values");
            let phases = defence.phases(&values, given).expect("sound values");
            let is_stamped = |phase: &Phase| match &phase.work {
                Work::Train(train_phase) => train_phase.stamp.is_some(),
                Work::Edit(_) => false,
            };
            let stamped = phases.iter().any(is_stamped);
            let id = defence.method().id;
            assert!(knows == Knows::Trigger || !stamped, "{id} {values:?}");
        }
    }
}

#[test]
fn images_are_mirrored_only_where_the_data_allow_it() {
    for (defence, flip) in DEFENCES.iter().flat_map(|d| [(d, false), (d, true)]) {
        let given = DefenceInput { images: 500, size: (32, 32), flip, trigger: None };
        let phases = defence.phases(&Values::default(), given).expect("sound values");
        for phase in phases {
            if let Work::Train(train_phase) = &phase.work {
                let found = train_phase.training.augment.flip;
                assert_eq!(found, flip, "{} {}", defence.method().id, phase.name);
            }
        }
    }
}

#[test]
fn unknown_keys_are_refused() {
    let wrong = Values::parse(["no_setting=1"]).expect("a pair");
    let given = DefenceInput { images: 500, size: (32, 32), flip: false, trigger: None };
    for defence in DEFENCES {
        let id = defence.method().id;
        assert!(matches!(defence.knows(&wrong), Err(SettingsError::Unknown { .. })), "{id}");
        assert!(defence.phases(&wrong, given).is_err(), "{id}");
    }
}
