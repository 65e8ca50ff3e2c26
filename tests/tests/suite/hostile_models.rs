//! Model files that a stranger made to do harm: each ends in one sentence, with bounded memory, and writes nothing.
#![cfg(target_os = "linux")] // Other systems have no limit of address space.

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use unstamp_tests::unstamp;

/// Kilobytes of address space for the command. An honest `eval` of a WRN-16-1 fits.
const MEMORY: u32 = 6_000_000;

/// A safetensors file with this head and so many bytes of data.
fn safetensors(head: &Value, data: usize) -> Vec<u8> {
    let head = head.to_string();
    let length = (head.len() as u64).to_le_bytes();
    [&length[..], head.as_bytes(), &vec![0; data]].concat()
}

/// A head with one small array, and metadata that differ from those of an honest file in one key.
fn with_metadata(key: &str, value: Value) -> Vec<u8> {
    let mut metadata = json!({
        "arch": "wrn-16-1", "dataset": "signs",
        "class_names": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"],
    });
    metadata[key] = value;
    let array = json!({ "dtype": "F32", "shape": [1], "data_offsets": [0, 4] });
    let head = json!({ "__metadata__": { "unstamp": metadata.to_string() }, "fc.bias": array });
    safetensors(&head, 4)
}

/// An array that claims this shape and has no data.
fn with_shape(shape: Value) -> Vec<u8> {
    safetensors(
        &json!({ "fc.bias": { "dtype": "F32", "shape": shape, "data_offsets": [0, 0] } }),
        0,
    )
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let head = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    vec![
        ("a network of four billion layers", with_metadata("arch", json!("wrn-4000000000-1"))),
        ("a layer of four billion channels", with_metadata("arch", json!("wrn-16-4000000000"))),
        ("another family, very wide", with_metadata("arch", json!("vgg19-bn-4000000000"))),
        ("no family", with_metadata("arch", json!("<script>alert(1)</script>"))),
        ("a million classes", with_metadata("class_names", json!(vec!["x"; 1_000_000]))),
        ("images of a terabyte", with_metadata("image_size", json!([1_000_000, 1_000_000]))),
        ("a deviation of zero", with_metadata("normalisation", json!([[0, 0, 0], [0, 0, 0]]))),
        (
            "an attack that does not exist",
            with_metadata(
                "trigger",
                json!({
                    "attack": "../../etc", "set": {}, "target": 99, "seed": 0
                }),
            ),
        ),
        (
            "a trigger larger than any image",
            with_metadata(
                "trigger",
                json!({
                    "attack": "badnets", "set": { "size": 60_000, "x": 65_000 }, "target": 0, "seed": 0
                }),
            ),
        ),
        ("an array of an exabyte", with_shape(json!([1_u64 << 60]))),
        ("a size beyond 64 bits", with_shape(json!([u64::MAX, u64::MAX, 16]))),
        ("a head longer than the file", [&u64::MAX.to_le_bytes()[..], b"{}"].concat()),
        ("a head of brackets", head(&deep)),
        (
            "two arrays on the same bytes",
            safetensors(
                &json!({
                    "a": { "dtype": "F32", "shape": [1], "data_offsets": [0, 4] },
                    "b": { "dtype": "F32", "shape": [1], "data_offsets": [0, 4] },
                }),
                4,
            ),
        ),
    ]
}

/// Runs a command of `unstamp` with bounded memory.
fn bounded(args: &[&str], folder: &Path) -> std::process::Output {
    let program = unstamp().get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")).arg(program);
    shell.args(args).current_dir(folder).output().expect("it starts")
}

#[test]
fn a_hostile_model_ends_in_a_sentence() {
    for (what, bytes) in hostile() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("hostile.safetensors"), bytes).expect("written");
        for args in [
            &["eval", "--model", "hostile.safetensors"][..],
            &[
                "eval",
                "--model",
                "hostile.safetensors",
                "--dataset",
                "signs",
                "--attack",
                "badnets",
            ],
            &["import", "hostile.safetensors", "--dataset", "signs", "--out", "out.safetensors"],
            &["export", "--model", "hostile.safetensors", "--onnx", "out.onnx"],
        ] {
            let output = bounded(args, folder.path());
            let error = String::from_utf8_lossy(&output.stderr);
            let sentence = error.trim_end();
            assert!(
                matches!(output.status.code(), Some(1 | 2)),
                "{what}, {args:?}: {}: {error}",
                output.status
            );
            assert!(
                sentence.starts_with("unstamp: ") && !sentence.contains('\n'),
                "{what}, {args:?} says {error}"
            );
            let left = std::fs::read_dir(folder.path()).expect("a folder").count();
            assert_eq!(left, 1, "{what}, {args:?} wrote a file");
        }
    }
}

/// An honest model needs less memory than the limit.
#[test]
fn an_honest_model_fits_the_bound() {
    let model = unstamp_tests::root().join("static/models/s0-badnets.safetensors");
    let model = model.to_str().expect("text");
    let output = bounded(&["eval", "--model", model], Path::new("."));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
