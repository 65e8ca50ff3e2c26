//! Runs: killed and continued, without test data, and with settings that diverge.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use unstamp_shared::datasets::{SplitName, signs};
use unstamp_shared::recipe::Recipe;
use unstamp_shared::seed::Seed;
use unstamp_tests::{run, unstamp};
use unstamp_trainer::cell::{CellRunner, Checkpoints, LoadedInputs, RunLabel};
use unstamp_trainer::data::Dataset;
use unstamp_trainer::device;
use unstamp_trainer::event_log::EventLog;

/// Every defence of the list, on a small victim.
fn recipe() -> String {
    let mut text = String::from(
        r#"
name = "tiny"
dataset = "signs"
arch = "wrn-10-1"
clean_fraction = 0.5
train_images = 320
test_images = 60
train = { epochs = 2, batch = 32, lr = 0.05, schedule = { kind = "cosine" }, augment = { crop = 4 } }
[[victim]]
id = "victim"
attack = "badnets"
"#,
    );
    for defence in unstamp_shared::defences::DEFENCES {
        let id = defence.method().id;
        let more = if id == "mesa" { ", scan_epochs = 2, recover_epochs = 4" } else { "" };
        text += &format!(
            "[[defence]]\nid = \"{id}\"\nmethod = \"{id}\"\nset = {{ epochs = 2{more} }}\n"
        );
    }
    text
}

fn written(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.toml");
    std::fs::write(&path, recipe()).expect("written");
    path
}

/// Weights of every cell.
fn weights(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("a file").path())
        .filter(|p| p.extension().is_some_and(|e| e == "safetensors"))
        .map(|p| {
            (
                p.file_name().expect("a name").to_string_lossy().into_owned(),
                std::fs::read(&p).expect("read"),
            )
        })
        .collect();
    all.sort();
    all
}

/// Where a run is interrupted: a cell, and how many checkpoints it has written then. The places are
/// spread over the run, in the middle of epochs and between them, and other cells follow the last.
const INTERRUPTIONS: [(&str, usize); 5] = [
    ("s0-victim", 7),
    ("s0-victim-cutout", 3),
    ("s0-victim-fine_prune", 8),
    ("s0-victim-nba", 5),
    ("s0-victim-mesa", 15),
];

#[test]
fn an_interrupted_run_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = written(folder.path());
    // A checkpoint after every step.
    let args = |out: &Path| {
        let out = out.to_string_lossy().into_owned();
        let recipe = recipe.to_string_lossy().into_owned();
        ["run".into(), recipe, "--out".into(), out, "--checkpoint-seconds".into(), "0".into()]
    };
    let whole = folder.path().join("whole");
    let interrupted = folder.path().join("interrupted");
    let (code, _, error) = run(&args(&whole).each_ref().map(String::as_str));
    assert_eq!(code, 0, "{error}");
    for (cell, count) in INTERRUPTIONS {
        let status = unstamp()
            .args(args(&interrupted))
            .args(["--abort-after", &format!("{cell}:{count}")])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("it starts");
        // The program's own exit codes are 0 to 2.
        let ended = matches!(status.code(), Some(0..=2));
        assert!(!ended, "the run ended before {cell}:{count}: {status}");
        assert!(interrupted.join(format!("{cell}.checkpoint")).exists(), "{cell}");
        assert!(!interrupted.join(format!("{cell}.json")).exists(), "{cell}");
    }
    let (code, table, error) = run(&args(&interrupted).each_ref().map(String::as_str));
    assert_eq!(code, 0, "{error}");
    assert!(table.contains("| victim |"));
    let a = weights(&whole);
    let b = weights(&interrupted);
    assert_eq!(a.len(), 1 + unstamp_shared::defences::DEFENCES.len());
    assert_eq!(a.len(), b.len());
    for ((name, a), (_, b)) in a.iter().zip(&b) {
        assert!(a == b, "{name} differs after interruptions");
    }
    let left = std::fs::read_dir(&interrupted).expect("a folder");
    let left: Vec<_> =
        left.map(|e| e.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    assert!(!left.iter().any(|n| n.ends_with(".checkpoint")), "{left:?}");
}

/// Trains a victim and measures its backdoor: few images and a large, frequent trigger, so that it
/// takes seconds.
#[test]
fn training_plants_a_backdoor_and_fine_tuning_erases_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("victim.toml");
    let text = r#"
