//! A result survives its file.

use crate::config;
use crate::drawn::{any_values, number, text};
use crate::drawn_records::{provenance, report};
use proptest::array::{uniform3, uniform6, uniform9};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use unstamp_shared::adversarial::Robust;
use unstamp_shared::datasets::{ImageSize, LARGEST_SIDE};
use unstamp_shared::job::{Augment, Epoch, Measurement, Rates};
use unstamp_shared::metrics::Report;
use unstamp_shared::poison::{Draw, RateOf};
use unstamp_shared::recipe::{Erasure, Victim, VictimId, WeightsDigest};
use unstamp_shared::result::{CellResult, Counts, Recovery, SCHEMA};

/// A number that the file may lack.
fn maybe() -> impl Strategy<Value = Option<f64>> {
    option::of(number())
}

fn image_size() -> impl Strategy<Value = ImageSize> {
    (8..=LARGEST_SIDE, 8..=LARGEST_SIDE)
        .prop_map(|(width, height)| ImageSize::new(width, height).expect("allowed sides"))
}

fn augment() -> impl Strategy<Value = Augment> {
    (any::<usize>(), any::<bool>(), any::<usize>()).prop_map(|(crop, flip, cutout)| Augment {
        crop,
        flip,
        cutout,
    })
}

fn digest() -> impl Strategy<Value = WeightsDigest> {
    "[0-9a-f]{64}".prop_map(|text| text.parse().expect("a SHA-256"))
}

fn victim() -> impl Strategy<Value = Victim> {
    let names = (text(), option::of(text()), option::of(text().prop_map(VictimId)));
    let rate_of = select(vec![RateOf::All, RateOf::Class]);
    let draw = select(vec![Draw::AnyClass, Draw::NonTarget]);
    let poisoning = (maybe(), rate_of, draw, any::<usize>(), any_values());
    let robust = (number(), any::<usize>()).prop_map(|(eps, steps)| Robust { eps, steps });
    let training = (option::of(any::<usize>()), option::of(augment()), option::of(robust));
    let weights = (maybe(), option::of(any::<i16>().prop_map(f32::from)), option::of(digest()));
    (names, poisoning, training, weights).prop_map(|(names, poisoning, training, weights)| {
        let (id, attack, surrogate) = names;
        let (rate, rate_of, draw, target, set) = poisoning;
        let (epochs, augment, robust) = training;
        let (weight_decay, rescale, model) = weights;
        Victim {
            id,
            attack,
            rate,
            rate_of,
            draw,
            target,
            set,
            surrogate,
            epochs,
            augment,
            weight_decay,
            rescale,
            model,
            robust,
        }
    })
}

fn erasure() -> impl Strategy<Value = Erasure> {
    (text(), text(), any_values(), maybe(), option::of(text()))
        .prop_map(|(id, method, set, clean, of)| Erasure { id, method, set, clean, of })
}

fn counts() -> impl Strategy<Value = Counts> {
    (uniform6(any::<usize>()), number()).prop_map(|(images, poisoned_of_class)| {
        let [train, test, poisoned, clean_subset, overlap, validation] = images;
        Counts { train, test, poisoned, poisoned_of_class, clean_subset, overlap, validation }
    })
}

fn rates() -> impl Strategy<Value = Rates> {
    (number(), maybe()).prop_map(|(acc, asr)| Rates { acc, asr })
}

fn recovery() -> impl Strategy<Value = Recovery> {
    (any::<usize>(), number(), maybe()).prop_map(|(target, asr, distance)| Recovery {
        target,
        asr,
        distance,
    })
}

fn epoch() -> impl Strategy<Value = Epoch> {
    let losses = vec((text(), number()), 0..3);
    let measured = vec((text(), number()), 0..2);
    (text(), any::<usize>(), number(), losses, measured, option::of(rates())).prop_map(
        |(phase, epoch, lr, losses, measured, rates)| Epoch {
            phase,
            epoch,
            lr,
            losses,
            measured,
            rates,
        },
    )
}

fn measurement() -> impl Strategy<Value = Measurement> {
    (text(), text(), number()).prop_map(|(phase, name, value)| Measurement { phase, name, value })
}

/// A result without what only some cells measure.
fn plain() -> impl Strategy<Value = CellResult> {
    let cell = (uniform9(text()), any::<u64>(), victim(), counts());
    let measured = (number(), any::<u64>(), report());
    (cell, measured).prop_map(|((names, seed, victim, data), (minutes, passes, report))| {
        let classes = report.triggered.as_ref().map_or(0, |table| table.0.len());
        // A table of triggered images has a column for the target class.
        let target = victim.target.checked_rem(classes).unwrap_or(victim.target);
        let victim = Victim { target, ..victim };
        let triggered = report.triggered.clone().filter(|_| classes > 0);
        let report = Report { triggered, ..report };
        let [recipe, recipe_hash, _, cell_hash, version, device, dataset, data_note, arch] = names;
        CellResult {
            schema: SCHEMA,
            recipe,
            recipe_hash,
            // The name of a cell is the name of its files.
            cell: format!("s{seed}-cell"),
            cell_hash,
            seed,
            version,
            commit: None,
            device,
            threads: None,
            dataset,
            image_size: None,
            data_note,
            arch,
            victim,
            erasure: None,
            data,
            validation: None,
            artefact: None,
            minutes,
            passes,
            report,
            squared_weight_norm: None,
            der: None,
            attention_distance: None,
            attention_on_trigger: Vec::new(),
            recovered: None,
            curve: Vec::new(),
            measurements: Vec::new(),
            points: Vec::new(),
        }
    })
}

/// A result with some of the optional parts.
fn result() -> impl Strategy<Value = CellResult> {
    let origin = (option::of(text()), option::of(any::<usize>()), option::of(image_size()));
    let parts = (option::of(erasure()), option::of(provenance()), option::of(recovery()));
    let numbers = (uniform3(maybe()), vec(number(), 0..4), option::of(rates()));
    let points = vec((number(), rates()), 0..3);
    let lists = (vec(epoch(), 0..3), vec(measurement(), 0..3), points);
    (plain(), origin, parts, numbers, lists).prop_map(|(plain, origin, parts, numbers, lists)| {
        let (commit, threads, image_size) = origin;
        let (erasure, artefact, recovered) = parts;
        let ([squared_weight_norm, der, attention_distance], attention_on_trigger, validation) =
            numbers;
        let (curve, measurements, points) = lists;
        CellResult {
            commit,
            threads,
            image_size,
            erasure,
            validation,
            artefact,
            squared_weight_norm,
            der,
            attention_distance,
            attention_on_trigger,
            recovered,
            curve,
            measurements,
            points,
            ..plain
        }
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_result_survives_its_file(result in result()) {
        let json = serde_json::to_vec(&result).expect("plain data");
        let read = CellResult::from_json(&json).expect("what is written is sound");
        prop_assert_eq!(read, result);
    }

    #[test]
    fn a_number_of_any_length_keeps_fifteen_digits(part in 0.1f64..1.0, exponent in -300i32..300) {
        let value = part * 10f64.powi(exponent);
        let written = Measurement { phase: "prune".into(), name: "share".into(), value };
        let json = serde_json::to_string(&written).expect("plain data");
        let read: Measurement = serde_json::from_str(&json).expect("what is written is sound");
        prop_assert!((read.value - value).abs() <= 1e-15 * value);
    }
}
