//! Checkpoints in BackdoorBench's layout (`fixtures/backdoorbench.py`).

use std::path::PathBuf;
use unstamp_shared::model::weights::{Arrays, Metadata, from_bytes};
use unstamp_tests::{close, fixture, run};
use unstamp_trainer::import::{Origin, checkpoint_of};

/// bfloat16 keeps 8 bits of a number.
const BFLOAT16: f32 = 1.0 / 256.0;

/// BackdoorBench's mean and deviation for CIFAR-10.
const CIFAR10: [[f32; 3]; 2] = [[0.4914, 0.4822, 0.4465], [0.247, 0.243, 0.261]];

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

/// Imports a file with further arguments and returns the metadata of the model.
fn imported(name: &str, more: &[&str]) -> Metadata {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.safetensors");
    let from = file(name);
    let from = from.to_str().expect("text");
    let to = out.to_str().expect("text");
    let (code, text, error) = run(&[&["import", from, "--out", to], more].concat());
    assert_eq!(code, 0, "{name}: {error}");
    let bytes = std::fs::read(&out).expect("written");
    let metadata = from_bytes::<Metadata>(&bytes).expect("a sound file").1.expect("ours");
    assert_eq!(text.contains("mean"), metadata.normalisation.is_some(), "{name}: {text}");
    metadata
}

#[test]
fn a_result_is_normalised_as_backdoorbench_normalises_its_data_set() {
    for name in ["attack_result.pt", "defense_result.pt"] {
        assert_eq!(imported(name, &[]).normalisation, Some(CIFAR10), "{name}");
    }
    // Networks of signs, which BackdoorBench does not have, and of other programs read 0..1.
    let signs = imported("attack_result.pt", &["--dataset", "signs"]);
    assert_eq!(signs.normalisation, None);
    let other = imported("trainer.pt", &["--arch", "preact-resnet18-1"]);
    assert_eq!(other.normalisation, None);
    // The command line has the last word.
    let given = ["--mean", "0.5,0.5,0.5", "--std", "0.2,0.25,0.3"];
    let given = imported("attack_result.pt", &given).normalisation;
    assert_eq!(given, Some([[0.5; 3], [0.2, 0.25, 0.3]]));
}
