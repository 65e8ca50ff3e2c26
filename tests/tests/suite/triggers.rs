//! Triggers and poisoned data sets: what must hold of every attack.

use std::sync::Arc;
use unstamp_bench::image_hashes;
use unstamp_shared::attacks::{ATTACKS, Labels, Needs, Pictures, attack};
use unstamp_shared::datasets::{Split, SplitName, signs};
use unstamp_shared::image::Image;
use unstamp_shared::method::{Accepts, Param, Values};
use unstamp_shared::poison::{
    Draw, RateOf, Trigger, TriggerRecord, poison, select, sign_reflections,
};
use unstamp_shared::seed::Seed;
use unstamp_tests::fixture;

fn made(id: &str, pairs: &[&str], target: usize, pictures: Pictures) -> Result<Trigger, String> {
    let set = Values::parse(pairs.iter().copied()).expect("pairs");
    let record = TriggerRecord { attack: id.to_string(), set, target, seed: 0 };
    Trigger::new(&record, 10, (32, 32), Arc::new(pictures)).map_err(|fault| fault.to_string())
}

/// A trigger with pictures of the kind its attack needs.
fn trigger(id: &str, pairs: &[&str]) -> Trigger {
    let grey = |i: usize| Image { width: 32, height: 32, pixels: vec![i as u8; 3072] };
    let pictures = match attack(id).expect("listed").needs() {
        Needs::Nothing => Pictures::new(),
        Needs::Reflections => Pictures::clone(&sign_reflections()),
        Needs::Perturbed => (0..400).map(|i| (i, grey(i))).collect(),
    };
    made(id, pairs, 0, pictures).expect("valid")
}

fn some_signs(count: usize) -> Split {
    let mut split = Split { width: 32, height: 32, ..Split::default() };
    for i in 0..count {
        let (image, label) = signs::draw(Seed(0), SplitName::Train, i);
        split.push(&image, label);
    }
    split
}

