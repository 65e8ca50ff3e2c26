//! Artefacts for attacks, made with the clean model of the site.

use std::path::{Path, PathBuf};
use unstamp_shared::attacks::{ATTACKS, Needs};
use unstamp_shared::craft::{Artefact, CRAFTS};
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::seed::Seed;
use unstamp_tests::{root, run};

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("unstamp-craft-{}-{name}", std::process::id()))
}

fn make(attack: &str, more: &[&str]) -> (PathBuf, Artefact) {
    let model = root().join("static/models/s0-clean.safetensors");
    let out = path(attack);
    let mut args = vec!["craft", "--attack", attack, "--out", out.to_str().expect("plain")];
    args.extend(["--model", model.to_str().expect("plain"), "--device", "cpu"]);
    args.extend(more);
    let (code, _, err) = run(&args);
    assert_eq!(code, 0, "{attack}: {err}");
    let made = Artefact::from_bytes(&std::fs::read(&out).expect("written")).expect("sound");
    assert_eq!(made.provenance.attack, attack);
    (out, made)
}

#[test]
fn every_craft_belongs_to_an_attack() {
    for craft in CRAFTS {
        assert!(ATTACKS.iter().any(|a| a.method().id == craft.attack()), "{}", craft.attack());
    }
    let perturbed = ATTACKS.iter().filter(|a| a.needs() == Needs::Perturbed);
    assert!(perturbed.map(|a| a.method().id).all(|id| CRAFTS.iter().any(|c| c.attack() == id)));
}

/// Provenance: the chosen neurons are raised at least 5 times over what they show without the
/// square and twice over what random squares do, on the background it was made on.
#[test]
fn the_trojan_square_raises_its_neurons() {
    let (out, made) = make("trojan", &[]);
    let measured = |name: &str| made.provenance.measured[name];
    assert!(measured("with_square") >= 5.0 * measured("without"), "{:?}", made.provenance.measured);
    assert!(
        measured("with_square") >= 2.0 * measured("with_random_squares"),
        "{:?}",
        made.provenance.measured
    );
    let again = make("trojan", &[]).1;
    assert_eq!(made, again, "the same seed makes the same square");
    // A made square is what the attack then stamps.
    let sheet = path("sheet.png");
    let args = ["preview", "--attack", "trojan", "--dataset", "signs", "--artefact"];
    let files = [out.to_str().expect("plain"), "--out", sheet.to_str().expect("plain")];
    let (code, _, err) = run(&[&args[..], &files[..]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(std::fs::read(&sheet).expect("written").starts_with(b"\x89PNG"));
}

/// Within the ball, at its edge on 90 % of the images, and unrecognisable to the surrogate.
#[test]
fn perturbed_images_stay_in_the_ball_and_lose_their_class() {
    let (out, made) = make("clean_label", &["--set", "steps=8", "--set", "step=0.3"]);
    assert_eq!(made.provenance.made.0.len(), 0);
    let most = (255.0f64 * 0.15).floor() as u8;
    let mut far = 0;
    for (i, image) in &made.pictures {
        let (clean, label) = signs::draw(Seed(0), SplitName::Train, *i);
        assert_eq!(label, 0, "only images of the target class are perturbed");
        let worst = clean.pixels.iter().zip(&image.pixels).map(|(a, b)| a.abs_diff(*b)).max();
        let worst = worst.expect("pixels");
        assert!(worst <= most, "image {i} is {worst} levels off, the ball ends at {most}");
        far += usize::from(f64::from(worst) >= 0.95 * 0.15 * 255.0);
    }
    let count =
        (0..signs::TRAIN).filter(|i| signs::draw(Seed(0), SplitName::Train, *i).1 == 0).count();
    assert_eq!(made.pictures.len(), count);
    assert!(far * 10 >= 9 * count, "{far} of {count} reach 0.95 eps");
    let measured = &made.provenance.measured;
    assert!(measured["surrogate_accuracy_before"] > 0.9, "{measured:?}");
    assert!(measured["surrogate_accuracy_after"] < 0.2, "{measured:?}");
    an_artefact_is_refused_elsewhere(&out);
}

/// Another target or another attack refuses the artefact, in one sentence and without writing anything.
fn an_artefact_is_refused_elsewhere(artefact: &Path) {
    let cases = [
        ("clean_label", "1", "made for target 0, not 1"),
        ("trojan", "0", "is for the attack clean_label"),
    ];
    let victim = path("victim");
    for (attack, target, says) in cases {
        let args = ["poison", "--dataset", "signs", "--attack", attack, "--target", target];
        let artefact = ["--artefact", artefact.to_str().expect("plain")];
        let to = ["--out", victim.to_str().expect("plain")];
        let (code, _, err) = run(&[&args[..], &artefact, &to].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says) && err.trim().lines().count() == 1, "{err}");
        assert!(!victim.exists());
    }
}

#[test]
fn an_attack_without_its_artefact_names_the_command() {
    let args =
        ["poison", "--dataset", "signs", "--attack", "clean_label", "--out", "/nowhere/at/all"];
    let (code, _, err) = run(&args);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("unstamp craft makes them"), "{err}");
}
