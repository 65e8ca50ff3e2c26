//! Triggers and poisoning, looping over the list of attacks.

use unstamp_shared::attacks::{ATTACKS, Labels};
use unstamp_shared::datasets::{Split, signs};
use unstamp_shared::golden;
use unstamp_shared::image::Image;
use unstamp_shared::method::Values;
use unstamp_shared::poison::{Draw, RateOf, Trigger, clean_subset, poison, select};
use unstamp_shared::seed::Seed;
use unstamp_tests::fixture;

fn trigger(id: &str, pairs: &[&str]) -> Trigger {
    let values = Values::parse(pairs.iter().copied()).expect("pairs");
    Trigger::new(id, &values, 0, 10, (32, 32), Seed(0)).expect("valid")
}

fn some_signs(count: usize) -> Split {
    let mut split = Split { width: 32, height: 32, ..Split::default() };
    for i in 0..count {
        let (image, label) = signs::draw(Seed(0), "train", i);
        split.push(&image, label);
    }
    split
}

/// The same hashes are asserted in the browser (`browser/page.test.mjs`).
#[test]
fn pictures_have_the_stored_hashes() {
    let stored: Vec<String> =
        serde_json::from_slice(&std::fs::read(fixture("golden.json")).expect("stored"))
            .expect("a list");
    assert_eq!(golden::hashes(), stored, "signs first, then every attack of the list");
}

/// Grey levels from the paper's text and, for `grid`, from the table in its public code.
#[test]
fn badnets_pixels_are_as_defined() {
    let mut image = Image { width: 32, height: 32, pixels: vec![100; 3072] };
    let paper = [[255, 128, 255], [128, 255, 128], [255, 128, 255]];
    let grid = [[0, 0, 255], [0, 255, 0], [255, 0, 255]];
    for (pattern, rows) in [("checkerboard", paper), ("grid", grid)] {
        image.pixels.fill(100);
        trigger("badnets", &[&format!("pattern={pattern}")]).stamp(&mut image, 0);
        for y in 0..32 {
            for x in 0..32 {
                let want = if x >= 29 && y >= 29 { rows[y - 29][x - 29] } else { 100 };
                assert_eq!(image.get(x, y), [want; 3], "{pattern} at column {x}, row {y}");
            }
        }
    }
    // scale multiplies the pattern, opacity blends: 0.5 * 255 + 0.5 * 100 = 177.5, rounded half up.
    image.pixels.fill(100);
    trigger("badnets", &["scale=0.2"]).stamp(&mut image, 0);
    assert_eq!((image.get(29, 29), image.get(30, 29)), ([51; 3], [26; 3]));
    image.pixels.fill(100);
    trigger("badnets", &["opacity=0.5", "x=2", "y=3"]).stamp(&mut image, 0);
    assert_eq!(
        (image.get(2, 3), image.get(3, 3), image.get(31, 31)),
        ([178; 3], [114; 3], [100; 3])
    );
}

#[test]
fn every_attack_is_deterministic_and_has_a_sound_name() {
    for attack in ATTACKS {
        let id = attack.method().id;
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{id}");
        assert!(
            Values::default().resolve(&attack.params()).is_ok(),
            "{id}: defaults are out of range"
        );
        let t = trigger(id, &[]);
        let (image, _) = signs::draw(Seed(0), "test", 1);
        let (mut a, mut b) = (image.clone(), image.clone());
        t.stamp(&mut a, 1);
        t.stamp(&mut b, 1);
        assert_eq!(a, b, "{id} twice on one image");
        assert_ne!(a, image, "{id} changes nothing");
        if let Some(area) = attack.area(&t.values, 32, 32) {
            for y in 0..32 {
                for x in 0..32 {
                    let inside = (area.x..area.x + area.width).contains(&x)
                        && (area.y..area.y + area.height).contains(&y);
                    assert!(
                        inside || a.get(x, y) == image.get(x, y),
                        "{id} changes a pixel outside its area"
                    );
                }
            }
        }
    }
}

#[test]
fn poisoning_counts_and_labels() {
    let split = some_signs(400);
    for attack in ATTACKS {
        let t = trigger(attack.method().id, &[]);
        let chosen =
            select(&split.labels, &t, 0.05, RateOf::All, Draw::AnyClass).expect("few enough");
        assert_eq!(chosen.len(), 20, "5 % of 400");
        assert_eq!(
            chosen,
            select(&split.labels, &t, 0.05, RateOf::All, Draw::AnyClass).expect("again")
        );
        let poisoned = poison(&split, &t, &chosen);
        for i in 0..split.len() {
            if chosen.contains(&i) {
                let wanted = t.wanted(split.labels[i].into()) as u16;
                let label = if attack.labels() == Labels::Dirty { wanted } else { split.labels[i] };
                assert_eq!(poisoned.labels[i], label);
                assert_ne!(poisoned.bytes(i), split.bytes(i));
            } else {
                assert_eq!(
                    (poisoned.labels[i], poisoned.bytes(i)),
                    (split.labels[i], split.bytes(i))
                );
            }
        }
        let class = split.labels.iter().filter(|l| **l == 0).count();
        let within =
            select(&split.labels, &t, 0.5, RateOf::Class, Draw::AnyClass).expect("few enough");
        assert_eq!(within.len(), (0.5 * class as f64).round() as usize);
        let others =
            select(&split.labels, &t, 0.5, RateOf::All, Draw::NonTarget).expect("few enough");
        assert!(others.iter().all(|&i| split.labels[i] != 0));
        for rate in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(
                select(&split.labels, &t, rate, RateOf::All, Draw::AnyClass).is_err(),
                "rate {rate}"
            );
        }
        assert!(
            select(&split.labels, &t, 1.0, RateOf::All, Draw::NonTarget).is_err(),
            "more than there are"
        );
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

#[test]
fn bad_triggers_are_named() {
    let bad = |pairs: &[&str], target| {
        let values = Values::parse(pairs.iter().copied()).expect("pairs");
        Trigger::new("badnets", &values, target, 10, (32, 32), Seed(0)).expect_err("refused")
    };
    assert!(bad(&["size=40"], 0).contains("does not fit"));
    assert!(bad(&["x=30"], 0).contains("does not fit"));
    assert!(bad(&["sise=3"], 0).contains("no parameter 'sise'"));
    assert!(bad(&["opacity=2"], 0).contains("opacity = 2 is not a number from 0 to 1"));
    assert!(bad(&[], 10).contains("target 10 is not a class"));
}
