//! Checkpoints in BackdoorBench's layout (`fixtures/backdoorbench.py`).

use std::path::PathBuf;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};
use unstamp_tests::{close, fixture, run};
use unstamp_trainer::import::{Origin, checkpoint_of};

/// bfloat16 keeps 8 bits of a number.
const BFLOAT16: f32 = 1.0 / 256.0;

fn file(name: &str) -> PathBuf {
    fixture("backdoorbench").join(name)
}

fn arrays(name: &str) -> Arrays {
    checkpoint_of(&file(name)).unwrap_or_else(|e| panic!("{name}: {e}")).arrays
}

/// The records of the images, which hold NumPy's objects, are skipped.
#[test]
fn a_result_says_its_network_classes_and_data_set() {
    let attack = checkpoint_of(&file("attack_result.pt")).expect("readable").origin;
    let wanted = Origin {
        arch: Some("preact-resnet18-1".to_string()),
        num_classes: Some(10),
        dataset: Some("cifar10".to_string()),
    };
    assert_eq!(attack, wanted);
    let defence = checkpoint_of(&file("defense_result.pt")).expect("readable").origin;
    assert_eq!(defence.arch.as_deref(), Some("vgg19-bn-1"));
    assert_eq!(defence.num_classes, Some(10));
    assert_eq!(checkpoint_of(&file("trainer.pt")).expect("readable").origin, Origin::default());
}

/// The same network behind `module.`, under `model_state_dict`, and in other precisions.
#[test]
fn every_layout_and_precision_gives_the_same_weights() {
    let attack = arrays("attack_result.pt");
    assert_eq!(attack, arrays("trainer.pt"));
    assert_eq!(attack, arrays("float64.pt"));
    let rounded = arrays("bfloat16.pt");
    assert_eq!(rounded.len(), attack.len());
    for (name, array) in &attack {
        close(&rounded[name].values, &array.values, BFLOAT16, name);
    }
}

#[test]
fn results_are_imported_without_naming_their_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.safetensors");
    let to = out.to_str().expect("text");
    for (name, arch) in
        [("attack_result.pt", "preact-resnet18-1"), ("defense_result.pt", "vgg19-bn-1")]
    {
        let from = file(name);
        let from = from.to_str().expect("text");
        let (code, _, error) = run(&["import", from, "--out", to]);
        assert_eq!(code, 0, "{name}: {error}");
        let bytes = std::fs::read(&out).expect("written");
        let metadata = from_bytes::<Metadata>(&bytes).expect("a sound file").1.expect("ours");
        assert_eq!(metadata.arch, arch);
        assert_eq!(metadata.class_names.len(), 10);
        // The command line has the last word.
        let (code, _, error) = run(&["import", from, "--out", to, "--arch", "wrn-16-1"]);
        assert!(code == 1 && error.contains("does not fit wrn-16-1"), "{name}: {error}");
        let (code, _, error) = run(&["import", from, "--out", to, "--dataset", "gtsrb"]);
        assert!(code == 1 && error.contains("--dataset"), "{name}: {error}");
    }
}
