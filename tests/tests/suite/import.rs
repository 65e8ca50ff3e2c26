//! Checkpoints written by PyTorch in both formats, and hostile or broken ones.

use std::path::Path;
use unstamp_tests::{Fixture, fixture, run};
use unstamp_trainer::import::weights_of;

#[test]
fn both_pytorch_formats_give_the_same_weights() {
    let expected = Fixture::load().part("a");
    for file in ["legacy.pth", "zip.pth"] {
        let (arrays, _) = weights_of(&fixture(file)).expect(file);
        assert_eq!(arrays, expected, "{file}");
    }
}

/// The head's length made one of these begin like a pickle.
#[test]
fn every_committed_model_is_read() {
    let models = unstamp_tests::root().join("static/models");
    for file in std::fs::read_dir(models).expect("committed") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            let (_, metadata) = weights_of(&path).unwrap_or_else(|e| panic!("{e:#}"));
            assert!(metadata.is_some(), "{} has no metadata", path.display());
        }
    }
}

#[test]
fn an_imported_checkpoint_is_evaluated() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("a.safetensors");
    let file = fixture("legacy.pth");
    let to = out.to_str().expect("text");
    let file = file.to_str().expect("text");
    let (code, _, error) = run(&["import", file, "--out", to, "--dataset", "signs"]);
    assert_eq!(code, 0, "{error}");
    let (code, json, error) = run(&["eval", "--model", to, "--attack", "badnets", "--json"]);
    assert_eq!(code, 0, "{error}");
    let report: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(report["acc"]["n"], 2000);
    assert!(report["asr"]["ci95"][1].as_f64().expect("a number") > 0.0);
    // Given a mean and deviation, the same weights answer otherwise.
    let (code, _, error) = run(&[
        "import",
        file,
        "--out",
        to,
        "--dataset",
        "signs",
        "--mean",
        "0.5,0.5,0.5",
        "--std",
        "0.2,0.2,0.2",
    ]);
    assert_eq!(code, 0, "{error}");
    let (_, other, _) = run(&["eval", "--model", to, "--attack", "badnets", "--json"]);
    assert_ne!(json, other);
}

/// Every refused file gets a sentence that names the fault, and nothing is written or executed.
#[test]
fn broken_and_hostile_files_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = std::fs::read(fixture("zip.pth")).expect("made");
    let legacy = std::fs::read(fixture("legacy.pth")).expect("made");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let cases = [
        (fixture("hostile.pth"), "system"),
        (file("cut.pth", &zip[..zip.len() / 2]), "broken"),
        (file("cut_legacy.pth", &legacy[..legacy.len() - 1000]), "truncated"),
        (file("text.pth", b"hello"), "safetensors"),
        (file("empty.pth", b""), "safetensors"),
        (folder.path().join("missing.pth"), "cannot read"),
    ];
    let out = folder.path().join("out.safetensors");
    for (path, says) in cases {
        let (code, _, error) =
            run(&["import", path.to_str().expect("text"), "--out", out.to_str().expect("text")]);
        assert_eq!(code, 1, "{}: {error}", path.display());
        assert!(
            error.contains(says) && error.trim().lines().count() == 1,
            "{}: {error}",
            path.display()
        );
        assert!(
            error.contains(path.file_name().and_then(|n| n.to_str()).expect("a name")),
            "{error}"
        );
        assert!(!out.exists() && !Path::new("unstamp-was-fooled").exists());
    }
    let other = ["import", "--arch", "wrn-40-2", "--out", out.to_str().expect("text")];
    let (code, _, error) =
        run(&[&other[..], &[fixture("zip.pth").to_str().expect("text")]].concat());
    assert!(code == 1 && error.contains("does not fit wrn-40-2"), "{error}");
}
