//! Strategies of records that several files hold.

use crate::drawn::{any_values, number, text};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use unstamp_shared::craft::Provenance;
use unstamp_shared::manifest::{ModelEntry, ModelRole};
use unstamp_shared::metrics::{Confusion, Rate, Report};
use unstamp_shared::poison::TriggerRecord;

fn rate() -> impl Strategy<Value = Rate> {
    (number(), any::<u64>(), any::<u64>(), number(), number())
        .prop_map(|(value, k, n, low, high)| Rate { value, k, n, ci95: [low, high] })
}

fn confusion() -> impl Strategy<Value = Confusion> {
    // The sum of all counts is a number of 64 bits.
    let table = |classes: usize| vec(vec(0..u64::MAX >> 4, classes), classes);
    (0..4usize).prop_flat_map(table).prop_map(Confusion)
}

/// A report with any counts.
pub fn report() -> impl Strategy<Value = Report> {
    let optional = prop::array::uniform3(option::of(rate()));
    (rate(), optional, confusion(), option::of(confusion())).prop_map(
        |(acc, [asr, ra, floor], confusion, triggered)| Report {
            acc,
            asr,
            ra,
            floor,
            confusion,
            triggered,
        },
    )
}

/// A trigger with any names.
pub fn trigger_record() -> impl Strategy<Value = TriggerRecord> {
    (text(), any_values(), any::<usize>(), any::<u64>())
        .prop_map(|(attack, set, target, seed)| TriggerRecord { attack, set, target, seed })
}

/// The origin of an artefact.
pub fn provenance() -> impl Strategy<Value = Provenance> {
    let names = prop::array::uniform4(text());
    let values = prop::array::uniform2(any_values());
    let measured = btree_map(text(), number(), 0..4);
    let program = prop::array::uniform2(option::of(text()));
    (names, any::<usize>(), any::<u64>(), values, measured, program).prop_map(
        |(names, target, seed, [set, made], measured, [version, commit])| {
            let [attack, dataset, data, model] = names;
            Provenance {
                attack,
                dataset,
                data,
                target,
                seed,
                set,
                made,
                measured,
                model,
                version,
                commit,
            }
        },
    )
}

fn role() -> impl Strategy<Value = ModelRole> {
    prop_oneof![
        Just(ModelRole::Clean),
        Just(ModelRole::Victim),
        Just(ModelRole::Imported),
        Just(ModelRole::Own),
        text().prop_map(ModelRole::from),
    ]
}

/// A model of the manifest.
pub fn model_entry() -> impl Strategy<Value = ModelEntry> {
    let names = prop::array::uniform8(text());
    let classes = vec(text(), 0..4);
    let trigger = option::of(trigger_record());
    (names, any::<usize>(), classes, role(), trigger, any::<u64>(), report()).prop_map(
        |(names, bytes, class_names, role, trigger, data_seed, report)| {
            let [id, title, file, sha256, arch, dataset, recipe, recipe_hash] = names;
            ModelEntry {
                id,
                title,
                file,
                sha256,
                bytes,
                arch,
                dataset,
                class_names,
                role,
                trigger,
                data_seed,
                recipe,
                recipe_hash,
                report,
            }
        },
    )
}
