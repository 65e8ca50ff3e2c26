//! Every attack's pixels against `fixtures/attacks.py`, which computes them from the definitions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use unstamp_shared::attacks::{ATTACKS, Needs, attack};
use unstamp_shared::image::Image;
use unstamp_shared::method::Values;
use unstamp_shared::poison::{Trigger, TriggerRecord};
use unstamp_tests::fixture;

#[derive(Deserialize)]
struct Reference {
    seed: u64,
    images: Vec<String>,
    reflections: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    attack: String,
    set: Values,
    index: usize,
    pixels: String,
}

fn picture(text: &str) -> Image {
    let pixels = STANDARD.decode(text).expect("base64");
    Image::from_pixels(32, 32, pixels).expect("32x32")
}

/// Exact, but for Refool: there f32 against f64 and OpenCV's cubic table may round a value of a
/// pixel the other way, so one grey level is allowed.
#[test]
fn every_attack_agrees_with_the_reference() {
    let bytes = std::fs::read(fixture("attacks.json")).expect("make fixtures");
    let reference: Reference = serde_json::from_slice(&bytes).expect("a record");
    let images: Vec<_> = reference.images.iter().map(|text| picture(text)).collect();
    let reflections = reference.reflections.iter().map(|text| picture(text));
    let reflections = Arc::new(reflections.enumerate().collect());
    let mut seen = BTreeSet::new();
    for case in reference.cases {
        let what = format!("{} {:?} on image {}", case.attack, case.set.0, case.index);
        let needs = attack(&case.attack).expect("listed").needs();
        let pictures =
            if needs == Needs::Reflections { Arc::clone(&reflections) } else { Arc::default() };
        let record = TriggerRecord {
            attack: case.attack.clone(),
            set: case.set,
            target: 0,
            seed: reference.seed,
        };
        let trigger = Trigger::new(&record, 10, (32, 32), pictures).expect("valid");
        let mut image = images[case.index].clone();
        trigger.stamp(&mut image, case.index);
        let wanted = picture(&case.pixels);
        let tolerance = u8::from(needs == Needs::Reflections);
        let off = image.pixels.iter().zip(&wanted.pixels).map(|(a, b)| a.abs_diff(*b));
        let worst = off.max().unwrap_or(0);
        assert!(worst <= tolerance, "{what}: off by {worst}");
        seen.insert(case.attack);
    }
    // all_target stamps BadNets' square; its labels are tested beside its code.
    let all = ATTACKS.iter().map(|a| a.method().id.to_string()).filter(|id| id != "all_target");
    assert_eq!(seen, all.collect(), "every attack has a reference");
}
