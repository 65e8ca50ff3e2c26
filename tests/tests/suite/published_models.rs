//! The models in `static/models`: their hashes, and their answers and rates as stored, on every device.

use burn::tensor::Device;
use sha2::{Digest, Sha256};
use unstamp_bench::gradient::{GradientProbe, gradient_probe};
use unstamp_shared::manifest::{Manifest, ModelEntry};
use unstamp_shared::metrics::Report;
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Arrays, Metadata};
use unstamp_shared::seed::hex;
use unstamp_shared::self_test::{IMAGES, SelfTestAnswers, TOLERANCE, answers};
use unstamp_tests::{close, devices, fixture, root, run};
use unstamp_trainer::model_card::card;
use unstamp_trainer::publish::card_file;

fn manifest() -> Manifest {
    let text = std::fs::read(root().join("static/models/manifest.json")).expect("committed");
    serde_json::from_slice(&text).expect("a manifest")
}

fn load(entry: &ModelEntry) -> (Arch, Arrays, SelfTestAnswers) {
    let bytes = std::fs::read(root().join("static/models").join(&entry.file)).expect("committed");
    assert_eq!(hex(&Sha256::digest(&bytes)), entry.sha256, "{}", entry.file);
    assert_eq!(bytes.len(), entry.bytes, "{}", entry.file);
    let (arrays, metadata) = weights::from_bytes::<Metadata>(&bytes).expect("sound weights");
    let metadata = metadata.expect("with metadata");
    assert_eq!(
        (metadata.role.as_ref(), &metadata.arch),
        (Some(&entry.role), &entry.arch),
        "{}",
        entry.file
    );
    (Arch::new(&entry.arch, entry.class_names.len()), arrays, metadata.probe.expect("with answers"))
}

#[test]
fn every_model_answers_as_stored() {
    for (name, device) in devices() {
        for entry in manifest().models {
            let (arch, arrays, stored) = load(&entry);
            let network = weights::frozen(&arch, &arrays, &device).expect("fits");
            let found = pollster::block_on(answers(&network, IMAGES, &device)).expect("answers");
            let off = stored.difference(&found);
            assert!(off <= TOLERANCE, "{} on {name}: off by {off}", entry.id);
        }
    }
}

/// A wrong weight must show in the self-test; otherwise the page would use a GPU that computes wrongly.
#[test]
fn the_self_test_notices_one_wrong_weight() {
    let device = Device::flex();
    for entry in manifest().models {
        let (arch, mut arrays, stored) = load(&entry);
        arrays.get_mut("block2.layer.0.conv1.weight").expect("there").values[0] += 40.0;
        let network = weights::frozen(&arch, &arrays, &device).expect("fits");
        let found = pollster::block_on(answers(&network, 2, &device)).expect("answers");
        assert!(stored.difference(&found) > TOLERANCE, "{}", entry.id);
    }
}

/// The rates that recipe `quick` states, measured again on the test images. A published model has weights
/// of half precision, so the predictions for a few images may differ from those in the manifest.
#[test]
fn the_models_have_the_rates_of_their_recipe() {
    let models = manifest().models;
    let of = |role: &str| models.iter().find(|model| model.role.to_string() == role).expect(role);
    let measured = |role: &str| {
        let path = root().join("static/models").join(&of(role).file);
        let (code, json, error) = run(&["eval", "--model", path.to_str().expect("text"), "--json"]);
        assert_eq!(code, 0, "{error}");
        let report: Report = serde_json::from_str(&json).expect("a report");
        let stored = &of(role).report;
        let off = (report.acc.value - stored.acc.value).abs();
        assert!(off < 0.005, "{role}: ACC {}, not {}", report.acc.value, stored.acc.value);
        let rate = |report: &Report| report.asr.map(|asr| asr.value);
        if let Some((now, then)) = rate(&report).zip(rate(stored)) {
            assert!((now - then).abs() < 0.01, "{role}: ASR {now}, not {then}");
        }
        report
    };
    let clean = measured("clean");
    let victim = measured("victim");
    let nad = measured("nad");
    assert!((0.93..=0.99).contains(&clean.acc.value), "clean ACC {}", clean.acc.value);
    assert!(victim.asr.expect("attacked").value >= 0.95);
    assert!((clean.acc.value - victim.acc.value).abs() <= 0.02);
    let floor = nad.floor.expect("attacked").value;
    assert!(nad.asr.expect("attacked").value <= floor + 0.1);
    assert!(victim.acc.value - nad.acc.value <= 0.05);
    of("fine_tune");
    of("nad_beta0");
}

/// The folders of this repository with published models.
const PUBLISHED: [&str; 3] =
    ["static/models", "trainer/models/gtsrb_refool", "trainer/models/nad_table1"];

/// With UNSTAMP_WRITE set, the cards are written again.
#[test]
fn every_published_model_has_its_card() {
    for folder in PUBLISHED.map(|folder| root().join(folder)) {
        let text = std::fs::read(folder.join("manifest.json")).expect("committed");
        let manifest: Manifest = serde_json::from_slice(&text).expect("a manifest");
        for entry in manifest.models {
            let bytes = std::fs::read(folder.join(&entry.file)).expect("committed");
            assert_eq!(hex(&Sha256::digest(&bytes)), entry.sha256, "{}", entry.file);
            let (_, metadata) = weights::from_bytes::<Metadata>(&bytes).expect("sound weights");
            let card = card(&entry, &metadata.expect("with metadata"));
            let path = folder.join(card_file(&entry));
            if std::env::var("UNSTAMP_WRITE").is_ok() {
                std::fs::write(&path, &card).expect("written");
            }
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(stored == card, "{} is no longer right", path.display());
        }
    }
}

/// Loss and gradient norms that the browser is compared with (`browser/harness.mjs`). With
/// UNSTAMP_WRITE set, the file is written again.
#[test]
fn the_stored_gradient_is_the_native_one() {
    let models = manifest().models;
    let of = |role: &str| load(models.iter().find(|m| m.role.to_string() == role).expect(role));
    let (arch, teacher, _) = of("nad");
    let (_, student, _) = of("victim");
    let device = Device::flex();
    let probe = gradient_probe(&arch, &teacher, &student, IMAGES, &device);
    let GradientProbe { loss: value, norms, .. } = pollster::block_on(probe).expect("it computes");
    let path = fixture("gradient.json");
    if std::env::var("UNSTAMP_WRITE").is_ok() {
        let json = serde_json::json!({ "loss": value, "gradients": norms });
        std::fs::write(&path, json.to_string()).expect("written");
    }
    let stored: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path).expect("stored")).expect("JSON");
    let list = stored["gradients"].as_array().expect("a list").iter();
    let list: Vec<f32> = list.map(|v| v.as_f64().expect("a number") as f32).collect();
    // Batch statistics of eight images, on processors with other vector widths.
    close(&[value], &[stored["loss"].as_f64().expect("a number") as f32], 1e-3, "loss");
    close(&norms, &list, 2e-3, "gradient norms");
}
