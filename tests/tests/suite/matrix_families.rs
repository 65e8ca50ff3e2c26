//! Every defence, and every artefact, on a tiny network of each family: no method may depend on WRN.
//! One epoch on few images plants nothing, so no rate is claimed.

use std::path::Path;
use unstamp_shared::craft::{Artefact, CRAFTS};
use unstamp_shared::defences::DEFENCES;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};
use unstamp_shared::model::{FAMILIES, RGB};
use unstamp_shared::result::CellResult;
use unstamp_tests::run;
use unstamp_trainer::table;

/// A tiny network of each family, its last convolution, and whether a normalisation follows that. Where
/// none does, fine-tuning may change a pruned channel.
const NETWORKS: [(&str, &str, bool); 3] = [
    ("wrn-10-1", "block3.layer.0.conv2", true),
    ("preact-resnet18-2", "layer4.1.conv2", false),
    ("vgg19-bn-1", "features.49", true),
];

fn recipe(arch: &str) -> String {
    let mut text = format!(
        "name = \"families\"\ndataset = \"signs\"\narch = \"{arch}\"\nclean_fraction = 0.5\n\
         train_images = 128\ntest_images = 64\n\
         train = {{ epochs = 1, batch = 32, lr = 0.05, schedule = {{ kind = \"constant\" }} }}\n\
         [[victim]]\nid = \"victim\"\nattack = \"badnets\"\nrate = 0.2\n"
    );
    for defence in DEFENCES {
        let id = defence.method().id;
        let more = if id == "fine_prune" { ", prune = \"channel\", tune_scale = 1" } else { "" };
        text += &format!(
            "[[defence]]\nid = \"{id}\"\nmethod = \"{id}\"\nset = {{ epochs = 1{more} }}\n"
        );
    }
    text
}

fn weights(out: &Path, cell: &str) -> Arrays {
    let bytes = std::fs::read(out.join(format!("{cell}.safetensors"))).expect("written");
    from_bytes::<Metadata>(&bytes).expect("a sound file").0
}

/// All numbers of a result are finite, and its rates are shares.
fn sound(arch: &str, result: &CellResult) {
    let losses = result.curve.iter().flat_map(|epoch| &epoch.losses).map(|(_, value)| *value);
    let measured = result.measurements.iter().map(|measurement| measurement.value);
    assert!(losses.clone().count() > 0, "{arch} {} has no curve", result.cell);
    assert!(losses.chain(measured).all(f64::is_finite), "{arch} {}", result.cell);
    assert!(result.report.asr.is_some(), "{arch} {}", result.cell);
}

/// Makes every artefact with this model.
fn every_artefact_is_made(arch: &str, model: &Path) {
    for attack in CRAFTS.iter().map(|craft| craft.attack()) {
        let file = model.with_file_name(format!("{attack}.artefact"));
        let from = ["--model", model.to_str().expect("text"), "--dataset", "signs"];
        let to = ["--out", file.to_str().expect("text")];
        let (code, _, error) = run(&[&["craft", "--attack", attack], &from[..], &to].concat());
        assert_eq!(code, 0, "{arch} {attack}: {error}");
        let bytes = std::fs::read(&file).expect("written");
        let made = Artefact::from_bytes(&bytes).expect("sound").provenance;
        assert!(made.measured.values().all(|value| value.is_finite()), "{arch} {attack}");
    }
}

#[test]
fn every_family_has_a_network_here() {
    for family in FAMILIES {
        let is_of_family = |name: &str| family.describe(name, RGB, 10).is_some();
        let found = NETWORKS.iter().any(|(arch, ..)| is_of_family(arch));
        assert!(found, "NETWORKS lacks a network of the form {}", family.form());
    }
}

#[test]
fn every_defence_changes_the_weights_of_every_family() {
    for (arch, conv, stays_zero) in NETWORKS {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("families.toml");
        std::fs::write(&path, recipe(arch)).expect("written");
        let out = folder.path().join("out");
        let text = |path: &Path| path.to_str().expect("text").to_string();
        let (code, _, error) = run(&["run", &text(&path), "--out", &text(&out)]);
        assert_eq!(code, 0, "{arch}: {error}");
        let results = table::results(&out).expect("results");
        assert_eq!(results.len(), 1 + DEFENCES.len(), "{arch}");
        for result in &results {
            sound(arch, result);
        }
        every_artefact_is_made(arch, &out.join("s0-victim.safetensors"));
        let victim = weights(&out, "s0-victim");
        for id in DEFENCES.iter().map(|defence| defence.method().id) {
            let cell = format!("s0-victim-{id}");
            let result = results.iter().find(|result| result.cell == cell).expect(id);
            assert!(weights(&out, &cell) != victim, "{arch} {id} changed nothing");
            assert_eq!(result.points.is_empty(), id != "mcr", "{arch} {id}");
            assert_eq!(result.recovered.is_some(), id == "mesa", "{arch} {id}");
        }
        // Half of the channels of the last convolution were pruned.
        let pruned = &weights(&out, "s0-victim-fine_prune")[&format!("{conv}.weight")];
        let channels = pruned.shape[0];
        let each = pruned.values.chunks_exact(pruned.values.len() / channels);
        let zero = each.filter(|channel| channel.iter().all(|v| *v == 0.0)).count();
        let cell = |r: &&CellResult| r.cell == "s0-victim-fine_prune";
        let measured = &results.iter().find(cell).expect("it ran").measurements;
        let pruned = measured.iter().find(|m| m.name == "pruned_channels").map(|m| m.value);
        assert_eq!(pruned, Some((channels / 2) as f64), "{arch}: of {channels} channels");
        if stays_zero {
            assert_eq!(zero, channels / 2, "{arch}: of {channels} channels");
        }
    }
}