/// The same hashes are asserted in the browser (`browser/page.test.mjs`).
#[test]
fn pictures_have_the_stored_hashes() {
    let hashes = image_hashes::hashes().expect("valid defaults");
    if std::env::var("UNSTAMP_WRITE").is_ok() {
        let text = serde_json::to_string_pretty(&hashes).expect("a list");
        std::fs::write(fixture("image_hashes.json"), text + "\n").expect("writable");
    }
    let stored: Vec<String> =
        serde_json::from_slice(&std::fs::read(fixture("image_hashes.json")).expect("stored"))
            .expect("a list");
    assert_eq!(hashes, stored, "signs first, then every attack of the list");
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
        let (image, _) = signs::draw(Seed(0), SplitName::Test, 1);
        let mut a = image.clone();
        let mut b = image.clone();
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
        let poisoned = poison(&split, &t, &chosen).expect("pictures are there");
        for i in 0..split.len() {
            if chosen.contains(&i) {
                let wanted = t.wanted(split.labels[i].into()) as u16;
                let label = if t.labels() == Labels::Dirty { wanted } else { split.labels[i] };
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
        let rate = if t.labels() == Labels::Dirty { 0.5 } else { 0.05 };
        let others =
            select(&split.labels, &t, rate, RateOf::All, Draw::NonTarget).expect("few enough");
        assert!(others.iter().all(|&i| {
            let label = usize::from(split.labels[i]);
            if t.labels() == Labels::Dirty { t.wanted(label) != label } else { label == 0 }
        }));
        for rate in [0.0, -1.0, 1.5, f64::NAN] {
            assert!(
                select(&split.labels, &t, rate, RateOf::All, Draw::AnyClass).is_err(),
                "rate {rate}"
            );
        }
        if t.wanted(0) == 0 {
            let all = select(&split.labels, &t, 1.0, RateOf::All, Draw::NonTarget);
            assert!(all.is_err(), "{}: more than there are", attack.method().id);
        }
    }
}

/// These attacks keep the label of what they poison, and poison images of the target class only.
#[test]
fn clean_label_attacks_change_no_label() {
    let split = some_signs(400);
    for id in ["clean_label", "sig", "refool"] {
        let t = trigger(id, &[]);
        assert_eq!(t.labels(), Labels::Clean, "{id}");
        let chosen =
            select(&split.labels, &t, 0.05, RateOf::All, Draw::AnyClass).expect("few enough");
        assert!(chosen.iter().all(|&i| split.labels[i] == 0), "{id} poisons another class");
        assert_eq!(poison(&split, &t, &chosen).expect("pictures").labels, split.labels, "{id}");
    }
}

#[test]
fn dirty_label_attacks_give_the_wanted_label() {
    let split = some_signs(400);
    for id in ["badnets", "trojan", "blend", "all_target", "adaptive", "custom"] {
        let t = trigger(id, &[]);
        assert_eq!(t.labels(), Labels::Dirty, "{id}");
        let chosen =
            select(&split.labels, &t, 0.05, RateOf::All, Draw::NonTarget).expect("few enough");
        let mut wanted = split.labels.clone();
        for i in chosen.iter().copied() {
            wanted[i] = t.wanted(usize::from(wanted[i])) as u16;
        }
        assert_ne!(wanted, split.labels, "{id} relabels nothing");
        assert_eq!(poison(&split, &t, &chosen).expect("pictures").labels, wanted, "{id}");
    }
}

/// Values of a setting that are not its default.
fn others(param: &Param) -> Vec<String> {
    let all: Vec<String> = match &param.accepts {
        Accepts::Int { min, max } => [*min, min + 1, min + 4, *max].map(|v| v.to_string()).to_vec(),
        Accepts::Float { min, max } => {
            [*min, *max, 0.7 * min + 0.3 * max].map(|v| v.to_string()).to_vec()
        }
        Accepts::Choice(options) => options.iter().map(|option| option.to_string()).collect(),
        Accepts::Picture { painted: true } => vec!["2x1+3+4:_wAA_wD___8".to_string()],
        Accepts::Picture { painted: false } => Vec::new(),
    };
    all.into_iter().filter(|value| *value != param.default.to_string()).collect()
}

/// A setting that is read nowhere would leave every picture as it is.
#[test]
fn every_setting_of_a_trigger_changes_a_picture() {
    let split = some_signs(40);
    let stamped = |t: &Trigger| -> Vec<Image> {
        let one = |i: usize| {
            let mut image = split.image(i);
            t.stamp(&mut image, i);
            image
        };
        (0..split.len()).map(one).collect()
    };
    for attack in ATTACKS {
        let id = attack.method().id;
        let usual = stamped(&trigger(id, &[]));
        // Refool's labels decide who is poisoned, not what is stamped; pictures are tested elsewhere.
        let stamps = |p: &&Param| !p.planting && (id, p.id) != ("refool", "labels");
        for param in attack.params().iter().filter(stamps) {
            let values = others(param);
            let changes = |value: &String| {
                let pair = format!("{}={value}", param.id);
                let needs = Pictures::clone(&trigger(id, &[]).pictures);
                made(id, &[&pair], 0, needs).is_ok_and(|t| stamped(&t) != usual)
            };
            let picture = matches!(param.accepts, Accepts::Picture { painted: false });
            assert!(picture || values.iter().any(changes), "{id}: {} changes nothing", param.id);
        }
    }
}

/// Additive triggers saturate; a wrapped byte would fall to the other end of the range.
#[test]
fn sums_saturate() {
    for (value, id) in [(255u8, "trojan"), (250, "sig"), (5, "sig")] {
        let mut image = Image { width: 32, height: 32, pixels: vec![value; 3072] };
        trigger(id, &["delta=40"][..usize::from(id == "sig")]).stamp(&mut image, 0);
        let far = image.pixels.iter().map(|v| v.abs_diff(value)).max().unwrap_or(0);
        assert!(far <= 40, "{id} on {value}: a pixel is {far} levels off");
    }
}

#[test]
fn bad_triggers_are_named() {
    let of = |id: &str, pairs: &[&str]| made(id, pairs, 0, Pictures::new()).expect_err("refused");
    let bad = |pairs: &[&str], target| {
        made("badnets", pairs, target, Pictures::new()).expect_err("refused")
    };
    assert!(of("refool", &[]).contains("needs pictures"));
    assert!(of("trojan", &["square=red"]).contains("not a picture of the form"));
    assert!(of("trojan", &["square=1x2+0+0:_wAA_w"]).contains("not a picture of the form"));
    assert!(of("custom", &["picture=1x1+32+0:_wAA_w"]).contains("reaches beyond the 32x32 image"));
    assert!(of("blend", &["picture=1x1+0+0:_wAA_w"]).contains("1x1 pixels, the images 32x32"));
    assert!(of("blend", &["picture=3"]).contains("picture = 3 is not a picture"));
    assert!(bad(&["size=40"], 0).contains("does not fit"));
    assert!(bad(&["x=30"], 0).contains("does not fit"));
    assert!(bad(&["sise=3"], 0).contains("no parameter 'sise'"));
    assert!(bad(&["opacity=2"], 0).contains("opacity = 2 is not a number from 0 to 1"));
    assert!(bad(&[], 10).contains("target 10 is not a class"));
}
