//! Several processes share a results folder, and one of them is killed.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use unstamp_tests::{run, unstamp};

const RECIPE: &str = include_str!("../../cluster/shared.toml");

/// The files of a finished run: weights as they are, results without their times.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let file = |path: &Path| {
        let bytes = std::fs::read(path).expect("readable");
        if path.extension().is_none_or(|ending| ending != "json") {
            return bytes;
        }
        let mut result: Value = serde_json::from_slice(&bytes).expect("a result");
        result.as_object_mut().expect("an object").remove("minutes").expect("its time");
        serde_json::to_vec(&result).expect("it was JSON")
    };
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    paths.map(|path| (name(&path), file(&path))).collect()
}

/// Starts part `part` of three.
fn start(recipe: &str, out: &str, part: usize, more: &[&str]) -> Child {
    unstamp()
        .args(["run", recipe, "--out", out, "--checkpoint-seconds", "0"])
        .args(["--shard", &format!("{part}/3")])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

#[test]
fn three_processes_of_which_one_is_killed_do_what_one_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let recipe = path("shared.toml");
    std::fs::write(&recipe, RECIPE).expect("written");
    let alone = path("alone");
    let (code, table, error) = run(&["run", &recipe, "--out", &alone]);
    assert_eq!(code, 0, "{error}");

    let shared = path("shared");
    // Part 2 begins with Blend; it dies in the middle of its training and leaves a checkpoint.
    let killed = start(&recipe, &shared, 2, &["--abort-after", "s0-blend:12"]);
    let status = killed.wait_with_output().expect("it ran").status;
    assert!(!matches!(status.code(), Some(0..=2)), "it ended before it was killed: {status}");
    let others = [1, 3].map(|part| start(&recipe, &shared, part, &[]));
    let ended = others.map(|child| child.wait_with_output().expect("it ran"));
    // The table has the times of the cells.
    let rows = |table: &str| table.lines().count();
    for output in ended {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(rows(&String::from_utf8_lossy(&output.stdout)), rows(&table));
    }
    let [alone, shared] = [alone, shared].map(|folder| files(Path::new(&folder)));
    assert_eq!(alone.len(), 2 * 9, "weights and result of each cell: {:?}", alone.keys());
    assert!(alone == shared, "{:?} and {:?}", alone.keys(), shared.keys());
}

#[test]
fn a_part_must_be_one_of_the_parts() {
    for part in ["4/3", "0/3", "x"] {
        let (code, _, error) = run(&["run", "recipe.toml", "--shard", part]);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("is not a part such as 2/3"), "{error}");
    }
}