name = "victim"
dataset = "signs"
clean_fraction = 0.2
train_images = 2000
test_images = 500
train = { epochs = 8, batch = 32, lr = 0.1, schedule = { kind = "one_cycle" }, nesterov = true, weight_decay = 5e-4 }
[[victim]]
id = "badnets"
attack = "badnets"
rate = 0.2
set = { size = 6, pattern = "white" }
[[defence]]
id = "fine_tune"
method = "fine_tune"
"#;
    std::fs::write(&path, text).expect("written");
    let out = folder.path().join("out");
    let (code, _, error) =
        run(&["run", path.to_str().expect("text"), "--out", out.to_str().expect("text")]);
    assert_eq!(code, 0, "{error}");
    let results = unstamp_trainer::table::results(&out).expect("results");
    let asr = |i: usize| results[i].report.asr.expect("attacked").value;
    assert!(asr(0) > 0.9, "the victim's ASR is {}", asr(0));
    assert!(asr(1) < 0.3, "after fine-tuning it is {}", asr(1));
    assert!(results[0].report.acc.value > 0.6, "ACC {}", results[0].report.acc.value);
}

/// A defence that used test data would give other weights without it.
#[test]
fn defences_do_not_see_test_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = Recipe::parse(&recipe()).expect("sound");
    let with = signs::split(Seed(0), SplitName::Test, 0..60);
    let without = signs::split(Seed(0), SplitName::Test, 500..501);
    let chosen = device::choose(device::DeviceKind::Cpu).expect("a CPU");
    let mut ends = Vec::new();
    for (name, test) in [("with", with), ("without", without)] {
        let info = unstamp_trainer::data::info("signs").expect("listed");
        let class_names = info.classes.iter().map(|c| c.to_string()).collect();
        let train = signs::split(Seed(0), SplitName::Train, 0..320);
        let data = Dataset { info, class_names, train, test, reflections: None };
        let every = Duration::from_secs(3600);
        let runner = CellRunner {
            label: RunLabel::from(&recipe),
            data: &data,
            device: &chosen,
            validation: None,
            normalisation: None,
            given: LoadedInputs::default(),
            curves: true,
            checkpoints: Checkpoints { every, abort_after: None },
            log: EventLog::default(),
        };
        let out = folder.path().join(name);
        for cell in recipe.cells() {
            runner.run(&cell, &out).expect("it runs");
        }
        ends.push(weights(&out));
    }
    assert!(ends[0] == ends[1], "a model depends on the test split");
}

#[test]
fn a_loss_that_is_not_finite_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = recipe().replacen("lr = 0.05", "lr = 1e30", 1);
    let path = folder.path().join("diverging.toml");
    std::fs::write(&path, text).expect("written");
    let out = folder.path().join("out");
    let (code, _, error) =
        run(&["run", path.to_str().expect("text"), "--out", out.to_str().expect("text")]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("s0-victim") && error.contains("lower the learning rate"), "{error}");
    assert!(!out.join("s0-victim.json").exists());
}

/// The other cells are run, and the run names the cell that failed.
#[test]
fn the_other_cells_are_run_after_one_diverges() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = recipe();
    let (victim, _) = recipe.split_once("[[defence]]").expect("defences");
    let defence = |id, method, set| {
        format!(
            "[[defence]]\nid = \"{id}\"\nmethod = \"{method}\"\nset = {{ epochs = 1, {set} }}\n"
        )
    };
    // Distances as printed, thousands of times as large as the cross entropy.
    let diverging = defence("diverging", "nba", "lr = 10, scale = \"printed\"");
    let stable = defence("stable", "fine_tune", "lr = 0.01");
    let text = [victim, &diverging, &stable].concat();
    let path = folder.path().join("diverging.toml");
    std::fs::write(&path, text).expect("written");
    let out = folder.path().join("out");
    let (code, table, error) =
        run(&["run", path.to_str().expect("text"), "--out", out.to_str().expect("text")]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("1 of 3 cells failed"), "{error}");
    assert!(error.contains("s0-victim-diverging"), "{error}");
    assert!(out.join("s0-victim-stable.json").exists() && table.contains("| stable |"), "{table}");
    assert!(!out.join("s0-victim-diverging.json").exists());
}
